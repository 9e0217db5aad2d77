"""A fact kind's JSON Schema as a type that msgspec checks a fact against: a yes or no within microseconds.

Only what the schemas of facts say is translated. Anything else raises when the type is made, so that no word of a
schema is ever passed over.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal, Union

import msgspec

from interlock.instant import parse_instant
from interlock.schemas.documents import schema

_SAYS_NOTHING = frozenset(["$schema", "title", "description", "x-reads-as"])
_SAYS_MORE = {
    "string": {"format", "pattern"},
    "integer": {"minimum", "maximum"},
    "number": {"minimum", "maximum"},
    "object": {"properties", "required"},
    "array": {"items"},
}
"""What may stand beside a `type`, other than `enum` and `const`."""
_NESTING = frozenset(["properties", "required", "items"])

_PATTERN = (
    "^(19[7-9][0-9]|2[01][0-9]{2}|22[0-4][0-9]|225[0-4])-[0-9]{2}-[0-9]{2}"
    "T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|\\+00:00)$"
)
"""The one pattern of an instant, for which `_is_instant` stands."""

_Node = dict[str, Any]


class _Instant:
    """The type of a text that is an instant: one that msgspec does not know, so it asks `_read`."""

    __slots__ = ()


class _Mapping(msgspec.Struct, frozen=True):
    """The type of a mapping of which nothing more is asked."""


_INSTANT = _Instant()


@cache
def fact_type(kind: str) -> Any:
    """The type of facts of `kind`, for `is_fact`; fields that it does not name are passed over.

    Raises KeyError for a kind that `kinds()` does not name, TypeError or ValueError when its schema says what this
    module cannot translate.
    """
    made = _translated(schema(f"facts/{kind}"))
    msgspec.json.Decoder(made, dec_hook=_read)  # whatever msgspec cannot check is refused here, not at the first fact
    return made


def is_fact(fact: object, made: Any) -> bool:
    """Whether a fact is of a type that `fact_type` made."""
    try:
        msgspec.convert(fact, made, dec_hook=_read)
    except (ValueError, RecursionError):  # a key that is no UTF-8 raises another ValueError than a wrong type does
        return False
    return True


def _read(_type: type, value: object) -> _Instant:
    if not (isinstance(value, str) and _is_instant(value)):
        raise ValueError("no instant")
    return _INSTANT


def _is_instant(text: str) -> bool:
    """Whether a text is an instant in UTC of 1970 to 2254, a leap second or an hour 24 not being any.

    Nearly all are 20 characters, which are an instant when they are written the same again: a third of the cost.
    """
    if not "1970" <= text < "2255":
        return False
    try:
        if len(text) == 20 and datetime.fromisoformat(text[:-1]).isoformat() + "Z" == text:
            return True
        return parse_instant(text) >= 0 and text[11:13] != "24"
    except ValueError:
        return False


def _translated(node: _Node) -> Any:
    says = _flat(node)
    if not _NESTING.isdisjoint(says):
        return _made(says)
    return _leaf(tuple((word, tuple(operand) if isinstance(operand, list) else operand) for word, operand in says.items()))


@cache
def _leaf(says: tuple[tuple[str, Any], ...]) -> Any:
    """The type of what has no members of its own: nearly all fields are one of a few dozen such."""
    return _made(dict(says))


def _made(says: _Node) -> Any:
    if not says:
        return Any
    if "enum" in says or "const" in says:
        return _closed(says)
    types = _types(says)
    _refuse(says.keys() - {"type"}.union(*(_SAYS_MORE.get(name, ()) for name in types)), says)
    found = [_typed(name, says) for name in types]
    return found[0] if len(found) == 1 else Union[tuple(found)]


def _flat(node: _Node) -> _Node:
    """What a node says, that of its `allOf` included. A word that is said twice is said alike, or said of members."""
    found: _Node = {}
    for part in (*map(_flat, node.get("allOf", ())), node):
        for word, operand in part.items():
            if word == "properties":
                before = found.get(word, {})
                both = {name: {"allOf": [before[name], member]} for name, member in operand.items() if name in before}
                operand = {**before, **operand, **both}
            elif word == "required":
                operand = [*found.get(word, ()), *operand]
            elif word in _SAYS_NOTHING or word == "allOf":
                continue
            elif found.get(word, operand) != operand:
                _refuse([word], node)
            found[word] = operand
    return found


def _types(says: _Node) -> list[str]:
    types = says.get("type", [])
    found = [types] if isinstance(types, str) else types
    if not found:
        _refuse(says, says)
    return found


def _closed(says: _Node) -> Any:
    """The type of a closed set of texts, null perhaps among them."""
    _refuse(says.keys() - {"type", "enum"} if "enum" in says else says.keys() - {"type", "const"}, says)
    values = says["enum"] if "enum" in says else [says["const"]]
    if not all(value is None or isinstance(value, str) for value in values):
        _refuse(["enum"], says)
    types = _types(says) if "type" in says else ["string", "null"]
    return Literal[tuple(value for value in values if ("null" if value is None else "string") in types)]


def _typed(name: str, says: _Node) -> Any:
    match name:
        case "null":
            return None
        case "boolean":
            return bool
        case "string":
            return _text(says)
        case "integer":  # 2.0 is one, as everywhere in JSON Schema
            return _number(says.get("minimum"), says.get("maximum"), 1)
        case "number":
            return _number(says.get("minimum"), says.get("maximum"), None)
        case "array":
            return list[_translated(says.get("items", {}))]  # type: ignore[misc]
        case "object":
            return _object(says.get("properties", {}), says.get("required", []))
    raise TypeError(f"no JSON Schema type `{name}`")


def _text(says: _Node) -> Any:
    if "format" not in says and "pattern" not in says:
        return str
    if (says.get("format"), says.get("pattern")) != ("date-time", _PATTERN):
        _refuse(["format", "pattern"], says)
    return _Instant


def _number(least: float | None, most: float | None, step: int | None) -> Any:
    whole, broken = msgspec.Meta(ge=least, le=most), msgspec.Meta(ge=least, le=most, multiple_of=step)
    return Union[Annotated[int, whole], Annotated[float, broken]]


def _object(properties: dict[str, _Node], required: list[str]) -> Any:
    if not properties and not required:
        return _Mapping
    needed = {name: (name, _translated(properties.get(name, {}))) for name in required}
    free = [(name, _translated(member), None) for name, member in properties.items() if name not in needed]
    return msgspec.defstruct("Fact", [*needed.values(), *free], frozen=True, gc=False)


def _refuse(words: object, node: _Node) -> None:
    """Raise TypeError for words of a schema that cannot be translated, if there are any."""
    if words:
        raise TypeError(f"cannot translate {sorted(words)} of the schema {node}")  # type: ignore[call-overload]
