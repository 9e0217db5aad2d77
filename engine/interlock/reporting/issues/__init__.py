"""Issues as text, one small module a format, chosen by name."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from interlock.diagnostics import Issue, Source

FORMATS = ("text", "json", "github", "sarif")
"""What issues may be rendered as; each is a module of this package that has `render`."""


def render(form: str, issues: Sequence[Issue], sources: Sequence[Source]) -> str:
    """The issues of some files in a format of `FORMATS`. `sources` has every file, those without an issue too."""
    rendered: str = import_module(f"{__name__}.{form}").render(issues, sources)
    return rendered
