"""What is wrong with an open text: the issues that `interlock check` reports, and those of waivers and settings."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from typing import Literal

from interlock import project
from interlock.analysis.check import check_file
from interlock.analysis.editor.opened import OpenTexts
from interlock.diagnostics import InterlockError, Issue, Location, PolicyError, Source, UsageError
from interlock.evaluation.judge import Loaded
from interlock.evaluation.waivers import Waivable
from interlock.files import TEST_SUFFIXES
from interlock.policy.waivers import waivers_of
from interlock.request import library, waivable_among

Kind = Literal["policy", "test", "waivers", "configuration"]
_SCHEMA = re.compile(r"^# yaml-language-server: *\$schema=\S*?(policy|test|waivers)\.schema\.json\s*$", re.MULTILINE)
_POLICY = re.compile(r"^policy *:", re.MULTILINE)
_WAIVER = re.compile(r"^(- *\{? *| +)(policy|rule) *:", re.MULTILINE)


def kind_of(texts: OpenTexts, path: str) -> Kind | None:
    """What an open text is; None where it is nothing of interlock's."""
    name, text = os.path.basename(path), texts.texts.get(path, "")
    if name in (project.OWN, project.SHARED):
        return "configuration"
    named = _SCHEMA.search(text)
    if named is not None:
        return named[1]  # type: ignore[return-value]
    if _POLICY.search(text):
        return "test" if name.endswith(TEST_SUFFIXES) else "policy"
    if os.path.realpath(path) == texts.waivers(path) or ("waiver" in name and _WAIVER.search(text)):
        return "waivers"
    return None


def issues(texts: OpenTexts, path: str) -> tuple[Issue, ...]:
    """Everything that is wrong with an open text, and with the settings that it is judged by."""
    kind = kind_of(texts, path)
    if kind is None:
        return ()
    try:
        if kind == "configuration":
            _check_configuration(path, texts.texts[path])
            return ()
        found = _of_waivers(texts, path) if kind == "waivers" else _of_policy(texts, path)
        own = tuple(issue for issue in found if issue.location.name == path)
        return own or tuple(_elsewhere(issue, path) for issue in found[:1])
    except project.ConfigurationError as error:
        return tuple(Issue("", message, place) for place, message in error.wrong if place.name == path) or (
            Issue("", str(error), Location(path, 1, 1)),
        )
    except InterlockError as error:
        return (Issue("", str(error), Location(path, 1, 1)),)


def _elsewhere(issue: Issue, path: str) -> Issue:
    """An issue of another file, such as a fact kind's schema, without which this one cannot be judged."""
    return Issue(issue.code, f"{issue.location}: {issue.message}", Location(path, 1, 1), issue.hint, issue.level)


def _of_policy(texts: OpenTexts, path: str) -> Sequence[Issue]:
    found = texts.session(path).library
    try:
        return check_file(path, found, found.reading())[0]
    except PolicyError as error:
        return error.issues


def _of_waivers(texts: OpenTexts, path: str) -> Sequence[Issue]:
    known = waivable_among(_beside(texts, path), texts.session(path).library)

    def waivable(identity: str) -> Sequence[Waivable] | str:
        try:
            return known(identity)
        except PolicyError as error:
            return f"it is invalid: {error.issues[0].message}"

    try:
        return waivers_of(Source(path, texts.texts[path]), waivable, texts.session(path).latest).warnings
    except PolicyError as error:
        return error.issues


def _beside(texts: OpenTexts, path: str) -> Iterator[Loaded]:
    """The policies that a list of waivers names and that lie beside it."""
    document = texts.document(path)
    data = document.data if document is not None and isinstance(document.data, list) else []
    names = {each.get("policy") for each in data if isinstance(each, dict)}
    for name in sorted(each for each in names if isinstance(each, str)):
        file = os.path.join(os.path.dirname(path), f"{name}.yaml")
        try:
            if texts.library(path).has(file):
                yield texts.library(path).load(file)
        except (PolicyError, UsageError):
            continue


def _check_configuration(path: str, text: str) -> None:
    """Raise UsageError for what is wrong with a configuration file, its folders included."""
    found = project.read_text(path, text)
    if found is None:
        return
    try:
        library(found.values.get("policy-dir", ()))
    except UsageError as error:
        place = Location(path, found.lines["policy-dir"], 1, len("policy-dir"))
        raise project.ConfigurationError(Source(path, text), ((place, str(error)),)) from None
