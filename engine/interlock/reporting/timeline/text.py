"""A history for a person at a terminal: a row for each new decision of a gate, its cause, and what changed."""

from __future__ import annotations

from collections.abc import Iterator

from interlock.escape import harmless
from interlock.instant import parse_instant
from interlock.model.decision import verdict_word
from interlock.model.history import Cause, History, Interval, Mark
from interlock.reporting.params import params_text
from interlock.reporting.style import RenderContext, wrapped
from interlock.reporting.text import VERDICT_COLOURS

_SHOWN = 3
"""That many receipts of one instant are cited."""


def render(history: History, look: RenderContext) -> str:
    """A headline, and the intervals of all lanes in the order of time, then of the lanes."""
    rows = [
        (parse_instant(interval.since), place, lane, before, interval)
        for place, lane in enumerate(history.lanes)
        for before, interval in zip((None, *lane.intervals), lane.intervals, strict=False)
    ]
    rows.sort(key=lambda row: row[:2])
    day = history.since[:10] if history.since[:10] == history.until[:10] else ""
    times = max(len(_time(row[4].since, day)) for row in rows)
    names = max(len(lane.policy) for lane in history.lanes)
    states = max(len(_state(before, interval)) for _, _, _, before, interval in rows)
    lines = list(wrapped(_headline(history, day, len(rows)), look.width, "", "  "))
    for lane in history.lanes:
        if params := params_text(lane.params):
            lines += wrapped(f"params {lane.policy}: {params}", look.width, "", "  ")
    lines.append("")
    for _, _, lane, before, interval in rows:
        head = f"{_time(interval.since, day):{times}}  {lane.policy:{names}}  "
        lines += _row(head, before, interval, states, look)
        margin = " " * len(head)
        lines += [
            line for each in _changed(before, interval) for line in wrapped(each, look.width, margin, f"{margin}  ")
        ]
    return "\n".join([*lines, ""])


def _headline(history: History, day: str, count: int) -> str:
    on = f" on {day}" if day else ""
    gates = f"{len(history.lanes)} gate{'s' if len(history.lanes) != 1 else ''}"
    stretch = f"{_time(history.since, day)} to {_time(history.until, day)}"
    return f"{harmless(history.task)}{on}, {stretch}: {gates}, {count} decision{'s' if count != 1 else ''}"


def _time(text: str, day: str) -> str:
    """An instant, cut to the second; without its day where that is said elsewhere."""
    return f"{text[:19]}Z".removeprefix(f"{day}T")


def _row(head: str, before: Interval | None, interval: Interval, states: int, look: RenderContext) -> Iterator[str]:
    name = verdict_word(interval.allow)
    cause = _cause(interval.cause) if interval.cause else ""
    row = f"{name:9}  {_state(before, interval):{states}}  {cause}".rstrip()
    first, *rest = wrapped(row, look.width, head, " " * len(head))
    verdict, after = first[len(head) :][:9], first[len(head) :][9:]
    yield f"{head}{look.paint(verdict, VERDICT_COLOURS[name])}{after}"
    yield from rest


def _state(before: Interval | None, interval: Interval) -> str:
    moved = before is not None and before.state != interval.state
    return harmless(f"{before.state} -> {interval.state}" if before and moved else interval.state)


def _cause(cause: Cause) -> str:
    if not cause.receipts:
        return "by time alone"
    more = len(cause.receipts) - _SHOWN
    named = ", ".join(map(_mark, cause.receipts[:_SHOWN]))
    return f"by {named}" + (f" and {more} more" if more > 0 else "")


def _mark(mark: Mark) -> str:
    return harmless(f"{mark.kind}{f' of {mark.seat}' if mark.seat else ''} {mark.id}")


def _changed(before: Interval | None, interval: Interval) -> Iterator[str]:
    """Why it is undecided, what was found first of all; after that only what came and went."""
    if interval.reason != (before.reason if before else None):
        yield from (harmless(f"? {reason}") for reason in (interval.reason or "").splitlines())
    if interval.cause is None:
        yield from (harmless(f"+ {finding.message}") for finding in interval.findings)
        return
    yield from (harmless(f"- {message}") for message in interval.cause.vanished)
    yield from (harmless(f"+ {message}") for message in interval.cause.appeared)
