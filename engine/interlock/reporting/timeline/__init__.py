"""What gates said over a stretch of time, as text and as pictures, one small module a format."""

from __future__ import annotations

from importlib import import_module

from interlock.model.history import History
from interlock.reporting import FORMATS as REPORTS
from interlock.reporting import render_failure as report_failure
from interlock.reporting.style import RenderContext, json_lines

FORMATS = ("text", "json", "html", "svg")
"""What a history may be rendered as; each but JSON is a module of this package that has `render`."""


def render(form: str, history: History, look: RenderContext | None = None) -> str:
    """A history in a format of `FORMATS`: whole lines. Only text looks as its reader likes it."""
    if form == "json":  # as `schemas/history.schema.json` states it
        return json_lines([history])
    module = import_module(f"{__name__}.{form}")
    rendered: str = module.render(history, look or RenderContext()) if form == "text" else module.render(history)
    return rendered


def render_failure(form: str, message: str) -> str:
    """What stands in a file of that format where nothing was replayed: no reader takes it for a history."""
    if form in REPORTS:
        return report_failure(form, message)
    rendered: str = import_module(f"{__name__}.{form}").failure(message)
    return rendered
