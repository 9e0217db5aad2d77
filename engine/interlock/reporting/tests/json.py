"""Tests for programs: one JSON object a line for each test file, as `schemas/trial.schema.json` states it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from interlock.diagnostics import Location
from interlock.escape import harmless
from interlock.model.testing import CaseResult, StepResult, Trial
from interlock.reporting.style import Look


def render(trials: Sequence[Trial], _: Look) -> str:
    """One line a test file."""
    return "".join(f"{harmless(msgspec.json.encode(_trial(trial)).decode())}\n" for trial in trials)


def _trial(trial: Trial) -> dict[str, Any]:
    coverage = {"percent": trial.coverage.percent, "rules": trial.coverage.rules, "lines": trial.coverage.lines}
    head = {"file": _text(trial.path), "policy": trial.policy, "passed": trial.passed}
    return {**head, "cases": [_case(case) for case in trial.cases], "coverage": coverage}


def _case(case: CaseResult) -> dict[str, Any]:
    head = {"case": case.name, **_place(case.location), "passed": case.passed, "seconds": round(case.seconds, 6)}
    return {**head, "steps": [_step(step) for step in case.steps]}


def _step(step: StepResult) -> dict[str, Any]:
    head = {"step": step.name, **_place(step.location), "passed": step.passed, "trouble": step.trouble}
    why = {"differences": step.differences, "rules": step.rules, "lines": step.lines}
    return {**head, **why, "decision": step.decision}


def _place(location: Location) -> dict[str, int]:
    return {"line": location.line, "column": location.column}


def _text(text: str) -> str:
    """The text, with the bytes of a file's name that are no text spelled out."""
    return text.encode(errors="backslashreplace").decode()
