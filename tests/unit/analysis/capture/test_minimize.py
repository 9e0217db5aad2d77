"""The smallest part that still does what is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from interlock.analysis.capture.minimize import smallest

sets = st.lists(st.frozensets(st.integers(0, 11), max_size=5), min_size=1, max_size=4)


@given(sets)
def test_neither_one_nor_two_can_be_left_out(wanted: list[frozenset[int]]) -> None:
    def does(items: Sequence[int]) -> bool:
        return any(each <= set(items) for each in wanted)

    found = smallest(range(12), does)
    assert does(found)
    assert found == sorted(found)
    for count in (1, 2):
        assert not any(does([n for n in found if n not in gone]) for gone in combinations(found, count))


def test_two_that_only_go_together_are_left_out() -> None:
    assert smallest([1, 2, 3], lambda items: 3 in items and (1 in items) == (2 in items)) == [3]
