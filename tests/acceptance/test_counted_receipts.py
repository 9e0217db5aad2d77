"""Every receipt of which only a number is taken, or that another selection narrows, is valid, or nothing is decided."""

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
POLICY = """\
policy: counted
version: 1
question: How many are there?
facts:
  start: {from: app_smoke_started, take: latest}
  beat: {from: app_heartbeat, where: beat.actor == "manager"}
  newest: {from: app_heartbeat, take: latest, per: actor}
  newest_manager: {from: newest, where: newest_manager.actor == "manager", take: latest}
  it: {FACTS}
rules: [{RULE}]
decide: [{state: counted, allow: true}]
"""
NUMBER = 'id: noted, when: it.NAME >= 0, note: "{it.NAME}"'
MAP = 'id: noted, for: it, note: "{it.NAME}"'
ABSENT = "id: noted, when: it == null, note: none"
TAKES = {
    "count": ("from: app_heartbeat, take: count", NUMBER, "count"),
    "count of a task": ("from: app_heartbeat, scope: ledger, take: count", NUMBER, "count"),
    "count of many": ("from: [command_created, app_heartbeat], take: count", NUMBER, "count"),
    "count per field": ("from: app_heartbeat, per: actor, take: count", MAP, "count"),
    "count per named field": ("from: app_heartbeat, per: {actor: [manager, worker]}, take: count", MAP, "count"),
    "count since": ("from: app_heartbeat, where: it.at > start.at, take: count", NUMBER, "count"),
    "count of all of a selection": ("from: beat, take: count", NUMBER, "count"),
    "count of the newest": ("from: newest, take: count", NUMBER, "count"),
    "count of none of the newest": ('from: newest, where: it.actor == "operator", take: count', NUMBER, "count"),
    "count of the newest of the newest": ("from: newest_manager, take: count", NUMBER, "count"),
    "min": ("from: app_heartbeat, take: min, of: at", 'id: noted, when: it.NAME != null, note: "yes"', "value"),
    "max": ("from: app_heartbeat, take: max, of: seq", NUMBER, "value"),
    "sum": ("from: app_heartbeat, take: sum, of: seq", NUMBER, "value"),
    "sum per field": ("from: app_heartbeat, take: sum, of: seq, per: actor", MAP, "value"),
    "count by a field": ('from: app_heartbeat, where: it.role == "manager", take: count', NUMBER, "count"),
    "count per attribute": ("from: app_heartbeat, per: role, take: count", MAP, "count"),
    "newest per attribute": ("from: app_heartbeat, per: role, take: latest", MAP, "id"),
    "newest by a field": (
        'from: app_heartbeat, where: it.role == "manager", take: latest',
        'id: noted, when: it != null, note: "{it.id}"',
        "",
    ),
    "all by a field": ('from: app_heartbeat, where: it.correlation.command == null && it.role == "manager"', MAP, "id"),
    "none of the newest": ('from: newest, where: it.actor == "operator", take: latest', ABSENT, ""),
}
GOOD = json.dumps({"session_id": "s", "role": "manager"})
BROKEN: dict[str, dict[str, Any]] = {
    "not JSON": {"attributes_json": "not json"},
    "a list": {"attributes_json": "[]"},
    "a key twice": {"attributes_json": GOOD[:-1] + ', "role": "manager"}'},
    "an inner key twice": {"attributes_json": GOOD[:-1] + ', "other": {"a": 1, "a": 2}}'},
    "a number for a text": {"attributes_json": json.dumps({"session_id": 5, "role": "manager"})},
    "a wrong type": {"attributes_json": json.dumps({"session_id": "s", "role": "manager", "direct_inbox_command": 5})},
    "a wrong role": {"attributes_json": json.dumps({"session_id": "s", "role": "nobody"})},
    "a hidden field": {"attributes_json": GOOD[:-1] + ', "task": 5}'},
    "a BLOB": {"attributes_json": GOOD.encode()},
    "a correlation that is a list": {"correlation_json": "[]"},
    "a correlation with a key twice": {"correlation_json": '{"a": 1, "a": 1}'},
    "a correlation of a wrong type": {"correlation_json": '{"command": 5}'},
    "a grave severity": {"severity": "grave"},
    "a summary that is a BLOB": {"summary": b"x"},
    "a time after 2254": {"timestamp": "2255-01-01T00:00:00Z"},
}


def decide(folder: Path, broken: dict[str, Any], facts: str, rule: str) -> Decision:
    """The decision over beats of which the newest but one of the manager's is broken, or is as it should be."""
    ledger = LedgerBuilder(folder / "l.db").task("demo").bind()
    ledger.receipt("app_smoke_started", at="2026-06-11T12:00:00Z", actor="operator", attributes=SESSION)
    for second, actor in enumerate(("manager", "worker", "worker", "manager", "worker")):
        attributes = {"session_id": "s", "role": actor}
        ledger.receipt("app_heartbeat", at=f"2026-06-11T12:00:0{second + 1}Z", actor=actor, attributes=attributes)
    path = ledger.write()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = 1")
        for column, value in broken.items():
            connection.execute(f"UPDATE telemetry_events SET {column} = ? WHERE id = 'receipt-5'", (value,))
        connection.commit()
    policy = folder / "counted.yaml"
    policy.write_text(POLICY.replace("FACTS", facts).replace("RULE", rule))
    return interlock.evaluate(policy, ledger=path, task="demo", at=NOW, engine="reference")


SESSION = {"smoke_id": "s", "nonce": "n", "mode": "required", "scope": "pair", "worker_count": 1}


@pytest.mark.parametrize("take", TAKES)
def test_valid_receipts_are_counted(tmp_path: Path, take: str) -> None:
    facts, rule, name = TAKES[take]
    found = decide(tmp_path, {}, facts, rule.replace("NAME", name))
    assert (found.allow, bool(found.findings)) == (True, True)


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("take", TAKES)
def test_an_invalid_receipt_is_named_instead_of_counted(tmp_path: Path, take: str, broken: str) -> None:
    facts, rule, name = TAKES[take]
    found = decide(tmp_path, BROKEN[broken], facts, rule.replace("NAME", name))
    assert found.allow is None
    assert str(found.reason).startswith("app_heartbeat `receipt-5` is invalid: ")


def test_what_is_not_counted_is_not_asked_for(tmp_path: Path) -> None:
    """A receipt that the condition leaves out by a field that is as it should be proves nothing either way."""
    facts, rule = 'from: app_heartbeat, where: it.actor == "worker", take: all', 'id: noted, for: it, note: "{it.id}"'
    found = decide(tmp_path, BROKEN["a wrong type"], facts, rule)
    assert [finding.message for finding in found.findings] == ["receipt-3", "receipt-4", "receipt-6"]
