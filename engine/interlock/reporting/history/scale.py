"""Where instants lie on an axis, and how they are written there. Instants and spans are integer microseconds, UTC."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from interlock.instant import SECOND, parse_instant
from interlock.model.history import History

MINUTE, HOUR, DAY = 60 * SECOND, 3_600 * SECOND, 86_400 * SECOND
STEPS = (
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

    def ticks(self) -> list[tuple[float, str]]:
        """The place and label of each tick."""
        least = (self.until - self.since) * APART / self.width
        step = next((step for step in STEPS if step >= least), STEPS[-1])
        first = -(-self.since // step) * step
        return [(self.x(at), tick(at, step)) for at in range(first, self.until + 1, step)]


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


def told(at: str, history: History) -> str:
    """An instant for a person: the time of day alone where the whole history is of one day."""
    day = history.since[:10]
    return at[11:] if at[:10] == day == history.until[:10] else at.replace("T", " ")


def columns(widths: Sequence[float]) -> list[tuple[int, int]]:
    """Which intervals of a lane are drawn as one: the first and the last of each, by their widths in pixels.

    A wide interval stands alone; narrow ones beside each other are gathered until they fill a column.
    """
    found: list[tuple[int, int]] = []
    filled: float = COLUMN
    for index, width in enumerate(widths):
        if width < NARROW and filled < COLUMN:
            found[-1] = (found[-1][0], index)
            filled += width
        else:
            found.append((index, index))
            filled = width if width < NARROW else COLUMN
    return found


def clusters(places: Sequence[float]) -> list[tuple[int, int]]:
    """Which receipts of a lane are drawn as one: the first and the last of each, by their places in pixels."""
    found: list[tuple[int, int]] = []
    for index, place in enumerate(places):
        if found and place - places[found[-1][0]] < COLUMN:
            found[-1] = (found[-1][0], index)
        else:
            found.append((index, index))
    return found
