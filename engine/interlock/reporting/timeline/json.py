"""A history for programs: one JSON object on one line, as `schemas/history.schema.json` states it."""

from __future__ import annotations

import msgspec

from interlock.model.history import History
from interlock.reporting.harmless import harmless


def render(history: History) -> str:
    """One line."""
    return f"{harmless(msgspec.json.encode(history).decode())}\n"
