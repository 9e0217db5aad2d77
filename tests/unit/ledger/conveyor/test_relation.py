"""Conveyor's tables as the canonical relation: its columns, its rows, and the work it costs to find them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock import schemas
from interlock.diagnostics import LedgerError
from interlock.instant import parse_instant
from interlock.ledger import Snapshot, open_ledger
from tests.helpers.ledgers import START, LedgerBuilder

ENTITIES = schemas.ENTITIES
VIEWS = ("receipt", *(f"entity_{kind}" for kind in ENTITIES))
ENVELOPE = ["kind", "id", "seq", "task_id", "task", "at", "instant", "actor", "severity", "summary"]
COLUMNS = [*ENVELOPE, "correlation", "attributes"]
LATER = parse_instant("2026-07-01T00:00:00Z")


@pytest.fixture(scope="module")
def real(conformance: Path) -> Iterator[Snapshot]:
    with open_ledger(conformance / "ledger.db").snapshot(LATER) as snapshot:
        yield snapshot


@pytest.fixture
def built(tmp_path: Path) -> Iterator[Snapshot]:
    """One of each kind."""
    actions = [
        {"role": "manager", "status": "skipped_healthy", "send_ready": False},
        {"role": "worker", "status": "ready_to_send", "send_ready": True},
    ]
    ledger = LedgerBuilder(tmp_path / "l.db").task("demo").bind(worker={"last_heartbeat_at": START})
    ledger.receipt("app_wakeup_dispatch_planned", at="2026-06-11T12:00:01.5Z", attributes={"actions": actions})
    ledger.receipt("beat", at=START, actor="dispatch", of_task=False, attributes={"n": 1}, correlation={"c": 2})
    ledger.notification("manager", at=START, state="delivered", delivered_at=START)
    ledger.acknowledgement("manager", "received", of=1, at=START, payload_json='{"summary": "ok"}')
    ledger.handoff(at=START, summary="over to you")
    with open_ledger(ledger.write()).snapshot(LATER) as snapshot:
        yield snapshot


def only(snapshot: Snapshot, view: str) -> dict[str, Any]:
    """The first row of a view, by column, its attributes decoded."""
    row = dict(zip(COLUMNS, snapshot.rows(f"SELECT * FROM {view} ORDER BY seq LIMIT 1", {})[0], strict=True))
    return row | {"attributes": json.loads(row["attributes"])}


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_has_the_same_columns(built: Snapshot, view: str) -> None:
    assert [name for (name,) in built.rows(f"SELECT name FROM pragma_table_info('{view}')", {})] == COLUMNS


def test_a_receipt_is_its_row(built: Snapshot) -> None:
    sql = "SELECT * FROM receipt WHERE kind = 'beat'"
    at = parse_instant(START)
    correlation, attributes = '{"c": 2}', '{"n": 1}'
    row = ("beat", "receipt-2", 2, None, None, START, at, "dispatch", "info", "", correlation, attributes)
    assert built.rows(sql, {}) == [row]
    assert built.rows("SELECT task, instant FROM receipt WHERE seq = 1", {}) == [("demo", at + 1_500_000)]


@pytest.mark.parametrize(
    ("kind", "identity", "attributes"),
    [
        ("task", "task-1", {"name": "demo", "state": "managed"}),
        (
            "binding",
            "binding-1",
            {
                "state": "active",
                "worker_session_id": "session-binding-1-worker",
                "manager_session_id": "session-binding-1-manager",
                "ended_at": None,
            },
        ),
        (
            "seat",
            "session-binding-1-manager",
            {
                "role": "manager",
                "binding_id": "binding-1",
                "session_id": "session-binding-1-manager",
                "session_name": "binding-1-manager",
                "state": "active",
                "thread_id": "thread-binding-1-manager",
                "thread_title": None,
                "tmux_session": None,
                "heartbeat_at": None,
                "registered_at": START,
            },
        ),
        (
            "notification",
            "1",
            {
                "correlation_id": "note-1",
                "signal_type": "notify_manager",
                "role": "manager",
                "target_session_id": "session-binding-1-manager",
                "binding_id": "binding-1",
                "state": "delivered",
                "delivery_mode": "push",
                "created_at": START,
                "delivered_at": START,
                "consumed_at": None,
            },
        ),
        (
            "acknowledgement",
            "1",
            {
                "notification_id": 1,
                "binding_id": "binding-1",
                "role": "manager",
                "status": "received",
                "correlation_id": None,
                "payload": {"summary": "ok"},
            },
        ),
        ("handoff", "1", {"worker_session_id": "session-binding-1-worker", "summary": "over to you"}),
        (
            "wake_action",
            "receipt-1#0",
            {"role": "manager", "status": "skipped_healthy", "send_ready": False, "receipt_id": "receipt-1"},
        ),
    ],
)
def test_an_entity_has_its_own_fields(built: Snapshot, kind: str, identity: str, attributes: dict[str, Any]) -> None:
    row = only(built, f"entity_{kind}")
    assert row["attributes"] == attributes
    assert (row["kind"], row["id"], row["task_id"], row["task"]) == (kind, identity, "task-1", "demo")
    assert row["instant"] == parse_instant(row["at"])
    assert (row["actor"], row["severity"], row["summary"], row["correlation"]) == (None, None, "", "{}")


def test_seats_and_actions_keep_their_order(built: Snapshot) -> None:
    seats = built.rows("SELECT seq, json_extract(attributes, '$.role') FROM entity_seat ORDER BY seq", {})
    assert seats == [(1, "manager"), (2, "worker")]
    actions = built.rows("SELECT seq, id, json_extract(attributes, '$.role') FROM entity_wake_action ORDER BY seq", {})
    assert actions == [(1000, "receipt-1#0", "manager"), (1001, "receipt-1#1", "worker")]


def test_a_seat_is_there_without_its_session(tmp_path: Path) -> None:
    path = LedgerBuilder(tmp_path / "l.db").task("demo").bind().write()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE bindings SET manager_session_id = NULL")
    connection.close()
    with open_ledger(path).snapshot(LATER) as snapshot:
        seats = snapshot.rows("SELECT id, json_extract(attributes, '$.session_id') FROM entity_seat ORDER BY seq", {})
    assert seats == [("binding-1#manager", None), ("session-binding-1-worker",) * 2]


@pytest.mark.parametrize("kind", ENTITIES)
def test_the_entities_of_the_real_ledger_are_valid(real: Snapshot, kind: str) -> None:
    rows = real.rows(f"SELECT * FROM entity_{kind}", {})
    assert rows
    for row in rows:
        named = dict(zip(COLUMNS, row, strict=True))
        envelope = {name: named[name] for name in ("kind", "id", "seq", "task", "at")}
        lifted = json.loads(named["attributes"])
        hidden = {"attributes": {"summary": lifted.pop("summary")}} if "summary" in lifted else {}
        assert schemas.fact_errors(schemas.SHIPPED, kind, {**lifted, **envelope, **hidden}) == ()


def test_every_receipt_of_the_real_ledger_has_an_instant(real: Snapshot) -> None:
    rows = real.rows("SELECT at, instant FROM receipt", {})
    assert len(rows) == 2892
    assert all(instant == parse_instant(at) for at, instant in rows)


texts = st.one_of(
    st.from_regex(r"\A(19|20|22)\d\d-[01]\d-[0-3]\dT[0-2]\d:[0-6]\d:[0-6]\d(\.\d{0,10})?(Z|\+00:00|z|\+01:00|)\Z"),
    st.text(max_size=30),
)


@given(texts)
def test_sql_and_python_agree_on_what_an_instant_is(real: Snapshot, text: str) -> None:
    try:
        expected = parse_instant(text)
    except ValueError:
        expected = None
    assert real.rows("SELECT instant_of(:text)", {"text": text}) == [(expected,)]


@pytest.mark.parametrize("value", [None, 5, 2.5, START.encode(), START + "\0", START + "\0Z", " " + START])
def test_nothing_else_is_an_instant(real: Snapshot, value: object) -> None:
    assert real.rows("SELECT instant_of(:value)", {"value": value}) == [(None,)]


TYPE, TASK = "telemetry_events_type_timestamp", "telemetry_events_task_timestamp"
SEARCH = "SEARCH main.telemetry_events USING INDEX"


@pytest.mark.parametrize(
    ("sql", "plan"),
    [
        (
            "SELECT * FROM receipt WHERE kind = 'x' AND +task_id = :task AND at < :upper ORDER BY at DESC LIMIT 1",
            f"{SEARCH} {TYPE} (event_type=? AND timestamp<?)",
        ),
        (
            "SELECT * FROM receipt WHERE kind = 'x' AND at >= :upper ORDER BY at LIMIT 1",
            f"{SEARCH} {TYPE} (event_type=? AND timestamp>?)",
        ),
        (
            "SELECT * FROM receipt WHERE +kind = 'x' AND task_id = :task AND at < :upper ORDER BY at DESC LIMIT 1",
            f"{SEARCH} {TASK} (task_id=? AND timestamp<?)",
        ),
    ],
)
def test_the_newest_receipt_is_walked_to(real: Snapshot, sql: str, plan: str) -> None:
    """No sorting and no subquery but the task's name: the first match ends the search."""
    steps = [row[3] for row in real.rows(f"EXPLAIN QUERY PLAN {sql}", {"task": "t", "upper": "2026"})]
    assert steps[0] == plan
    assert not [step for step in steps if "B-TREE" in step or "SCAN" in step or "MATERIALIZE" in step]


def test_the_name_of_the_task_costs_nothing_when_it_is_not_read(real: Snapshot) -> None:
    steps = [row[3] for row in real.rows("EXPLAIN QUERY PLAN SELECT id FROM receipt WHERE kind = 'x'", {})]
    assert steps == [f"{SEARCH.replace('INDEX', 'COVERING INDEX')} {TYPE} (event_type=?)"]


@pytest.mark.parametrize("kind", ENTITIES)
def test_an_entity_is_found_without_walking_the_receipts(real: Snapshot, kind: str) -> None:
    sql = f"EXPLAIN QUERY PLAN SELECT * FROM entity_{kind} WHERE task_id = :task"
    steps = [row[3] for row in real.rows(sql, {"task": "t"})]
    receipts = [step for step in steps if "telemetry_events" in step]
    one = "SEARCH main.telemetry_events USING INTEGER PRIMARY KEY (rowid=?)"
    assert all(step == one or step.startswith(f"{SEARCH} {TYPE} (event_type=?") for step in receipts)
    assert not receipts or kind in ("seat", "wake_action", "smoke_seat")
    if kind in ("binding", "seat"):
        assert "SEARCH bound USING INDEX one_active_binding_per_task (task_id=?)" in steps


def test_a_ledger_without_indexes_answers_alike(real: Snapshot, ledger_path: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare.db"
    bare.write_bytes(ledger_path.read_bytes())
    with sqlite3.connect(bare) as connection:
        for (name,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        ).fetchall():
            connection.execute(f"DROP INDEX {name}")
    connection.close()
    with open_ledger(bare).snapshot(LATER) as snapshot:
        for view in VIEWS:
            sql = f"SELECT * FROM {view} ORDER BY seq, id"
            assert snapshot.rows(sql, {}) == real.rows(sql, {})


@pytest.mark.parametrize(
    ("change", "kind", "told"),
    [
        ("DROP TABLE worker_handoffs", "handoff", "has no table `worker_handoffs`, which the request needs"),
        (
            "DROP TABLE routed_notifications",
            "notification",
            "has no table `routed_notifications`, which the request needs",
        ),
        ("DROP TABLE notification_acknowledgements", "acknowledgement", "no table `notification_acknowledgements`"),
        (
            "ALTER TABLE routed_notifications DROP COLUMN delivered_at",
            "notification",
            "it has no column `delivered_at`",
        ),
    ],
)
def test_an_optional_table_is_missed_by_who_reads_it(tmp_path: Path, change: str, kind: str, told: str) -> None:
    path = LedgerBuilder(tmp_path / "l.db").task("demo").bind().write()
    with sqlite3.connect(path) as connection:
        connection.execute(change)
    connection.close()
    with open_ledger(path).snapshot(LATER) as snapshot:
        assert len(snapshot.rows("SELECT * FROM entity_seat", {})) == 2
        with pytest.raises(LedgerError, match=told):
            snapshot.rows(f"SELECT * FROM entity_{kind}", {})
