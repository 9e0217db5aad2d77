"""How verdicts change over a ledger's history."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from interlock.instant import LIMIT, SECOND, format_instant
from interlock.ledger import Ledger
from interlock.model.decision import Decision, Head
from interlock.request import judge, library


class Change(msgspec.Struct, frozen=True):
    """A decision that differs from the one before it (None at the start) in its verdict or its state."""

    before: Decision | None
    after: Decision

    def of_ledger(self, name: str) -> Change:
        """The same, in a ledger that its reader knows by another name."""
        head = Head(name, self.after.ledger.seq)
        return Change(self.before, msgspec.structs.replace(self.after, ledger=head))


def changes(ledger: Ledger, task: str, policies: Sequence[str]) -> Iterator[Change]:
    """Every change of the policies' decisions for a task, in the order of time and then of the policies."""
    last: dict[str, Decision] = {}
    for moment in _moments(ledger, policies):
        for decision in judge(policies, ledger=ledger, tasks=[task], at=format_instant(moment)):
            before = last.get(decision.policy)
            if before is None or (before.allow, before.state) != (decision.allow, decision.state):
                yield Change(before, decision)
            last[decision.policy] = decision


def _moments(ledger: Ledger, policies: Sequence[str]) -> list[int]:
    """The instants at which a decision can change, up to the last receipt.

    A receipt changes it as it comes, and again in the second when it is older than a duration that a policy takes.
    """
    with ledger.snapshot(LIMIT - 1) as snapshot:
        written = [
            row[0] for row in snapshot.rows("SELECT DISTINCT instant FROM receipt WHERE instant IS NOT NULL", {})
        ]
    parameters = [parameter for name in policies for parameter in library().load(name).policy.parameters]
    ages = {p.default + SECOND for p in parameters if p.kind == "duration" and isinstance(p.default, int)}
    moments = {at + age for at in written for age in {0, *ages}}
    return sorted(moment for moment in moments if moment <= max(written))
