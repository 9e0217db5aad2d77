"""Instants and durations: integer microseconds, UTC.

An instant is the number of microseconds since 1970-01-01T00:00:00Z, a duration a number of microseconds. Both fit an
exact integer of the rules engine (below 2**53), so instants reach from 1970 to 2255.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise

SECOND = 1_000_000
INTEGER_BOUND = 1 << 53
"""Every integer that is judged is smaller than this in magnitude."""
LATEST = INTEGER_BOUND - 1
"""The latest instant."""
SPAN = "1970-01-01 to 2255-06-05"
"""The days of all instants, in words."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT(?!24)\d\d:\d\d:\d\d(\.\d{1,9})?(Z|\+00:00)", re.ASCII)
_RFC_3339 = r"(?a)(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:[0-5]\d)(\.\d+)?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)"
_MOST_DIGITS = 9
_UNITS = {"h": 3_600 * SECOND, "m": 60 * SECOND, "s": SECOND, "ms": 1_000, "us": 1}
_DAYS = {"d": 24 * _UNITS["h"], **_UNITS}
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?(?:(\d+)us)?", re.ASCII)


@lru_cache(4_096)  # of one receipt, each time is read by its schema, by the ledger and for the rules
def parse_instant(text: str) -> int:
    """Microseconds since the epoch of an RFC 3339 instant in UTC, such as `2026-06-11T12:00:05.250Z`.

    Digits past the microsecond are cut off. Raises ValueError for anything else, other offsets than UTC included:
    the ledger is written in UTC, and a text in another offset would not sort where its instant lies.
    """
    if not _INSTANT.fullmatch(text):
        raise ValueError(f"`{_shown(text)}` is not an instant in UTC such as `2026-06-11T12:00:05Z`")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"`{_shown(text)}` is not an instant: no such day or time of day") from None
    found = (moment - _EPOCH) // _MICROSECOND
    if not 0 <= found < INTEGER_BOUND:
        raise ValueError(f"`{_shown(text)}` is outside {SPAN}")
    return found


def read_instant(text: str) -> int:
    """Microseconds since the epoch of an RFC 3339 instant in any offset, as people and other programs write it.

    Digits past the microsecond are cut off. Raises ValueError for anything else. Not for the ledger's stamps: see
    `parse_instant`.
    """
    if not re.fullmatch(_RFC_3339, text):
        shown = _shown(text)
        if re.fullmatch(_RFC_3339, f"{text}Z"):
            raise ValueError(f"`{shown}` has no offset; `{shown}Z` is in UTC")
        raise ValueError(f"`{shown}` is not an RFC 3339 instant such as `2026-06-11T12:00:05Z`")
    utc = in_utc(text)
    if utc is None:
        raise ValueError(f"`{_shown(text)}` is not an instant: no such day or time of day")
    return parse_instant(utc)


def in_utc(text: str) -> str | None:
    """An RFC 3339 instant as a text in UTC, with the digits of a second that it has; None for what is not one."""
    match = re.fullmatch(_RFC_3339, text)
    if match is None:
        return None
    day, time, fraction, offset = match.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{time}{offset.upper().replace('Z', '+00:00')}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return f"{moment.replace(tzinfo=None).isoformat()}{(fraction or '')[: _MOST_DIGITS + 1]}Z"


def latest_instant(text: str) -> int:
    """The last instant that a stamp may mean: one without a fraction means some moment of its second.

    Raises ValueError for what is not an instant.
    """
    return parse_instant(text) + (0 if "." in text else SECOND - 1)


@lru_cache(256)
def format_instant(instant: int) -> str:
    """The RFC 3339 text of an instant, with as many digits of a second as it needs: none, three or six.

    What arithmetic moves out of the years 1 to 9999 has no such text, and is reported as what it is.
    """
    try:
        moment = _EPOCH + timedelta(microseconds=instant)
    except OverflowError:
        return f"{instant // SECOND} seconds since 1970"
    digits = instant % SECOND
    spec = "seconds" if not digits else "milliseconds" if not digits % 1_000 else "microseconds"
    return moment.isoformat(timespec=spec).replace("+00:00", "Z")


def parse_duration(text: str) -> int:
    """Microseconds of a duration such as `180s`, `3m` or `1d12h` (units d, h, m, s, ms, us, largest first).

    A day has 24 hours. The units are those of CEL, but for the day.

    Raises ValueError for anything else: a bare number is never a duration.
    """
    match = _DURATION.fullmatch(text)
    if not match or not text:
        raise ValueError(f"`{_shown(text)}` is not a duration such as `180s`, `3m` or `1h30m`")
    found = sum(int(n) * unit for n, unit in zip(match.groups(), _DAYS.values(), strict=True) if n)
    if found >= INTEGER_BOUND:
        raise ValueError(f"`{_shown(text)}` is longer than 285 years")
    return found


def format_duration(duration: int) -> str:
    """The text of a duration, largest units first: `1h30m`, `3m`, `-90s`, `0s`."""
    if not duration:
        return "0s"
    left, shown = abs(duration), ""
    for name, unit in _UNITS.items():
        count, left = divmod(left, unit)
        shown += f"{count}{name}" if count else ""
    return "-" + shown if duration < 0 else shown


def duration_text(duration: int) -> str:
    """The text of a duration for people: its largest unit and the next, such as `2d3h`, `5m17s` or `250ms`."""
    units = list(_DAYS.items())
    for (name, unit), (below, part) in pairwise(units):
        rounded = (abs(duration) + part // 2) // part * part
        if rounded >= unit:
            count, left = divmod(rounded, unit)
            shown = f"{count}{name}" + (f"{left // part}{below}" if left else "")
            return "-" + shown if duration < 0 else shown
    return format_duration(duration)


def _shown(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."
