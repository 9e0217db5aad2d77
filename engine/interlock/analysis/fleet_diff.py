"""Two versions of a policy over the history of every task of many ledgers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import ClassVar, get_args

import msgspec

from interlock.analysis.diff import answer, one_sided, versions
from interlock.analysis.fleet import Fleet, Lines, Member, line
from interlock.analysis.replay import check_order
from interlock.instant import format_instant
from interlock.model.diff import Difference, Direction
from interlock.model.fleet import Fault
from interlock.model.fleet_diff import ChangeCounts, Compared, ComparedLine, FleetDiff, FleetDiffEnd
from interlock.moment import At, Moment, common, wall
from interlock.request import Session


class Comparing(msgspec.Struct, frozen=True):
    """Compares over the history of all tasks of a ledger, from `since` to `until`, each None as in `analysis.diff`."""

    command: ClassVar[str] = "interlock diff --all-tasks"

    since: Moment | None
    until: Moment | None

    def __call__(self, session: Session, path: str) -> Compared:
        """Where they differ. Raises as the session does, and UsageError where there is nothing to compare."""
        return Compared(path, answer(session, self.since, self.until), session.ledger.notes)


class ComparedFleet(Fleet[Compared, FleetDiff]):
    """The ledgers over whose history the two policies of a request are compared, all from `since` to `until`."""

    doing = "comparing"

    def __init__(self, session: Session, members: Sequence[Member], since: At = None, until: At = None) -> None:
        """Raises UsageError where there is not one beginning or end for all ledgers, or the end is before it."""
        clock = wall()
        self.since, self.until = (None if each is None else common(each, clock) for each in (since, until))
        if self.since and self.until:
            check_order(self.since.now, self.until.now)
        super().__init__(session, members, Comparing(self.since, self.until))
        self.versions, self.one_sided = versions(session), tuple(one_sided(session))

    def lines(self) -> Differences:
        """What adds up the differences."""
        return Differences(self)


class Differences(Lines[Compared, FleetDiff]):
    """Counts the differences of each sort; there is a line for each ledger."""

    unit = "tasks"

    def __init__(self, fleet: ComparedFleet) -> None:
        super().__init__()
        self._fleet = fleet
        self._skipped = 0
        self._softer: list[tuple[str, Difference]] = []
        self._differences, self._tasks, self._ledgers = (Counter[Direction]() for _ in range(3))

    def _of(self, outcome: Compared) -> Iterator[bytes]:
        found = outcome.comparison
        self.count += len(found.tasks)
        self._skipped += len(found.skipped)
        self._notes += outcome.notes
        self._softer += [(outcome.path, each) for each in found.of("softer")]
        self._differences.update(each.change for each in found.differences)
        in_tasks = {(each.change, each.task) for each in found.differences}
        self._tasks.update(change for change, _ in in_tasks)
        self._ledgers.update({change for change, _ in in_tasks})
        yield line(ComparedLine(outcome.path, None, outcome.notes, found))

    def _of_fault(self, fault: Fault) -> Iterator[bytes]:
        yield line(ComparedLine(fault.path, fault.why, (), None))

    def summary(self) -> FleetDiff:
        """The counts, and every softer difference, fault and note."""
        old, new = self._fleet.versions
        return FleetDiff(
            end=self._end(),
            old=old,
            new=new,
            one_sided=self._fleet.one_sided,
            softer=tuple(sorted(self._softer, key=lambda each: each[0])),
            faults=self.faults,
            notes=self.notes,
        )

    def _end(self) -> FleetDiffEnd:
        fleet = self._fleet
        since, until = (None if each is None else format_instant(each.now) for each in (fleet.since, fleet.until))
        return FleetDiffEnd(
            now=fleet.now,
            since=since,
            until=until,
            terms=fleet.terms,
            ledgers=self.ledgers,
            faults=len(self.faults),
            tasks=self.count,
            skipped=self._skipped,
            changes=tuple(
                ChangeCounts(each, self._differences[each], self._tasks[each], self._ledgers[each])
                for each in get_args(Direction)
            ),
            digest=self.digest,
        )
