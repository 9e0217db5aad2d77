"""The issues of policies and tests as a report: text, JSON, annotations of GitHub Actions, SARIF."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from interlock import codes, diagnostics
from interlock.diagnostics import Issue, Source
from interlock.escape import harmless, printable
from interlock.reporting.github import workflow_command
from interlock.reporting.sarif import location, sarif_document
from interlock.reporting.style import counted, json_lines, wrapped


def render(form: str, issues: Sequence[Issue], sources: Sequence[Source], width: int | None = None) -> str:
    """The issues of some files in a format of `FORMATS`. `sources` has every file, those without an issue too.

    Text is wrapped to a `width`, but for the lines of the files.
    """
    return _text(issues, sources, width) if form == "text" else _RENDERERS[form](issues, sources)


def _text(issues: Sequence[Issue], sources: Sequence[Source], width: int | None) -> str:
    """Every issue as `diagnostics.render` shows it; then how many policies, tests, errors and warnings there are."""
    texts = {each.name: each for each in sources}
    shown = [line for issue in issues for line in _lines(issue, texts.get(issue.location.name), width)]
    errors = sum(issue.level == "error" for issue in issues)
    tests = sum(each.name.endswith(("_test.yaml", "_test.yml")) for each in sources)
    counts = [counted(len(sources) - tests, "policy", "policies")] * (tests < len(sources) or not tests)
    counts += [counted(tests, "test")] * (tests > 0)
    total = f"{', '.join(counts)}: {counted(errors, 'error')}"
    return "\n".join([*shown, f"{total}, {counted(len(issues) - errors, 'warning')}\n"])


def _lines(issue: Issue, source: Source | None, width: int | None) -> Iterator[str]:
    head, *lines = harmless(diagnostics.render(issue, source), keep="\n\t").split("\n")
    yield from wrapped(head, width, "", "  ")
    for line in lines:
        hint = line.removeprefix(_HINT)
        yield from [line] if hint == line else wrapped(hint, width, _HINT, " " * len(_HINT))


_HINT = "   = "


def _json(issues: Sequence[Issue], _: Sequence[Source]) -> str:
    """One JSON object a line for each issue, as `schemas/issue.schema.json` states it."""
    return json_lines(map(_document, issues))


def _document(issue: Issue) -> dict[str, object]:
    place = issue.location
    where = {"file": printable(place.name), "line": place.line, "column": place.column, "width": place.width}
    entry = {"message": printable(issue.message), "hint": None if issue.hint is None else printable(issue.hint)}
    return {**where, "code": issue.code, "level": issue.level, **entry}


def _github(issues: Sequence[Issue], _: Sequence[Source]) -> str:
    return "".join(f"{_annotation(issue)}\n" for issue in issues)


def _annotation(issue: Issue) -> str:
    place = issue.location
    where = {
        "file": place.name,
        "line": place.line,
        "col": place.column,
        "endColumn": place.column + place.width,
        "title": issue.code,
    }
    return workflow_command(issue.level, where, f"{issue.message}\n{issue.hint}" if issue.hint else issue.message)


def _sarif(issues: Sequence[Issue], sources: Sequence[Source]) -> str:
    """One run of one document; its rules are the pages of the codes that the issues have."""
    used = sorted({issue.code for issue in issues})
    levels = {issue.code: issue.level for issue in issues}
    rules = [_rule(code, levels[code]) for code in used]
    return sarif_document(
        rules, [each.name for each in sources], [_result(issue, used.index(issue.code)) for issue in issues]
    )


def _rule(code: str, level: str) -> dict[str, Any]:
    page = codes.page(code)
    return {
        "id": code,
        "shortDescription": {"text": codes.title(code)},
        "help": {"text": page, "markdown": page},
        "defaultConfiguration": {"level": level},
    }


def _result(issue: Issue, rule: int) -> dict[str, Any]:
    place = issue.location
    region = {"startLine": place.line, "startColumn": place.column, "endColumn": place.column + place.width}
    return {
        "ruleId": issue.code,
        "ruleIndex": rule,
        "level": issue.level,
        "message": {"text": printable(f"{issue.message}\n{issue.hint}" if issue.hint else issue.message)},
        "locations": [location(place.name, region)],
    }


_RENDERERS = {"json": _json, "github": _github, "sarif": _sarif}
FORMATS = ("text", *_RENDERERS)
"""What issues may be rendered as."""
