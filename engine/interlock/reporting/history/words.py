"""What a picture and its tables say of a history, in words."""

from __future__ import annotations

from collections.abc import Sequence

from interlock.instant import format_duration, parse_instant
from interlock.model.history import History, Interval, Lane, Mark
from interlock.reporting.history.scale import told

GLYPHS = {"allowed": "✓", "denied": "✕", "undecided": "?"}
_SEATS = ("manager", "worker")
_LANES = 8
"""As many lanes of receipts there are at most, so that none makes a thousand of them by a thousand actors."""


def verdict(interval: Interval) -> str:
    """`allowed`, `denied` or `undecided`."""
    return "undecided" if interval.allow is None else "allowed" if interval.allow else "denied"


def standing(interval: Interval) -> str:
    """The verdict and, where there is more to it, the state: `denied: blocked`."""
    name = verdict(interval)
    return name if interval.state == name else f"{name}: {interval.state}"


def lasted(since: str, until: str) -> str:
    """How long it is from one instant to another."""
    return format_duration(parse_instant(until) - parse_instant(since))


def stretch(history: History) -> str:
    """The whole stretch of time: its day, its ends, and how long it is."""
    since, until = told(history.since, history), told(history.until, history)
    day = f"{history.since[:10]}, " if since == history.since[11:] else ""
    return f"{day}{since} to {until} ({lasted(history.since, history.until)})"


def changes(lane: Lane) -> str:
    """How often the gate changed what it said."""
    return counted(max(0, len(lane.intervals) - 1), "change")


def counted(number: int, noun: str) -> str:
    """A number of things: `1 change`, `1,000 changes`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def summary(interval: Interval, history: History) -> str:
    """An interval in one sentence."""
    since, until = told(interval.since, history), told(interval.until, history)
    return f"{standing(interval)}, {since} to {until} ({lasted(interval.since, interval.until)})"


def shares(intervals: Sequence[Interval]) -> dict[str, float]:
    """What part of their time each verdict has, of 1; what lasted for no time at all counts as a microsecond."""
    long = [max(1, parse_instant(each.until) - parse_instant(each.since)) for each in intervals]
    found = dict.fromkeys(GLYPHS, 0.0)
    for interval, time in zip(intervals, long, strict=True):
        found[verdict(interval)] += time / sum(long)
    return found


def mixture(parts: dict[str, float]) -> str:
    """Shares of time in words, none of which is nothing."""
    told = {name: f"{share:.0%}" if share >= 0.01 else "under 1%" for name, share in parts.items() if share}
    return ", ".join(f"{name} {share} of the time" for name, share in told.items())


def seats(history: History) -> dict[str, list[Mark]]:
    """The receipts by who they are of: the seats first, then other actors in the order that they come."""
    found: dict[str, list[Mark]] = {seat: [] for seat in _SEATS}
    for mark in history.marks:
        name = mark.seat or mark.actor or "others"
        found.setdefault(name if name in found or len(found) < _LANES - 1 else "others", []).append(mark)
    return {name: marks for name, marks in found.items() if marks}
