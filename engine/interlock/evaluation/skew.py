"""Times ahead of the reader's clock: an allow that rests on one is not proved."""

from __future__ import annotations

from interlock.instant import SECOND, format_duration
from interlock.ledger.stamps import Stamp

MAX_SKEW = 5 * SECOND
"""How far ahead of `now` a time may lie, in microseconds, where nobody says otherwise."""


def skew_reason(newest: Stamp | None, now: int, max_skew: int) -> str | None:
    """Why nothing may be allowed at `now` that read this time; None where it lies within `max_skew` microseconds."""
    if newest is None or newest.at - now <= max_skew:
        return None
    return (
        f"{newest.ahead_of(now)}, more than `--max-skew {format_duration(max_skew)}`:"
        " check the clocks of this machine and of the writer's"
    )
