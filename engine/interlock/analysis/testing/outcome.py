"""A decision compared with its expectation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from interlock.analysis.explain import lines
from interlock.analysis.explain import rule as rule_explained
from interlock.evaluation.findings import with_derived
from interlock.evaluation.holding import Holds
from interlock.language.evaluate import Environment
from interlock.model.decision import Decision, Finding, Verdict, verdict_word
from interlock.model.expression import TRUE
from interlock.model.policy import Policy
from interlock.model.testing import (
    Coverage,
    Expectation,
    Expected,
    LineCoverage,
    Mismatch,
    RuleCoverage,
    StepResult,
)


def differences(expect: Expectation, decision: Decision) -> tuple[Mismatch, ...]:
    """Everything that is not as expected."""
    return tuple(_differences(expect, decision))


def _differences(expect: Expectation, decision: Decision) -> Iterator[Mismatch]:
    verdict = verdict_word(decision.allow)
    if expect.verdict not in (None, verdict):
        yield Mismatch("verdict", expect.verdict, verdict)
    if expect.state not in (None, decision.state):
        yield Mismatch("state", expect.state, decision.state)
    unforeseen = decision.allow is None and "undecided" not in (expect.verdict, expect.state)
    if unforeseen or expect.reason not in (None, decision.reason):
        yield Mismatch("reason", expect.reason, decision.reason)
    lacking, further = _matched(expect, decision.findings)
    if lacking or further:
        entries = [{"rule": each.rule, "message": each.message} for each in lacking]
        yield Mismatch("findings", entries, [{"rule": each.rule, "message": each.message} for each in further])
    yield from _outputs("outputs", expect.outputs, decision.outputs)


def _matched(expect: Expectation, found: tuple[Finding, ...]) -> tuple[list[Expected], list[Finding]]:
    """The expected findings that were not made, and those that were made and not expected.

    Where none are given, only an allowed decision says something of them: that nothing blocks.
    """
    if expect.findings is None:
        return [], [each for each in found if expect.verdict == "allowed" and each.severity == "block"]
    left, lacking = list(found), []
    for wanted in sorted(expect.findings, key=lambda each: each.message is None):
        met = next((f for f in left if f.rule == wanted.rule and wanted.message in (None, f.message)), None)
        if met is None:
            lacking.append(wanted)
        else:
            left.remove(met)
    return lacking, left


def _outputs(path: str, expect: Mapping[str, Any], got: Mapping[str, Any]) -> Iterator[Mismatch]:
    for name, wanted in expect.items():
        here, value = f"{path}.{name}", got.get(name)
        if isinstance(wanted, dict):
            yield from _outputs(here, wanted, value if isinstance(value, dict) else {})
        elif wanted != value or isinstance(wanted, bool) is not isinstance(value, bool):
            yield Mismatch(here, wanted, value)


class CoverageCounter:
    """The counts of one policy."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.fired: Counter[int] = Counter()
        self.silent: Counter[int] = Counter()
        self.taken: Counter[int] = Counter()

    def count(self, known: Environment, verdict: Verdict) -> None:
        """Count a decision.

        That a rule with a condition did not fire where it had no fact to range over shows nothing.
        """
        facts = {**known.facts, **verdict.derived}
        fired = {firing.rule for firing in verdict.firings}
        self.fired.update(fired)
        self.taken[verdict.line] += 1
        for index, rule in enumerate(self.policy.rules):
            judged = rule.condition == TRUE or all(facts[name] for name in rule.loops)
            if index not in fired and judged:
                self.silent[index] += 1

    def coverage(self) -> Coverage:
        """What was tried."""
        rules = enumerate(self.policy.rules)
        lines = enumerate(self.policy.decide)
        return Coverage(
            tuple(RuleCoverage(rule.id, self.fired[i], self.silent[i], rule.condition != TRUE) for i, rule in rules),
            tuple(LineCoverage(i + 1, line.state, self.taken[i]) for i, line in lines),
        )


def explain_failure(
    result: StepResult, policy: Policy, known: Environment, verdict: Verdict, holds: Holds | None = None
) -> StepResult:
    """The failed step with the rules that fired or did not against what was expected.

    Where it is not the findings that differ, these are the rules that might have blocked. Where it is the state, the
    lines of `decide` are reported too.
    """
    differ = {difference.what: difference for difference in result.differences}
    named = _named(differ["findings"]) if "findings" in differ else set()
    if not named and "verdict" in differ:
        named = {each.id for each in policy.rules if each.effect == "block"}
    whole = with_derived(policy, known, verdict)
    asked = [index for index, each in enumerate(policy.rules) if each.id in named]
    return msgspec.structs.replace(
        result,
        rules=tuple(rule_explained(policy, index, whole, verdict, holds, silent=True) for index in asked),
        lines=lines(policy, known, verdict, holds) if {"state", "verdict"} & differ.keys() else (),
    )


def _named(findings: Mismatch) -> set[str]:
    return {each["rule"] for each in (*findings.expected, *findings.got)}
