"""Where instants lie on an axis, and how they are written there. Instants and spans are integer microseconds, UTC."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from interlock.instant import SECOND, parse_instant
from interlock.model.decision import verdict_word
from interlock.model.history import History, Interval, Lane, Mark
from interlock.reporting.style import counted, duration_text

MINUTE, HOUR, DAY = 60 * SECOND, 3_600 * SECOND, 86_400 * SECOND
TICK_STEPS = (
    *(digit * 10**power for power in range(6) for digit in (1, 2, 5)),
    *(digit * unit for unit in (SECOND, MINUTE) for digit in (1, 2, 5, 10, 15, 30)),
    *(digit * HOUR for digit in (1, 2, 3, 6, 12)),
    *(digit * DAY for digit in (1, 2, 5, 10, 30, 90, 365, 3_650, 36_500)),
)
"""How far apart the ticks of an axis may lie."""
APART = 90
"""The least room between two ticks, in pixels."""
NARROW = 6
"""Intervals narrower than this many pixels are drawn together with their narrow neighbours."""
COLUMN = 18
"""About how many pixels such a column is wide, and how near each other two receipts are drawn as one."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Scale(msgspec.Struct, frozen=True):
    """An axis from one instant to a later one over a number of pixels."""

    since: int
    until: int
    width: float

    def x(self, instant: int) -> float:
        """Pixels from the start of the axis, whose ends nothing leaves."""
        inside = min(max(instant, self.since), self.until)
        return (inside - self.since) / max(1, self.until - self.since) * self.width

    @property
    def step(self) -> int:
        """How far apart the ticks lie, in microseconds."""
        least = (self.until - self.since) * APART / self.width
        found: int = next((step for step in TICK_STEPS if step >= least), TICK_STEPS[-1])
        return found

    def ticks(self) -> list[tuple[float, str]]:
        """The place and label of each tick."""
        first = -(-self.since // self.step) * self.step
        return [(self.x(at), tick(at, self.step)) for at in range(first, self.until + 1, self.step)]


def scale(history: History, width: float) -> Scale:
    """The axis of a whole history."""
    return Scale(parse_instant(history.since), parse_instant(history.until), width)


def tick(at: int, step: int) -> str:
    """A tick's label, with no more digits than ticks that lie `step` apart need; at midnight it is the day."""
    text = (_EPOCH + timedelta(microseconds=at)).isoformat(timespec="microseconds")
    if step >= DAY:
        return text[:10]
    if at % DAY == 0:
        return text[5:10]
    return text[11 : 16 if step >= MINUTE else 19 if step >= SECOND else 23 if step >= 1_000 else 26]


def time_text(at: str, history: History) -> str:
    """An instant for a person: the time of day alone where the whole history is of one day."""
    day = history.since[:10]
    return at[11:] if at[:10] == day == history.until[:10] else at.replace("T", " ")


def columns(widths: Sequence[float]) -> list[Run]:
    """Which intervals of a lane are drawn as one: the first and the last of each, by their widths in pixels.

    A wide interval is a column of its own; narrow ones beside each other are gathered until they fill a column.
    """
    found: list[Run] = []
    filled: float = COLUMN
    for index, width in enumerate(widths):
        if width < NARROW and filled < COLUMN:
            found[-1] = (found[-1][0], index)
            filled += width
        else:
            found.append((index, index))
            filled = width if width < NARROW else COLUMN
    return found


def clusters(places: Sequence[float]) -> list[Run]:
    """Which receipts of a lane are drawn as one: the first and the last of each, by their places in pixels."""
    found: list[Run] = []
    for index, place in enumerate(places):
        if found and place - places[found[-1][0]] < COLUMN:
            found[-1] = (found[-1][0], index)
        else:
            found.append((index, index))
    return found


WIDTHS = tuple(288.0 * 2**level for level in range(15))
"""The widths of an axis, in pixels, for which a page has a layout: from a phone's to the widest that browsers show."""

Run = tuple[int, int]
"""What is drawn as one: the first and the last."""


def layouts(
    gathered: Callable[[Sequence[float]], list[Run]], sizes: Sequence[float], widths: Sequence[float]
) -> dict[Run, list[int]]:
    """What is drawn as one, with the places in `widths` of the axes on which it is. `sizes` are parts of the axis."""
    found: dict[Run, list[int]] = {}
    for level, width in enumerate(widths):
        parts = gathered([size * width for size in sizes])
        for part in parts:
            found.setdefault(part, []).append(level)
        if len(parts) == len(sizes):  # wider axes, too, show each alone
            for part in parts:
                found[part].extend(range(level + 1, len(widths)))
            break
    return dict(sorted(found.items()))


GLYPHS = {"allowed": "✓", "denied": "✕", "undecided": "?"}
_SEATS = ("manager", "worker")
_KINDS = 12
"""As many kinds of receipts are named at most."""
_LANES = 8
"""As many lanes of receipts there are at most, so that none makes a thousand of them by a thousand actors."""


def standing(interval: Interval) -> str:
    """The verdict and, where there is more to it, the state: `denied: blocked`."""
    name = verdict_word(interval.allow)
    return name if interval.state == name else f"{name}: {interval.state}"


def lasted(since: str, until: str) -> str:
    """How long it is from one instant to another, rounded down for people."""
    return duration_text(parse_instant(until) - parse_instant(since))


def stretch(history: History) -> str:
    """The whole stretch of time: its day, its ends, and how long it is."""
    since, until = time_text(history.since, history), time_text(history.until, history)
    day = f"{history.since[:10]}, " if since == history.since[11:] else ""
    return f"{day}{since} to {until} ({lasted(history.since, history.until)})"


def changes(lane: Lane) -> str:
    """How often the gate changed what it said."""
    return counted(max(0, len(lane.intervals) - 1), "change")


def summary(interval: Interval, history: History) -> str:
    """An interval in one sentence."""
    since, until = time_text(interval.since, history), time_text(interval.until, history)
    return f"{standing(interval)}, {since} to {until} ({lasted(interval.since, interval.until)})"


def shares(intervals: Sequence[Interval]) -> dict[str, float]:
    """What part of their time each verdict has, of 1; what lasted for no time counts as a microsecond."""
    long = [max(1, parse_instant(each.until) - parse_instant(each.since)) for each in intervals]
    found = dict.fromkeys(GLYPHS, 0.0)
    for interval, time in zip(intervals, long, strict=True):
        found[verdict_word(interval.allow)] += time / sum(long)
    return found


def mixture(parts: dict[str, float]) -> str:
    """Shares of time in words, none of which is nothing."""
    texts = {name: f"{share:.0%}" if share >= 0.01 else "under 1%" for name, share in parts.items() if share}
    return f"{', '.join(f'{name} {share}' for name, share in texts.items())} of the time"


def mixed_summary(intervals: Sequence[Interval], history: History) -> str:
    """Several intervals in one sentence: how many, from when to when, and what part of the time each verdict has."""
    since, until = time_text(intervals[0].since, history), time_text(intervals[-1].until, history)
    return f"{counted(len(intervals), 'interval')}, {since} to {until}: {mixture(shares(intervals))}"


def receipt_summary(marks: Sequence[Mark], history: History) -> str:
    """A receipt in one sentence; of several how many there are, from when to when, and of which kinds."""
    since, until = time_text(marks[0].at, history), time_text(marks[-1].at, history)
    if len(marks) == 1:
        return f"{cut(marks[0].kind, 60)} at {since}"
    kinds = Counter(mark.kind for mark in marks)
    listed = [f"{number:,} {cut(kind, 60)}" for kind, number in list(kinds.items())[:_KINDS]]
    more = [f"{len(kinds) - _KINDS:,} more kinds"] * (len(kinds) > _KINDS)
    return f"{counted(len(marks), 'receipt')}, {since} to {until}: {', '.join([*listed, *more])}"


def cut(text: str, room: int) -> str:
    """A text with at most so many characters; where it has more it ends in an ellipsis."""
    return text if len(text) <= room else f"{text[: max(0, room - 1)]}…"


def seats(history: History) -> dict[str, list[Mark]]:
    """The receipts by who they are of: the seats first, then other actors in the order that they come."""
    found: dict[str, list[Mark]] = {seat: [] for seat in _SEATS}
    for mark in history.marks:
        name = mark.seat or mark.actor or "others"
        found.setdefault(name if name in found or len(found) < _LANES - 1 else "others", []).append(mark)
    return {name: marks for name, marks in found.items() if marks}
