"""The calendar's parts of instants and durations, in a time zone, and when they turn as the clock moves.

A zone is `UTC`, an offset such as `+02:00`, or a name of the IANA's data base: those of the system, or of the package
`tzdata` where the system has none. Instants and durations are in microseconds.
"""

from __future__ import annotations

from functools import lru_cache, partial

from interlock.instant import SECOND
from interlock.language.texts import FIRST, LAST, Undefined

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import tzinfo

MINUTE, HOUR, DAY = 60 * SECOND, 3_600 * SECOND, 86_400 * SECOND
_MILLISECOND = SECOND // 1_000
PARTS = (
    *("getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear"),
    *("getHours", "getMinutes", "getSeconds", "getMilliseconds"),
)
"""The parts of an instant, as CEL names them: months, days of the month, of the week and of the year count from 0, but
`getDate` from 1; the week begins on Sunday."""
SPANS = {"getHours": HOUR, "getMinutes": MINUTE, "getSeconds": SECOND, "getMilliseconds": _MILLISECOND}
"""The parts of a duration: its whole hours, minutes and seconds, and the milliseconds of its last second."""
_YEAR_DAYS, _FOUR_YEARS, _CENTURY, _ERA = 365, 1_460, 36_524, 146_096
_OF_ERA = 719_468
"""Days from the first of March of the year 0 to 1970."""


def named(function: str) -> str | None:
    """The part that a function of that identity gives; None for any other function."""
    name = function.removesuffix("_in").removesuffix("_of")
    return name if name in PARTS else None


def part(name: str, instant: int, zone: str = "UTC") -> int:
    """A part of an instant in a zone. Raises Undefined for an unknown zone."""
    local = instant + offset(instant, zone)
    if name in SPANS:
        within = {"getHours": DAY, "getMinutes": HOUR, "getSeconds": MINUTE, "getMilliseconds": SECOND}[name]
        return local % within // SPANS[name]
    days = local // DAY
    year, month, day = _civil(days)
    match name:
        case "getFullYear":
            return year
        case "getMonth":
            return month - 1
        case "getDayOfWeek":
            return (days + 4) % 7
        case "getDayOfYear":
            return days - _days(year, 1)
    return day if name == "getDate" else day - 1


def span(name: str, duration: int) -> int:
    """A part of a duration, cut off towards 0."""
    found = abs(duration) // SPANS[name]
    found = found % 1_000 if name == "getMilliseconds" else found
    return found if duration >= 0 else -found


def turn(name: str, instant: int, zone: str = "UTC") -> int:
    """An instant after this one, up to which a part of it stays as it is."""
    ahead = offset(instant, zone)
    local = instant + ahead
    if name in SPANS:
        end = local - local % SPANS[name] + SPANS[name]
    elif name in ("getFullYear", "getMonth"):
        year, month, _ = _civil(local // DAY)
        end = _days(year, month + 1) if name == "getMonth" and month < 12 else _days(year + 1, 1)
        end *= DAY
    else:
        end = local - local % DAY + DAY
    return _moved(instant, end - ahead, zone)


def passing(name: str, duration: int) -> int:
    """How long a part of a duration that grows stays as it is."""
    unit = SPANS[name]
    whole = abs(duration) // unit
    if duration >= 0 or not whole:
        return (whole + 1) * unit - duration if duration >= 0 else unit - duration
    return 1 - whole * unit - duration


def offset(instant: int, zone: str) -> int:
    """By how much a zone is ahead of UTC at an instant. Raises Undefined for an unknown zone."""
    fixed = _fixed(zone)
    if fixed is not None:
        return fixed
    from datetime import UTC, datetime, timedelta

    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=min(max(instant, FIRST + DAY), LAST - DAY))
    ahead = moment.astimezone(named_zone(zone)).utcoffset()
    assert ahead is not None
    return ahead // timedelta(microseconds=1)


@lru_cache
def _fixed(zone: str) -> int | None:
    """The offset that a text is; None for the name of a zone. Raises Undefined for a wrong offset."""
    if zone in ("UTC", ""):
        return 0
    digits = zone.lstrip("+-")
    if len(zone) - len(digits) > 1 or not digits[:1].isdigit():
        return None
    hours, colon, minutes = digits.partition(":")
    if not (colon and len(hours) == len(minutes) == 2 and digits.replace(":", "", 1).isdecimal() and digits.isascii()):
        raise Undefined(f"`{zone}` is not an offset such as +02:00")
    if int(hours) > 23 or int(minutes) > 59:
        raise Undefined(f"`{zone}` is not an offset of less than a day")
    found = int(hours) * HOUR + int(minutes) * MINUTE
    return -found if zone[0] == "-" else found


@lru_cache
def named_zone(zone: str) -> tzinfo:
    """The zone of a name. Raises Undefined where there is none."""
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        raise Undefined(f"`{zone}` is not a time zone that is known here") from None


def check(zone: str) -> str | None:
    """What is wrong with a zone that is written, with what was meant; None where nothing is."""
    try:
        offset(0, zone)
    except Undefined as why:
        return str(why)
    return None


def near(zone: str) -> str | None:
    """What to write instead of an unknown zone."""
    from zoneinfo import available_timezones

    from interlock.diagnostics import did_you_mean

    known = available_timezones()
    if not known:
        return "the system has no time zones: install the package tzdata, or write an offset such as +02:00"
    return did_you_mean(zone, known) or "write a name such as Europe/Berlin, or an offset such as +02:00"


def _moved(start: int, end: int, zone: str) -> int:
    """The first instant after `start`, up to `end`, at which the zone's offset is another; `end` where it is not."""
    if _fixed(zone) is not None:
        return end
    ahead, step = partial(offset, zone=zone), HOUR if end - start <= 2 * DAY else DAY
    before, here = ahead(start), start
    while here < end:
        after = min(here + step, end)
        if ahead(after) != before:
            while after - here > 1:
                middle = (here + after) // 2
                here, after = (middle, after) if ahead(middle) == before else (here, middle)
            return after
        here = after
    return end


def _civil(days: int) -> tuple[int, int, int]:
    """Year, month and day of the month, from 1, of a day counted from 1970."""
    era, of_era = divmod(days + _OF_ERA, _ERA + 1)
    year_of_era = (of_era - of_era // _FOUR_YEARS + of_era // _CENTURY - of_era // _ERA) // _YEAR_DAYS
    of_year = of_era - (_YEAR_DAYS * year_of_era + year_of_era // 4 - year_of_era // 100)
    from_march = (5 * of_year + 2) // 153
    day = of_year - (153 * from_march + 2) // 5 + 1
    month = from_march + 3 if from_march < 10 else from_march - 9
    return year_of_era + era * 400 + (month <= 2), month, day


def _days(year: int, month: int) -> int:
    """The day, counted from 1970, of the first of a month."""
    year -= month <= 2
    era, year_of_era = divmod(year, 400)
    of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5
    return era * (_ERA + 1) + year_of_era * _YEAR_DAYS + year_of_era // 4 - year_of_era // 100 + of_year - _OF_ERA
