"""A test file → `Suite`, or everything that is wrong with it, each with its place."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Literal

import msgspec

from interlock import instant, schemas
from interlock.analysis.testing.facts import CaseFacts, relative_times
from interlock.diagnostics import Issue, PolicyError, Source, UsageError, meant_or_all
from interlock.evaluation.arguments import value_of
from interlock.evaluation.judge import Loaded
from interlock.files import UnreadableError, read_source
from interlock.model.decision import VerdictName, verdict_word
from interlock.model.expression import type_of
from interlock.model.facts import Value
from interlock.model.policy import Output, Policy
from interlock.model.testing import Case, Expectation, Expected, Step, Suite
from interlock.policy.check.issues import Report
from interlock.policy.library import Library
from interlock.policy.parse import parse_yaml
from interlock.schemas.wording import Path

NOW, TASK = "2026-01-01T00:00:00Z", "task"
"""The clock and the task of a case that gives none."""
_NOUN = "test file"


def suite(path: str, library: Library) -> tuple[Suite, Loaded]:
    """Read a test file, and load the policy that it tests.

    Raises PolicyError with every issue of the test file, or of the policy; UsageError when the file cannot be read.
    """
    return suite_of(source_of(path, library), library)


def suite_of(source: Source, library: Library) -> tuple[Suite, Loaded]:
    """The suite in a text, as if it were the file that the source is named after. Raises PolicyError."""
    path = source.name
    said, report, issues = read_tests(source)
    if said is None or report is None:
        raise PolicyError(issues, (source,))
    try:
        place = tested_policy(said.policy, path, library)
        loaded = library.load(place)
    except UsageError as error:
        report.at("E702", ("policy",), str(error))
        raise PolicyError(report.causes, (source,)) from None
    except PolicyError as error:
        report.at("E702", ("policy",), f"the policy `{said.policy}` is invalid: {error.issues[0].message}")
        raise PolicyError((*report.causes, *error.issues), (source, *error.sources)) from None
    found = _suite(report, said, loaded, place)
    if report.issues:
        raise PolicyError(tuple(set(report.causes)), (source,))
    return found, loaded


def source_of(path: str, library: Library | None = None) -> Source:
    """The text of a test file. Raises UsageError when it cannot be read, PolicyError when it is not text."""
    try:
        return read_source(path, _NOUN) if library is None else library.source(path, _NOUN)
    except UnreadableError as error:
        raise UsageError(f"cannot read the test file `{path}`: {error}") from None


def tested_policy(named: str, path: str, library: Library) -> str:
    """The file of the policy that a test file names: a path from its folder, an id beside it, or one of the library."""
    folder = os.path.dirname(path)
    written = named if named.endswith((".yaml", ".yml")) or os.sep in named else f"{named}.yaml"
    beside = os.path.join(folder, written)
    return beside if library.has(beside) or written == named else library.path(named)


def _suite(report: Report, said: SuiteFile, loaded: Loaded, path: str) -> Suite:
    policy = loaded.policy
    known = {parameter.name: parameter for parameter in policy.parameters}
    for place, params in [((), said.params), *((("cases", i), case.params) for i, case in enumerate(said.cases))]:
        for name in params.keys() - known:
            hint = meant_or_all(name, known)
            report.at_key("E712", (*place, "params", name), f"`{policy.id}` has no parameter `{name}`", hint)
    names: set[str] = set()
    for index, case in enumerate(said.cases):
        if case.case in names:
            report.at("E703", ("cases", index, "case"), f"two cases are named `{case.case}`", "rename one of them")
        names.add(case.case)
    cases = tuple(_case(report, said, case, loaded, ("cases", i)) for i, case in enumerate(said.cases))
    return Suite(report.document.source.name, path, policy.id, cases)


def _case(report: Report, said: SuiteFile, case: CaseEntry, loaded: Loaded, path: Path) -> Case:
    policy = loaded.policy
    task = case.task or said.task or TASK
    text, place = (case.now, (*path, "now")) if case.now else (said.now or NOW, ("now",))
    now = _time(report, text, place, instant.read_instant, instant.parse_instant(NOW))
    facts = CaseFacts(report, task, loaded.catalog)
    facts.add(said.facts, ("facts",), now)
    facts.add(case.facts, (*path, "facts"), now)
    at = report.document.locate((*path, "case"))
    expect = expectation(report, policy, case.expect, (*path, "expect"), now)
    steps = [Step("", at, now, facts.all(), expect)]
    for index, then in enumerate(case.then):
        steps.append(_step(report, then, facts, steps[-1].now, policy, (*path, "then", index)))
    return Case(case.case, at, task, _arguments(report, policy, said, case, path), tuple(steps))


def _step(report: Report, then: ThenEntry, facts: CaseFacts, before: int, policy: Policy, path: Path) -> Step:
    now = before + (0 if then.after is None else _time(report, then.after, (*path, "after"), instant.parse_duration))
    if now >= instant.INTEGER_BOUND:
        report.at("E713", (*path, "after"), "the clock would pass the year 2254")
        now = before
    facts.remove(then.remove, (*path, "remove"))
    facts.change(then.change, (*path, "change"), now)
    facts.add(then.facts, (*path, "facts"), now)
    name = then.step or f"step {int(path[-1]) + 1}"
    expect = expectation(report, policy, then.expect, (*path, "expect"), now)
    return Step(name, report.document.locate((*path, "step") if then.step else path), now, facts.all(), expect)


def _arguments(report: Report, policy: Policy, said: SuiteFile, case: CaseEntry, path: Path) -> dict[str, Value]:
    """A value for every parameter: the case's, the file's, or its default."""
    found: dict[str, Value] = {}
    for parameter in policy.parameters:
        name = parameter.name
        place = next((p for p, params in ((path, case.params), ((), said.params)) if name in params), None)
        if place is None and parameter.required:
            hint = f"write it under `params`: {parameter.description}".rstrip(": ")
            report.at("E712", (*path, "case"), f"the parameter `{name}` of `{policy.id}` must be given", hint)
        if place is None:
            found[name] = parameter.default
            continue
        given: Mapping[str, Any] = case.params if place else said.params
        try:
            found[name] = value_of(parameter, given[name])
        except ValueError as error:
            report.at("E712", (*place, "params", name), str(error))
    return found


def _time(report: Report, text: str, path: Path, read: Callable[[str], int], otherwise: int = 0) -> int:
    """An instant or a span of time, as it is `read`; an issue for what is neither."""
    try:
        return read(text)
    except ValueError as error:
        report.at("E713", path, str(error))
        return otherwise


Text = Annotated[str, msgspec.Meta(min_length=1)]
"""A text that says something."""
_OPEN = frozenset(["facts", "change", "params", "outputs"])
"""What holds values of the author's own, of which null may be one."""
_Fact = dict[str, Any]


class FindingEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An entry of `findings` that is more than an id."""

    rule: Text
    message: Text | None = None


class ExpectEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an `expect` says."""

    allow: Literal["undecided"] | bool | None = None
    state: Text | None = None
    reason: Text | None = None
    findings: list[str | FindingEntry] | None = None
    outputs: dict[str, Any] = {}


class ThenEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An entry of `then`."""

    expect: ExpectEntry
    step: Text | None = None
    after: str | None = None
    facts: list[_Fact] = []
    change: list[_Fact] = []
    remove: list[str] = []


class CaseEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An entry of `cases`."""

    case: Text
    expect: ExpectEntry
    now: str | None = None
    task: Text | None = None
    params: dict[str, Any] = {}
    facts: list[_Fact] = []
    then: list[ThenEntry] = []


class SuiteFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole test file."""

    policy: Text
    cases: list[CaseEntry]
    now: str | None = None
    task: Text | None = None
    params: dict[str, Any] = {}
    facts: list[_Fact] = []


def read_tests(source: Source) -> tuple[SuiteFile | None, Report | None, tuple[Issue, ...]]:
    """Read a test file: what it says, where further issues of it go, and the issues of its form."""
    document, issues = parse_yaml(source, _NOUN)
    if document is None:
        return None, None, issues
    report = Report(document)
    report.issues += issues
    data = document.data
    if isinstance(data, dict) and data.get("cases") in ([], None):
        report.at_key("E701", ("cases",), "the file has no case: it tests nothing", "write one under `cases`")
        return None, report, report.causes
    try:
        said = msgspec.convert(data, SuiteFile, strict=True)
        if not _blank(data):
            return said, report, tuple(report.issues)
        _structure(report, data, "a key has no value")
    except msgspec.ValidationError as error:
        _structure(report, data, str(error))
    return None, report, report.causes


def _blank(node: Any) -> bool:
    """Whether a key of the form has no value: such an expectation would not be compared."""
    if isinstance(node, list):
        return any(map(_blank, node))
    if isinstance(node, dict):
        return any(_blank(item) for key, item in node.items() if key not in _OPEN)
    return node is None


def _structure(report: Report, data: Any, otherwise: str) -> None:
    """Every fault of the form, by the schema; what only msgspec rejects has its words."""
    report.issues += report.document.issues("E700", schemas.violations("test", _bare(data)))
    if not report.issues:
        report.at("E700", (), otherwise)


def _bare(node: Any) -> Any:
    """The document without what is in its facts, of which their kinds' schemas have to say."""
    if isinstance(node, list):
        return [_bare(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {key: _emptied(item) if key == "facts" else _bare(item) for key, item in node.items()}


def _emptied(facts: Any) -> Any:
    is_list = isinstance(facts, list) and all(isinstance(f, dict) and len(f) == 1 for f in facts)
    return [] if is_list else facts


UNDECIDED_KEY = "undecided"


def expectation(report: Report, policy: Policy, said: ExpectEntry, path: Path, now: int) -> Expectation:
    """What is expected at `now`; what is wrong with it goes to the report."""
    verdict = None if said.allow is None else verdict_word(None if said.allow == "undecided" else said.allow)
    if verdict is None and said.state is None:
        report.at("E714", path, "neither `allow` nor `state` is expected", "say which verdict must come out")
    if said.state is not None:
        _state(report, policy, said, verdict, (*path, "state"))
    if said.reason is not None and not _reasoned(policy, said, verdict):
        message = "no line of `decide` that may come out gives a reason, and what is expected is not undecided"
        report.at_key("E714", (*path, "reason"), message, "expect `allow: undecided`, or give the line a `reason`")
    found = None if said.findings is None else _findings(report, policy, said.findings, (*path, "findings"))
    outputs = _outputs(report, policy.outputs, said.outputs, (*path, "outputs"), now)
    return Expectation(verdict, said.state, said.reason, found, outputs)


def _reasoned(policy: Policy, said: ExpectEntry, verdict: VerdictName | None) -> bool:
    """Whether what is expected may have a reason: it is undecided, or some line of its state and verdict gives one."""
    lines = (line for line in policy.decide if line.reason is not None and said.state in (None, line.state))
    return UNDECIDED_KEY in (verdict, said.state) or any(verdict in (None, verdict_word(each.allow)) for each in lines)


def _state(report: Report, policy: Policy, said: ExpectEntry, verdict: VerdictName | None, path: Path) -> None:
    """The state must be one that the policy has, and may allow what is expected."""
    verdicts = {(line.state, verdict_word(line.allow)) for line in policy.decide}
    verdicts.add((UNDECIDED_KEY, verdict_word(None)))
    states = {state for state, _ in verdicts}
    if said.state not in states:
        hint = meant_or_all(str(said.state), [*(line.state for line in policy.decide), UNDECIDED_KEY])
        report.at("E710", path, f"`{policy.id}` has no state `{said.state}`", hint)
    elif verdict is not None and (said.state, verdict) not in verdicts:
        report.at("E714", path, f"the state `{said.state}` is never {verdict}", "one of the two cannot come out")


def _findings(report: Report, policy: Policy, said: Iterable[str | FindingEntry], path: Path) -> tuple[Expected, ...]:
    rules = {rule.id: rule for rule in policy.rules}
    found = []
    for index, each in enumerate(said):
        named = FindingEntry(each) if isinstance(each, str) else each
        here = (*path, index) if isinstance(each, str) else (*path, index, "rule")
        if named.rule not in rules:
            report.at("E709", here, f"`{policy.id}` has no rule `{named.rule}`", meant_or_all(named.rule, rules))
        elif rules[named.rule].effect == "derive":
            hint = "expect what the rules after it make of that"
            report.at("E709", here, f"the rule `{named.rule}` derives a fact, and makes no finding", hint)
        found.append(Expected(named.rule, named.message))
    return tuple(found)


def _canonical(report: Report, path: Path, kind: str, text: str, now: int) -> str:
    """An expected instant or duration as a decision prints it, however it is written: `60s` is `1m`."""
    try:
        if kind == "duration":
            return instant.format_duration(
                instant.parse_duration(text.removeprefix("-")) * (-1 if text[:1] == "-" else 1)
            )
        if kind == "timestamp":
            return instant.format_instant(instant.parse_instant(relative_times(now)(text)))
    except ValueError as error:
        report.at("E711", path, str(error))
    return text


def _outputs(
    report: Report, written: Iterable[Output], said: Mapping[str, Any], path: Path, now: int
) -> dict[str, Any]:
    """The expected outputs, instants and durations among them as a decision prints them."""
    known = {output.name: output for output in written}
    found = {}
    for name, value in said.items():
        here = (*path, name)
        if name not in known:
            report.at_key("E711", here, f"there is no output `{name}`", meant_or_all(name, known))
        elif (node := known[name].value) is not None:
            if isinstance(value, dict):
                report.at("E711", here, f"the output `{name}` is a value, not a mapping of further ones")
            found[name] = (
                value if not isinstance(value, str) else _canonical(report, here, type_of(node).kind, value, now)
            )
        elif isinstance(value, dict):
            found[name] = _outputs(report, known[name].members, value, here, now)
        else:
            report.at("E711", here, f"the output `{name}` is a mapping of further ones, not a value")
    return found
