"""Issues for a person at a terminal: each with its line and a caret under the place, and at the end the sum."""

from __future__ import annotations

from collections.abc import Sequence

from interlock import diagnostics
from interlock.diagnostics import Issue, Source
from interlock.escape import harmless


def render(issues: Sequence[Issue], sources: Sequence[Source]) -> str:
    """Every issue as `source.render` shows it; then how many policies, tests, errors and warnings there are."""
    texts = {each.name: each for each in sources}
    shown = [harmless(diagnostics.render(issue, texts.get(issue.location.name)), keep="\n\t") for issue in issues]
    errors = sum(issue.level == "error" for issue in issues)
    tests = sum(each.name.endswith(("_test.yaml", "_test.yml")) for each in sources)
    counts = [_counted(len(sources) - tests, "policy", "policies")] * (tests < len(sources) or not tests)
    counts += [_counted(tests, "test", "tests")] * (tests > 0)
    total = f"{', '.join(counts)}: {_counted(errors, 'error', 'errors')}"
    return "\n".join([*shown, f"{total}, {_counted(len(issues) - errors, 'warning', 'warnings')}\n"])


def _counted(number: int, one: str, several: str) -> str:
    return f"{number:,} {one if number == 1 else several}"
