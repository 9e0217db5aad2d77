"""What came of tests of policies as text, one small module a format, chosen by name."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from interlock.model.testing import Trial
from interlock.reporting.style import Look
from interlock.reporting.tests.coverage import covered, percent

FORMATS = ("text", "json", "junit", "tap")
"""What it may be rendered as; each is a module of this package that has `render`."""


def render(form: str, trials: Sequence[Trial], look: Look) -> str:
    """The report of tests in a format of `FORMATS`."""
    rendered: str = import_module(f"{__name__}.{form}").render(trials, look)
    return rendered


__all__ = ["FORMATS", "covered", "percent", "render"]
