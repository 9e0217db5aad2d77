"""The smallest part of a list that still does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import TypeVar

T = TypeVar("T")
PAIRS = 16
"""Of at most that many items, it is also tried to leave out two at once."""


def smallest(items: Sequence[T], does: Callable[[Sequence[T]], bool]) -> list[T]:
    """A part of `items`, in their order, that does as they do: no item of it can be left out.

    Nor can two of them, where there are at most `PAIRS`. A smaller part of other items there may be.
    """
    found, size = list(items), len(items)
    while size:
        shorter = _without_chunks(found, size, does)
        if size == 1 and len(shorter) == len(found):
            break
        found, size = shorter, max(1, min(size // 2, len(shorter)))
    if len(found) <= PAIRS:
        for pair in combinations(range(len(found)), 2):
            rest = [item for index, item in enumerate(found) if index not in pair]
            if does(rest):
                return smallest(rest, does)
    return found


def _without_chunks(items: list[T], size: int, does: Callable[[Sequence[T]], bool]) -> list[T]:
    """The items without each stretch of `size` that can be left out, the last ones first."""
    found = items
    for start in reversed(range(0, len(items), size)):
        rest = found[:start] + found[start + size :]
        if does(rest):
            found = rest
    return found
