"""SQL over the texts of receipts' times (`at`).

Indexes hold times as text, and only the text of an instant in UTC (`2026-06-11T12:00:05.250Z`) sorts by its second. A
receipt whose time has any other form is *unreadable*: whatever it says, nobody can rely on when it happened. If its
text begins with a date and an hour, it happened within a day of where the text sorts, since no RFC 3339 offset reaches
24 hours. So wherever a time decides what is selected, unreadable times up to a day away are examined too. Unreadable
texts of other forms are found wherever they sort (`undated`).
"""

from __future__ import annotations

from interlock.instant import SECOND

_FORMAT = "'%Y-%m-%dT%H:%M:%S'"
_HOUR = "?" * len("2026-06-11T12")
"""Not examined here: a text that does not begin with a date and an hour is found by `undated`."""
_FORMS = {20: "", 24: "." + 3 * "[0-9]", 27: "." + 6 * "[0-9]"}
"""The fractions that are written most, by the bytes of a whole text."""
_AWAY = 86_401
"""Seconds: a day, and the second whose fraction a text may have."""

_IS_FORM = " ".join(
    f"WHEN {size} THEN at GLOB '{_HOUR}:[0-5][0-9]:[0-5][0-9]{fraction}Z'" for size, fraction in _FORMS.items()
)
READABLE = f"CASE length(CAST(at AS BLOB)) {_IS_FORM} ELSE 0 END"
"""1 for the usual forms of an instant, without a call of Python. GLOB alone would stop at NUL."""
UNREADABLE = f"(NOT {READABLE} AND instant IS NULL)"
"""1 where the time of a receipt is not an instant in UTC."""


def second_of(instant: str, seconds: int = 0) -> str:
    """The text of the second of an instant (SQL for microseconds), some seconds later."""
    return f"strftime({_FORMAT}, ({instant}) / {SECOND}{f' {seconds:+d}' if seconds else ''}, 'unixepoch')"


def day_before(instant: str) -> str:
    """The text of a moment that is more than a day before an instant (SQL for microseconds)."""
    return second_of(instant, -_AWAY)


def within_day(*, after: bool) -> str:
    """SQL that is 1 where `at` sorts up to a day after the text `top`, or up to a day before it.

    `second` is the text of its second. A text that is not an instant is near only itself.
    """
    order, far, outermost, sign = (">=", "<=", "max", "+") if after else ("<=", ">=", "min", "-")
    moved = f"strftime({_FORMAT}, second, '{sign}{_AWAY} seconds')"
    return f"at {order} top AND at {far} {outermost}(coalesce({moved}, top), second, top)"
