"""A policy's test as its file states it: cases, each with facts, a clock and what must be decided. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from interlock.diagnostics import Location
from interlock.model.decision import Decision, VerdictName
from interlock.model.explanation import LineExplained, RuleExplained
from interlock.model.facts import Value


class Expected(msgspec.Struct, frozen=True):
    """A finding that must be there: its rule, and its message where that is given."""

    rule: str
    message: str | None = None


class Expectation(msgspec.Struct, frozen=True):
    """What must be decided; what is None is not examined.

    `findings` are all that there are, in any order; `outputs` the named ones among them, as a decision prints them.
    """

    verdict: VerdictName | None = None
    state: str | None = None
    reason: str | None = None
    findings: tuple[Expected, ...] | None = None
    outputs: Mapping[str, Any] = {}


class Step(msgspec.Struct, frozen=True):
    """All facts that there are at an instant (microseconds, UTC), whole, and what must be decided on them."""

    name: str
    location: Location
    now: int
    facts: tuple[dict[str, Any], ...]
    expect: Expectation


class Case(msgspec.Struct, frozen=True):
    """Steps, one after the other; `params` has a value for every parameter of the policy."""

    name: str
    location: Location
    task: str
    params: Mapping[str, Value]
    steps: tuple[Step, ...]


class Suite(msgspec.Struct, frozen=True):
    """The cases of a test file. `policy` is the path of the policy that they test, `id` its id."""

    path: str
    policy: str
    id: str
    cases: tuple[Case, ...]


class Mismatch(msgspec.Struct, frozen=True):
    """One thing that is not as expected. `what` names it: `verdict`, `state`, `reason`, `findings`, `outputs.NAME`.

    Of findings, `expected` are those that were not made, `got` those that nobody expected.
    """

    what: str
    expected: Any
    got: Any


class StepResult(msgspec.Struct, frozen=True):
    """What was decided at a step, and how that differs from what was expected.

    `decision` is None where nothing could be judged; `trouble` then says why. Of a failure, `rules` are
    those in question, and where another state was expected `lines` those of `decide`: how each part of their conditions
    was met.
    """

    name: str
    location: Location
    decision: Decision | None = None
    differences: tuple[Mismatch, ...] = ()
    trouble: str | None = None
    rules: tuple[RuleExplained, ...] = ()
    lines: tuple[LineExplained, ...] = ()

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
    """In how many judged steps a rule fired, and in how many it was judged on some fact and did not.

    One that is not `conditional` fires wherever it has facts: nothing needs to show that it does not.
    """

    rule: str
    fired: int
    silent: int
    conditional: bool = True


class LineCoverage(msgspec.Struct, frozen=True):
    """How many judged steps a line of `decide` (counted from 1) decided."""

    line: int
    state: str
    taken: int


class Coverage(msgspec.Struct, frozen=True):
    """The parts of a policy that its cases cover. An undecided step covers nothing."""

    rules: tuple[RuleCoverage, ...]
    lines: tuple[LineCoverage, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """What was never tried, a line each."""
        found = [f"rule `{rule.rule}` {text}" for rule in self.rules if (text := _untried(rule))]
        lines = [f"`{line.state}` of `decide`, line {line.line}, never held" for line in self.lines if not line.taken]
        return (*found, *lines)

    @property
    def percent(self) -> float:
        """How much was tried, of: each rule fired, each rule did not fire, each line of `decide` held."""
        hits = [bool(rule.fired) for rule in self.rules]
        hits += [bool(rule.silent) for rule in self.rules if rule.conditional]
        hits += [bool(line.taken) for line in self.lines]
        return 100 * sum(hits) / len(hits)


def _untried(rule: RuleCoverage) -> str:
    if not rule.fired:
        return "never fired" if rule.silent else "was never judged on a fact"
    return "" if rule.silent or not rule.conditional else "fired always"


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
