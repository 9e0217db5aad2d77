"""Lanes laid over each other: wherever they differ, and only there, a difference says so."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from interlock.analysis.diff import overlay
from interlock.instant import format_instant, parse_instant
from interlock.model.decision import Finding
from interlock.model.diff import Difference
from interlock.model.history import Interval, Lane

START = parse_instant("2026-06-11T12:00:00Z")
END = 20
MANAGER = Finding("asleep", "block", "manager is asleep", evidence=("m",))
WORKER = Finding("asleep", "block", "worker is asleep", evidence=("w",))
OTHERWISE = Finding("asleep", "block", "the worker sleeps", evidence=("w",))
LATE = Finding("late", "block", "it is late", evidence=("w",))
FINDINGS = ((), (MANAGER,), (WORKER,), (MANAGER, WORKER), (LATE,), (LATE, OTHERWISE), (WORKER, WORKER))
ALLOWS = (True, False, None)


def lane(said: dict[int, tuple[bool | None, tuple[Finding, ...]]]) -> Lane:
    """A lane that decides so from those microseconds on, the first of which is 0."""
    ends = [*sorted(said)[1:], END]
    intervals = [
        Interval(text(at), text(end), allow, f"state {allow}", "why" if allow is None else None, findings)
        for (at, (allow, findings)), end in zip(sorted(said.items()), ends, strict=True)
    ]
    return Lane("p", 1, "", "?", "sha256:0", tuple(intervals))


def text(at: int) -> str:
    return format_instant(START + at)


def at(found: str | None) -> int:
    return END + 1 if found is None else parse_instant(found) - START


decisions = st.tuples(st.sampled_from(ALLOWS), st.sampled_from(FINDINGS))
lanes = st.dictionaries(st.integers(1, END), decisions, max_size=5).flatmap(
    lambda later: decisions.map(lambda first: {0: first, **later})
)


def said_at(said: dict[int, tuple[bool | None, tuple[Finding, ...]]], now: int) -> tuple[bool | None, list[str]]:
    """What is decided at an instant; a finding as its rule and the facts that it is of."""
    allow, findings = said[max(start for start in said if start <= now)]
    return allow, sorted(finding.rule + finding.evidence[0] for finding in findings)


@given(lanes, lanes)
def test_a_difference_is_told_exactly_where_there_is_one(old: dict, new: dict) -> None:  # type: ignore[type-arg]
    found = list(overlay("demo", lane(old), lane(new)))
    for now in range(END + 1):
        here = [each for each in found if at(each.since) <= now < at(each.until)]
        before, after = said_at(old, now), said_at(new, now)
        assert len(here) == (before != after)
        for each in here:
            assert (each.old.allow, each.new.allow) == (before[0], after[0])
            soft, strict = after[0] is True is not before[0], before[0] is True is not after[0]
            assert each.change == ("softer" if soft else "stricter" if strict else "other")
            assert set(each.appeared) == more(after[1], before[1])
            assert set(each.vanished) == more(before[1], after[1])
    for one, other in pairwise(found):
        assert at(one.until) <= at(other.since)
        assert one.until != other.since or way(one) != way(other)


def more(these: list[str], those: list[str]) -> set[str]:
    """The rules of what is here more often than there."""
    return {one[:-1] for one in these if these.count(one) > those.count(one)}


def way(each: Difference) -> tuple[object, ...]:
    return each.change, each.old, each.new, each.appeared, each.vanished


def test_the_same_in_other_words_is_no_difference() -> None:
    assert list(overlay("demo", lane({0: (False, (WORKER,))}), lane({0: (False, (OTHERWISE,))}))) == []


def test_the_same_rule_for_another_fact_is_one() -> None:
    (found,) = overlay("demo", lane({0: (False, (WORKER,))}), lane({0: (False, (MANAGER,))}))
    assert (found.appeared, found.vanished, found.until) == (("asleep",), ("asleep",), None)
