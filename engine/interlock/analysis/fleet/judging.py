"""Every policy over every task of many ledgers, at one instant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

import msgspec

from interlock.analysis.fleet.earlier import Earlier
from interlock.analysis.fleet.fleet import Fleet
from interlock.analysis.fleet.judged import judged
from interlock.analysis.fleet.ledgers import Member
from interlock.analysis.fleet.lines import Lines, line
from interlock.diagnostics import UsageError
from interlock.instant import INTEGER_BOUND, format_instant, parse_instant
from interlock.ledger.written import written_state
from interlock.model.fleet import Counts, Fault, FleetEnd, Judged, LedgerLine, PolicyCounts, Summary, Undecided
from interlock.reporting.style import json_lines
from interlock.request import Session


class Judging(msgspec.Struct, frozen=True):
    """Judges all tasks of a ledger."""

    command: ClassVar[str] = "interlock eval --all-tasks"

    def __call__(self, session: Session, path: str) -> Judged:
        """What is decided of it. Raises as the session does, and UsageError where there is no task."""
        files = (*session.places, *(table.database for table in session.tables))
        before = written_state(files)
        decisions, policies = session.decisions(), len(session.policies)
        lasting = len(decisions) == policies * _tasks(session)
        now, notes = format_instant(session.moment.now), session.ledger.notes
        session.close()  # its files are read below, which would drop the locks on one that is open
        if not decisions:
            raise UsageError(f"the ledger `{path}` holds no task: nothing was judged")
        state = before if lasting and before is not None and written_state(files) == before else None
        return judged(path, now, decisions, json_lines(decisions).encode(), policies, notes, state)


def _tasks(session: Session) -> int:
    """How many tasks the ledger will have if nothing more is recorded: some may be stamped later than the instant."""
    return session.over(lambda snapshot: len(snapshot.task_labels()), now=INTEGER_BOUND - 1)


class JudgedFleet(Fleet[Judged, Summary]):
    """The ledgers that are judged, or taken over from the file `since` of an earlier run, where that still holds."""

    doing = "judging"

    def __init__(self, session: Session, members: Sequence[Member], since: str | None = None) -> None:
        super().__init__(session, members, Judging())
        self._tables = tuple(table.database for table in session.tables)
        self._earlier = None if since is None else Earlier(since, self.terms, self.moment)

    def known(self, member: Member) -> Judged | None:
        """What is taken over."""
        if self._earlier is None:
            return None
        return self._earlier.unchanged(member.name, (member.path, *self._tables))

    def lines(self) -> Decisions:
        """What adds up the decisions."""
        return Decisions(self)


class Decisions(Lines[Judged, Summary]):
    """Counts the decisions of each policy; there is a line before those of each ledger."""

    unit = "decisions"

    def __init__(self, fleet: JudgedFleet) -> None:
        super().__init__()
        self._fleet = fleet
        self._taken_over = 0
        self._counts = [Counts() for _ in fleet.terms.policies]
        self._undecided: list[tuple[str, Undecided]] = []
        self._oldest: str | None = None

    def _of(self, outcome: Judged) -> Iterator[bytes]:
        if outcome.taken_over:
            self._taken_over += 1
            self._oldest = min(self._oldest or outcome.judged_at, outcome.judged_at, key=parse_instant)
        self._counts = [one + two for one, two in zip(self._counts, outcome.counts, strict=True)]
        self._undecided += [(outcome.path, each) for each in outcome.undecided]
        self._notes += outcome.notes
        decisions = sum(each.decisions for each in outcome.counts)
        self.count += decisions
        known = outcome.notes, outcome.state, outcome.taken_over
        yield line(LedgerLine(outcome.path, outcome.judged_at, decisions, None, *known))
        yield outcome.lines

    def _of_fault(self, fault: Fault) -> Iterator[bytes]:
        yield line(LedgerLine(fault.path, None, 0, fault.why, (), None, False))

    def summary(self) -> Summary:
        """The counts, and every undecided decision, fault and note."""
        return Summary(
            end=self._end(),
            undecided=tuple(sorted(self._undecided, key=lambda each: each[0])),
            faults=self.faults,
            notes=self.notes,
            oldest=self._oldest,
        )

    def _end(self) -> FleetEnd:
        fleet = self._fleet
        counted = zip(fleet.terms.policies, self._counts, strict=True)
        return FleetEnd(
            now=fleet.now,
            live=fleet.moment.live,
            terms=fleet.terms,
            ledgers=self.ledgers,
            faults=len(self.faults),
            taken_over=self._taken_over,
            decisions=self.count,
            policies=tuple(
                PolicyCounts(each.policy, found.allowed, found.denied, found.undecided, found.waived)
                for each, found in counted
            ),
            digest=self.digest,
        )
