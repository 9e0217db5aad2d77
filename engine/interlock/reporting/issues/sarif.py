"""Issues as SARIF 2.1.0, which code scanning and editors read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from interlock import codes
from interlock.diagnostics import Issue, Source
from interlock.reporting.sarif import location, printable, sarif_document


def render(issues: Sequence[Issue], sources: Sequence[Source]) -> str:
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
