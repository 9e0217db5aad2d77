"""What arrived in a stretch of time, of all that a policy reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from interlock import instant, schemas
from interlock.evaluation.ahead import BEHIND, Reads, seconds
from interlock.ledger import Snapshot
from interlock.model.history import Mark

_ROLES = ("manager", "worker")


class Arrivals(msgspec.Struct):
    """What arrived at each instant, in microseconds: the kinds of the facts, and how they are cited.

    `dated` is whether every receipt that the policies read has a time.
    """

    kinds: dict[int, set[str]]
    marks: dict[int, dict[str, Mark]]
    dated: bool = True

    def add(self, at: int, kinds: Iterable[str], mark: Mark | None = None) -> None:
        """Note that facts of these kinds arrived or changed."""
        self.kinds.setdefault(at, set()).update(kinds)
        if mark is not None:
            self.marks.setdefault(at, {})[mark.id] = mark


def arrivals(snapshot: Snapshot, wanted: Reads, since: int, until: int) -> Arrivals:
    """Everything of what is `wanted` that arrived or changed after `since`, up to `until`. Raises LedgerError."""
    found = Arrivals({}, {})
    for at in snapshot.turns():
        found.add(at, ())
    for task, kinds in wanted.items():
        identity = snapshot.task_id(task)
        for kind in schemas.ENTITIES:
            if kind in kinds:
                _note_entities(snapshot, identity, kind, every=kinds[kind], found=found)
        _note_receipts(snapshot, identity, kinds, found, since, until)
    within = {at: each for at, each in found.kinds.items() if since < at <= until}
    return Arrivals(within, {at: marks for at, marks in found.marks.items() if at in within}, found.dated)


def _note_entities(snapshot: Snapshot, task: str, kind: str, *, every: bool, found: Arrivals) -> None:
    for what, identity, at in snapshot.changes(kind, None if every else task):
        known = found.marks.get(at, {}).get(identity)  # an entity's receipt says more than the entity does
        found.add(at, (kind,), known or Mark(identity, what, instant.format_instant(at)))


def _note_receipts(
    snapshot: Snapshot, task: str, kinds: Mapping[str, bool], found: Arrivals, since: int, until: int
) -> None:
    """Receipts of the kinds, and of those that entities are made of."""
    serves: dict[str, set[str]] = {}
    everywhere: set[str] = set()
    for kind in kinds:
        for behind in (kind,) if kind not in schemas.ENTITIES else BEHIND.get(kind, ()):
            serves.setdefault(behind, set()).add(kind)
            everywhere |= {behind} if kinds[kind] else set()
    arrived = snapshot.arrived(task, list(serves), everywhere, since, until)
    arrived += snapshot.elsewhere(task, since, until) if "seat" in kinds else []
    for each in arrived:
        served = serves[each.kind]
        if each.instant is None:
            found.dated = False
            for at in seconds(str(each.at), since, until):
                found.add(at, served)
        else:
            seat = next((word for word in (each.role, each.actor) if word in _ROLES), None)
            at_text = instant.format_instant(each.instant)
            found.add(each.instant, served, Mark(each.id, each.kind, at_text, seat, each.actor, each.summary or None))
