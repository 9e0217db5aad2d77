"""Decisions for programs: one JSON object a line, as `schemas/decision.schema.json` states it.

It is one line for one decision too, so that what a program reads does not depend on how many tasks a ledger holds.
"""

from __future__ import annotations

from collections.abc import Sequence

from interlock.model.decision import Decision
from interlock.reporting.style import RenderContext, json_lines


def render(decisions: Sequence[Decision], _: RenderContext) -> str:
    """One line a decision."""
    return json_lines(decisions)


def failure(message: str) -> str:
    """That nothing was judged, and why, as `schemas/failure.schema.json` states it."""
    return json_lines([{"allow": None, "error": message}])
