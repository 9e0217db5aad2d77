"""Issues as workflow commands of GitHub Actions, which shows them at their lines in a pull request.

https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from interlock.reporting.harmless import harmless
from interlock.source import Issue, Source

_MESSAGE = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY = _MESSAGE | {":": "%3A", ",": "%2C"}


def render(issues: Sequence[Issue], _: Sequence[Source]) -> str:
    """One command a line for each issue."""
    return "".join(f"{_command(issue)}\n" for issue in issues)


def _command(issue: Issue) -> str:
    place = issue.location
    where = {
        "file": place.name,
        "line": place.line,
        "col": place.column,
        "endColumn": place.column + place.width,
        "title": issue.code,
    }
    properties = ",".join(f"{name}={_escaped(str(value), _PROPERTY)}" for name, value in where.items())
    message = f"{issue.message}\n{issue.hint}" if issue.hint else issue.message
    return f"::{issue.level} {properties}::{_escaped(message, _MESSAGE)}"


def _escaped(text: str, special: Mapping[str, str]) -> str:
    return harmless(text.translate({ord(char): told for char, told in special.items()}))
