"""What came of running a policy's test. Values only."""

from __future__ import annotations

from typing import Any

import msgspec

from interlock.decision import Decision
from interlock.source import Location


class Difference(msgspec.Struct, frozen=True):
    """One thing that is not as expected. `what` names it: `verdict`, `state`, `reason`, `findings`, `outputs.NAME`.

    Of findings, `expected` are those that were not made, `got` those that nobody expected.
    """

    what: str
    expected: Any
    got: Any


class StepResult(msgspec.Struct, frozen=True):
    """What was decided at a step, and how that differs from what was expected.

    `decision` is None where the question could not even be asked; `trouble` then says why.
    """

    name: str
    location: Location
    decision: Decision | None = None
    differences: tuple[Difference, ...] = ()
    trouble: str | None = None

    @property
    def passed(self) -> bool:
        """Whether all is as expected."""
        return self.decision is not None and not self.differences


class CaseResult(msgspec.Struct, frozen=True):
    """A case and its steps, up to the first that failed: what comes after builds on it. `seconds` is what it took."""

    name: str
    location: Location
    steps: tuple[StepResult, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether every step is as expected."""
        return all(step.passed for step in self.steps)


class RuleCoverage(msgspec.Struct, frozen=True):
    """In how many judged steps a rule fired, and in how many it was judged on some fact and did not."""

    rule: str
    fired: int
    silent: int


class LineCoverage(msgspec.Struct, frozen=True):
    """How many judged steps a line of `decide` (counted from 1) decided."""

    line: int
    state: str
    taken: int


class Coverage(msgspec.Struct, frozen=True):
    """What the cases of a policy have tried of it. An undecided step judges nothing, so that it counts for nothing."""

    rules: tuple[RuleCoverage, ...]
    lines: tuple[LineCoverage, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """What was never tried, a line each."""
        found = [f"rule `{rule.rule}` {told}" for rule in self.rules if (told := _untried(rule))]
        lines = [f"`{line.state}` of `decide`, line {line.line}, never held" for line in self.lines if not line.taken]
        return (*found, *lines)

    @property
    def percent(self) -> float:
        """How much was tried, of: each rule fired, each rule did not fire, each line of `decide` held."""
        hits = [bool(hit) for rule in self.rules for hit in (rule.fired, rule.silent)]
        hits += [bool(line.taken) for line in self.lines]
        return 100 * sum(hits) / len(hits)


def _untried(rule: RuleCoverage) -> str:
    if not rule.fired:
        return "never fired" if rule.silent else "was never judged on a fact"
    return "" if rule.silent else "fired always"


class Trial(msgspec.Struct, frozen=True):
    """A test file that was run."""

    path: str
    policy: str
    cases: tuple[CaseResult, ...]
    coverage: Coverage

    @property
    def passed(self) -> bool:
        """Whether every case is as expected."""
        return all(case.passed for case in self.cases)
