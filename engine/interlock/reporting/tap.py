"""Decisions in the Test Anything Protocol, version 13: a test for each decision, and one for each rule that was judged.

https://testanything.org/tap-version-13-specification.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from interlock.escape import harmless
from interlock.model.decision import Decision
from interlock.reporting.outcomes import CaseReport, cases, failed_case
from interlock.reporting.params import params_lines
from interlock.reporting.style import RenderContext, distinct, json_text

_SEVERITIES = {"undecided": "error", "waived": "todo"}


def render(decisions: Sequence[Decision], look: RenderContext) -> str:
    """The version, the plan, and a line a test; what was found is in a block of YAML below it: JSON, which is YAML too.

    A rule that was not judged has no test: TAP would call it `ok`. One that is waived fails, and is marked `TODO`: so
    tools report it, and do not count it.
    """
    named = distinct((f"{each.policy} {each.task}", look.path(each.policy_digest)) for each in decisions)
    found = [(name, case) for name, each in zip(named, decisions, strict=True) for case in cases(each, look)]
    tests = stream([(f"{name}: {case.name}", case) for name, case in found if case.outcome != "skipped"])
    return tests + "".join(f"# params {line}\n" for line in params_lines(decisions))


def failure(message: str) -> str:
    """A stream of one test, which could not be judged."""
    case = failed_case(message)
    return stream([(f"interlock: {case.name}", case)])


def stream(found: Sequence[tuple[str, CaseReport]]) -> str:
    """The stream of some tests, each with what it is described by; empty for none."""
    lines = [line for number, (described, case) in enumerate(found, 1) for line in _test(number, described, case)]
    return "".join(f"{line}\n" for line in ("TAP version 13", f"1..{len(found)}", *lines)) if found else ""


def _test(number: int, described: str, case: CaseReport) -> Iterator[str]:
    passed = "ok" if case.outcome == "passed" else "not ok"
    to_do = f" # TODO {_described(case.message)}" if case.outcome == "waived" else ""
    yield f"{passed} {number} - {_described(described)}{to_do}"
    if case.message or case.findings:
        yield "  ---"
        if case.message:
            yield f"  message: {json_text(case.message)}"
            yield f"  severity: {_SEVERITIES.get(case.outcome, 'fail')}"
        if case.detail:
            yield f"  detail: {json_text(case.detail)}"
        if case.findings:
            yield "  findings:"
            yield from (f"    - {json_text(finding)}" for finding in case.findings)
        yield "  ..."


def _described(text: str) -> str:
    """The text with its number signs spelled out: after one, `TODO` or `SKIP` would turn any failure into a pass."""
    return harmless(text).replace("#", "\\u0023")
