"""The instant of a request, and how far ahead of it a time may lie."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import msgspec

from interlock import instant
from interlock.diagnostics import UsageError
from interlock.evaluation.judged import MAX_SKEW
from interlock.ledger import Ledger
from interlock.schemas.wording import typed

At = str | datetime | None
"""An instant as it is named (see `moment`)."""
Skew = str | timedelta | None
"""How far ahead of the clock a time may lie: a text such as `5s`; five seconds when None."""


class Moment(msgspec.Struct, frozen=True):
    """The instant to decide at, in microseconds, UTC. Where it is `live`, every fact that is committed counts.

    With `as_of`, an instant, entities are as they were then. `clock` is what the clock showed, where the instant was
    found by it.
    """

    now: int
    live: bool = False
    as_of: int | None = None
    clock: int | None = None


def moment(at: str | datetime | Moment | None, ledger: Ledger, clock: int | None = None) -> Moment:
    """The instant of the request. Raises UsageError, LedgerError.

    A text is `now`, `head` (when the newest receipt was written), `feed` (when the feed was taken), an RFC 3339
    instant, a span of time ago such as `-10m`, or the id of a receipt: when it was written. None is `feed` where the
    ledger is a feed that says when it was taken, else `now`. `clock` stands in for this machine's clock, in
    microseconds, UTC.
    """
    if isinstance(at, Moment):
        return at
    if clock is None:
        clock = wall()
    if at is None:
        at = "now" if ledger.taken is None else "feed"
    if at == "now":
        return Moment(clock, live=True, clock=clock)
    return Moment(_past(at, ledger, clock), clock=clock if by_clock(at) else None)


def common(at: str | datetime | Moment | None, clock: int | None = None) -> Moment:
    """The instant of a request about many ledgers: one that none of them names. Without any it is now.

    `clock` as of `moment`. Raises UsageError.
    """
    if isinstance(at, Moment):
        return at
    if clock is None:
        clock = wall()
    if at is None or at == "now":
        return Moment(clock, live=True, clock=clock)
    found = _instant(at, clock)
    if found is None:
        raise UsageError(
            f"`{at}` is not one instant for many ledgers: give RFC 3339 such as `2026-06-11T12:00:05Z`, a span of time "
            "ago such as `-10m`, or `now`"
        )
    return Moment(found, clock=clock if by_clock(at) else None)


def wall() -> int:
    """What this machine's clock shows, in microseconds, UTC."""
    return time.time_ns() // 1_000


def by_clock(at: str | datetime | None) -> bool:
    """Whether the instant depends on the clock."""
    return at is None or at == "now" or (isinstance(at, str) and at.startswith("-"))


def skew_of(max_skew: Skew) -> int:
    """How far ahead of the clock a time may lie, in microseconds. Raises UsageError."""
    if max_skew is None:
        return MAX_SKEW
    try:
        if isinstance(max_skew, timedelta):
            skew = max_skew // timedelta(microseconds=1)
            if not 0 <= skew < instant.INTEGER_BOUND:
                raise ValueError(f"`{max_skew}` is not between 0 and 285 years")
            return skew
        if not isinstance(max_skew, str):
            raise ValueError(f"{typed(max_skew)} is not a duration such as `5s`")
        return instant.parse_duration(max_skew)
    except ValueError as error:
        raise UsageError(f"`max_skew`: {error}") from None


def _instant(at: str | datetime, clock: int) -> int | None:
    """The instant that is named, in microseconds, UTC; None where only a ledger knows it. Raises UsageError."""
    if isinstance(at, datetime):
        if at.tzinfo is None:
            raise UsageError(f"`{at}` has no time zone; give an aware datetime")
        try:
            at = at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        except OverflowError:
            raise UsageError(f"`{at}` is outside {instant.SPAN}") from None
    if at in _NAMED:
        return None
    try:
        return instant.read_instant(at)
    except ValueError as error:
        if at[:4].isdigit() and at[4:5] == "-":  # meant as an instant, whatever is wrong with it
            raise UsageError(str(error)) from None
    if at.startswith("-"):
        try:
            return clock - instant.parse_duration(at[1:])
        except ValueError as error:
            raise UsageError(f"`{at}`: {error}") from None
    return None


def _past(at: str | datetime, ledger: Ledger, clock: int) -> int:
    """The instant that is named, in microseconds, UTC. Raises UsageError, LedgerError."""
    named = _instant(at, clock)
    if named is not None:
        return named
    receipt = str(at)
    if receipt in _NAMED:
        return _NAMED[receipt](ledger)
    found = ledger.ask(0, lambda snapshot: snapshot.instant_of(receipt))
    if found is None:
        raise UsageError(
            f"`{at}` is not an instant: expected RFC 3339 such as `2026-06-11T12:00:05Z`, "
            "a span of time ago such as `-10m`, `now`, `head`, `feed`, or the id of a receipt of the ledger"
        )
    return found


def _head(ledger: Ledger) -> int:
    if len(ledger.paths) > 1:
        raise UsageError(f"`head` is for one source, and not for {len(ledger.paths)}: each has a head of its own")
    found = ledger.ask(0, lambda snapshot: snapshot.instant_of_newest())
    if found is None:
        raise UsageError(f"`{ledger.path}` has no head: there is no receipt, or the newest has no time")
    return found


def _taken(ledger: Ledger) -> int:
    if ledger.taken is None:
        raise UsageError(f"`{ledger.path}` is not a feed that says when it was taken, as `interlock export` writes one")
    return ledger.taken


_NAMED = {"head": _head, "feed": _taken}
