"""The problems of decisions, one by one, for tools that know errors, warnings and notes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from interlock.model.decision import Decision, FailOn, Finding, advice_lines, verdict_word
from interlock.reporting.style import RenderContext

ProblemLevel = Literal["error", "warning", "note"]


class Problem(msgspec.Struct, frozen=True):
    """A finding of a decision; or, without one, that the decision itself does not allow."""

    decision: Decision
    level: ProblemLevel
    message: str
    finding: Finding | None = None

    @property
    def rule(self) -> str | None:
        """The rule that found it."""
        return self.finding.rule if self.finding else None

    @property
    def text(self) -> str:
        """What is wrong with which task, and on lines of their own who waived it, and what to do."""
        text = f"task {self.decision.task}: {self.message}"
        if self.finding and self.finding.waived:
            text += f"\n{self.finding.waived.text}"
        advice = self.finding or self.decision
        return "\n".join([text, *advice_lines(advice.fix, advice.hint)])


def problems(decision: Decision) -> Iterator[Problem]:
    """The problems of a decision. Unless it allows, at least one of them is an error."""
    found = [Problem(decision, _level(decision, each), each.message, each) for each in decision.findings]
    untold = decision.reason or decision.fix or decision.hint or not any(each.level == "error" for each in found)
    if decision.allow is not True and untold:
        yield Problem(decision, "error", why(decision))
    yield from found


def why(decision: Decision) -> str:
    """The verdict, and what it rests on: the reason of an undecided decision, the state of any other."""
    state = None if decision.allow is None else decision.state
    return ": ".join([verdict_word(decision.allow), *(each for each in (state, decision.reason) if each)])


def _level(decision: Decision, finding: Finding) -> ProblemLevel:
    """What blocks is an error, unless the decision allows all the same; what is waived is worth a note."""
    if finding.waived:
        return "note"
    if finding.severity == "block":
        return "warning" if decision.allow is True else "error"
    return "warning" if finding.severity == "warn" else "note"


VERDICT = "is allowed"
"""The case of the decision itself. No rule can be called so."""


class CaseReport(msgspec.Struct, frozen=True):
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


FAILED = "could not judge"
"""What a run is called that judged nothing."""


def failed_case(message: str) -> CaseReport:
    """The case of such a run."""
    return CaseReport(FAILED, "undecided", message)


def cases(decision: Decision, look: RenderContext) -> tuple[CaseReport, ...]:
    """A case for the decision, which passes only if it allows, and warns of nothing where that is to fail.

    Then one for each rule, in the policy's order.
    """
    known = [rule.id for rule in look.rules(decision.policy_digest)]
    named = dict.fromkeys([*known, *(finding.rule for finding in decision.findings)])
    return (_of_decision(decision, look.fail_on), *(_of_rule(decision, rule, look.fail_on) for rule in named))


def _of_decision(decision: Decision, fail_on: FailOn) -> CaseReport:
    if decision.passes(fail_on):
        return CaseReport(VERDICT, "passed")
    if decision.allow is True:
        return CaseReport(VERDICT, "failed", f"{why(decision)}, with warnings")
    advice = "\n".join([why(decision), *advice_lines(decision.fix, decision.hint)])
    outcome: Literal["undecided", "failed"] = "undecided" if decision.allow is None else "failed"
    return CaseReport(VERDICT, outcome, why(decision), detail="" if advice == why(decision) else advice)


def _of_rule(decision: Decision, rule: str, fail_on: FailOn) -> CaseReport:
    """A rule passes unless it blocks a decision that does not allow; what only warns fails if it is to."""
    found = tuple(finding for finding in decision.findings if finding.rule == rule)
    if waiver := next((each.waived for each in found if each.waived), None):
        return CaseReport(rule, "waived", waiver.text, found)
    serious = ("block", "warn") if fail_on == "warn" else ("block",)
    if not decision.passes(fail_on) and (blocking := [each for each in found if each.severity in serious]):
        more = f" (and {len(blocking) - 1:,} more)" if blocking[1:] else ""
        return CaseReport(rule, "failed", blocking[0].message + more, found)
    if decision.allow is None:
        return CaseReport(rule, "skipped", "not judged: the decision is undecided", found)
    return CaseReport(rule, "passed", findings=found)
