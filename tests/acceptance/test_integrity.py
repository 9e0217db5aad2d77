"""The integrity audit over a real ledger: consistent as it is, and contradicted when one row of it is changed."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

import interlock
from interlock.instant import parse_instant
from interlock.ledger.export import Export
from interlock.policy.library import Library
from tests.helpers.extents import extent_of
from tests.helpers.ledgers import LedgerBuilder
from tests.unit.ledger.conveyor.test_time import clock

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


def proof(builder: LedgerBuilder, thread: str, *, at: str, role: str = "worker") -> LedgerBuilder:
    """A smoke receipt of a role from a thread, under a session that was opened at nine."""
    attributes = {"smoke_id": "s", "nonce": "n", "role": role, "status": "sent", "thread_id": thread}
    return builder.receipt("app_smoke_receipt_recorded", at=clock(at), actor=role, attributes=attributes)


def opened(path: Path, **worker: str) -> LedgerBuilder:
    """A bound pair, whose worker's row is as given, and a smoke session."""
    builder = LedgerBuilder(path / "ledger.db").task("demo", at=clock("09:00:00"))
    builder.bind(at=clock("09:00:00.500"), worker=worker)
    started = {"smoke_id": "s", "nonce": "n", "mode": "required", "scope": "pair", "worker_count": 1}
    return builder.receipt("app_smoke_started", at=clock("09:00:01"), attributes=started)


def judged(builder: LedgerBuilder) -> tuple[str, list[str]]:
    """The state and the findings' rules, which a feed of the ledger gives too."""
    path, now = builder.write(), clock("12:00:00")
    decision = interlock.evaluate("integrity", ledger=path, task="demo", at=now)
    with interlock.open_ledger(path).snapshot(parse_instant(now)) as snapshot:
        feed = path.with_suffix(".ndjson")
        feed.write_bytes(b"\n".join(Export(snapshot, parse_instant(now), extent_of(["demo"], ["integrity"])).lines()))
    again = interlock.evaluate("integrity", ledger=feed, task="demo", at=now)
    assert (again.state, again.reason, again.findings) == (decision.state, decision.reason, decision.findings)
    return decision.state, [finding.rule for finding in decision.findings]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (["first", "rotate", "second"], ("consistent", [])),
        (["second"], ("consistent", [])),
        (["rotate", "first"], ("contradicted", ["proof-of-another-thread"])),
        (["second", "rotate"], ("contradicted", ["proof-of-another-thread"])),
        (["third", "rotate"], ("contradicted", ["proof-of-another-thread"])),
        (["first", "register"], ("undecided", [])),
        (["first", "register", "rotate"], ("undecided", [])),
        (["first", "rotate", "register"], ("consistent", [])),
        (["register", "third"], ("contradicted", ["proof-of-another-thread"])),
        (["second", "register"], ("consistent", [])),
    ],
    ids=str,
)
def test_a_smoke_receipt_is_held_against_the_thread_of_its_own_time(
    tmp_path: Path, steps: list[str], expected: tuple[str, list[str]]
) -> None:
    """A rotation from the first thread to the second reports both; a registration hides what was before it."""
    builder = opened(tmp_path, codex_app_thread_id="second")
    for number, step in enumerate(steps):
        at = f"09:0{number + 1}:00"
        if step == "rotate":
            builder.rotated(
                at=clock(at), old_worker_thread_id="first" if "register" not in steps[:number] else "second"
            )
        elif step == "register":
            builder.registered("worker", at=clock(at))
        else:
            proof(builder, step, at=at)
    assert judged(builder) == expected


def test_a_rotation_of_the_same_second_is_ordered_by_the_ledger(tmp_path: Path) -> None:
    builder = proof(opened(tmp_path, codex_app_thread_id="second"), "first", at="09:01:00")
    builder.rotated(at=clock("09:01:00"), old_worker_thread_id="first")
    assert judged(proof(builder, "second", at="09:01:00")) == ("consistent", [])


def bound_again(path: Path) -> LedgerBuilder:
    """A task whose first binding ended at ten, with the second one made then."""
    builder = LedgerBuilder(path / "ledger.db").task("demo", at=clock("09:00:00"))
    builder.bind(at=clock("09:00:00.000"), state="ended", ended_at=clock("10:00:00"))
    started = {"smoke_id": "s", "nonce": "n", "mode": "required", "scope": "pair", "worker_count": 1}
    return builder.receipt("app_smoke_started", at=clock("09:00:01"), attributes=started)


def test_what_was_recorded_under_an_earlier_binding_contradicts_nothing(tmp_path: Path) -> None:
    builder = proof(bound_again(tmp_path), "thread-binding-1-worker", at="09:30:00")
    builder.notification("worker", at=clock("09:40:00"), delivered_at=clock("09:41:00"), state="delivered")
    builder.acknowledgement("worker", "received", of=1, at=clock("09:42:00")).bind(at=clock("10:00:00.000"))
    assert judged(proof(builder, "thread-binding-2-worker", at="10:30:00")) == ("consistent", [])


def test_what_names_an_earlier_binding_afterwards_is_contradicted(tmp_path: Path) -> None:
    builder = bound_again(tmp_path)
    builder.notification("worker", at=clock("09:40:00"), delivered_at=clock("09:41:00"), state="delivered")
    builder.acknowledgement("worker", "received", of=1, at=clock("10:30:00")).bind(at=clock("10:00:00.000"))
    proof(builder, "thread-binding-1-worker", at="10:30:00")
    assert judged(builder) == ("contradicted", ["answer-outside-binding", "proof-of-another-thread"])


def test_a_receipt_that_no_binding_was_there_for_is_undecided(tmp_path: Path) -> None:
    builder = bound_again(tmp_path).bind(at=clock("11:00:00.000"))
    assert judged(proof(builder, "thread-binding-2-worker", at="10:30:00")) == ("undecided", [])
