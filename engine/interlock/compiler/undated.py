"""SQL for the receipts whose time is none, wherever their texts sort.

Ranges of time are taken on the texts of times (see `selections`). A text that is no time sorts anywhere: it could be
passed over as earlier or later than whatever is asked for, although nobody knows when it happened. To look at every
receipt would cost what the ledger is large, so this hops through the index from day to day: between the last second
of a day and the first of the next that has receipts there is nothing but what is no time.
"""

from __future__ import annotations

from interlock import schemas
from interlock.compiler.columns import ROW
from interlock.policy import Policy

_DAY = "[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]"
_SECONDS = "[0-5][0-9]*Z"
"""What follows the minute of a time as Conveyor writes it: cheaper to see than that a text is an instant."""
_IN_DAY = f"(hop.at GLOB '{_DAY}T[0-2]*')"
_ODD = f"SELECT kind AS odd_kind, at AS odd FROM hop WHERE at IS NOT NULL AND NOT {_IN_DAY}"
_MOST = 10
"""That many are named; one is enough to be undecided."""


def undated(policy: Policy) -> str | None:
    """The query for receipts of the kinds that the policy reads whose `at` is no time; None where it reads none.

    Not found are those whose text has a day and an hour but is broken after it, and sorts before what is asked: ranges
    that reach them refuse them. `:upper` and `:tomorrow` are the texts of the second after the asked one, and of a day
    after that: no zone is further from UTC, so what sorts later is later however it is read.
    """
    scopes = {kind: everywhere for kind, everywhere in policy.kinds().items() if kind not in schemas.ENTITIES}
    kinds, anywhere = list(scopes), [kind for kind, everywhere in scopes.items() if everywhere]
    if not kinds:
        return None
    mine = f"+task_id = :task{f' OR kind IN ({_listed(anywhere)})' if anywhere else ''}"
    row = f"SELECT {ROW}, 1 AS suspect"
    between = f"{row} FROM ({_ODD}) CROSS JOIN receipt WHERE kind = odd_kind AND at = odd AND ({mine})"
    later = f"at >= :upper AND at < :tomorrow AND NOT substr(at, 18) GLOB '{_SECONDS}' AND instant IS NULL"
    arms = [between, f"{row} FROM receipt WHERE task_id = :task AND +kind IN ({_listed(kinds)}) AND {later}"]
    if anywhere:
        arms.append(f"{row} FROM receipt WHERE kind IN ({_listed(anywhere)}) AND {later}")
    return f"WITH RECURSIVE {_hops(kinds)} SELECT * FROM ({' UNION '.join(arms)}) LIMIT {_MOST}"


def _hops(kinds: list[str]) -> str:
    """`hop`: of each kind the first text in the index, then always the first that the last one's day does not hold."""
    after = f"iif({_IN_DAY}, substr(hop.at, 1, 10) || 'T23:59:59~', hop.at)"
    first = "SELECT at FROM receipt WHERE receipt.kind = column1 ORDER BY at LIMIT 1"
    following = f"SELECT at FROM receipt WHERE receipt.kind = hop.kind AND receipt.at > {after} ORDER BY at LIMIT 1"
    listed = ", ".join(f"('{kind}')" for kind in kinds)
    return (
        f"hop(kind, at) AS (SELECT column1, ({first}) FROM (VALUES {listed}) "
        f"UNION ALL SELECT kind, ({following}) FROM hop WHERE at IS NOT NULL)"
    )


def _listed(kinds: list[str]) -> str:
    return ", ".join(f"'{kind}'" for kind in kinds)
