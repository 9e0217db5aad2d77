"""Entities that are made of receipts, in whole or in part, prove nothing where the receipt is invalid."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import interlock
from interlock.model.decision import Decision
from tests.helpers.ledgers import LedgerBuilder

NOW = "2026-06-11T12:01:00Z"
ACTION = {"role": "worker", "status": "ready_to_send", "send_ready": True, "thread_id": "t"}
PLAN = json.dumps({"actions": [ACTION], "status_ok": True})
BROKEN: dict[str, dict[str, Any]] = {
    "a BLOB": {"attributes_json": PLAN.encode()},
    "not JSON": {"attributes_json": "not json"},
    "a list": {"attributes_json": "[]"},
    "no actions": {"attributes_json": "{}"},
    "actions that are not a list": {"attributes_json": json.dumps({"actions": ACTION})},
    "an action that is text": {"attributes_json": json.dumps({"actions": [ACTION, "wake"]})},
    "an action of no role": {"attributes_json": json.dumps({"actions": [{**ACTION, "role": "nobody"}]})},
    "actions twice": {"attributes_json": PLAN[:-1] + ', "actions": []}'},
    "a key of an action twice": {
        "attributes_json": PLAN.replace('"role": "worker"', '"role": "worker", "role": "manager"')
    },
    "a key twice elsewhere": {"attributes_json": PLAN[:-1] + ', "status_ok": false}'},
    "a wrong type elsewhere": {"attributes_json": PLAN[:-1] + ', "dispatcher": 5}'},
    "a correlation with a key twice": {"correlation_json": '{"command": "a", "command": "b"}'},
    "a correlation that is a BLOB": {"correlation_json": b"{}"},
    "a summary that is a BLOB": {"summary": b"x"},
    "no time": {"timestamp": "yesterday"},
}
POLICY = """\
policy: planned
version: 1
question: Was anything planned?
facts:
  plan: {from: wake_action, TAKE}
rules: [{id: found, RULE, note: planned}]
decide: [{state: said, allow: true}]
"""
TAKES = {
    "all": ("take: all", "for: plan"),
    "none": ("where: plan.thread_id == 'other'", 'when: "plan.all(p, p.role == \\"manager\\")"'),
    "latest": ("take: latest", "when: plan != null"),
    "none of the latest": ("take: latest, where: plan.reason == 'x'", "when: plan == null"),
    "count": ("take: count", "when: plan.count > 0"),
    "count of none": ("take: count, where: plan.blocker == 'x'", "when: plan.count == 0"),
    "each": ("take: latest, per: {role: [manager, worker]}", "for: plan"),
}


def ledger(folder: Path, broken: dict[str, Any]) -> Path:
    """A wake-up that was sent as it was planned, by a plan that is broken, or is as it should be."""
    builder = LedgerBuilder(folder / "l.db").task("demo").bind()
    correlation = {"command": "app-wakeup-dispatch"}
    builder.receipt(
        "app_wakeup_dispatch_planned",
        at="2026-06-11T12:00:10Z",
        actor="manager",
        attributes=json.loads(PLAN),
        correlation=correlation,
    )
    sent = {"role": "worker", "delivery_status": "sent", "dispatch_receipt": "receipt-1", "thread_id": "t"}
    builder.receipt("app_wakeup_delivery_recorded", at="2026-06-11T12:00:20Z", actor="manager", attributes=sent)
    path = builder.write()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = 1")
        for column, value in broken.items():
            connection.execute(f"UPDATE telemetry_events SET {column} = ? WHERE id = 'receipt-1'", (value,))
        connection.commit()
    return path


def decide(folder: Path, broken: dict[str, Any], take: str) -> Decision:
    facts, rule = TAKES[take]
    policy = folder / "planned.yaml"
    policy.write_text(POLICY.replace("TAKE", facts).replace("RULE", rule))
    return interlock.evaluate(policy, ledger=ledger(folder, broken), task="demo", at=NOW, engine="reference")


@pytest.mark.parametrize("take", TAKES)
def test_the_actions_of_a_valid_plan_are_facts(tmp_path: Path, take: str) -> None:
    found = decide(tmp_path, {}, take)
    assert (found.allow, bool(found.findings)) == (True, True)


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("take", TAKES)
def test_an_invalid_plan_is_named_by_whoever_reads_its_actions(tmp_path: Path, take: str, broken: str) -> None:
    found = decide(tmp_path, BROKEN[broken], take)
    assert found.allow is None
    assert str(found.reason).startswith("app_wakeup_dispatch_planned `receipt-1` is invalid: ")


def test_the_integrity_gate_takes_no_proof_from_an_invalid_plan(tmp_path: Path) -> None:
    assert interlock.evaluate("integrity", ledger=ledger(tmp_path, {}), task="demo", at=NOW).allow is True
    for number, broken in enumerate(BROKEN.values()):
        folder = tmp_path / str(number)
        folder.mkdir()
        found = interlock.evaluate("integrity", ledger=ledger(folder, broken), task="demo", at=NOW)
        assert (found.allow, "`receipt-1` is invalid" in str(found.reason)) == (None, True), broken


BEAT = '{"session_id": "session-binding-1-worker", "role": "worker"'
BEATS: dict[str, tuple[str, str | bytes, str | None]] = {
    "valid": ("attributes_json", BEAT + "}", None),
    "a key twice": ("attributes_json", BEAT + ', "x": 1, "x": 2}', "Worker heartbeat is missing."),
    "a wrong type": ("attributes_json", BEAT + ', "direct_inbox_command": 5}', "Worker heartbeat is missing."),
    "a BLOB": ("attributes_json", BEAT.encode() + b"}", "Worker heartbeat is missing."),
    "a wrong correlation": ("correlation_json", '{"command": 5}', "Worker heartbeat is missing."),
}


@pytest.mark.parametrize("beat", BEATS)
def test_an_invalid_beat_proves_no_heartbeat_of_the_past(tmp_path: Path, beat: str) -> None:
    column, value, message = BEATS[beat]
    later = {"last_heartbeat_at": "2026-06-11T13:00:00Z"}
    builder = LedgerBuilder(tmp_path / "l.db").task("demo").bind(manager=later, worker=later)
    for role in ("worker", "manager"):
        attributes = {"session_id": f"session-binding-1-{role}", "role": role}
        builder.receipt("app_heartbeat", at="2026-06-11T12:00:40Z", actor=role, attributes=attributes)
    pulse = {"dispatcher_id": "dispatch-local"}
    builder.receipt(
        "dispatch_watch_heartbeat", at="2026-06-11T12:00:40Z", actor="dispatch", of_task=False, correlation=pulse
    )
    path = builder.write()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = 1")
        connection.execute(f"UPDATE telemetry_events SET {column} = ? WHERE id = 'receipt-1'", (value,))
        connection.commit()
    found = interlock.evaluate("loop", ledger=path, task="demo", at=NOW)
    assert [finding.message for finding in found.findings] == ([message] if message else [])
    assert found.allow is (message is None)


def test_another_tasks_invalid_plan_is_not_asked_for(tmp_path: Path) -> None:
    path = ledger(tmp_path, BROKEN["a list"])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO tasks VALUES ('task-2', 'other', '', '', 'managed', ?, ?)", (NOW, NOW))
        connection.execute("UPDATE telemetry_events SET task_id = 'task-2'")
        connection.commit()
    policy = tmp_path / "planned.yaml"
    policy.write_text(POLICY.replace("TAKE", "take: count").replace("RULE", "when: plan.count == 0"))
    assert interlock.evaluate(policy, ledger=path, task="demo", at=NOW).allow is True
