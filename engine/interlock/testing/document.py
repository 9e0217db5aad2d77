"""A test file as it is written, and what its form refuses."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from interlock import schemas
from interlock.policy.check.issues import Report
from interlock.policy.parse import parse
from interlock.source import Issue, Source

Text = Annotated[str, msgspec.Meta(min_length=1)]
"""A text that says something."""
_OPEN = frozenset(["facts", "change", "params", "outputs"])
"""What holds values of the author's own, of which null may be one."""
_Fact = dict[str, Any]


class Finding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An entry of `findings` that is no mere id."""

    rule: Text
    message: Text | None = None


class Expect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an `expect` says."""

    allow: Literal["undecided"] | bool | None = None
    state: Text | None = None
    reason: Text | None = None
    findings: list[str | Finding] | None = None
    outputs: dict[str, Any] = {}


class Then(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An entry of `then`."""

    expect: Expect
    step: Text | None = None
    after: str | None = None
    facts: list[_Fact] = []
    change: list[_Fact] = []
    remove: list[str] = []


class Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An entry of `cases`."""

    case: Text
    expect: Expect
    now: str | None = None
    task: Text | None = None
    params: dict[str, Any] = {}
    facts: list[_Fact] = []
    then: list[Then] = []


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole test file."""

    policy: Text
    cases: list[Written]
    now: str | None = None
    task: Text | None = None
    params: dict[str, Any] = {}
    facts: list[_Fact] = []


def read(source: Source) -> tuple[File | None, Report | None, tuple[Issue, ...]]:
    """Read a test file: what it says, where further issues of it go, and the issues of its form."""
    document, issues = parse(source, "test file")
    if document is None:
        return None, None, issues
    report = Report(document)
    report.issues += issues
    data = document.data
    if isinstance(data, dict) and data.get("cases") in ([], None):
        report.at_key("E701", ("cases",), "the file has no case: it tests nothing", "write one under `cases`")
        return None, report, tuple(report.issues)
    try:
        said = msgspec.convert(data, File, strict=True)
        if not _blank(data):
            return said, report, tuple(report.issues)
        _structure(report, data, "a key has no value")
    except msgspec.ValidationError as error:
        _structure(report, data, str(error))
    return None, report, tuple(report.issues)


def _blank(node: Any) -> bool:
    """Whether a key of the form has no value: what was meant to be expected there would not be looked at."""
    if isinstance(node, list):
        return any(map(_blank, node))
    if isinstance(node, dict):
        return any(_blank(item) for key, item in node.items() if key not in _OPEN)
    return node is None


def _structure(report: Report, data: Any, otherwise: str) -> None:
    """Every fault of the form, by the schema; what only msgspec refuses is told in its words."""
    for violation in schemas.violations("test", _bare(data)):
        at = report.at_key if violation.path in report.document.keys and "key" in violation.message else report.at
        at("E700", violation.path, violation.message, violation.hint)
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
    told = isinstance(facts, list) and all(isinstance(f, dict) and len(f) == 1 for f in facts)
    return [] if told else facts
