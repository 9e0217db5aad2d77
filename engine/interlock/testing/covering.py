"""Counts what the cases of a policy have tried of it."""

from __future__ import annotations

from collections import Counter

from interlock.language.evaluate import Known
from interlock.model.expression import Constant
from interlock.model.policy import Policy
from interlock.model.testing import Coverage, LineCoverage, RuleCoverage
from interlock.model.verdict import Verdict


class Tally:
    """The counts of one policy."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.fired: Counter[int] = Counter()
        self.silent: Counter[int] = Counter()
        self.taken: Counter[int] = Counter()

    def count(self, known: Known, verdict: Verdict) -> None:
        """Count a decision.

        That a rule with a condition did not fire where it had no fact to range over shows nothing.
        """
        facts = {**known.facts, **verdict.derived}
        fired = {firing.rule for firing in verdict.firings}
        self.fired.update(fired)
        self.taken[verdict.line] += 1
        for index, rule in enumerate(self.policy.rules):
            judged = isinstance(rule.condition, Constant) or all(facts[name] for name in rule.loops)
            if index not in fired and judged:
                self.silent[index] += 1

    def coverage(self) -> Coverage:
        """What was tried."""
        rules = enumerate(self.policy.rules)
        lines = enumerate(self.policy.decide)
        return Coverage(
            tuple(RuleCoverage(rule.id, self.fired[i], self.silent[i]) for i, rule in rules),
            tuple(LineCoverage(i + 1, line.state, self.taken[i]) for i, line in lines),
        )
