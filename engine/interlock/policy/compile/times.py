"""SQL over the texts of receipts' times (`at`).

Indexes hold times as text, and only the text of an instant in UTC (`2026-06-11T12:00:05.250Z`) sorts by its second. A
receipt whose time has any other form is *unreadable*: whatever it says, nobody can rely on when it happened. If its
text begins with a date and an hour, it happened within a day of where the text sorts, since no RFC 3339 offset reaches
24 hours. So wherever a time decides what is selected, unreadable times up to a day away are examined too. Unreadable
texts of other forms are found wherever they sort (`undated`).
"""

from __future__ import annotations

from interlock import schemas
from interlock.instant import SECOND
from interlock.model.policy import Policy
from interlock.policy.compile.columns import ROW

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
_DATE_AND_HOUR = "[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]*"
_IN_DAY = (
    f"(typeof(hop.at) = 'text' AND hop.at GLOB '{_DATE_AND_HOUR}' AND hop.at >= '1970' AND hop.at < '2255'"
    " AND date(substr(hop.at, 1, 10), '+0 days') IS substr(hop.at, 1, 10) AND hop.at < substr(hop.at, 1, 10) || 'T24')"
)
"""The text begins with a date that exists, and with an hour of it."""
_ODD = f"SELECT kind AS odd_kind, at AS odd FROM hop WHERE at IS NOT NULL AND NOT {_IN_DAY}"
_NULL = "(SELECT NULL)"
"""NULL, also in a column that is declared NOT NULL: of such a one SQLite takes `IS NULL` to be false, unread."""
_LAST = 0x10FFFF
"""The character that sorts last."""
_MOST = 10
"""That many are named; one is enough to be undecided."""


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
    return f"at {'>=' if after else '<='} top AND {_not_beyond(after=after)}"


def up_to_nth(*, after: bool) -> str:
    """SQL that is 1 for the rows up to the second of the text `top`, and unreadable ones up to a day beyond it.

    `top` is the text of the n-th newest, or, with `after`, of the n-th oldest; `second` is that of its second.
    """
    if after:
        return f"{_not_beyond(after=True)} AND (substr(at, 1, 19) <= second OR {UNREADABLE})"
    return f"{_not_beyond(after=False)} AND (at >= second OR {UNREADABLE})"


def _not_beyond(*, after: bool) -> str:
    order, outermost, sign = ("<=", "max", "+") if after else (">=", "min", "-")
    moved = f"strftime({_FORMAT}, second, '{sign}{_AWAY} seconds')"
    return f"at {order} {outermost}(coalesce({moved}, top), second, top)"


def undated(policy: Policy) -> str | None:
    """The query for receipts of the kinds that the policy reads whose `at` is not an instant; None where it reads none.

    It is the same for every policy: `:kinds` are those that it reads, `:everywhere` those that it reads of every task.

    Not found are those whose text has a day and an hour and sorts before the instant of the request: selections look
    for them. `:upper` and `:tomorrow` are the texts of the second after that of the request, and of a day after that:
    no zone is further from UTC, so what sorts later is later however it is read.
    """
    if all(kind in schemas.ENTITIES for kind in policy.kinds()):
        return None
    kinds, everywhere = _listed("kinds"), _listed("everywhere")
    mine = f"(+task_id = :task OR kind IN ({everywhere}))"
    row = f"SELECT {ROW}, 1 AS suspect"
    between = f"{row} FROM ({_ODD}) CROSS JOIN receipt WHERE kind = odd_kind AND at = odd AND {mine}"
    without = f"{row} FROM receipt WHERE kind IN ({kinds}) AND at IS {_NULL} AND {mine}"
    later = f"at >= :upper AND at < :tomorrow AND {UNREADABLE}"
    own = f"{row} FROM receipt WHERE task_id = :task AND +kind IN ({kinds}) AND {later}"
    others = f"{row} FROM receipt WHERE kind IN ({everywhere}) AND {later}"
    arms = (between, without, own, others)
    return f"WITH RECURSIVE {_hops()} SELECT * FROM ({' UNION '.join(arms)}) LIMIT {_MOST}"


def _hops() -> str:
    """`hop`: of each kind the first text in the index, then always the first that the last one's day does not hold.

    Each text is greater than the one before, whatever that one is, so it terminates.
    """
    end = f"substr(hop.at, 1, 10) || 'T23' || char({_LAST})"
    after = f"iif({_IN_DAY}, max({end}, hop.at), hop.at)"
    first = f"SELECT at FROM receipt WHERE receipt.kind = value AND at IS NOT {_NULL} ORDER BY at LIMIT 1"
    following = f"SELECT at FROM receipt WHERE receipt.kind = hop.kind AND receipt.at > {after} ORDER BY at LIMIT 1"
    return (
        f"hop(kind, at) AS (SELECT value, ({first}) FROM json_each(:kinds) "
        f"UNION ALL SELECT kind, ({following}) FROM hop WHERE at IS NOT NULL)"
    )


def _listed(name: str) -> str:
    return f"SELECT value FROM json_each(:{name})"
