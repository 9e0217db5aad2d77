"""The results of policies' tests as a report: text, JSON, JUnit, TAP; and how much of each policy they tried."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Any

import msgspec

from interlock.diagnostics import Location
from interlock.escape import harmless, printable
from interlock.model.testing import CaseResult, Mismatch, StepResult, Trial
from interlock.reporting.explain import reasons
from interlock.reporting.outcomes import CaseReport
from interlock.reporting.style import RenderContext, counted, distinct, json_lines, shown

_WIDTH, _LEAST = 100, 20
"""The columns of the table where the reader's are not known, and the fewest that a side of it gets."""
_NOTHING = "-"


def render(form: str, trials: Sequence[Trial], look: RenderContext) -> str:
    """The report of tests in a format of `FORMATS`."""
    return _RENDERERS[form](trials, look)


def covered(trials: Sequence[Trial], look: RenderContext) -> str:
    """A line a policy, and beneath it what was never tried."""
    wide = max(len(trial.policy) for trial in trials)
    return "".join(f"{line}\n" for trial in trials for line in _coverage_lines(trial, wide, look))


def percent(trial: Trial) -> str:
    """The coverage of a policy; 100 only where nothing is missing."""
    found = trial.coverage.percent
    return f"{int(found) if found < 100 else 100} %"


def _coverage_lines(trial: Trial, wide: int, look: RenderContext) -> Iterator[str]:
    missing = trial.coverage.missing
    yield f"{look.paint(f'{percent(trial):>6}', 'red' if missing else 'green')}  {trial.policy:{wide}}".rstrip()
    yield from (f"{'':8}{harmless(each)}" for each in missing)


def _text(trials: Sequence[Trial], look: RenderContext) -> str:
    """A line a test file, its failures, and at the end the sum."""
    wide = max(len(trial.policy) for trial in trials)
    lines = [line for trial in trials for line in _trial_lines(trial, wide, look)]
    failed = sum(not case.passed for trial in trials for case in trial.cases)
    count = sum(len(trial.cases) for trial in trials)
    total = [f"{count - failed:,} passed"] * (count > failed) + [f"{failed:,} failed"] * (failed > 0)
    ended = lines if lines[-1] == "" else [*lines, ""]
    return "".join(f"{line}\n" for line in (*ended, f"{counted(count, 'case')}: {', '.join(total)}"))


def _trial_lines(trial: Trial, wide: int, look: RenderContext) -> Iterator[str]:
    failed = [case for case in trial.cases if not case.passed]
    label = look.paint("failed", "red") if failed else look.paint("passed", "green")
    count = counted(len(trial.cases), "case")
    text = f"{len(failed)} of {count}" if failed else count
    yield f"{label}  {trial.policy:{wide}}  {text}"
    for case in failed:
        yield from ("", *failure(case, look))
    if failed:
        yield ""


def failure(case: CaseResult, look: RenderContext) -> Iterator[str]:
    """A case that failed, a line each: where, what was expected and what came, and why."""
    step = case.steps[-1]
    name = f"{case.name}, then {step.name}" if step.name else case.name
    yield f"  {harmless(str(step.location))}: {look.paint(harmless(name), 'red')}"
    if step.trouble is not None:
        yield f"    {harmless(step.trouble)}"
    yield from _table(step, look)
    yield from reasons(step.rules, step.lines, look)


def _table(step: StepResult, look: RenderContext) -> Iterator[str]:
    found = _rows(step)
    if not found:
        return
    label = max(len(row.what) for row in found)
    room = max(_LEAST, ((look.width or _WIDTH) - label - 8) // 2)
    side = min(room, max(len("expected"), *(len(row.expected) for row in found)))
    for row in (MismatchRow("", "expected", "got"), *found):
        left = wrap(harmless(row.expected), side) or [""]
        right = wrap(harmless(row.got), room) or [""]
        for at in range(max(len(left), len(right))):
            columns = (row.what if at == 0 else "", _at(left, at), _at(right, at))
            yield f"    {columns[0]:{label}}  {columns[1]:{side}}  {columns[2]}".rstrip()


def _at(lines: Sequence[str], index: int) -> str:
    return lines[index] if index < len(lines) else ""


def _json(trials: Sequence[Trial], _: RenderContext) -> str:
    """One JSON object a line for each test file, as `schemas/trial.schema.json` states it."""
    return json_lines(map(_trial_document, trials))


def _trial_document(trial: Trial) -> dict[str, Any]:
    coverage = {"percent": trial.coverage.percent, "rules": trial.coverage.rules, "lines": trial.coverage.lines}
    head = {"file": printable(trial.path), "policy": trial.policy, "passed": trial.passed}
    return {**head, "cases": [_case_document(case) for case in trial.cases], "coverage": coverage}


def _case_document(case: CaseResult) -> dict[str, Any]:
    head = {"case": case.name, **_place(case.location), "passed": case.passed, "seconds": round(case.seconds, 6)}
    return {**head, "steps": [_step_document(step) for step in case.steps]}


def _step_document(step: StepResult) -> dict[str, Any]:
    head = {"step": step.name, **_place(step.location), "passed": step.passed, "trouble": step.trouble}
    why = {"differences": step.differences, "rules": step.rules, "lines": step.lines}
    return {**head, **why, "decision": step.decision}


def _place(location: Location) -> dict[str, int]:
    return {"line": location.line, "column": location.column}


def _junit(trials: Sequence[Trial], _: RenderContext) -> str:
    """One XML document: a suite a test file, a test case a case."""
    from interlock.reporting.junit import junit_document, suite_element

    named = zip(_names(trials), trials, strict=True)
    return junit_document(
        [suite_element(name, list(map(_case_report, trial.cases)), _properties(trial)) for name, trial in named]
    )


def _names(trials: Sequence[Trial]) -> list[str]:
    """What each test file is called: by the id of its policy, which two may share."""
    return distinct((trial.policy, trial.path) for trial in trials)


def _properties(trial: Trial) -> dict[str, object]:
    return {"policy": trial.policy, "file": trial.path, "coverage": f"{trial.coverage.percent:.1f}"}


def _tap(trials: Sequence[Trial], _: RenderContext) -> str:
    """The version, the plan, and a line a case; why it failed is reported in a block of YAML below it."""
    from interlock.reporting.tap import stream

    named = zip(_names(trials), trials, strict=True)
    return stream([(f"{name}: {each.name}", _case_report(each)) for name, trial in named for each in trial.cases])


class MismatchRow(msgspec.Struct, frozen=True):
    """One line of a table: what is compared, what was expected, and what came."""

    what: str
    expected: str
    got: str


def _rows(step: StepResult) -> tuple[MismatchRow, ...]:
    """Expected and got, side by side; a finding a line."""
    return tuple(row for difference in step.differences for row in _mismatch_rows(difference))


def _case_report(result: CaseResult) -> CaseReport:
    """The case as tools show it that know only tests: what failed in a line, and beneath it where and why."""
    step = result.steps[-1]
    if step.passed:
        return CaseReport(result.name, "passed", seconds=result.seconds)
    text = step.trouble or "; ".join(f"{row.what}: expected {row.expected}, got {row.got}" for row in _rows(step))
    message = f"{step.name}: {text}" if step.name else text
    detail = "\n".join(
        [f"{harmless(str(step.location))}: {message}", *reasons(step.rules, step.lines, RenderContext())]
    )
    return CaseReport(result.name, "failed", message, detail=detail, seconds=result.seconds)


def _mismatch_rows(difference: Mismatch) -> Iterator[MismatchRow]:
    if difference.what != "findings":
        yield MismatchRow(difference.what, _shown(difference.expected), _shown(difference.got))
        return
    yield from (MismatchRow("finding", _finding(each), _NOTHING) for each in difference.expected)
    yield from (MismatchRow("finding", _NOTHING, _finding(each)) for each in difference.got)


def _finding(finding: dict[str, str | None]) -> str:
    return f"{finding['rule']}: {finding['message']}" if finding["message"] is not None else str(finding["rule"])


def _shown(value: Any) -> str:
    return _NOTHING if value is None else shown(value)


_RENDERERS = {"text": _text, "json": _json, "junit": _junit, "tap": _tap}
FORMATS = tuple(_RENDERERS)
"""What the results may be rendered as."""
