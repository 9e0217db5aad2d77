"""A change of a decision on one line: when, which policy, its verdict, its states, and what first stands in the way."""

from __future__ import annotations

from collections.abc import Callable

from interlock.model.decision import Decision
from interlock.reporting.harmless import harmless
from interlock.reporting.text import COLOURS, verdict


def line(before: Decision | None, after: Decision, paint: Callable[[str, str], str], wide: int) -> str:
    """The line, without its end. `wide` is the length of the longest policy's id; the time is cut to the second."""
    told = verdict(after)
    moved = before is not None and before.state != after.state
    state = f"{before.state} -> {after.state}" if before is not None and moved else after.state
    messages = (after.reason or "").splitlines() or [finding.message for finding in after.findings]
    first = harmless(messages[0]) if messages else ""
    verdicts = paint(f"{told:9}", COLOURS[told])
    return f"{after.now[11:19]}Z  {after.policy:{wide}}  {verdicts}  {harmless(state):34}  {first}".rstrip()
