"""A history for programs: one JSON object on one line, as `schemas/history.schema.json` states it."""

from __future__ import annotations

import msgspec

from interlock.escape import harmless
from interlock.model.history import History


def render(history: History) -> str:
    """One line."""
    return f"{harmless(msgspec.json.encode(history).decode())}\n"
