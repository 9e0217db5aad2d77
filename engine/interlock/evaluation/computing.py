"""The conditions that SQL has Python evaluate, row by row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from interlock.language.evaluate import Environment, Failure, outcome
from interlock.language.structures import is_structured, structured
from interlock.model.compiled import Query
from interlock.model.expression import Type
from interlock.model.facts import Json, Value

_SCALARS: dict[str, tuple[type, ...]] = {"string": (str,), "int": (int,), "timestamp": (int,), "duration": (int,)}


def computed(query: Query) -> Callable[..., int | None] | None:
    """The function `computed` of a query's SQL: 1, 0, or None where a condition has no value. None where it has none.

    A value that is not of its kind breaks the fact's schema: the condition then has no value either.
    """
    if not query.conditions:
        return None
    conditions = query.conditions

    def evaluated(place: int, *given: object) -> int | None:
        node, types = conditions[place]
        try:
            values = {str(at): _value(of, value) for at, (of, value) in enumerate(zip(types, given, strict=True))}
        except ValueError:
            return None
        found = outcome(node, Environment(0, "", {}, {}, locals=values))
        return None if isinstance(found, Failure) else int(found is True)

    return evaluated


def _value(of: Type, value: Any) -> Value:
    """A value of SQLite's as one of the language. Raises ValueError for one of another type."""
    if value is None:
        return None
    name = of.kind
    if is_structured(of):
        return structured(msgspec.json.decode(value) if isinstance(value, str) else False, of)
    if name == "object" and isinstance(value, str):  # it is only asked whether it is there
        return Json(value)
    if name == "bool" and value in (0, 1):
        return bool(value)
    if name == "double" and isinstance(value, int | float):
        return float(value)
    if isinstance(value, float) and value.is_integer() and name == "int":
        return int(value)
    if not isinstance(value, _SCALARS.get(name, ())):
        raise ValueError(name)
    made: Any = value
    return made  # type: ignore[no-any-return]
