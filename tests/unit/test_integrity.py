"""The integrity audit over a real ledger: consistent as it is, and contradicted when one row of it is changed."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

import interlock
from interlock.library import Library

TASK, AT = "checkout-refactor", "2026-06-22T10:00:00Z"
DELIVERY = "UPDATE telemetry_events SET attributes_json = json_set(attributes_json, {}) WHERE event_type = {!r}"
SENT = " AND json_extract(attributes_json, '$.delivery_status') = 'sent'"
RECORDED, SMOKE = "app_wakeup_delivery_recorded", "app_smoke_receipt_recorded"
FIRST = " AND rowid = (SELECT min(rowid) FROM telemetry_events WHERE event_type = 'app_smoke_receipt_recorded')"


def delivered(change: str, which: str) -> str:
    """A change of the recorded wake-up deliveries."""
    return DELIVERY.format(change, RECORDED) + which


VIOLATED = [
    ("UPDATE notification_acknowledgements SET role = 'worker' WHERE id = 1", "answer-of-another"),
    ("UPDATE routed_notifications SET delivered_at = NULL WHERE id = 1", "received-undelivered"),
    ("UPDATE routed_notifications SET consumed_at = NULL WHERE id = 1", "answered-unconsumed"),
    ("UPDATE notification_acknowledgements SET binding_id = 'binding-other' WHERE id = 1", "answer-outside-binding"),
    (delivered("'$.dispatch_receipt', 'telemetry-other'", SENT), "delivery-unplanned"),
    (delivered("'$.thread_id', 'thread-other'", SENT), "sent-not-ready"),
    (delivered("'$.delivery_status', 'skipped'", SENT), "skipped-not-healthy"),
    (delivered("'$.delivery_status', 'blocked', '$.reason', NULL", SENT), "blocked-without-reason"),
    (DELIVERY.format("'$.thread_id', 'thread-other'", SMOKE) + FIRST, "proof-of-another-thread"),
    (DELIVERY.format("'$.nonce', 'nonce-other'", SMOKE) + FIRST, "proof-of-no-session"),
]


def audit(ledger: Path, *changes: str) -> interlock.Decision:
    """Audit the ledger after some of its rows were changed."""
    with sqlite3.connect(ledger) as connection:
        connection.execute("PRAGMA foreign_keys = off")
        for change in changes:
            assert connection.execute(change).rowcount == 1, change
    connection.close()
    return interlock.evaluate("integrity", ledger=ledger, task=TASK, at=AT)


@pytest.fixture
def ledger(story_path: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(story_path, tmp_path / "story.db"))


def test_a_real_ledger_is_consistent(ledger: Path) -> None:
    decision = audit(ledger)
    assert (decision.allow, decision.state) == (True, "consistent")
    assert decision.outputs == {"acknowledgements": 10, "deliveries": 2, "proofs": 6}


@pytest.mark.parametrize(("change", "rule"), VIOLATED, ids=[rule for _, rule in VIOLATED])
def test_one_changed_row_contradicts(ledger: Path, change: str, rule: str) -> None:
    decision = audit(ledger, change)
    assert decision.allow is False
    assert rule in {finding.rule for finding in decision.findings}
    assert {finding.rule for finding in decision.findings} - {rule} <= {"sent-not-ready"}


def test_every_rule_is_violated_by_some_change() -> None:
    assert {rule.id for rule in Library().load("integrity").policy.rules} == {rule for _, rule in VIOLATED}


def test_a_ready_wakeup_may_be_blocked_for_a_reason(ledger: Path) -> None:
    change = "'$.delivery_status', 'blocked', '$.reason', 'the thread tool is not there'"
    assert audit(ledger, delivered(change, SENT)).allow is True


def test_without_a_binding_there_is_nothing_to_audit_against(ledger: Path) -> None:
    decision = audit(ledger, "UPDATE bindings SET state = 'invalid'")
    assert (decision.allow, decision.reason) == (None, f"No active binding for task: {TASK}")
