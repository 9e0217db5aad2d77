"""SQL for receipts whose time is not readable, wherever the text of it sorts.

Selections take ranges of time on texts: they find only unreadable times that begin with a date and an hour (`times`).
"""

from __future__ import annotations

from interlock import schemas
from interlock.model.policy import Policy
from interlock.policy.compile.columns import ROW
from interlock.policy.compile.times import UNREADABLE

_HOUR = "[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]*"
_IN_DAY = (
    f"(typeof(hop.at) = 'text' AND hop.at GLOB '{_HOUR}' AND hop.at >= '1970' AND hop.at < '2255'"
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


def undated(policy: Policy) -> str | None:
    """The query for receipts of the kinds that the policy reads whose `at` is not an instant; None where it reads none.

    Not found are those whose text has a day and an hour and sorts before the instant of the request: selections look
    for them. `:upper` and `:tomorrow` are the texts of the second after that of the request, and of a day after that:
    no zone is further from UTC, so what sorts later is later however it is read.
    """
    scopes = {kind: everywhere for kind, everywhere in policy.kinds().items() if kind not in schemas.ENTITIES}
    kinds, anywhere = list(scopes), [kind for kind, everywhere in scopes.items() if everywhere]
    if not kinds:
        return None
    mine = f"(+task_id = :task{f' OR kind IN ({_listed(anywhere)})' if anywhere else ''})"
    row = f"SELECT {ROW}, 1 AS suspect"
    between = f"{row} FROM ({_ODD}) CROSS JOIN receipt WHERE kind = odd_kind AND at = odd AND {mine}"
    without = f"{row} FROM receipt WHERE kind IN ({_listed(kinds)}) AND at IS {_NULL} AND {mine}"
    later = f"at >= :upper AND at < :tomorrow AND {UNREADABLE}"
    arms = [between, without, f"{row} FROM receipt WHERE task_id = :task AND +kind IN ({_listed(kinds)}) AND {later}"]
    if anywhere:
        arms.append(f"{row} FROM receipt WHERE kind IN ({_listed(anywhere)}) AND {later}")
    return f"WITH RECURSIVE {_hops(kinds)} SELECT * FROM ({' UNION '.join(arms)}) LIMIT {_MOST}"


def _hops(kinds: list[str]) -> str:
    """`hop`: of each kind the first text in the index, then always the first that the last one's day does not hold.

    Each text is greater than the one before, whatever that one is, so it terminates.
    """
    end = f"substr(hop.at, 1, 10) || 'T23' || char({_LAST})"
    after = f"iif({_IN_DAY}, max({end}, hop.at), hop.at)"
    first = f"SELECT at FROM receipt WHERE receipt.kind = column1 AND at IS NOT {_NULL} ORDER BY at LIMIT 1"
    following = f"SELECT at FROM receipt WHERE receipt.kind = hop.kind AND receipt.at > {after} ORDER BY at LIMIT 1"
    listed = ", ".join(f"('{kind}')" for kind in kinds)
    return (
        f"hop(kind, at) AS (SELECT column1, ({first}) FROM (VALUES {listed}) "
        f"UNION ALL SELECT kind, ({following}) FROM hop WHERE at IS NOT NULL)"
    )


def _listed(kinds: list[str]) -> str:
    return ", ".join(f"'{kind}'" for kind in kinds)
