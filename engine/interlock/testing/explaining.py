"""Why a step failed: the rules in question, with what each part of their conditions met."""

from __future__ import annotations

import msgspec

from interlock.evaluation.explaining import lines, rule
from interlock.evaluation.findings import completed
from interlock.language.evaluate import Known
from interlock.model.policy import Policy
from interlock.model.testing import Difference, StepResult
from interlock.model.verdict import Verdict


def explained(result: StepResult, policy: Policy, known: Known, verdict: Verdict) -> StepResult:
    """The failed step with the rules that fired or did not against what was expected.

    Where it is not the findings that differ, these are the rules that might have blocked. Where it is the state, the
    lines of `decide` are told too.
    """
    differ = {difference.what: difference for difference in result.differences}
    named = _named(differ["findings"]) if "findings" in differ else set()
    if not named and "verdict" in differ:
        named = {each.id for each in policy.rules if each.effect == "block"}
    whole = completed(policy, known, verdict)
    asked = [index for index, each in enumerate(policy.rules) if each.id in named]
    return msgspec.structs.replace(
        result,
        rules=tuple(rule(policy, index, whole, verdict, silent=True) for index in asked),
        lines=lines(policy, known, verdict) if {"state", "verdict"} & differ.keys() else (),
    )


def _named(findings: Difference) -> set[str]:
    return {each["rule"] for each in (*findings.expected, *findings.got)}
