"""A test file → `Suite`, or everything that is wrong with it, each with its place."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import Any

from interlock import instant
from interlock.errors import PolicyError, UsageError
from interlock.evaluation.arguments import value_of
from interlock.evaluation.judge import Loaded
from interlock.model.facts import Value
from interlock.model.policy import Policy
from interlock.model.testing import Case, Step, Suite
from interlock.policy.check.issues import Report
from interlock.policy.library import Library
from interlock.source import Issue, Source, nearest
from interlock.testing.document import File, Then, Written, read
from interlock.testing.expecting import expectation
from interlock.testing.facts import Facts

NOW, TASK = "2026-01-01T00:00:00Z", "task"
"""The clock and the task of a case that gives none."""
_Path = tuple[str | int, ...]


def suite(path: str, library: Library) -> tuple[Suite, Loaded]:
    """Read a test file, and load the policy that it tests.

    Raises PolicyError with every issue of the test file, or of the policy; UsageError when the file cannot be read.
    """
    return suite_of(source_of(path), library)


def suite_of(source: Source, library: Library) -> tuple[Suite, Loaded]:
    """The suite in a text, as if it were the file that the source is named after. Raises PolicyError."""
    path = source.name
    said, report, issues = read(source)
    if said is None or report is None:
        raise PolicyError(issues, (source,))
    try:
        place = _policy(said.policy, path, library)
        loaded = library.load(place)
    except UsageError as error:
        report.at("E702", ("policy",), str(error))
        raise PolicyError(tuple(report.issues), (source,)) from None
    except PolicyError as error:
        report.at("E702", ("policy",), f"the policy `{said.policy}` is invalid: {error.issues[0].message}")
        raise PolicyError((*report.issues, *error.issues), (source, *error.sources)) from None
    found = _suite(report, said, loaded.policy, place)
    if report.issues:
        raise PolicyError(tuple(set(report.issues)), (source,))
    return found, loaded


def source_of(path: str) -> Source:
    """The text of a test file. Raises UsageError when it cannot be read, PolicyError when it is no text."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise UsageError(f"cannot read the test file `{path}`: it is no regular file")
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise UsageError(f"cannot read the test file `{path}`: {(error.strerror or str(error)).lower()}") from None
    try:
        return Source(path, content.decode())
    except UnicodeDecodeError as error:
        source = Source(path, content[: error.start].decode())
        issue = Issue("E002", "the file is not UTF-8 text", source.location(len(source.text)))
        raise PolicyError((issue,), (source,)) from None


def _policy(named: str, path: str, library: Library) -> str:
    """The file of the policy that a test file names: a path from its folder, an id beside it, or one of the library."""
    folder = os.path.dirname(path)
    written = named if named.endswith((".yaml", ".yml")) or os.sep in named else f"{named}.yaml"
    beside = os.path.join(folder, written)
    return beside if os.path.isfile(beside) or written == named else library.path(named)


def _suite(report: Report, said: File, policy: Policy, path: str) -> Suite:
    known = {parameter.name: parameter for parameter in policy.parameters}
    for place, params in [((), said.params), *((("cases", i), case.params) for i, case in enumerate(said.cases))]:
        for name in params.keys() - known:
            near = nearest(name, known)
            hint = f"did you mean `{near}`?" if near else f"there is {', '.join(known) or 'none'}"
            report.at_key("E712", (*place, "params", name), f"`{policy.id}` has no parameter `{name}`", hint)
    names: set[str] = set()
    for index, case in enumerate(said.cases):
        if case.case in names:
            report.at("E703", ("cases", index, "case"), f"two cases are named `{case.case}`", "rename one of them")
        names.add(case.case)
    cases = tuple(_case(report, said, case, policy, ("cases", i)) for i, case in enumerate(said.cases))
    return Suite(report.document.source.name, path, policy.id, cases)


def _case(report: Report, said: File, case: Written, policy: Policy, path: _Path) -> Case:
    task = case.task or said.task or TASK
    now = _instant(report, case.now, (*path, "now")) if case.now else _instant(report, said.now or NOW, ("now",))
    facts = Facts(report, task)
    facts.add(said.facts, ("facts",), now)
    facts.add(case.facts, (*path, "facts"), now)
    at = report.document.locate((*path, "case"))
    expect = expectation(report, policy, case.expect, (*path, "expect"), now)
    steps = [Step("", at, now, facts.all(), expect)]
    for index, then in enumerate(case.then):
        steps.append(_step(report, then, facts, steps[-1].now, policy, (*path, "then", index)))
    return Case(case.case, at, task, _arguments(report, policy, said, case, path), tuple(steps))


def _step(report: Report, then: Then, facts: Facts, before: int, policy: Policy, path: _Path) -> Step:
    now = before + (_span(report, then.after, (*path, "after")) if then.after is not None else 0)
    if now >= instant.LIMIT:
        report.at("E713", (*path, "after"), "the clock would pass the year 2254")
        now = before
    facts.remove(then.remove, (*path, "remove"))
    facts.change(then.change, (*path, "change"), now)
    facts.add(then.facts, (*path, "facts"), now)
    name = then.step or f"step {int(path[-1]) + 1}"
    expect = expectation(report, policy, then.expect, (*path, "expect"), now)
    return Step(name, report.document.locate((*path, "step") if then.step else path), now, facts.all(), expect)


def _arguments(report: Report, policy: Policy, said: File, case: Written, path: _Path) -> dict[str, Value]:
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


def _instant(report: Report, text: str, path: _Path) -> int:
    try:
        return instant.parse_instant(text)
    except ValueError as error:
        report.at("E713", path, str(error))
        return instant.parse_instant(NOW)


def _span(report: Report, text: str, path: _Path) -> int:
    try:
        return instant.parse_duration(text)
    except ValueError as error:
        report.at("E713", path, str(error))
        return 0
