"""Decisions as SARIF 2.1.0, which code scanning and editors read.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from interlock import diagnostics
from interlock.escape import harmless, printable
from interlock.model.decision import Decision
from interlock.reporting.outcomes import FAILED, Problem, problems
from interlock.reporting.params import params_lines
from interlock.reporting.style import RenderContext, RuleView, json_lines, json_text
from interlock.resources import __version__, is_shipped

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"block": "error", "warn": "warning", "note": "note"}


def render(decisions: Sequence[Decision], look: RenderContext) -> str:
    """One run of one document: a rule for each policy and each of its rules, a result for each problem."""
    if not decisions:
        return ""
    found = [problem for decision in decisions for problem in problems(decision)]
    rules: dict[tuple[str, str], dict[str, Any]] = {}
    for decision in decisions:
        rules |= _rules(decision, look)
    for problem in found:
        rules.setdefault(_key(problem), {"id": _key(problem)[1]})
    for (digest, _), rule in rules.items():
        rule["properties"] = {"policy_digest": digest}
    numbers = {key: number for number, key in enumerate(rules)}
    seen: Counter[tuple[str, str, str]] = Counter()
    results = [_result(problem, numbers[_key(problem)], look, seen) for problem in found]
    paths = dict.fromkeys(asked.path for asked in look.asked.values())
    params = params_lines(decisions)
    more = {"properties": {"params": list(map(printable, params))}} if params else {}
    return sarif_document(rules.values(), paths, results, **more)


def failure(message: str) -> str:
    """One run of one document, which failed: a result and a notification say why."""
    text = {"text": harmless(message, keep="\n")}
    result = {"ruleId": FAILED, "ruleIndex": 0, "level": "error", "message": text}
    run = {"executionSuccessful": False, "toolExecutionNotifications": [{"level": "error", "message": text}]}
    rule = {"id": FAILED, "shortDescription": {"text": "Nothing was judged."}}
    return sarif_document([rule], [], [result], invocations=[run])


def sarif_document(
    rules: Iterable[dict[str, Any]], paths: Iterable[str], results: Iterable[dict[str, Any]], **more: Any
) -> str:
    """The text of a document with one run: its rules, the files that were examined, what was found, and `more`."""
    run = {
        "tool": {"driver": {"name": "interlock", "version": __version__, "rules": list(rules)}},
        "columnKind": "unicodeCodePoints",
        "artifacts": [{"location": {"uri": uri(path)}} for path in paths],
        "results": list(results),
        **more,
    }
    return json_lines([{"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}])


def location(path: str, region: dict[str, int]) -> dict[str, Any]:
    """A place in a file."""
    return {"physicalLocation": {"artifactLocation": {"uri": uri(path)}, "region": region}}


def uri(name: str) -> str:
    """The path as a URI: relative as it is given, or a file's.

    That of a shipped policy is the same wherever it is installed.
    """
    from urllib.parse import quote

    if os.path.isabs(name) and is_shipped(name):
        name = f"interlock/policies/{os.path.basename(name)}"
    path = quote(os.fsencode(name.replace(os.sep, "/")))
    return f"file:///{path.removeprefix('/')}" if os.path.isabs(name) else path


def _key(problem: Problem) -> tuple[str, str]:
    """The policy's digest and the rule's id: two files may hold policies of one name."""
    policy = problem.decision.policy
    return problem.decision.policy_digest, f"{policy}/{problem.rule}" if problem.rule else policy


def _rules(decision: Decision, look: RenderContext) -> dict[tuple[str, str], dict[str, Any]]:
    """The rules of a decision's policy, and before them the policy itself, by their keys."""
    digest, policy = decision.policy_digest, decision.policy
    if digest not in look.asked:
        return {}
    question = look.questions.get(digest, policy)
    own = {(digest, f"{policy}/{rule.id}"): _rule(f"{policy}/{rule.id}", rule, question) for rule in look.rules(digest)}
    return {(digest, policy): _described(policy, question, question, "error"), **own}


def _rule(name: str, rule: RuleView, question: str) -> dict[str, Any]:
    return _described(name, rule.message, f"{question}\n\n{rule.help}", _LEVELS[rule.severity])


def _described(name: str, short: str, help_text: str, level: str) -> dict[str, Any]:
    about = {"shortDescription": {"text": printable(short)}, "help": {"text": printable(help_text)}}
    return {"id": name, **about, "defaultConfiguration": {"level": level}}


def _fingerprint(problem: Problem, seen: Counter[tuple[str, str, str]]) -> str:
    """The policy, the rule, the task, and how many such results come before: the same after an upgrade of the policy.

    Code scanning takes two results of one line for one unless this keeps them apart.
    """
    key = problem.decision.policy, problem.rule or "", problem.decision.task
    seen[key] += 1
    return f"{diagnostics.digest(json_text(key))}:{seen[key]}"


def _result(problem: Problem, rule: int, look: RenderContext, seen: Counter[tuple[str, str, str]]) -> dict[str, Any]:
    decision, finding = problem.decision, problem.finding
    place = look.place(decision.policy_digest, problem.rule)
    evidence = finding.evidence if finding else decision.evidence
    details = {"task": decision.task, "state": decision.state, "evidence": evidence}
    waiver = finding.waived if finding else None
    suppressed = {"kind": "external", "status": "accepted", "justification": printable(waiver.text)} if waiver else None
    return {
        "ruleId": _key(problem)[1],
        "ruleIndex": rule,
        "level": problem.level,
        "message": {"text": printable(problem.text)},
        "locations": [location(place[0], {"startLine": place[1]})] if place else [],
        "partialFingerprints": {"primaryLocationLineHash": _fingerprint(problem, seen)},
        "properties": details,
        **({"suppressions": [suppressed]} if suppressed else {}),
    }
