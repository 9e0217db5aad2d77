"""A fleet as JSON lines: a line before those of each ledger, and one after all, without which the rest is worthless."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from interlock.analysis.fleet.work import Outcome
from interlock.instant import parse_instant
from interlock.model.fleet import Counts, Fault, FleetEnd, LedgerLine, PolicyCounts, Summary, Terms, Undecided
from interlock.reporting.style import json_text


class Lines:
    """Adds up outcomes, and gives the lines of each."""

    def __init__(self, terms: Terms, now: str, *, live: bool) -> None:
        self._terms, self._now, self._live = terms, now, live
        self._seen = sha256()
        self._ledgers = self._taken_over = 0
        self._counts = [Counts() for _ in terms.policies]
        self.faults: list[Fault] = []
        self.undecided: list[tuple[str, Undecided]] = []
        self.notes: list[str] = []
        self.oldest: str | None = None

    def add(self, outcome: Outcome) -> Iterator[bytes]:
        """The lines of a ledger."""
        self._ledgers += 1
        if isinstance(outcome, Fault):
            self.faults.append(outcome)
            yield self._line(LedgerLine(outcome.path, None, 0, outcome.why, (), None, False))
            return
        if outcome.taken_over:
            self._taken_over += 1
            self.oldest = min(self.oldest or outcome.judged_at, outcome.judged_at, key=parse_instant)
        self._counts = [one + two for one, two in zip(self._counts, outcome.counts, strict=True)]
        self.undecided += [(outcome.path, each) for each in outcome.undecided]
        self.notes += outcome.notes
        decisions = sum(each.decisions for each in outcome.counts)
        known = outcome.notes, outcome.state, outcome.taken_over
        yield self._line(LedgerLine(outcome.path, outcome.judged_at, decisions, None, *known))
        self._seen.update(outcome.lines)
        yield outcome.lines

    def _line(self, value: object) -> bytes:
        line = f"{json_text(value)}\n".encode()
        self._seen.update(line)
        return line

    @property
    def decisions(self) -> int:
        """How many there are so far."""
        return sum(each.decisions for each in self._counts)

    def end(self) -> FleetEnd:
        """The last line, which is about all that was added."""
        counted = zip(self._terms.policies, self._counts, strict=True)
        return FleetEnd(
            now=self._now,
            live=self._live,
            terms=self._terms,
            ledgers=self._ledgers,
            faults=len(self.faults),
            taken_over=self._taken_over,
            decisions=self.decisions,
            policies=tuple(
                PolicyCounts(each.policy, found.allowed, found.denied, found.undecided, found.waived)
                for each, found in counted
            ),
            digest=f"sha256:{self._seen.hexdigest()}",
        )


def summary_of(lines: Lines) -> Summary:
    """All that was added, for a person, in the order of the ledgers' paths."""
    return Summary(
        end=lines.end(),
        undecided=tuple(sorted(lines.undecided, key=lambda each: each[0])),
        faults=tuple(sorted(lines.faults, key=lambda each: each.path)),
        notes=tuple(sorted(lines.notes)),
        oldest=lines.oldest,
    )
