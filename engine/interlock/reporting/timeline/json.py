"""A history for programs: one JSON object on one line, as `schemas/history.schema.json` states it."""

from __future__ import annotations

from interlock.model.history import History
from interlock.reporting.style import json_lines


def render(history: History) -> str:
    """One line."""
    return json_lines([history])
