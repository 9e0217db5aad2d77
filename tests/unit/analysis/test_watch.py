"""Waiting: one cheap look a second, no judgement without a reason, and patience with a ledger that cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import msgspec
import pytest

from interlock.analysis.watch import GRACE, LOOK, Round, SystemClock, Watch
from interlock.diagnostics import LedgerError
from interlock.instant import SECOND, format_instant
from interlock.model.decision import Decision, Finding, Head

START = 1_800_000_000 * SECOND


def decision(*, allow: bool | None = False, state: str = "blocked", due: float | None = None) -> Decision:
    until = None if due is None else format_instant(START + int(due * SECOND))
    return Decision(
        "smoke", 1, "demo", format_instant(START), allow, state, None, (), {}, (), "both", "", Head("", 0), until
    )


class World(SystemClock):
    """A clock that runs only while somebody sleeps, a ledger, and what there is to be decided from some second on."""

    def __init__(self, decided: dict[float, Decision], writes: tuple[float, ...] = ()) -> None:
        self.time, self.jump = 0.0, 0.0
        self.decided, self.writes = decided, writes
        self.looks: list[float] = []
        self.judged: list[float] = []
        self.notes: list[str] = []
        self.unreadable: Callable[[float], bool] = lambda _: False

    def wall(self) -> int:
        return START + int((self.time + self.jump) * SECOND)

    def steady(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        assert seconds > 0, "a busy wait"
        self.time += seconds

    def stamp(self) -> object:
        self.looks.append(self.time)
        return sum(each <= self.time for each in self.writes)

    def judge(self) -> tuple[Decision, ...]:
        self.judged.append(self.time)
        if self.unreadable(self.time):
            raise LedgerError("the ledger `x` is locked")
        return ([each for since, each in self.decided.items() if since <= self.time + self.jump][-1],)

    def watch(self, timeout: float | None = None) -> Iterator[Round]:
        return Watch(self.judge, self.stamp, self.notes.append, self).rounds(timeout)


def states(rounds: Iterator[Round]) -> list[tuple[str, bool]]:
    return [(after.state, each.over) for each in rounds for _, after in each.changed or ((None, each.decisions[0]),)]


def test_nothing_is_judged_while_nothing_is_written_and_nothing_falls_due() -> None:
    world = World({0: decision()})
    assert states(world.watch(600)) == [("blocked", False), ("blocked", True)]
    assert world.judged == [0, 600]
    assert len(world.looks) <= 602
    assert all(later - earlier >= LOOK for earlier, later in zip(world.looks[1:], world.looks[2:-1], strict=False))


def test_what_is_written_is_judged_at_the_next_look() -> None:
    world = World({0: decision(), 4.5: decision(allow=True, state="proved")}, writes=(4.5, 6.2))
    assert states(world.watch(10)) == [("blocked", False), ("proved", False), ("proved", True)]
    assert world.judged == [0, 5, 7, 10], "the second write changed no decision"


def test_what_falls_due_is_judged_at_that_moment_without_a_write() -> None:
    world = World({0: decision(allow=True, state="proved", due=2.25), 2.25: decision()})
    assert states(world.watch(10)) == [("proved", False), ("blocked", False), ("blocked", True)]
    assert world.judged == [0, 2.25, 10]


def test_what_fell_due_already_is_no_reason_to_judge_again_and_again() -> None:
    world = World({0: decision(due=0)})
    list(world.watch(100))
    assert world.judged == [0, 100]


@pytest.mark.parametrize("jump", [3_600.0, -3_600.0], ids=["suspended", "set back"])
def test_a_clock_that_jumps(jump: float) -> None:
    world = World({-9e9: decision(allow=True, state="proved", due=60), 60: decision()})
    rounds = world.watch(10)
    assert next(rounds).decisions[0].allow is True
    world.jump = jump
    after = next(rounds)
    assert (after.over, after.decisions[0].allow) == ((False, False) if jump > 0 else (True, True))
    assert world.judged[1] <= 1, "at the next look"
    assert world.time <= 10, "the time that is up is of a clock that does not jump"


def test_a_look_that_cannot_tell_is_a_reason_to_judge() -> None:
    world = World({0: decision()})
    looks = count()
    watch = Watch(world.judge, lambda: None if next(looks) < 3 else "settled", world.notes.append, world)
    list(watch.rounds(10))
    assert world.judged == [0, 1, 2, 10]


def test_a_ledger_that_cannot_be_read_for_a_while_is_tried_again_and_told_once() -> None:
    world = World({0: decision(), 5: decision(allow=True, state="proved")}, writes=(2,))
    world.unreadable = lambda time: 2 <= time < 8
    assert states(world.watch(20)) == [("blocked", False), ("proved", False), ("proved", True)]
    assert world.notes == ["the ledger `x` is locked; trying again", "the ledger can be read again"]
    assert world.judged == [0, 2, 3, 4, 5, 6, 7, 8, 20]


def test_a_ledger_that_stays_unreadable_is_an_error() -> None:
    world = World({0: decision(allow=True)}, writes=(2,))
    world.unreadable = lambda time: time >= 2
    rounds = world.watch()
    next(rounds)
    with pytest.raises(LedgerError, match="locked"):
        next(rounds)
    assert world.time == 2 + GRACE


def test_when_the_time_is_up_while_the_ledger_cannot_be_read_nothing_is_decided() -> None:
    world = World({0: decision(allow=True)}, writes=(2,))
    world.unreadable = lambda time: time >= 2
    rounds = world.watch(5)
    next(rounds)
    with pytest.raises(LedgerError, match="locked"):
        next(rounds)
    assert world.time == 5


def test_a_finding_that_changes_is_a_change_and_other_evidence_is_none() -> None:
    first = decision()
    other = msgspec.structs.replace(first, evidence=("x",), outputs={"a": 1})
    found = msgspec.structs.replace(first, findings=(Finding("r", "block", "why"),))
    world = World({0: first, 1: other, 2: found}, writes=(1, 2))
    rounds = world.watch()
    assert next(rounds).changed == ((None, first),)
    assert next(rounds).changed == ((other, found),)


def test_a_decision_of_which_no_more_is_known_is_judged_again_then_but_at_most_once_a_look() -> None:
    partial = msgspec.structs.replace(decision(due=0.001), validity="partial")
    later = msgspec.structs.replace(decision(due=7), validity="partial")
    world = World({0: partial, 0.5: later})
    list(world.watch(8))
    assert world.judged == [0, LOOK, 7, 8]
