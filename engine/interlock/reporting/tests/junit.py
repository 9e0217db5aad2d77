"""Tests as a JUnit report: a suite a test file, a test case a case."""

from __future__ import annotations

from collections.abc import Sequence

from interlock.model.testing import Trial
from interlock.reporting.junit import junit_document, suite_element
from interlock.reporting.style import Look
from interlock.reporting.tests.told import case


def render(trials: Sequence[Trial], _: Look) -> str:
    """One XML document."""
    return junit_document(
        [suite_element(trial.policy, list(map(case, trial.cases)), _properties(trial)) for trial in trials]
    )


def _properties(trial: Trial) -> dict[str, object]:
    return {"policy": trial.policy, "file": trial.path, "coverage": f"{trial.coverage.percent:.1f}"}
