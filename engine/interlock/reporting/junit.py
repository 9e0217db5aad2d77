"""Decisions as a JUnit report, which nearly every CI system shows: a suite a decision, a case a rule.

The form is that of Jenkins's xUnit plugin (`junit-10.xsd`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from interlock.escape import harmless
from interlock.model.decision import Decision, Finding, advice_lines
from interlock.reporting.outcomes import CaseReport, cases, failed_case
from interlock.reporting.params import changed
from interlock.reporting.style import RenderContext, distinct

_TAGS = {"failed": "failure", "undecided": "error", "skipped": "skipped", "waived": "skipped"}


def render(decisions: Sequence[Decision], look: RenderContext) -> str:
    """One XML document. A decision that is denied has a failure, an undecided one an error.

    What is waived is skipped, with the waiver.
    """
    if not decisions:
        return ""
    named = distinct((f"{each.policy}.{each.task}", look.path(each.policy_digest)) for each in decisions)
    return junit_document([_suite(each, name, look) for each, name in zip(decisions, named, strict=True)])


def failure(message: str) -> str:
    """A document with a suite of one case, which could not be judged."""
    return junit_document([suite_element("interlock", [failed_case(message)], {})])


def junit_document(suites: Sequence[Element]) -> str:
    """The document of some suites, with their sums."""
    total = {name: str(sum(int(suite.attrib[name]) for suite in suites)) for name in ("tests", "failures", "errors")}
    root = Element("testsuites", {"name": "interlock", **total})
    root.extend(suites)
    indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{tostring(root, encoding="unicode")}\n'


def _suite(decision: Decision, name: str, look: RenderContext) -> Element:
    return suite_element(name, cases(decision, look), _properties(decision), timestamp=harmless(decision.now))


def suite_element(named: str, found: Sequence[CaseReport], properties: Mapping[str, object], **more: str) -> Element:
    """A suite of cases, what is known of it, and further attributes."""
    name = harmless(named)
    counts = {
        "tests": len(found),
        "failures": sum(case.outcome == "failed" for case in found),
        "errors": sum(case.outcome == "undecided" for case in found),
        "skipped": sum(case.outcome in ("skipped", "waived") for case in found),
    }
    values = {key: str(count) for key, count in counts.items()}
    element = Element("testsuite", {"name": name, **values, **more})
    known = SubElement(element, "properties")
    for key, value in properties.items():
        SubElement(known, "property", {"name": key, "value": harmless(str(value))})
    element.extend(_case(case, name) for case in found)
    return element


def _properties(decision: Decision) -> dict[str, object]:
    asked = {"policy": decision.policy, "version": decision.version, "policy_digest": decision.policy_digest}
    of = {"task": decision.task, "now": decision.now, "ledger": decision.ledger.path, "seq": decision.ledger.seq}
    waived = {"waived": decision.waived} if decision.waived else {}
    params = {f"param:{name}": value for name, value in changed(decision.params).items()}
    return {**asked, **of, "engine": decision.engine, "state": decision.state, **waived, **params}


def _case(case: CaseReport, of: str) -> Element:
    time = {} if case.seconds is None else {"time": f"{case.seconds:.6f}"}
    element = Element("testcase", {"classname": of, "name": harmless(case.name), **time})
    detail = harmless(case.detail or "\n\n".join(map(_told, case.findings)), keep="\n\t")
    if case.outcome == "passed":
        if detail:
            SubElement(element, "system-out").text = detail
        return element
    message = harmless(case.message, keep="\n")
    SubElement(element, _TAGS[case.outcome], {"type": case.outcome, "message": message}).text = detail or message
    return element


def _told(finding: Finding) -> str:
    """A finding with what to do and the facts it rests on, a line each."""
    lines = [f"{finding.severity}: {finding.message.strip()}"]
    lines += [finding.waived.text] if finding.waived else []
    lines += advice_lines(finding.fix, finding.hint)
    lines += [f"evidence: {', '.join(finding.evidence)}"] if finding.evidence else []
    return "\n".join(lines)
