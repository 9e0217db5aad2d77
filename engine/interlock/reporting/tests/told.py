"""How a step of a test differs from what was expected, in lines that every format can hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from interlock.escape import harmless
from interlock.model.testing import CaseResult, Mismatch, StepResult
from interlock.reporting.explain import reasons
from interlock.reporting.outcomes import CaseReport
from interlock.reporting.style import Look

NOTHING = "-"


class MismatchRow(msgspec.Struct, frozen=True):
    """One line of a table: what is compared, what was expected, and what came."""

    what: str
    expected: str
    got: str


def rows(step: StepResult) -> tuple[MismatchRow, ...]:
    """Expected and got, side by side; a finding a line."""
    return tuple(row for difference in step.differences for row in _rows(difference))


def case(result: CaseResult) -> CaseReport:
    """The case as tools show it that know only tests: what failed in a line, and beneath it where and why."""
    step = result.steps[-1]
    if step.passed:
        return CaseReport(result.name, "passed", seconds=result.seconds)
    told = step.trouble or "; ".join(f"{row.what}: expected {row.expected}, got {row.got}" for row in rows(step))
    message = f"{step.name}: {told}" if step.name else told
    detail = "\n".join([f"{harmless(str(step.location))}: {message}", *reasons(step.rules, step.lines, Look())])
    return CaseReport(result.name, "failed", message, detail=detail, seconds=result.seconds)


def _rows(difference: Mismatch) -> Iterator[MismatchRow]:
    if difference.what != "findings":
        yield MismatchRow(difference.what, _shown(difference.expected), _shown(difference.got))
        return
    yield from (MismatchRow("finding", _finding(each), NOTHING) for each in difference.expected)
    yield from (MismatchRow("finding", NOTHING, _finding(each)) for each in difference.got)


def _finding(finding: dict[str, str | None]) -> str:
    return f"{finding['rule']}: {finding['message']}" if finding["message"] is not None else str(finding["rule"])


def _shown(value: Any) -> str:
    if value is None:
        return NOTHING
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
