"""Which values are equal, as CEL has it."""

from __future__ import annotations

from typing import Any


def equal(left: Any, right: Any) -> bool:
    """Whether two values of one type are equal, with all that is inside them: nothing equals a number that is none."""
    return bool(left == right) and _alike(left, right)


def _alike(left: Any, right: Any) -> bool:
    """Whether two values that Python takes to be equal are: to Python, true is 1, and within a list what is the same
    object is equal."""
    if isinstance(left, tuple) and isinstance(right, tuple):
        return all(map(_alike, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return all(_alike(each, right[name]) for name, each in left.items())
    return isinstance(left, bool) is isinstance(right, bool) and bool(left == right)


def has(members: tuple[Any, ...], item: Any) -> bool:
    """Whether some member is equal to the item."""
    return item in members and any(equal(each, item) for each in members)
