"""Decisions as text, one small module a format, chosen by name. A report sees decisions, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from interlock.model.decision import Decision
from interlock.reporting.style import PolicyView, RenderContext, RuleView, uncoloured

FORMATS = ("text", "json", "junit", "sarif", "github", "markdown", "tap")
"""What a report may be rendered as; each is a module of this package that has `render` and `failure`."""


def render(form: str, decisions: Sequence[Decision], look: RenderContext | None = None) -> str:
    """The report of some decisions in a format of `FORMATS`: whole lines, none for no decision."""
    look = look or RenderContext()
    module = "overview" if look.overview and form == "text" else form
    rendered: str = import_module(f"{__name__}.{module}").render(decisions, look)
    return rendered


def render_failure(form: str, message: str) -> str:
    """The report in a format of `FORMATS` of a run that could not judge. No reader takes it for a pass."""
    rendered: str = import_module(f"{__name__}.{form}").failure(message)
    return rendered


__all__ = ["FORMATS", "PolicyView", "RenderContext", "RuleView", "render", "render_failure", "uncoloured"]
