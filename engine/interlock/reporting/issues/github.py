"""Issues as workflow commands of GitHub Actions, which shows them at their lines in a pull request."""

from __future__ import annotations

from collections.abc import Sequence

from interlock.diagnostics import Issue, Source
from interlock.reporting.github import workflow_command


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
    return workflow_command(issue.level, where, f"{issue.message}\n{issue.hint}" if issue.hint else issue.message)
