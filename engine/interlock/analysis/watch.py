"""Waiting for decisions to change: cheap checks of the ledger, and a decision only when something may have changed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import msgspec

from interlock.diagnostics import LedgerError
from interlock.instant import SECOND, parse_instant
from interlock.model.decision import Decision
from interlock.moment import wall

LOOK = 1.0
"""Seconds between two checks of the ledger."""
GRACE = 30.0
"""For how many seconds a ledger that cannot be read is tried again."""


class SystemClock:
    """The clock of this machine: what time it is, and a way to wait."""

    def wall(self) -> int:
        """The instant, in microseconds, UTC. It may jump."""
        return wall()

    def steady(self) -> float:
        """Seconds since some moment. It never jumps."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


class Round(msgspec.Struct, frozen=True):
    """What was decided at one moment, and what changed: each decision before (None at its first) and after.

    `first` says that nothing was decided before, `over` that the time is up, and that these are the last decisions.
    """

    decisions: tuple[Decision, ...]
    changed: tuple[tuple[Decision | None, Decision], ...]
    first: bool = False
    over: bool = False


class Watch:
    """Watches decisions. `judge` decides now; `stamp` is a check: it differs when the ledger may have changed, and is
    None where that is unknown. `tell` takes notes for a person, and `tick` is called after each check.
    """

    def __init__(
        self,
        judge: Callable[[], Sequence[Decision]],
        stamp: Callable[[], object],
        tell: Callable[[str], None],
        clock: SystemClock,
        tick: Callable[[], None] | None = None,
    ) -> None:
        self._judge, self._stamp, self._tell, self._clock, self._tick = judge, stamp, tell, clock, tick

    def rounds(self, timeout: float | None = None, *, every: bool = False) -> Iterator[Round]:
        """The first decisions, then each moment at which one changed; at last that when `timeout` seconds are over.

        With `every`, also each at which they were judged and none changed. Raises LedgerError when the ledger cannot be
        read for longer than a while, or when the time is up.
        """
        deadline = float("inf") if timeout is None else self._clock.steady() + timeout
        before: dict[tuple[object, ...], Decision] | None = None
        over = False
        while True:
            seen, since, decisions = self._decided(deadline)
            now = _by_question(decisions)
            pairs = [((before or {}).get(key), after) for key, after in now.items()]
            changed = tuple(pair for pair in pairs if pair[0] is None or says(pair[0]) != says(pair[1]))
            if changed or over or every:
                yield Round(decisions, changed, before is None, over)
            if over:
                return
            before = now
            over = self._wait(seen, since, due(decisions), deadline)

    def _decided(self, deadline: float) -> tuple[object, int, tuple[Decision, ...]]:
        """The decisions of now, and the check and the instant that they are of. Each second is tried again."""
        failed: float | None = None
        while True:
            seen, since = self._stamp(), self._clock.wall()
            try:
                decisions = tuple(self._judge())
            except LedgerError as error:
                steady = self._clock.steady()
                if failed is None:
                    failed = steady
                    self._tell(f"{error}; trying again")
                if steady >= min(deadline, failed + GRACE):
                    raise
                self._clock.sleep(max(0.0, min(LOOK, deadline - steady)))
            else:
                if failed is not None:
                    self._tell("the ledger can be read again")
                return seen, since, decisions

    def _wait(self, seen: object, since: int, due: int | None, deadline: float) -> bool:
        """Wait until the decisions of `since` may have changed, or the time is up; whether it is."""
        ahead = due if due is not None and due > since else None
        while True:
            left = deadline - self._clock.steady()
            now = self._clock.wall()
            if left <= 0:
                return True
            if now < since or (ahead is not None and now >= ahead):  # a clock that was set back judges again
                return False
            wait = LOOK if ahead is None else min(LOOK, (ahead - now) / SECOND)
            self._clock.sleep(min(wait, left))
            if self._tick is not None:
                self._tick()
            if wait == LOOK <= left:
                found = self._stamp()
                if found is None or found != seen:
                    return False


def due(decisions: Sequence[Decision]) -> int | None:
    """The next instant at which a decision may change without a write, in microseconds; None where none is known.

    One that is known to hold only up to its `valid_until` is judged again then, but at most once a check.
    """
    return min((_due(decision, until) for decision in decisions if (until := decision.valid_until)), default=None)


def _due(decision: Decision, until: str) -> int:
    soonest = parse_instant(decision.now) + int(LOOK * SECOND)
    return parse_instant(until) if decision.validity == "exact" else max(parse_instant(until), soonest)


def _by_question(decisions: Sequence[Decision]) -> dict[tuple[object, ...], Decision]:
    """The decisions by task and policy; of several policies of one id, by which of them it is."""
    found: dict[tuple[object, ...], Decision] = {}
    seen: Counter[tuple[str, str]] = Counter()
    for each in decisions:
        question = (each.task, each.policy)
        found[*question, seen[question]] = each
        seen[question] += 1
    return found


def says(decision: Decision) -> tuple[object, ...]:
    """What a decision says. It is the same where only its evidence, or the values beside it, differ."""
    found = [(finding.rule, finding.message, finding.fix, finding.hint) for finding in decision.findings]
    return decision.allow, decision.state, decision.reason, found
