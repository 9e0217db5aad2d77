"""Whether a document is valid, and why it is not."""

from __future__ import annotations

from functools import cache, reduce
from operator import or_
from typing import Annotated, Any, Literal

import msgspec

from interlock.instant import parse_instant
from interlock.schemas.catalog import Catalog
from interlock.schemas.documents import schema
from interlock.schemas.encodable import is_writable
from interlock.schemas.fields import INSTANT, types_of
from interlock.schemas.wording import Violation


def fact_errors(catalog: Catalog, kind: str, fact: dict[str, object]) -> tuple[str, ...]:
    """What is wrong with a fact of `kind`, a line each, sorted by place; () when it is valid. See `faults`."""
    return tuple(violation.text for violation in faults(catalog, kind, fact))


def faults(catalog: Catalog, kind: str | None, fact: dict[str, object]) -> tuple[Violation, ...]:
    """What is wrong with a fact of `kind`, sorted by place; () when it is valid.

    Of a receipt whose kind has no schema (None), only the fields that every receipt has are checked. A fact that can
    not be written as JSON in UTF-8 (an unpaired surrogate) is invalid too. A whole number with a fraction of nothing,
    such as 2.0, is an integer here as everywhere in JSON Schema. Raises KeyError for a kind that the catalog does not
    have.
    """
    if is_valid(catalog, kind, fact):
        return ()
    from interlock.schemas.diagnose import complaints

    found = [each for node, part in _asked(catalog, kind, fact) for each in complaints(node, part, "fact")]
    # Invalid for the one validator and not for the other: nobody can say which is wrong, so it proves nothing.
    return tuple(dict.fromkeys(found)) or (
        Violation((), "the two validators disagree about the fact, so it is not taken as valid"),
    )


def is_valid(catalog: Catalog, kind: str | None, fact: dict[str, object]) -> bool:
    """Whether a fact of `kind`, or a receipt of a kind without a schema (None), is valid. See `faults`."""
    if not (is_writable(fact) and is_fact(fact, fact_type(catalog, kind))):
        return False
    own = catalog.own.get(kind or "")
    if own is None or own.data is None:
        return True
    from interlock.schemas.diagnose import accepts

    return accepts(own.data, own.part_of(fact))


def _asked(catalog: Catalog, kind: str | None, fact: dict[str, object]) -> list[tuple[dict[str, Any], object]]:
    """The schemas that a fact of the kind must meet, each with the part of the fact that it is about."""
    own = catalog.own.get(kind or "")
    if own is None or own.data is None:
        return [(catalog.schema(kind), fact)]
    return [(own.frame, fact), (own.data, own.part_of(fact))]


def wrong(schema_name: str, document: object) -> tuple[str, ...]:
    """What is wrong with `document` by `schemas/SCHEMA_NAME.schema.json`; () when it is valid, which is seen quickly.

    Raises TypeError or ValueError for a schema that says what is not translated.
    """
    if is_writable(document) and is_fact(document, _type(schema_name)):
        return ()
    found = tuple(each.message for each in violations(schema_name, document))
    return found or ("the two validators disagree about it, so it is not taken as valid",)


@cache
def _type(schema_name: str) -> Any:
    return made_type(schema(schema_name))


def violations(schema_name: str, document: object) -> list[Violation]:
    """Everything that is wrong with `document` by `schemas/SCHEMA_NAME.schema.json`, sorted by path.

    Slow: it imports the validator that explains.
    """
    from interlock.schemas.diagnose import complaints

    return complaints(schema(schema_name), document, schema_name)


_SAYS_NOTHING = frozenset(
    [
        "$schema",
        "title",
        "description",
        "default",
        "example",
        "examples",
        "x-computed",
        "x-made-by",
        "x-moves",
        "x-reads-as",
        "x-recorded-by",
        "x-softens",
        "x-written",
    ]
)
_SAYS_MORE: dict[str, frozenset[str]] = {
    "null": frozenset(),
    "boolean": frozenset(),
    "string": frozenset(["format", "pattern", "minLength", "maxLength"]),
    "integer": frozenset(["minimum", "maximum"]),
    "number": frozenset(["minimum", "maximum"]),
    "array": frozenset(["items", "minItems", "maxItems"]),
    "object": frozenset(["properties", "required", "additionalProperties"]),
}
"""The keywords allowed beside a `type`."""

_LARGEST = 1.7976931348623157e308
"""The largest float."""

_Node = dict[str, Any]


class _Instant:
    """The type of a text that is an instant: msgspec does not know it, so it asks `_instant`."""

    __slots__ = ()


class _Mapping(msgspec.Struct, frozen=True):
    """The type of any mapping."""


_AN_INSTANT = _Instant()


@cache
def fact_type(catalog: Catalog, kind: str | None) -> Any:
    """The type of facts of `kind`, or (None) of receipts. Raises KeyError for a kind that the catalog does not have."""
    own = catalog.own.get(kind or "")
    return made_type(catalog.schema(kind) if own is None or own.data is None else own.frame)


def made_type(node: _Node) -> Any:
    """The type of what a schema without references takes, for `is_fact`.

    Raises TypeError or ValueError when the schema says what is not translated, or what msgspec cannot check.
    """
    made = _translated(node)
    msgspec.json.Decoder(made, dec_hook=_instant)  # looks into the type now: a fault in it is none of a fact's
    return made


def is_fact(fact: object, made: Any) -> bool:
    """Whether `fact`, as read from JSON text, is of a type that was made here."""
    try:
        msgspec.convert(fact, made, dec_hook=_instant)
    except ValueError:
        return False
    return True


def _instant(_type: type, value: object) -> _Instant:
    if isinstance(value, str) and _is_instant(value):
        return _AN_INSTANT
    raise ValueError("no instant")


def _is_instant(text: str) -> bool:
    """Whether a text is an instant in UTC of the years 1970 to 2254."""
    try:
        parse_instant(text)
    except ValueError:
        return False
    return "1970" <= text < "2255"


def _translated(node: _Node) -> Any:
    says = _flat(node)
    if "enum" in says or "const" in says:
        return _closed(says)
    if not says:
        return Any
    types = _types(says)
    _refuse([word for word in says if word != "type" and not any(word in _SAYS_MORE[name] for name in types)], says)
    made = [_typed(name, says) for name in types]
    return reduce(or_, made[1:], made[0])


def _flat(node: _Node) -> _Node:
    """What a node says, all of its `allOf` included. What is said twice is said alike, or of members."""
    found = {word: operand for word, operand in node.items() if word not in _SAYS_NOTHING}
    for part in map(_flat, found.pop("allOf", ())):
        _refuse(["additionalProperties"] if "additionalProperties" in {*part, *found} else [], node)
        for word, operand in part.items():
            if word == "properties":
                found[word] = _both(found.get(word, {}), operand)
            elif word == "required":
                found[word] = [*found.get(word, ()), *operand]
            else:
                _refuse([word] if found.get(word, operand) != operand else [], node)
                found[word] = operand
    return found


def _both(first: dict[str, _Node], second: dict[str, _Node]) -> dict[str, _Node]:
    shared = {name: {"allOf": [first[name], second[name]]} for name in first if name in second}
    return {**first, **second, **shared}


def _types(says: _Node) -> list[str]:
    found = types_of(says)
    _refuse([name for name in found if name not in _SAYS_MORE] if found else ["no type"], says)
    return found


def _closed(says: _Node) -> Any:
    """The type of a closed set of texts, null perhaps among them."""
    word = "enum" if "enum" in says else "const"
    values = says["enum"] if word == "enum" else [says["const"]]
    _refuse([other for other in says if other not in ("type", word)], says)
    _refuse([value for value in values if not (value is None or isinstance(value, str))], says)
    types = _types(says) if "type" in says else _SAYS_MORE
    return Literal[tuple(value for value in values if ("null" if value is None else "string") in types)]


def _typed(name: str, says: _Node) -> Any:
    match name:
        case "null":
            return None
        case "boolean":
            return bool
        case "string":
            return _text(says)
        case "integer":  # 2.0 is one too, as everywhere in JSON Schema
            return _number(says.get("minimum"), says.get("maximum"), 1)
        case "number":
            return _number(says.get("minimum"), says.get("maximum"), None)
        case "array":
            items: Any = list[_translated(says.get("items", {}))]  # type: ignore[misc]
            size = msgspec.Meta(min_length=says.get("minItems"), max_length=says.get("maxItems"))
            return Annotated[items, size] if {"minItems", "maxItems"} & says.keys() else items
    return _object(says.get("properties", {}), says.get("required", []), says.get("additionalProperties", True))


def _text(says: _Node) -> Any:
    sized = {"minLength", "maxLength"} & says.keys()
    if says.get("format") == "date-time" and says.get("pattern") == INSTANT and not sized:
        return _Instant
    _refuse(["format"] if "format" in says else [], says)
    if "pattern" not in says and not sized:
        return str
    pattern = None
    if "pattern" in says:
        from interlock.schemas.words import searched

        pattern = searched(says["pattern"])
    return Annotated[
        str, msgspec.Meta(pattern=pattern, min_length=says.get("minLength"), max_length=says.get("maxLength"))
    ]


@cache
def _number(least: float | None, most: float | None, step: int | None) -> Any:
    # A float is always bounded, since JSON knows none that is infinite or NaN.
    lowest, highest = -_LARGEST if least is None else least, _LARGEST if most is None else most
    broken = msgspec.Meta(ge=lowest, le=highest, multiple_of=step)
    return Annotated[int, msgspec.Meta(ge=least, le=most)] | Annotated[float, broken]


def _object(properties: dict[str, _Node], required: list[str], others: _Node | bool) -> Any:
    if isinstance(others, dict):
        _refuse([*properties, *required], {"additionalProperties": others})
        return dict[str, _translated(others)]  # type: ignore[misc]
    members = {name: _translated(member) for name, member in properties.items()}
    members |= {name: Any for name in required if name not in members}
    if not members and others:
        return _Mapping
    called = {f"f{number}": name for number, name in enumerate(members)}
    fields = [(own, members[n]) if n in required else (own, members[n], None) for own, n in called.items()]
    return msgspec.defstruct(
        "Fact", fields, frozen=True, kw_only=True, gc=False, rename=called, forbid_unknown_fields=not others
    )


def _refuse(words: list[Any], says: _Node) -> None:
    """Raise TypeError for what cannot be translated, if there is any."""
    if words:
        raise TypeError(f"cannot translate {words} of a schema that says {says}")
