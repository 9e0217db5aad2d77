"""Values as the language sees them, with all that is inside lists, maps and objects: read of JSON, and compared."""

from __future__ import annotations

from typing import Any

from interlock import instant
from interlock.model.expression import Type
from interlock.model.facts import Value

_CLASSES: dict[str, tuple[type, ...]] = {"bool": (bool,), "string": (str,)}
_CLASSES |= {"int": (int, float), "double": (int, float)}


def is_structured(of: Type) -> bool:
    """Whether values of the type have others inside them, which are read: those of an object that is only asked
    whether it is there are not."""
    return of.kind in ("list", "map") or (of.kind == "object" and of.key is not None)


def structured(value: Any, of: Type) -> Value:
    """A JSON value of the type as the language sees it; what is null in an object is left out of it.

    What an object has beside the fields of its type stays as it is. Raises ValueError for a value of another type.
    """
    if value is None:
        return None
    match of.kind:
        case "list" if isinstance(value, list):
            return tuple([structured(each, of.item or _ANY) for each in value])
        case "map" if isinstance(value, dict):
            return {key: structured(each, of.item or _ANY) for key, each in value.items()}
        case "object" if isinstance(value, dict):
            fields = dict(of.fields)
            inside = {name: structured(each, fields.get(name, _ANY)) for name, each in value.items()}
            return {name: each for name, each in inside.items() if each is not None}
        case "timestamp" if isinstance(value, str):
            return instant.parse_instant(value)
        case "bool" | "string" | "int" | "double":
            found: Value = _scalar(value, of.kind)
            return found
        case "null":
            return _unknown(value)
    raise ValueError(of.kind)


_ANY = Type("null")


def counted(of: Type) -> Type:
    """The type of a value that was read already: the instants inside it are numbers."""
    if not is_structured(of):
        return of
    item = _as_number(of.item) if of.item is not None else None
    fields = tuple((name, _as_number(each)) for name, each in of.fields)
    return Type(of.kind, of.enum, of.nullable, item, of.key, fields)


def _as_number(of: Type) -> Type:
    return Type("int", (), of.nullable) if of.kind == "timestamp" else counted(of)


def _scalar(value: Any, kind: str) -> Any:
    allowed = isinstance(value, _CLASSES[kind])
    if not allowed or (isinstance(value, bool) and kind != "bool"):
        raise ValueError(kind)
    if kind == "int":
        if isinstance(value, float) and not value.is_integer():
            raise ValueError(kind)
        return int(value)
    return float(value) if kind == "double" else value


def _unknown(value: Any) -> Value:
    """A value of which no schema says anything."""
    if isinstance(value, list):
        return tuple(map(_unknown, value))
    if isinstance(value, dict):
        return {name: each for name, inner in value.items() if (each := _unknown(inner)) is not None}
    return value  # type: ignore[no-any-return]


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
    """Whether some member is equal to the item. Null is in no list."""
    return item is not None and item in members and any(equal(each, item) for each in members)
