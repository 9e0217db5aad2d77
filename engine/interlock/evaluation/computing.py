"""The conditions that SQL has Python evaluate, row by row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from interlock.language.evaluate import Environment, Failure, outcome
from interlock.model.compiled import Query
from interlock.model.facts import Value

_SCALARS: dict[str, tuple[type, ...]] = {"string": (str,), "int": (int,), "timestamp": (int,), "duration": (int,)}
_MEMBERS: dict[str, tuple[type, ...]] = {"string": (str,), "int": (int,), "bool": (bool,), "double": (int, float)}


def computed(query: Query) -> Callable[..., int | None] | None:
    """The function `computed` of a query's SQL: 1, 0, or None where a condition has no value. None where it has none.

    A value that is not of its kind breaks the fact's schema: the condition then has no value either.
    """
    if not query.conditions:
        return None
    conditions = query.conditions

    def evaluated(place: int, *given: object) -> int | None:
        node, kinds = conditions[place]
        try:
            values = {str(at): _value(kind, value) for at, (kind, value) in enumerate(zip(kinds, given, strict=True))}
        except ValueError:
            return None
        found = outcome(node, Environment(0, "", {}, {}, locals=values))
        return None if isinstance(found, Failure) else int(found is True)

    return evaluated


def _members(name: str, item: str, found: Any) -> Value:
    members = found.values() if isinstance(found, dict) and name == "map" else found
    if (name == "list") is not isinstance(found, list) or not isinstance(found, list | dict):
        raise ValueError(name)
    if not all(type(each) in _MEMBERS.get(item, ()) for each in members):
        raise ValueError(item)
    return tuple(found) if isinstance(found, list) else found


def _value(kind: str, value: Any) -> Value:
    """A value of SQLite's as one of the language. Raises ValueError for one of another kind."""
    if value is None:
        return None
    name, _, item = kind.rstrip(">").partition("<")
    if name in ("list", "map"):
        return _members(name, item, msgspec.json.decode(value) if isinstance(value, str) else None)
    if name == "bool" and value in (0, 1):
        return bool(value)
    if name == "double" and isinstance(value, int | float):
        return float(value)
    if isinstance(value, float) and value.is_integer() and name == "int":
        return int(value)
    if not isinstance(value, _SCALARS.get(name, ())):
        raise ValueError(kind)
    made: Any = value
    return made  # type: ignore[no-any-return]
