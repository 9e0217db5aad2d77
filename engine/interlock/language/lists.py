"""What the functions over lists, and those over several numbers, do."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from itertools import pairwise
from typing import Any

from interlock.language.structures import equal, has
from interlock.language.texts import Undefined

List = tuple[Any, ...]


def is_sorted(members: List) -> bool:
    """Whether no member is greater than the one after it."""
    return all(before <= after for before, after in pairwise(members))


def extreme(pick: Callable[[List], Any], members: List) -> Any:
    """The least or the greatest member. Raises Undefined where there is none."""
    if not members:
        raise Undefined("the list has no members")
    return pick(members)


def extreme_of(pick: Callable[[List], Any], *members: Any) -> Any:
    """The least or the greatest of some values."""
    return pick(members)


def total(start: Any, bounded: Callable[[Any], Any], members: List) -> Any:
    """The sum, from the first to the last, each on the way `bounded`: CEL adds them up so, and may overflow."""
    return reduce(lambda found, each: bounded(found + each), members, start)


def place(members: List, item: Any) -> int:
    """The place of the first member that is equal to the item, from 0; -1 where none is."""
    return next((index for index, each in enumerate(members) if equal(each, item)), -1)


def last_place(members: List, item: Any) -> int:
    """The place of the last such member; -1 where there is none."""
    backward = place(members[::-1], item)
    return -1 if backward < 0 else len(members) - 1 - backward


def distinct(members: List) -> List:
    """The members, each once, where it comes first."""
    found: List = ()
    for each in members:
        if each not in found if each is None else not has(found, each):
            found += (each,)
    return found


def flat(members: List) -> List:
    """The members of the lists in a list."""
    return tuple(each for inner in members for each in inner)


def has_all(members: List, others: List) -> bool:
    """Whether all of the others are members."""
    return all(has(members, each) for each in others)


def has_some(members: List, others: List) -> bool:
    """Whether one of the others is a member."""
    return any(has(members, each) for each in others)


def without(members: List, others: List) -> List:
    """The members that the others do not have."""
    return tuple(each for each in members if not has(others, each))


def shared(members: List, others: List) -> List:
    """What both have, in the order of the shorter, of the first where they are of one length."""
    short, long = (others, members) if len(members) > len(others) else (members, others)
    return tuple(each for each in short if has(long, each))


def rounded(step: Callable[[float], int], number: float) -> float:
    """A number to a whole one, as a number with a fraction; what is none, or infinite, stays as it is."""
    return math.copysign(float(step(number)), number) if math.isfinite(number) else number


def nearest(number: float) -> int:
    """The nearest whole number; of two the one further from 0."""
    whole = int(abs(number))
    found = whole + (abs(number) - whole >= 0.5)
    return -found if number < 0 else found
