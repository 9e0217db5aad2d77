"""Decisions as tests that pass or fail, as tools show them that know only tests."""

from __future__ import annotations

from typing import Literal

import msgspec

from interlock.decision import Decision, Finding
from interlock.reporting.look import Look
from interlock.reporting.problems import why

VERDICT = "is allowed"
"""The case of the decision itself. No rule can be called so."""


class Case(msgspec.Struct, frozen=True):
    """A test. An *undecided* one could not be judged; a *skipped* one is a rule of a decision that was not made.

    `detail` is more to say of it, in lines; `seconds` how long it took, where that is known.
    """

    name: str
    outcome: Literal["passed", "failed", "undecided", "skipped"]
    message: str = ""
    findings: tuple[Finding, ...] = ()
    detail: str = ""
    seconds: float | None = None


def cases(decision: Decision, look: Look) -> tuple[Case, ...]:
    """A case for the decision, which passes only if it allows; then one for each rule, in the policy's order."""
    known = [rule.id for rule in look.rules(decision.policy_digest)]
    named = dict.fromkeys([*known, *(finding.rule for finding in decision.findings)])
    return (_of_decision(decision), *(_of_rule(decision, rule) for rule in named))


def _of_decision(decision: Decision) -> Case:
    if decision.allow is True:
        return Case(VERDICT, "passed")
    return Case(VERDICT, "undecided" if decision.allow is None else "failed", why(decision))


def _of_rule(decision: Decision, rule: str) -> Case:
    """A rule passes unless it blocks a decision that does not allow: what only warns fails nothing."""
    found = tuple(finding for finding in decision.findings if finding.rule == rule)
    if decision.allow is not True and (blocking := [each for each in found if each.severity == "block"]):
        more = f" (and {len(blocking) - 1:,} more)" if blocking[1:] else ""
        return Case(rule, "failed", blocking[0].message + more, found)
    if decision.allow is None:
        return Case(rule, "skipped", "not judged: the decision is undecided", found)
    return Case(rule, "passed", findings=found)
