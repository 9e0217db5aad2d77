"""The past of a policy's conditions, judged at every instant at which they could change (`holding`).

What was recorded late is not what the ledger showed at the instant that it is stamped with: from there to when it was
recorded, nothing is known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import msgspec

from interlock.evaluation.ahead import BEHIND, reads
from interlock.evaluation.arrivals import arrivals
from interlock.evaluation.holding import Held, reach
from interlock.evaluation.select import SelectionCache
from interlock.evaluation.validity import steady
from interlock.instant import SECOND, format_duration
from interlock.model.facts import Value

if TYPE_CHECKING:
    from interlock.evaluation.judge import Judge, Loaded

MAX_INSTANTS = 2_000
"""That many instants of the past are judged for one decision at most."""


class Late(msgspec.Struct, frozen=True):
    """A receipt that is stamped with an instant and was recorded at another, as what was recorded before it shows."""

    kind: str
    id: str
    stamped: int
    recorded: int

    def __str__(self) -> str:
        apart = format_duration(self.recorded - self.stamped)
        return f"{self.kind} `{self.id}` was recorded after a receipt that is stamped {apart} later"


class Past(msgspec.Struct, frozen=True):
    """What is known of what a policy looks back on.

    `begun` is when the first receipt came that it reads, or that entities which it reads are made of; None where none
    has. Before it nothing holds. `late` are the receipts that were recorded late.
    """

    begun: int | None
    late: tuple[Late, ...]

    def turns(self) -> Iterator[int]:
        """The instants at which what is known becomes other."""
        yield from (self.begun,) if self.begun is not None else ()
        yield from (at for each in self.late for at in (each.stamped, each.recorded))

    def unsure(self, now: int) -> str | None:
        """Why what is seen of an instant is not what was seen at it; None where it is."""
        return next((str(each) for each in self.late if each.stamped <= now < each.recorded), None)


def past(judge: Judge, loaded: Loaded, task: str, params: Mapping[str, Value]) -> Past:
    """What is known of what a decision looks back on. Raises LedgerError."""
    since, allowed = judge.now - reach(loaded.policy, params), max(judge.max_skew, SECOND)
    begun, late = set[int](), list[Late]()
    for name, kinds in reads(loaded, task, params).items():
        served = {behind for kind in kinds for behind in BEHIND.get(kind, (kind,))}
        everywhere = {kind for kind in kinds if kinds[kind]}
        asked = judge.snapshot.task_id(name), served, everywhere
        first = judge.snapshot.begun(*asked)
        begun |= {first} if first is not None else set()
        for rows in _by_source(judge, judge.snapshot.recorded(*asked, since)):
            newest = 0
            for kind, identity, at in rows:
                late += [Late(kind, identity, at, newest)] if newest - at > allowed else []
                newest = max(newest, at)
    return Past(min(begun, default=None), tuple(late))


def _by_source(judge: Judge, recorded: list[tuple[str, str, int]]) -> list[list[tuple[str, str, int]]]:
    """The receipts of each source: only those are in the order in which they were recorded."""
    joined = judge.snapshot.joined
    if joined is None:
        return [recorded]
    sources: dict[int, set[str]] = defaultdict(set)
    for identity, source in joined.origins([identity for _, identity, _ in recorded]):
        sources[source].add(identity)
    return [[row for row in recorded if row[1] in known] for known in sources.values()]


def held_before(judge: Judge, key: tuple[object, ...], loaded: Loaded, task: str, params: Mapping[str, Value]) -> Held:
    """What is known of a policy's conditions just before the instant of a judge, who knows it by that key.

    The snapshot shows earlier instants, and then its own again. Raises LedgerError.
    """
    wanted, begun = reads(loaded, task, params), judge.pasts[key].begun
    at = max(judge.now - reach(loaded.policy, params), judge.now if begun is None else begun)
    held, judged = Held(), 0
    with judge.snapshot.history():
        found = arrivals(judge.snapshot, wanted, at, judge.now - 1)
        waiting = sorted(found.kinds, reverse=True)
        kept: dict[tuple[object, ...], SelectionCache]
        kept = defaultdict(lambda: SelectionCache(dated=found.dated))
        before: dict[tuple[object, ...], Held] = {key: held}
        while at < judge.now:
            judged += 1
            if judged > MAX_INSTANTS:
                return held.losing(at, f"too much happens: {MAX_INSTANTS:,} instants are judged at most")
            for each in kept.values():
                each.arrived(found.kinds.get(at, ()))
            here = judge.earlier(at, kept, before)
            evaluated = here.judged(loaded, task, params)
            held = evaluated.held or held
            before = {known: each.held for known, each in here.decided.items() if each.held is not None}
            while waiting and waiting[-1] <= at:
                waiting.pop()
            at = min(steady(here, evaluated), waiting[-1] if waiting else judge.now)
    return held
