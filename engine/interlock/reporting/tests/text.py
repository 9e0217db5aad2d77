"""Tests for a person at a terminal: a line a policy, beneath it each failure, expected and got side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap

from interlock.escape import harmless
from interlock.model.testing import CaseResult, StepResult, Trial
from interlock.reporting.explain import reasons
from interlock.reporting.style import Look
from interlock.reporting.tests.told import MismatchRow, rows

_WIDTH, _LEAST = 100, 20
"""The columns of the table where the reader's are not known, and the fewest that a side of it gets."""


def render(trials: Sequence[Trial], look: Look) -> str:
    """A line a test file, its failures, and at the end the sum."""
    wide = max(len(trial.policy) for trial in trials)
    lines = [line for trial in trials for line in _trial(trial, wide, look)]
    failed = sum(not case.passed for trial in trials for case in trial.cases)
    count = sum(len(trial.cases) for trial in trials)
    total = [f"{count - failed:,} passed"] * (count > failed) + [f"{failed:,} failed"] * (failed > 0)
    ended = lines if lines[-1] == "" else [*lines, ""]
    return "".join(f"{line}\n" for line in (*ended, f"{_cases(count)}: {', '.join(total)}"))


def _trial(trial: Trial, wide: int, look: Look) -> Iterator[str]:
    failed = [case for case in trial.cases if not case.passed]
    label = look.paint("failed", "red") if failed else look.paint("passed", "green")
    told = f"{len(failed)} of {_cases(len(trial.cases))}" if failed else _cases(len(trial.cases))
    yield f"{label}  {trial.policy:{wide}}  {told}"
    for case in failed:
        yield from ("", *failure(case, look))
    if failed:
        yield ""


def failure(case: CaseResult, look: Look) -> Iterator[str]:
    """A case that failed, a line each: where, what was expected and what came, and why."""
    step = case.steps[-1]
    name = f"{case.name}, then {step.name}" if step.name else case.name
    yield f"  {harmless(str(step.location))}: {look.paint(harmless(name), 'red')}"
    if step.trouble is not None:
        yield f"    {harmless(step.trouble)}"
    yield from _table(step, look)
    yield from reasons(step.rules, step.lines, look)


def _table(step: StepResult, look: Look) -> Iterator[str]:
    found = rows(step)
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


def _cases(count: int) -> str:
    return f"{count:,} case{'' if count == 1 else 's'}"
