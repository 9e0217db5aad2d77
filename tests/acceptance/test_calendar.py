"""Working hours, freeze windows and time zones: what the clock shows somewhere, and until when."""

from __future__ import annotations

from pathlib import Path

import pytest

import interlock
from interlock import api
from interlock.diagnostics import PolicyError
from interlock.language import calendar
from interlock.language.texts import Undefined
from tests.acceptance.test_named_groups import Asked, beat
from tests.helpers.ledgers import LedgerBuilder

BEAT = "beat: {from: app_heartbeat, take: latest}"


@pytest.fixture
def builder(tmp_path: Path) -> LedgerBuilder:
    return beat(LedgerBuilder(tmp_path / "ledger.db").task("demo").bind(), "worker", "2026-06-11T12:09:00.123Z")


def at(asked: Asked, instant: str) -> interlock.Decision:
    asked.over["at"] = instant
    return asked.decision()


def closed(builder: LedgerBuilder, when: str) -> Asked:
    return Asked(builder, [BEAT], [f"{{id: closed, when: '{when}', block: closed}}"])


@pytest.mark.parametrize(
    ("value", "is_"),
    [
        ("getFullYear()", 2026),
        ("getMonth()", 5),
        ("getDate()", 11),
        ("getDayOfMonth()", 10),
        ("getDayOfWeek()", 4),
        ("getDayOfYear()", 161),
        ("getHours()", 12),
        ("getMinutes()", 9),
        ("getSeconds()", 0),
        ("getMilliseconds()", 123),
        ('getHours("Europe/Berlin")', 14),
        ('getDate("Pacific/Auckland")', 12),
        ('getHours("-13:30")', 22),
        ('getDayOfMonth("-13:30")', 9),
        ('getMinutes("+05:30")', 39),
    ],
)
def test_a_part_of_a_recorded_instant(builder: LedgerBuilder, value: str, is_: int) -> None:
    assert not closed(builder, f"beat.at.{value} == {is_}").decision().allow
    where = BEAT.replace("take", f"where: beat.at.{value} == {is_}, take")
    assert Asked(builder, [where], ["{id: there, when: beat != null, note: there}"]).messages() == ["there"]
    none = BEAT.replace("take", f"where: beat.at.{value} != {is_}, take")
    assert Asked(builder, [none], ["{id: there, when: beat != null, note: there}"]).messages() == []


@pytest.mark.parametrize(
    ("when", "instant", "state", "until"),
    [
        ("now.getHours() < 13", "2026-06-11T12:10:00Z", "bad", "2026-06-11T13:00:00Z"),
        ("now.getHours() >= 17", "2026-06-11T12:10:00Z", "good", "2026-06-11T17:00:00Z"),
        ('now.getHours("Europe/Berlin") < 17', "2026-06-11T12:10:00Z", "bad", "2026-06-11T15:00:00Z"),
        ('now.getHours("Europe/Berlin") >= 3', "2027-03-27T23:30:00Z", "good", "2027-03-28T01:00:00Z"),
        ('now.getHours("Europe/Berlin") == 2', "2026-10-25T00:30:00Z", "bad", "2026-10-25T02:00:00Z"),
        ('now.getDayOfWeek("America/New_York") in [0, 6]', "2026-06-12T12:00:00Z", "good", "2026-06-13T04:00:00Z"),
        ("now.getDate() == 1 && now.getMonth() == 0", "2026-06-12T12:00:00Z", "good", "2027-01-01T00:00:00Z"),
        ("now.getFullYear() > 2026", "2026-06-12T12:00:00Z", "good", "2027-01-01T00:00:00Z"),
        ("now.getHours() * 60 + now.getMinutes() >= 1230", "2026-06-12T12:00:00Z", "good", "2026-06-12T20:30:00Z"),
        ("(now - beat.at).getMinutes() >= 3", "2026-06-11T12:10:00Z", "good", "2026-06-11T12:12:00.123Z"),
        ('(now + duration("2h")).getDate() != 11', "2026-06-11T12:10:00Z", "good", "2026-06-11T22:00:00Z"),
        ("[0, 1, 2][now.getHours()] == 2", "2026-06-11T02:10:00Z", "bad", "2026-06-11T03:00:00Z"),
        ("12 / (now.getMinutes() - 3) > 0", "2026-06-11T12:00:00Z", "good", "2026-06-11T12:03:00Z"),
        ("beat.?seq.orValue(now.getHours()) < 99", "2026-06-11T12:10:00Z", "bad", None),
        (
            'now < timestamp("2026-06-11T12:11:00Z") || timestamp("9999-12-31T23:00:00Z") + duration("1h") > now',
            "2026-06-11T12:10:00Z",
            "bad",
            "2026-06-11T12:11:00Z",
        ),
        (
            'now - timestamp("1734-03-01T00:00:00Z") > duration("1h")',
            "2026-06-08T00:00:00Z",
            "bad",
            "2026-06-09T23:47:16.854776Z",
        ),
    ],
)
def test_the_clock_turns_it_and_the_decision_says_when(
    builder: LedgerBuilder, when: str, instant: str, state: str, until: str | None
) -> None:
    asked = closed(builder, when)
    decision = at(asked, instant)
    assert (decision.state, decision.valid_until) == (state, until)
    if until is not None:
        assert at(asked, until).state != state


def test_a_selection_is_narrowed_by_the_clock_too(builder: LedgerBuilder) -> None:
    where = BEAT.replace("take", "where: now.getHours() == beat.at.getHours(), take")
    asked = Asked(builder, [where], ["{id: there, when: beat != null, block: there}"])
    decision = at(asked, "2026-06-11T12:10:00Z")
    assert (decision.allow, decision.valid_until) == (False, "2026-06-11T13:00:00Z")


def test_what_holds_in_working_hours_is_held_by_them(builder: LedgerBuilder) -> None:
    rule = "{id: open, when: 'now.getHours() >= 9 && now.getHours() < 17', hold: 2h, block: open for two hours}"
    asked = Asked(builder, [BEAT], [rule])
    assert at(asked, "2026-06-12T10:59:59Z").valid_until == "2026-06-12T11:00:00Z"
    assert not at(asked, "2026-06-12T11:00:00Z").allow


def test_unblock_waits_for_working_hours(builder: LedgerBuilder) -> None:
    asked = closed(builder, 'now.getDayOfWeek("Europe/Berlin") in [0, 6] || now.getHours("Europe/Berlin") < 9')
    (plan,) = api.unblock(asked.path, **{**asked.over, "at": "2026-06-13T12:00:00Z"}).plans
    assert (plan.at, plan.steps) == ("2026-06-15T07:00:00Z", ())


def test_a_zone_that_a_caller_names_wrongly_leaves_it_undecided(builder: LedgerBuilder) -> None:
    asked = closed(builder, "now.getHours(params.zone) < 9")
    text = asked.path.read_text("utf-8").replace("facts:", "params: {zone: {type: string, default: UTC}}\nfacts:")
    asked.path.write_text(text, "utf-8")
    assert asked.decision().allow
    asked.over["params"] = {"zone": "Europe/Berln"}
    assert asked.decision().allow is None
    assert "`Europe/Berln` is not a time zone" in str(asked.decision().reason)


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ('now.getHours("Europe/Berln") < 9', "did you mean `Europe/Berlin`?"),
        ('now.getHours("+2") < 9', "is not an offset such as +02:00"),
        ("now.getHours(2) < 9", "there is timestamp.getHours(string)"),
        ("beat.actor.getHours() < 9", "`getHours` does not take string"),
        ("(beat.at - (now - beat.at)).getHours() < 9", "nothing says when it changes"),
    ],
)
def test_what_does_not_fit_is_named(builder: LedgerBuilder, when: str, said: str) -> None:
    with pytest.raises(PolicyError, match="error") as refused:
        closed(builder, when).decision()
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "zone", ["+24:00", "+1:00", "+01:60", "++01:00", "Europe", "../etc/passwd", "\0", "Nowhere/Else"]
)
def test_what_is_not_a_zone(zone: str) -> None:
    with pytest.raises(Undefined):
        calendar.offset(0, zone)
