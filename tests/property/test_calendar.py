"""The calendar's parts are those of Python's calendar and zones, and each stays as it is up to its turn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from random import Random
from zoneinfo import ZoneInfo

import pytest

from interlock.instant import SECOND
from interlock.language.calendar import HOUR, PARTS, SPANS, part, passing, span, turn
from tests.conftest import EXAMPLES

ZONES: tuple[str, ...] = ("UTC", "+02:00", "-09:30", "Europe/Berlin", "America/New_York", "Asia/Kolkata")
ZONES += ("Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Apia")
CASES = 400 * EXAMPLES
LAST = 9_000_000_000 * SECOND


def zone_of(zone: str) -> timezone | ZoneInfo:
    if "/" in zone:
        return ZoneInfo(zone)
    if zone == "UTC":
        return UTC
    ahead = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:]))
    return timezone(-ahead if zone[0] == "-" else ahead)


def by_python(name: str, instant: int, zone: str) -> int:
    moment = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=instant)).astimezone(zone_of(zone))
    return {
        "getFullYear": moment.year,
        "getMonth": moment.month - 1,
        "getDate": moment.day,
        "getDayOfMonth": moment.day - 1,
        "getDayOfWeek": moment.isoweekday() % 7,
        "getDayOfYear": moment.timetuple().tm_yday - 1,
        "getHours": moment.hour,
        "getMinutes": moment.minute,
        "getSeconds": moment.second,
        "getMilliseconds": moment.microsecond // 1_000,
    }[name]


@pytest.mark.parametrize("zone", ZONES)
def test_a_part_of_an_instant_is_what_python_says(zone: str) -> None:
    random = Random(zone)
    for _ in range(CASES):
        instant = random.randrange(LAST)
        assert {name: part(name, instant, zone) for name in PARTS} == {
            name: by_python(name, instant, zone) for name in PARTS
        }


@pytest.mark.parametrize("zone", ZONES)
def test_a_part_stays_as_it_is_up_to_its_turn(zone: str) -> None:
    """And is another then, but where the zone's clock is set back, or forward by as much."""
    random, same = Random(zone), 0
    for _ in range(CASES // 4):
        name, instant = random.choice(PARTS), random.randrange(2_000_000_000 * SECOND)
        until, value = turn(name, instant, zone), part(name, instant, zone)
        assert until > instant
        within = [instant, until - 1, *(random.randrange(instant, until) for _ in range(10))]
        assert {part(name, each, zone) for each in within} == {value}
        same += part(name, until, zone) == value
    assert same <= CASES // 16


def test_a_part_of_a_duration_stays_as_it_is_for_as_long_as_it_says() -> None:
    random = Random(3)
    for _ in range(CASES):
        name, duration = random.choice(tuple(SPANS)), random.randrange(-9 * HOUR, 9 * HOUR)
        lasts, value = passing(name, duration), span(name, duration)
        assert lasts > 0
        assert {span(name, duration + random.randrange(lasts)) for _ in range(5)} == {value}
        assert span(name, duration + lasts - 1) == value
        assert span(name, duration + lasts) != value
