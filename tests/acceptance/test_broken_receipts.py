"""A receipt that is broken is never passed over: wherever its time sorts, whatever it says twice."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

import interlock
from interlock.model.decision import Decision
from tests.helpers.ledgers import LedgerBuilder

NOW = "2026-06-11T12:01:00Z"
POLICY = """\
policy: noted
version: 1
title: Noted gate
question: Has nobody been blocked?
facts:
  proof: {{from: app_smoke_receipt_recorded, where: {where}, take: {take}}}
rules:
  - {{id: blocked, when: {when}, block: "{message}"}}
decide:
  - {{state: blocked, when: blocked, allow: false}}
  - {{state: free, allow: true}}
"""
LATEST = {"take": "latest", "where": "true", "when": 'proof.status == "blocked"', "message": "blocked"}


def proof(**given: Any) -> dict[str, Any]:
    return {"smoke_id": "s", "nonce": "n", "role": "worker", "status": "accepted", **given}


def decide(folder: Path, builder: LedgerBuilder, **written: str) -> Decision:
    path = folder / "noted.yaml"
    path.write_text(POLICY.format(**(LATEST | written)))
    return interlock.evaluate(path, ledger=builder.path, task="demo", at=NOW)


def ledger(folder: Path) -> LedgerBuilder:
    folder.mkdir(exist_ok=True)
    return LedgerBuilder(folder / "ledger.db").task("other").bind().task("demo").bind()


def write(
    builder: LedgerBuilder, attributes: str, at: str | bytes = "2026-06-11T12:00:30Z", task: str = "task-2"
) -> None:
    """A further receipt, as the text of its attributes and its time."""
    with sqlite3.connect(builder.path) as connection:
        connection.execute(
            "INSERT INTO telemetry_events (id, task_id, timestamp, actor, event_type, severity, summary,"
            " correlation_json, attributes_json) VALUES ('broken', ?, ?, 'worker', 'app_smoke_receipt_recorded',"
            " 'info', '', '{}', ?)",
            (task, at, attributes),
        )
    connection.close()


BROKEN_TIMES = [
    "2026/06/11T12:00:30Z",
    "20260611T120030Z",
    "2026-6-11T12:00:30Z",
    "2026-06-11 12:00:30",
    "2026-06-11t12:00:30z",
    "2026-06-11T9:00:30Z",
    "2026-06-11T12:30:30",
    "2026-06-11T14:00:30+02:00",
    "2025-12-31 23:59:59",
    "1781179203",
    "",
    "yesterday",
    "2026-06-11T12:00:30\x7fZ",
    "2026-06-11T12:00:30éZ",
    "2026-06-11T12:00:30Z\0",
    "2026-06-11T12:00:30z",
    "2026-06-11T12:00:99Z",
    "2026-06-11T11:59:60Z",
    "2026-06-11T12:00:30.Z",
    "2026-06-11T12:00:30.1234567890Z",
    "2026-06-11T04:00:30-08:00",
    "2026-06-10T12:01:30-23:59",
    "2026-06-12T11:59:30+23:59",
    "2026-06-31T12:00:30Z",
    "2016-12-31T24:00:00Z",
    "1969-12-31T23:59:59Z",
    "2255-01-01T00:00:00Z",
    b"2026-06-11T12:00:30Z",
]
"""Times that the ledger cannot mean, or that would not sort where they lie."""


@pytest.mark.parametrize("at", BROKEN_TIMES)
def test_a_receipt_without_a_time_is_refused_wherever_its_text_sorts(tmp_path: Path, at: str | bytes) -> None:
    builder = ledger(tmp_path).receipt(
        "app_smoke_receipt_recorded", at="2026-06-10T12:00:00Z", attributes=proof(status="accepted")
    )
    builder.receipt("app_smoke_receipt_recorded", at="2026-06-11T12:00:10Z", attributes=proof(status="accepted"))
    builder.write()
    assert decide(tmp_path, builder).allow is True
    write(builder, json.dumps(proof(status="blocked")), at)
    found = decide(tmp_path, builder)
    assert found.allow is None
    assert found.reason is not None
    assert found.reason.startswith("app_smoke_receipt_recorded `broken` is invalid: ")


@pytest.mark.parametrize("at", BROKEN_TIMES)
def test_another_tasks_receipt_without_a_time_is_not_asked_for(tmp_path: Path, at: str | bytes) -> None:
    builder = ledger(tmp_path)
    builder.write()
    write(builder, json.dumps(proof(status="blocked")), at, task="task-1")
    assert decide(tmp_path, builder).allow is True


@pytest.mark.parametrize("task", ["task-1", "task-2"])
@pytest.mark.parametrize("at", ["2016-12-31T23:59:60Z", "2016-12-31T23:59:59é", "2016-12-31T23:59:59~"])
def test_what_is_earlier_by_any_reading_is_earlier_and_ends_no_search(tmp_path: Path, at: str, task: str) -> None:
    builder = ledger(tmp_path).receipt(
        "app_smoke_receipt_recorded", at="2026-06-11T12:00:10Z", attributes=proof(status="accepted")
    )
    builder.write()
    write(builder, json.dumps(proof(status="blocked")), at, task)
    assert decide(tmp_path, builder).allow is True
    assert decide(tmp_path, builder, take="earliest", where="true").allow is (None if task == "task-2" else True)


@pytest.mark.parametrize("kind", ["app_heartbeat", "dispatch_watch_heartbeat"])
def test_a_beat_without_a_time_is_refused_where_it_was_recorded_last(tmp_path: Path, kind: str) -> None:
    """A beat that was recorded before the newest is older: a day holds too many of them to be examined."""
    path = tmp_path / "noted.yaml"
    written = POLICY.format(**(LATEST | {"when": "proof != null"}))
    path.write_text(written.replace("app_smoke_receipt_recorded", kind))
    for order, allow in (("last", None), ("first", False)):
        builder = ledger(tmp_path / order)
        times = ["2026-06-11T12:00:10Z", "2026-06-11T04:00:30-08:00"]
        for at in times if order == "last" else reversed(times):
            beat = {"session_id": "session-binding-1-worker", "role": "worker"}
            builder.receipt(kind, at=at, attributes=beat, correlation={"dispatcher_id": "d"})
        builder.write()
        assert interlock.evaluate(path, ledger=builder.path, task="demo", at=NOW).allow is allow


def test_what_is_later_by_any_reading_is_later(tmp_path: Path) -> None:
    builder = ledger(tmp_path)
    builder.write()
    write(builder, json.dumps(proof(status="blocked")), "2026-06-13T12:00:30+02:00")
    assert decide(tmp_path, builder).allow is True


UNUSABLE = "a compared field is malformed or duplicated"
TWICE = {
    '{"smoke_id":"s","nonce":"n","role":"manager","status":"blocked","role":"worker"}': "role",
    '{"smoke_id":"s","nonce":"n","role":"worker","status":"blocked","role":"manager"}': "role",
    '{"smoke_id":"s","nonce":"n","role":"manager","status":"blocked","\\u0072ole":"worker"}': "role",
    '{"smoke_id":"s","nonce":"n","\\u0072ole":"worker","status":"blocked"}': None,
}


@pytest.mark.parametrize(("attributes", "key"), TWICE.items())
def test_a_field_that_says_two_things_is_refused_where_it_is_compared(
    tmp_path: Path, attributes: str, key: str | None
) -> None:
    builder = ledger(tmp_path)
    builder.write()
    write(builder, attributes)
    found = decide(tmp_path, builder, where='proof.role == "worker"')
    told = f"its document has a key twice: `{key}`" if key else UNUSABLE
    assert (found.allow, found.reason) == (None, f"app_smoke_receipt_recorded `broken` is invalid: {told}")


def test_a_field_whose_name_is_said_elsewhere_too_is_there_once(tmp_path: Path) -> None:
    builder = ledger(tmp_path)
    builder.write()
    write(builder, json.dumps(proof(status="blocked", payload={"role": "worker"}, payload_keys=["role", "é"])))
    assert decide(tmp_path, builder, where='proof.role == "worker"').state == "blocked"


@pytest.mark.parametrize(("hidden", "state"), [({}, "free"), ({"summary": "x"}, "blocked"), ({"at": None}, "blocked")])
def test_hidden_attributes_are_there_only_where_one_is_hidden(
    tmp_path: Path, hidden: dict[str, Any], state: str
) -> None:
    policy = POLICY.format(**(LATEST | {"where": "proof.attributes != null", "when": "proof != null"}))
    path = tmp_path / "noted.yaml"
    path.write_text(policy.replace("app_smoke_receipt_recorded", "app_heartbeat"))
    builder = ledger(tmp_path)
    attributes = {"session_id": "session-binding-1-worker", "role": "worker", **hidden}
    builder.receipt("app_heartbeat", at="2026-06-11T12:00:10Z", attributes=attributes)
    builder.write()
    assert interlock.evaluate(path, ledger=builder.path, task="demo", at=NOW).state == state


def test_a_sum_beyond_whole_numbers_is_undecided(tmp_path: Path) -> None:
    builder = ledger(tmp_path)
    largest = 9_007_199_254_740_991
    session = {"smoke_id": "s", "nonce": "n", "mode": "required", "scope": "pair", "worker_count": largest}
    for _ in range(1_100):
        builder.receipt("app_smoke_started", at="2026-06-11T12:00:10Z", attributes=session)
    builder.write()
    path = tmp_path / "noted.yaml"
    written = POLICY.format(take="sum, of: worker_count", where="true", when="proof.value == 1", message="one")
    path.write_text(written.replace("app_smoke_receipt_recorded", "app_smoke_started"))
    found = interlock.evaluate(path, ledger=builder.path, task="demo", at=NOW)
    assert (found.allow, found.reason) == (None, "the sum of `worker_count` of `proof` is too large to be judged")
