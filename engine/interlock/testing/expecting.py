"""What a test expects, held against the policy: a rule, state or output that it does not have can never be met."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from interlock.model.expression import type_of
from interlock.model.policy import Output, Policy
from interlock.model.testing import Expectation, Expected, Told
from interlock.policy.check.issues import Report
from interlock.source import nearest
from interlock.testing.document import Expect, Finding
from interlock.testing.facts import timed

_Path = tuple[str | int, ...]
_TOLD: dict[bool | str, Told] = {True: "allowed", False: "denied", "undecided": "undecided"}
UNDECIDED = "undecided"


def expectation(report: Report, policy: Policy, said: Expect, path: _Path, now: int) -> Expectation:
    """What is expected at `now`; what is wrong with it goes to the report."""
    verdict = None if said.allow is None else _TOLD[said.allow]
    if verdict is None and said.state is None:
        report.at("E714", path, "neither `allow` nor `state` is expected", "say which verdict must come out")
    if said.state is not None:
        _state(report, policy, said, verdict, (*path, "state"))
    if said.reason is not None and UNDECIDED not in (verdict, said.state):
        report.at_key("E714", (*path, "reason"), "only an undecided policy gives a reason", "expect `allow: undecided`")
    found = None if said.findings is None else _findings(report, policy, said.findings, (*path, "findings"))
    outputs = _outputs(report, policy.outputs, said.outputs, (*path, "outputs"), now)
    return Expectation(verdict, said.state, said.reason, found, outputs)


def _state(report: Report, policy: Policy, said: Expect, verdict: Told | None, path: _Path) -> None:
    """The state must be one that the policy has, and may allow what is expected."""
    verdicts = {(line.state, _TOLD[line.allow]) for line in policy.decide} | {(UNDECIDED, _TOLD[UNDECIDED])}
    states = {state for state, _ in verdicts}
    if said.state not in states:
        hint = _meant(str(said.state), [*(line.state for line in policy.decide), UNDECIDED])
        report.at("E710", path, f"`{policy.id}` has no state `{said.state}`", hint)
    elif verdict is not None and (said.state, verdict) not in verdicts:
        report.at("E714", path, f"the state `{said.state}` is never {verdict}", "one of the two cannot come out")


def _findings(report: Report, policy: Policy, said: Iterable[str | Finding], path: _Path) -> tuple[Expected, ...]:
    rules = {rule.id: rule for rule in policy.rules}
    found = []
    for index, each in enumerate(said):
        named = Finding(each) if isinstance(each, str) else each
        here = (*path, index) if isinstance(each, str) else (*path, index, "rule")
        if named.rule not in rules:
            report.at("E709", here, f"`{policy.id}` has no rule `{named.rule}`", _meant(named.rule, rules))
        elif rules[named.rule].effect == "derive":
            hint = "expect what the rules after it make of that"
            report.at("E709", here, f"the rule `{named.rule}` derives a fact, and makes no finding", hint)
        found.append(Expected(named.rule, named.message))
    return tuple(found)


def _outputs(
    report: Report, written: Iterable[Output], said: Mapping[str, Any], path: _Path, now: int
) -> dict[str, Any]:
    """The expected outputs, the relative times among them made instants."""
    known = {output.name: output for output in written}
    found = {}
    for name, value in said.items():
        here = (*path, name)
        if name not in known:
            report.at_key("E711", here, f"there is no output `{name}`", _meant(name, known))
        elif (node := known[name].value) is not None:
            if isinstance(value, dict):
                report.at("E711", here, f"the output `{name}` is a value, not a mapping of further ones")
            instant = type_of(node).kind == "timestamp" and isinstance(value, str)
            found[name] = timed(now)(value) if instant else value
        elif isinstance(value, dict):
            found[name] = _outputs(report, known[name].members, value, here, now)
        else:
            report.at("E711", here, f"the output `{name}` is a mapping of further ones, not a value")
    return found


def _meant(word: str, known: Iterable[str]) -> str:
    listed = list(dict.fromkeys(known))
    near = nearest(word, listed)
    return f"did you mean `{near}`?" if near else f"there is {', '.join(listed) or 'none'}"
