"""Times as the model reads them: integer microseconds, UTC. Nothing here comes from interlock."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

SECOND = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STRICT = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?(Z|\+00:00)")
_HOUR = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}")
_WIDE = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


class Stamp(int):
    """An instant as it was read. `cut` says that its text has no fraction, and so means some moment of that second."""

    cut: bool


def read(text: object, *, wide: bool = False) -> Stamp | None:
    """Microseconds since 1970 of a time as Conveyor writes it; None for anything else.

    With `wide`, every RFC 3339 instant is read: other offsets, lower case, a space for the `T`.
    """
    match = (_WIDE if wide else _STRICT).fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    *parts, fraction, zone = match.groups()
    year, month, day, hour, minute, second = map(int, parts)
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=_offset(zone))
        found = (moment - _EPOCH) // timedelta(microseconds=1) + int(((fraction or "") + "000000")[:6])
    except (ValueError, OverflowError):
        return None
    if not 0 <= found < 1 << 53:
        return None
    stamp = Stamp(found)
    stamp.cut = fraction is None
    return stamp


def _offset(zone: str) -> timezone:
    if zone in "Zz":
        return UTC
    hours, minutes = int(zone[1:3]), int(zone[4:])
    if minutes > 59:
        raise ValueError(zone)
    span = timedelta(hours=hours, minutes=minutes)
    return timezone(-span if zone[0] == "-" else span)


def near(text: object) -> tuple[int, int] | None:
    """Between which instants a time lies that cannot be read, but begins with a date and an hour: no offset reaches a
    day. None for any other text.
    """
    match = _HOUR.match(text) if isinstance(text, str) else None
    hour = None if match is None else read(f"{match[0]}:00:00Z")
    return None if hour is None else (hour - 24 * 3_600 * SECOND, hour + 25 * 3_600 * SECOND)


def write(instant: int, digits: int = 0) -> str:
    """The text of an instant, with that many digits of a second; what they cannot hold is cut off."""
    moment = _EPOCH + timedelta(microseconds=instant)
    fraction = f"{instant % SECOND:06d}"[:digits]
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + (f".{fraction}" if digits else "") + "Z"


def _whole(instant: int) -> bool:
    return instant % SECOND == 0


def unordered(one: int, other: int) -> set[bool]:
    """Whether two stamps leave open which moment was first: one of a whole second, the other a fraction of that second.

    Both are right where a stamp such as `05.000Z` is exact, yet may be read as the second that it names.
    """
    if one // SECOND != other // SECOND:
        return {False}
    if _whole(one) and _whole(other):
        return {False} if getattr(one, "cut", True) == getattr(other, "cut", True) else {True, False}
    if _whole(one) == _whole(other):
        return {False}
    coarse = one if _whole(one) else other
    return {True} if getattr(coarse, "cut", True) else {True, False}
