"""Time travel (`docs/design/ledger.md`): the ledger as it was at the instant of the request."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from interlock.instant import parse_instant
from interlock.ledger import Ledger, open_ledger
from tests.helpers.ledgers import LedgerBuilder


def clock(text: str) -> str:
    """A time of the day on which everything here happens."""
    return f"2026-06-11T{text}" + ("" if text.endswith(("Z", "+00:00")) else "Z")


def seen(path: Path, kind: str, at: str) -> list[dict[str, Any]]:
    """The attributes of the entities of a kind, at a time of that day."""
    return attributes(open_ledger(path), kind, parse_instant(clock(at)))


def attributes(ledger: Ledger, kind: str, now: int) -> list[dict[str, Any]]:
    with ledger.snapshot(now) as snapshot:
        return [json.loads(row[0]) for row in snapshot.rows(f"SELECT attributes FROM entity_{kind} ORDER BY seq", {})]


@pytest.fixture
def ledger(tmp_path: Path) -> LedgerBuilder:
    return LedgerBuilder(tmp_path / "l.db").task("demo", at=clock("09:00:00"))


@pytest.mark.parametrize(
    ("at", "count"),
    [("08:59:59.999999", 0), ("09:00:00", 1), ("09:00:00.000+00:00", 1), ("10:00:00", 1)],
)
def test_what_is_made_later_is_not_there_yet(ledger: LedgerBuilder, at: str, count: int) -> None:
    made = clock("09:00:00.000")
    ledger.bind(at=made).notification("manager", at=made).handoff(at=made)
    ledger.acknowledgement("manager", "received", of=1, at=made)
    ledger.receipt("app_wakeup_dispatch_planned", at=made, attributes={"actions": [{"role": "manager"}]})
    path = ledger.write()
    for kind in ("task", "binding", "notification", "acknowledgement", "handoff", "wake_action"):
        assert len(seen(path, kind, at)) == count
    assert len(seen(path, "seat", at)) == 2 * count


@pytest.mark.parametrize(
    "kind", ["task", "binding", "seat", "notification", "acknowledgement", "handoff", "wake_action"]
)
def test_what_has_no_readable_time_is_not_hidden(tmp_path: Path, kind: str) -> None:
    """Whoever reads it refuses it; to leave it out could allow what it forbids."""
    made = "yesterday"
    ledger = LedgerBuilder(tmp_path / "l.db").task("demo", at=made).bind(at=made).notification("manager", at=made)
    ledger.handoff(at=made).acknowledgement("manager", "received", of=1, at=made)
    ledger.receipt("app_wakeup_dispatch_planned", at=made, attributes={"actions": [{"role": "manager"}]})
    assert seen(ledger.write(), kind, "09:00:00")


@pytest.mark.parametrize(
    ("at", "binding"),
    [
        ("09:00:59", None),
        ("09:01:00", "worker-1"),
        ("09:09:59.999", "worker-1"),
        ("09:10:00", None),
        ("09:11:00", "worker-2"),
        ("09:20:00", None),
        ("09:30:00", "worker-3"),
        ("23:00:00", "worker-3"),
    ],
)
def test_the_binding_is_the_one_that_was_active(ledger: LedgerBuilder, at: str, binding: str | None) -> None:
    """An end at the very instant counts as an end, whatever the form of its text."""
    for number, (since, until) in enumerate([("09:01:00", "09:10:00.000"), ("09:11:00.000", "09:20:00")], start=1):
        ledger.bind(at=clock(since), state="ended", ended_at=clock(until), worker={"id": f"worker-{number}"})
    path = ledger.bind(at=clock("09:30:00"), worker={"id": "worker-3"}).write()
    expected = [binding] if binding else []
    assert [found["worker_session_id"] for found in seen(path, "binding", at)] == expected
    assert [seat["session_id"] for seat in seen(path, "seat", at)][1:] == expected


@pytest.mark.parametrize(
    ("state", "ended_at", "at", "found"),
    [
        ("active", None, "09:30:00", {"state": "active", "ended_at": None}),
        ("ending", None, "09:30:00", {"state": "ending", "ended_at": None}),
        ("ended", clock("10:00:00"), "09:30:00", {"state": "active", "ended_at": None}),
        ("ended", clock("10:00:00"), "10:00:00", None),
        ("ended", None, "09:30:00", None),
        ("ended", "some day", "09:30:00", None),
        ("invalid", None, "09:30:00", None),
        ("invalid", clock("10:00:00"), "09:30:00", {"state": "active", "ended_at": None}),
        ("invalid", clock("10:00:00"), "10:00:00", None),
    ],
)
def test_a_binding_is_shown_as_it_stood(
    ledger: LedgerBuilder, state: str, ended_at: str | None, at: str, found: dict[str, Any] | None
) -> None:
    path = ledger.bind(at=clock("09:00:00"), state=state, ended_at=ended_at).write()
    shown = [{name: each[name] for name in ("state", "ended_at")} for each in seen(path, "binding", at)]
    assert shown == ([found] if found else [])


def test_the_newest_of_several_that_were_active_is_the_binding(ledger: LedgerBuilder) -> None:
    """By instant: as text, `…:00Z` would sort after `…:00.500Z`."""
    for at in ("09:00:00", "09:00:00.500", "09:00:00.250"):
        ledger.bind(at=clock(at), state="ended", ended_at=clock("10:00:00"), worker={"id": f"since {at}"})
    assert [each["worker_session_id"] for each in seen(ledger.write(), "binding", "09:30:00")] == ["since 09:00:00.500"]


def test_each_task_has_its_own_binding(tmp_path: Path) -> None:
    ledger = LedgerBuilder(tmp_path / "l.db").task("one").bind().task("two").task("three")
    ledger.bind(state="ended", ended_at=clock("13:00:00"))
    with open_ledger(ledger.write()).snapshot(parse_instant(clock("12:30:00"))) as snapshot:
        rows = snapshot.rows("SELECT task, id FROM entity_binding ORDER BY id", {})
    assert rows == [("one", "binding-1"), ("three", "binding-2")]


HEARTBEATS = ("09:02:00", "09:03:00", "09:03:00.500", "09:04:00.000")


@pytest.mark.parametrize(
    ("at", "heartbeat"),
    [
        ("09:01:00", "09:01:00.000Z"),
        ("09:01:59.999", "09:01:00.000Z"),
        ("09:02:00", "09:02:00Z"),
        ("09:03:00", "09:03:00Z"),
        ("09:03:00.499999", "09:03:00Z"),
        ("09:03:00.5", "09:03:00.500Z"),
        ("09:04:00", "09:04:00.000Z"),
        ("09:59:59", "09:04:00.000Z"),
        ("10:00:00", "10:00:00Z"),
        ("11:00:00", "10:00:00Z"),
    ],
)
def test_a_seats_heartbeat_is_the_newest_by_then(ledger: LedgerBuilder, at: str, heartbeat: str) -> None:
    """The session's own row where it is not later, else the newest receipt or registration of this session."""
    worker = {"registered_at": clock("09:01:00.000Z"), "last_heartbeat_at": clock("10:00:00")}
    ledger.bind(at=clock("09:01:00"), manager=worker, worker=worker)
    ledger.registered("manager", at=clock("09:01:00.000")).registered("worker", at=clock("09:01:00.000"))
    for beat in reversed(HEARTBEATS):
        ledger.heartbeat("worker", at=clock(beat))
    ledger.heartbeat("worker", at="2026").receipt("other", at=clock("09:05:00"), attributes={"session_id": "x"})
    manager, worker = seen(ledger.write(), "seat", at)
    assert worker["heartbeat_at"] == clock(heartbeat)
    assert manager["heartbeat_at"] == clock("10:00:00Z" if heartbeat.startswith("10") else "09:01:00.000Z")


@pytest.mark.parametrize(
    ("session", "heartbeat"),
    [
        ({"last_heartbeat_at": None}, None),
        ({"last_heartbeat_at": "soon"}, "soon"),
        ({"last_heartbeat_at": clock("10:00:00"), "registered_at": clock("09:31:00")}, None),
        ({"last_heartbeat_at": clock("10:00:00"), "registered_at": clock("09:29:00")}, None),
        ({"last_heartbeat_at": clock("10:00:00"), "registered_at": "once"}, None),
    ],
)
def test_a_seat_that_was_never_seen_has_no_heartbeat(
    ledger: LedgerBuilder, session: dict[str, Any], heartbeat: str | None
) -> None:
    path = ledger.bind(at=clock("09:00:00"), worker=session).write()
    assert seen(path, "seat", "09:30:00")[1]["heartbeat_at"] == heartbeat


def test_heartbeats_of_the_real_story(story_path: Path) -> None:
    ledger = open_ledger(story_path)
    with ledger.snapshot(0) as snapshot:
        sql = "SELECT json_extract(attributes, '$.session_id'), at FROM receipt WHERE kind = 'app_heartbeat'"
        beats = snapshot.rows(sql, {})
    instants = sorted(parse_instant(at) for _, at in beats)
    assert len(instants) == 49
    for now in (moment + step for moment in instants for step in (-1, 0, 1)):
        for seat in attributes(ledger, "seat", now):
            mine = [at for session, at in beats if session == seat["session_id"] and parse_instant(at) <= now]
            assert seat["heartbeat_at"] == max(mine, default=seat["registered_at"])


@pytest.mark.parametrize(
    ("at", "state", "delivered", "consumed"),
    [
        ("09:00:00", "pending", False, False),
        ("09:00:59.999", "pending", False, False),
        ("09:01:00", "delivered", True, False),
        ("09:02:00", "delivered", True, True),
    ],
)
def test_a_notification_is_shown_as_it_stood(
    ledger: LedgerBuilder, at: str, state: str, delivered: bool, consumed: bool
) -> None:
    when = {"delivered_at": clock("09:01:00.000"), "consumed_at": clock("09:02:00")}
    ledger.bind(at=clock("09:00:00")).notification("manager", at=clock("09:00:00"), state="delivered", **when)
    (found,) = seen(ledger.write(), "notification", at)
    assert found["state"] == state
    assert found["delivered_at"] == (when["delivered_at"] if delivered else None)
    assert found["consumed_at"] == (when["consumed_at"] if consumed else None)


@pytest.mark.parametrize("state", ["failed", "suppressed", "pending"])
def test_a_state_without_a_time_is_taken_as_it_is(ledger: LedgerBuilder, state: str) -> None:
    ledger.bind().notification("manager", at=clock("09:00:00"), state=state)
    assert seen(ledger.write(), "notification", "09:30:00")[0]["state"] == state


def test_one_snapshot_after_the_other_asks_about_its_own_instant(ledger: LedgerBuilder) -> None:
    opened = open_ledger(ledger.write())
    counts = []
    for at in ("08:00:00", "10:00:00", "08:00:00"):
        with opened.snapshot(parse_instant(clock(at))) as snapshot:
            counts += snapshot.rows("SELECT count(*), asked_instant() FROM entity_task", {})
    assert counts == [(n, parse_instant(clock(at))) for n, at in ((0, "08:00:00"), (1, "10:00:00"), (0, "08:00:00"))]
