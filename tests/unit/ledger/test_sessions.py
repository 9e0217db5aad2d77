"""What is known of a seat's session at a past instant: only what the ledger proves up to then.

In each of these ledgers the worker's row was overwritten at 10:00:00, after every instant of the request.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

import interlock
from interlock.api import replay
from interlock.instant import LATEST, parse_instant
from interlock.ledger import Ledger, open_ledger
from interlock.ledger.connection import last
from interlock.ledger.export import Export
from tests.helpers.extents import extent_of
from tests.helpers.ledgers import LedgerBuilder
from tests.unit.ledger.conveyor.test_time import attributes, clock, seen

OVERWRITTEN = {"last_heartbeat_at": clock("10:00:00")}
EMPTIED = {"last_heartbeat_at": None}


@pytest.fixture
def ledger(tmp_path: Path) -> LedgerBuilder:
    return LedgerBuilder(tmp_path / "l.db").task("demo", at=clock("09:00:00"))


def worker(path: Path, at: str) -> dict[str, Any]:
    """The worker's seat, as it was at a time of that day."""
    return seen(path, "seat", at)[1]


def exported(path: Path, task: str) -> Ledger:
    """The feed of everything of a task, taken at noon."""
    noon = parse_instant(clock("12:00:00"))
    with open_ledger(path).snapshot(noon) as snapshot:
        feed = path.with_suffix(".ndjson")
        feed.write_bytes(b"\n".join(Export(snapshot, noon, extent_of([task], [])).lines()))
    return open_ledger(feed)


@pytest.mark.parametrize("row", [OVERWRITTEN, EMPTIED], ids=["overwritten", "emptied"])
def test_a_rotation_empties_the_heartbeat_until_the_new_thread_beats(
    ledger: LedgerBuilder, row: dict[str, Any]
) -> None:
    """A request in between reported that the worker is missing, whatever was recorded before or since."""
    ledger.bind(at=clock("09:00:00"), worker=row).heartbeat("worker", at=clock("09:00:30"))
    ledger.rotated(at=clock("09:01:00")).heartbeat("worker", at=clock("09:02:00"))
    if row is EMPTIED:
        ledger.rotated(at=clock("10:00:00"))
    path = ledger.write()
    expected = {"09:00:59": clock("09:00:30"), "09:01:00": None, "09:01:59.999": None, "09:02:00": clock("09:02:00")}
    assert {at: worker(path, at)["heartbeat_at"] for at in expected} == expected
    decision = interlock.evaluate("loop", ledger=path, task="demo", at=clock("09:01:30"))
    assert "Worker heartbeat is missing." in [finding.message for finding in decision.findings]


def test_a_rotation_that_changed_nothing_empties_nothing(ledger: LedgerBuilder) -> None:
    ledger.bind(at=clock("09:00:00"), worker=OVERWRITTEN).heartbeat("worker", at=clock("09:00:30"))
    path = ledger.rotated(at=clock("09:01:00"), updated=False).write()
    assert worker(path, "09:01:30")["heartbeat_at"] == clock("09:00:30")


@pytest.mark.parametrize(
    "odd", [{"attributes_json": '{"session_updated": false, "session_updated": true}'}, {"timestamp": "one day"}]
)
def test_a_rotation_that_cannot_be_read_counts(ledger: LedgerBuilder, odd: dict[str, Any]) -> None:
    """It may have emptied the heartbeat, so nothing before it is proof of one."""
    ledger.bind(at=clock("09:00:00"), worker=OVERWRITTEN).heartbeat("worker", at=clock("09:00:30"))
    known = {"old_worker_session_id": "session-binding-1-worker", "session_updated": True}
    ledger.receipt("app_worker_rotation_recorded", at=clock("09:01:00"), attributes=known, **odd)
    assert worker(ledger.write(), "09:01:30")["heartbeat_at"] is None


def test_receipts_are_ordered_by_the_ledger_and_registrations_by_time(ledger: LedgerBuilder) -> None:
    """A rotation is stamped with a whole second: what a registration of that second says may have been emptied."""
    ledger.bind(at=clock("09:00:00"), worker=OVERWRITTEN).registered("worker", at=clock("09:01:00.900"))
    path = ledger.rotated(at=clock("09:01:00")).registered("worker", at=clock("09:01:01.000")).write()
    assert worker(path, "09:01:00.999")["heartbeat_at"] is None
    assert worker(path, "09:01:01")["heartbeat_at"] == clock("09:01:01.000")


def test_a_beat_of_the_rotations_own_second_counts_where_it_was_recorded_after_it(tmp_path: Path) -> None:
    for order, expected in (("beat, rotate", None), ("rotate, beat", clock("09:01:00"))):
        builder = LedgerBuilder(tmp_path / f"{order}.db").task("demo").bind(at=clock("09:00:00"), worker=OVERWRITTEN)
        for step in order.split(", "):
            at = clock("09:01:00")
            builder = builder.heartbeat("worker", at=at) if step == "beat" else builder.rotated(at=at)
        assert worker(builder.write(), "09:01:30")["heartbeat_at"] == expected


def test_every_sign_of_life_of_the_session_counts(ledger: LedgerBuilder) -> None:
    """Registered again, alone or as a pair; a heartbeat in another task; its events ingested, in no task."""
    ledger.bind(at=clock("09:00:00"), worker=OVERWRITTEN).registered("worker", at=clock("09:01:00.000"))
    pair = {"binding_id": "binding-1", "manager": "binding-1-manager", "worker": "binding-1-worker"}
    ledger.event("disposable_binding_created", at=clock("09:02:00.000"), payload=pair, of_task=True)
    ledger.receipt(
        "codex_events_ingested",
        at=clock("09:03:00.250"),
        of_task=False,
        correlation={"session_id": "session-binding-1-worker"},
    )
    ledger.task("other", at=clock("09:00:00")).heartbeat("worker", at=clock("09:04:00"))
    path, expected = ledger.write(), ("09:01:00.000", "09:02:00.000", "09:03:00.250", "09:04:00")
    for source in (open_ledger(path), exported(path, "demo")):
        for at in expected:
            (_, seat) = attributes(source, "seat", parse_instant(clock(at)) + 1)
            assert seat["heartbeat_at"] == clock(at)


def test_a_heartbeat_without_a_session_proves_nothing_of_any(ledger: LedgerBuilder) -> None:
    """Early versions recorded none. It is not a fault either: the gates go on to decide."""
    ledger.bind(at=clock("09:00:00"), worker={**OVERWRITTEN, "id": "null"})
    for session in ({}, {"session_id": None}, {"session_id": ""}):
        ledger.receipt("app_heartbeat", at=clock("09:01:00"), actor="worker", attributes={"role": "worker", **session})
    path = ledger.write()
    assert worker(path, "09:01:30")["heartbeat_at"] is None
    quiet = interlock.evaluate("quiescence", ledger=path, task="demo", at=clock("09:01:30"))
    assert (quiet.allow, quiet.state) == (False, "not_applicable")


def test_a_seats_thread_is_the_one_that_it_had(ledger: LedgerBuilder) -> None:
    """Each rotation names the thread that it replaced."""
    ledger.bind(at=clock("09:00:00"), worker={**OVERWRITTEN, "codex_app_thread_id": "third"})
    ledger.rotated(at=clock("09:01:00"), old_worker_thread_id="first")
    path = ledger.rotated(at=clock("09:02:00"), old_worker_thread_id="second").write()
    threads = {"09:00:59": "first", "09:01:00": "second", "09:01:59": "second", "09:02:00": "third"}
    assert {at: worker(path, at)["thread_id"] for at in threads} == threads
    feed = exported(path, "demo")
    assert {at: attributes(feed, "seat", parse_instant(clock(at)))[1]["thread_id"] for at in threads} == threads


def test_a_ledger_without_events_knows_no_registration(ledger: LedgerBuilder) -> None:
    path = ledger.bind(at=clock("09:00:00"), worker=OVERWRITTEN).registered("worker", at=clock("09:00:30")).write()
    assert worker(path, "09:01:00")["heartbeat_at"] == clock("09:00:30")
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE events")
    connection.close()
    assert worker(path, "09:01:00")["heartbeat_at"] is None
    assert worker(path, "10:00:00")["heartbeat_at"] == clock("10:00:00")


def test_a_replay_sees_every_change_of_a_session(ledger: LedgerBuilder) -> None:
    """Those in other tasks and those of rotations too: it decides as a request at each instant does."""
    ledger.bind(at=clock("09:00:00"), worker=OVERWRITTEN).registered("worker", at=clock("09:01:00.000"))
    ledger.rotated(at=clock("09:02:00"))
    ledger.receipt(
        "codex_events_ingested",
        at=clock("09:03:00"),
        of_task=False,
        correlation={"session_id": "session-binding-1-worker"},
    )
    path = ledger.task("other").heartbeat("worker", at=clock("09:09:00")).write()
    history = replay(["loop"], ledger=path, task="demo", since=clock("09:00:00"), until=clock("09:30:00"))
    shown = [
        (each.since, [finding.message for finding in each.findings if "Worker" in finding.message])
        for each in history.lanes[0].intervals
    ]
    assert shown == [
        (clock("09:00:00"), ["Worker heartbeat is missing."]),
        (clock("09:01:00"), []),
        (clock("09:02:00"), ["Worker heartbeat is missing."]),
        (clock("09:03:00"), []),
        (clock("09:06:00.000001"), ["Worker heartbeat is stale."]),
        (clock("09:09:00"), []),
        (clock("09:12:00.000001"), ["Worker heartbeat is stale."]),
    ]


SEATS = "SELECT * FROM entity_seat ORDER BY task_id, seq"


@pytest.mark.parametrize("name", ["story.db", "history.db", "ledger.db", "feed"])
def test_a_live_snapshot_shows_seats_as_an_instant_does_that_nothing_is_later_than(
    conformance: Path, ledger: LedgerBuilder, name: str
) -> None:
    if name == "feed":
        opened = exported(ledger.bind(at=clock("09:00:00"), worker=OVERWRITTEN).write(), "demo")
    else:
        opened = open_ledger(conformance / name)
    with opened.snapshot(0, live=True) as snapshot:
        live = snapshot.rows(SEATS, {})
    with opened.snapshot(LATEST - 1) as snapshot:
        assert live == snapshot.rows(SEATS, {})
    with opened.snapshot(0, live=True) as snapshot:
        assert live == snapshot.rows(SEATS, {}) != []


def test_a_live_snapshot_looks_for_no_earlier_state(ledger: LedgerBuilder) -> None:
    with open_ledger(ledger.bind(at=clock("09:00:00")).write()).snapshot(0, live=True) as snapshot:
        assert len(snapshot.rows(SEATS, {})) == 2
        made = snapshot.rows("SELECT name FROM temp.sqlite_master WHERE type = 'view' ORDER BY name", {})
        assert [name for (name,) in made] == ["active_binding", "entity_last_seat", "seated", "seated_last"]


def test_a_text_that_looks_like_a_query_stays_what_it_is() -> None:
    text = "SELECT 'it''s FROM entity_seat' FROM entity_seat"
    assert last(text) == "SELECT 'it''s FROM entity_seat' FROM entity_last_seat"
