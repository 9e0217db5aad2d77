"""What the functions over texts do, and the reading and writing of values as texts. Offsets count characters."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from interlock.instant import SECOND

INT_MIN, INT_MAX = -(1 << 63), (1 << 63) - 1
MAX_DURATION = INT_MAX // 1_000
"""The longest duration in CEL, in microseconds: some 292 years."""
MAX_TEXT = 1 << 20
"""The most characters of a text that a function makes."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST = (datetime(1, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
LAST = (datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
"""The first and the last instant in CEL, in microseconds."""
_LOWER = {code: code + 32 for code in range(65, 91)}
_UPPER = {code + 32: code for code in range(65, 91)}
_BLANK = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_INTEGER = r"(?a)[-+]?[0-9]+"
_DOUBLE = r"(?ai)[-+]?(([0-9]+(\.[0-9]*)?|\.[0-9]+)(e[-+]?[0-9]+)?|inf|infinity|nan)"
_INSTANT = r"(?a)(\d{4}-\d\d-\d\d)[Tt](?!24)(\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)"
_PART = r"(?a)([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)"
_NANOSECONDS = {"ns": 1, "us": 1_000, "µs": 1_000, "μs": 1_000, "ms": 1_000_000}
_NANOSECONDS |= {"s": 10**9, "m": 60 * 10**9, "h": 3_600 * 10**9}


class Undefined(Exception):
    """A function has no value for these arguments, which is an error in CEL; the message says why."""


def lower(text: str) -> str:
    """The text with ASCII letters in lower case."""
    return text.translate(_LOWER)


def upper(text: str) -> str:
    """The text with ASCII letters in upper case."""
    return text.translate(_UPPER)


def trim(text: str) -> str:
    """The text without white space at its ends."""
    return text.strip(_BLANK)


def split(text: str, separator: str, limit: int = -1) -> tuple[str, ...]:
    """The parts between separators, at most `limit` of them; the characters where the separator is empty."""
    if not limit:
        return ()
    if separator:
        return tuple(text.split(separator, limit - 1 if limit > 0 else -1))
    if limit < 0 or limit >= len(text):
        return tuple(text)
    return (*text[: limit - 1], text[limit - 1 :])


def replace(text: str, old: str, new: str, limit: int = -1) -> str:
    """The text with the first `limit` places (all, below 0) of `old` replaced."""
    places = text.count(old) if limit < 0 else min(limit, text.count(old))
    _check_size(len(text) + places * (len(new) - len(old)))
    return text.replace(old, new, limit)


def _check_size(size: int) -> None:
    """Raises Undefined for more characters than a text that a function makes may have."""
    if size > MAX_TEXT:
        raise Undefined(f"the text has more than {MAX_TEXT:,} characters")


def substring(text: str, start: int, end: int | None = None) -> str:
    """The characters from one offset up to another. Raises Undefined for offsets that are not in the text."""
    stop = len(text) if end is None else end
    if not 0 <= start <= stop <= len(text):
        raise Undefined(f"there are no characters {start} to {stop} in a text of {len(text)}")
    return text[start:stop]


def character(text: str, place: int) -> str:
    """The character at an offset; none at the end. Raises Undefined beyond."""
    if not 0 <= place <= len(text):
        raise Undefined(f"there is no character {place} in a text of {len(text)}")
    return text[place : place + 1]


def first(text: str, part: str, start: int = 0) -> int:
    """The offset of the first `part` from `start` on; -1 where there is none. Raises Undefined."""
    if not 0 <= start <= len(text):
        raise Undefined(f"there is no character {start} in a text of {len(text)}")
    return text.find(part, start)


def last(text: str, part: str, start: int | None = None) -> int:
    """The offset of the last `part` that begins at or before `start`; -1 where there is none. Raises Undefined."""
    if start is not None and not 0 <= start <= len(text):
        raise Undefined(f"there is no character {start} in a text of {len(text)}")
    return text.rfind(part) if start is None else text.rfind(part, 0, start + len(part))


def joined(parts: tuple[str, ...], separator: str = "") -> str:
    """The texts of a list as one. Raises Undefined."""
    _check_size(sum(map(len, parts)) + len(separator) * max(len(parts) - 1, 0))
    return separator.join(parts)


# -- values as texts


def integer(text: str) -> int:
    """The whole number that a text writes. Raises Undefined."""
    found = int(text) if len(text) < 30 and re.fullmatch(_INTEGER, text) else None
    if found is None or not INT_MIN <= found <= INT_MAX:
        raise Undefined(f"`{_shown(text)}` is not a whole number of 64 bits")
    return found


def double(text: str) -> float:
    """The number that a text writes. Raises Undefined."""
    found = float(text) if len(text) < 400 and re.fullmatch(_DOUBLE, text) else None
    if found is None or (abs(found) == float("inf") and text[-1].isdigit()):
        raise Undefined(f"`{_shown(text)}` is not a number")
    return found


def boolean(text: str) -> bool:
    """What a text of `true` or `false` means, in the forms that CEL knows. Raises Undefined."""
    if text in ("true", "True", "TRUE", "t", "1"):
        return True
    if text in ("false", "False", "FALSE", "f", "0"):
        return False
    raise Undefined(f"`{_shown(text)}` is neither true nor false")


def instant_of(text: str) -> int:
    """Microseconds since 1970 of an RFC 3339 instant with any offset. Raises Undefined."""
    match = re.fullmatch(_INSTANT, text)
    if not match:
        raise Undefined(f"`{_shown(text)}` is not an instant such as `2026-06-11T12:00:05Z`")
    day, time, fraction, offset = match.groups()
    if (fraction or "")[6:].strip("0"):
        raise Undefined(f"`{_shown(text)}` is more precise than a microsecond")
    try:
        moment = datetime.fromisoformat(f"{day}T{time}+00:00")
    except ValueError:
        raise Undefined(f"`{_shown(text)}` is not an instant: no such day or time of day") from None
    sign = 0 if offset in "Zz" else 1 if offset[0] == "+" else -1
    shift = sign * (int(offset[1:3]) * 60 + int(offset[4:6])) * 60 * SECOND if sign else 0
    found = (moment - _EPOCH) // timedelta(microseconds=1) + int((fraction or "0").ljust(6, "0")[:6]) - shift
    return in_years(found, text)


def in_years(found: int, text: str = "") -> int:
    """The instant, if it is of the years 1 to 9999. Raises Undefined."""
    if not FIRST <= found <= LAST:
        raise Undefined(f"{f'`{_shown(text)}`' if text else 'the instant'} is outside the years 1 to 9999")
    return found


def duration_of(text: str) -> int:
    """Microseconds of a duration such as `1h30m`, `-1.5s` or `250ms`. Raises Undefined."""
    sign, left = (-1, text[1:]) if text[:1] == "-" else (1, text.removeprefix("+"))
    parts = re.findall(_PART, left)
    if left == "0":
        return 0
    if not parts or "".join(number + unit for number, unit in parts) != left or len(text) > 100:
        raise Undefined(f"`{_shown(text)}` is not a duration such as `180s`, `3m` or `1h30m`")
    total = 0
    for number, unit in parts:
        whole, _, fraction = number.partition(".")
        scale = 10 ** len(fraction)
        total += int((whole or "0") + fraction) * _NANOSECONDS[unit] * 10**9 // scale
    if total % (1_000 * 10**9):
        raise Undefined(f"`{_shown(text)}` is more precise than a microsecond")
    return in_range(sign * (total // (1_000 * 10**9)), text)


def whole(found: int) -> int:
    """The whole number, if it has 64 bits. Raises Undefined."""
    if not INT_MIN <= found <= INT_MAX:
        raise Undefined("the number overflows 64 bits")
    return found


def in_range(found: int, text: str = "") -> int:
    """The duration, if CEL has it. Raises Undefined."""
    if abs(found) > MAX_DURATION:
        raise Undefined(f"{f'`{_shown(text)}`' if text else 'the duration'} is longer than 292 years")
    return found


def write_instant(instant: int) -> str:
    """The text of an instant, its fraction without zeros at the end."""
    moment = _EPOCH + timedelta(microseconds=instant)
    fraction = f".{moment.microsecond:06d}".rstrip("0") if moment.microsecond else ""
    return moment.isoformat(timespec="seconds").removesuffix("+00:00") + fraction + "Z"


def write_duration(duration: int) -> str:
    """The text of a duration in seconds."""
    whole, left = divmod(abs(duration), SECOND)
    fraction = f".{left:06d}".rstrip("0") if left else ""
    return f"{'-' if duration < 0 else ''}{whole}{fraction}s"


def _shown(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."
