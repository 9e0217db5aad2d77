"""Issues as SARIF 2.1.0, which code scanning and editors read.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from interlock import __version__, codes
from interlock.reporting.harmless import harmless
from interlock.source import Issue, Source

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def render(issues: Sequence[Issue], sources: Sequence[Source]) -> str:
    """One run of one document; its rules are the pages of the codes that the issues have."""
    used = sorted({issue.code for issue in issues})
    levels = {issue.code: issue.level for issue in issues}
    driver = {"name": "interlock", "version": __version__, "rules": [_rule(code, levels[code]) for code in used]}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "artifacts": [{"location": {"uri": _uri(each.name)}} for each in sources],
        "results": [_result(issue, used.index(issue.code)) for issue in issues],
    }
    document = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return f"{harmless(msgspec.json.encode(document).decode())}\n"


def _rule(code: str, level: str) -> dict[str, Any]:
    text = codes.page(code)
    return {
        "id": code,
        "shortDescription": {"text": codes.title(code)},
        "help": {"text": text, "markdown": text},
        "defaultConfiguration": {"level": level},
    }


def _result(issue: Issue, rule: int) -> dict[str, Any]:
    place = issue.location
    region = {"startLine": place.line, "startColumn": place.column, "endColumn": place.column + place.width}
    message = f"{issue.message}\n{issue.hint}" if issue.hint else issue.message
    return {
        "ruleId": issue.code,
        "ruleIndex": rule,
        "level": issue.level,
        "message": {"text": message.encode(errors="backslashreplace").decode()},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": _uri(place.name)}, "region": region}}],
    }


def _uri(name: str) -> str:
    """The path as a URI: relative as it is given, or a file's."""
    path = quote(os.fsencode(name))
    return f"file://{path}" if os.path.isabs(name) else path
