"""Decisions as tests that pass or fail, as tools show them that know only tests."""

from __future__ import annotations

from typing import Literal

import msgspec

from interlock.model.decision import Decision, FailOn, Finding
from interlock.reporting.look import Look
from interlock.reporting.problems import why

VERDICT = "is allowed"
"""The case of the decision itself. No rule can be called so."""


class Case(msgspec.Struct, frozen=True):
    """A test. An *undecided* one could not be judged; a *skipped* one is a rule of a decision that was not made; a
    *waived* one is a rule that does not count.

    `detail` is more to say of it, in lines; `seconds` how long it took, where that is known.
    """

    name: str
    outcome: Literal["passed", "failed", "undecided", "skipped", "waived"]
    message: str = ""
    findings: tuple[Finding, ...] = ()
    detail: str = ""
    seconds: float | None = None


def cases(decision: Decision, look: Look) -> tuple[Case, ...]:
    """A case for the decision, which passes only if it allows, and warns of nothing where that is to fail.

    Then one for each rule, in the policy's order.
    """
    known = [rule.id for rule in look.rules(decision.policy_digest)]
    named = dict.fromkeys([*known, *(finding.rule for finding in decision.findings)])
    return (_of_decision(decision, look.fail_on), *(_of_rule(decision, rule, look.fail_on) for rule in named))


def _of_decision(decision: Decision, fail_on: FailOn) -> Case:
    if decision.passes(fail_on):
        return Case(VERDICT, "passed")
    if decision.allow is True:
        return Case(VERDICT, "failed", f"{why(decision)}, with warnings")
    return Case(VERDICT, "undecided" if decision.allow is None else "failed", why(decision))


def _of_rule(decision: Decision, rule: str, fail_on: FailOn) -> Case:
    """A rule passes unless it blocks a decision that does not allow; what only warns fails if it is to."""
    found = tuple(finding for finding in decision.findings if finding.rule == rule)
    if waiver := next((each.waived for each in found if each.waived), None):
        return Case(rule, "waived", waiver.told, found)
    serious = ("block", "warn") if fail_on == "warn" else ("block",)
    if not decision.passes(fail_on) and (blocking := [each for each in found if each.severity in serious]):
        more = f" (and {len(blocking) - 1:,} more)" if blocking[1:] else ""
        return Case(rule, "failed", blocking[0].message + more, found)
    if decision.allow is None:
        return Case(rule, "skipped", "not judged: the decision is undecided", found)
    return Case(rule, "passed", findings=found)
