"""Tests in the Test Anything Protocol, version 13: a test a case."""

from __future__ import annotations

from collections.abc import Sequence

from interlock.model.testing import Trial
from interlock.reporting.style import Look
from interlock.reporting.tap import stream
from interlock.reporting.tests.told import case


def render(trials: Sequence[Trial], _: Look) -> str:
    """The version, the plan, and a line a case; why it failed is told in a block of YAML below it."""
    return stream([(f"{trial.policy}: {each.name}", case(each)) for trial in trials for each in trial.cases])
