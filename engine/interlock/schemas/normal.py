"""A schema said more plainly, so that the fields of what it takes can be typed. It takes the same values as before."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any

from interlock.schemas.fields import INSTANT, types_of
from interlock.schemas.words import ANNOTATIONS, SCHEMAS, TYPES, is_of, type_of

Node = dict[str, Any]
LARGEST = (1 << 53) - 1
"""The largest whole number that conditions can read; the smallest is its negative."""
_SAID = ("title", "description", "default", "examples", "example")
_DEMANDING = frozenset(["additionalProperties", "allOf", "anyOf", "items", "patternProperties", "prefixItems"]) | {
    "properties",
    "then",
    "else",
}
"""Keywords whose schemas a value must meet, or one of them."""
_ALONE = frozenset(
    [*_SAID, "type", "enum", "const", "properties", "required", "items", "format", "pattern", "minLength", "maxLength"]
) | {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minItems", "maxItems"}
"""Keywords that mean the same whatever is beside them; `items`, where nothing is beside them but these."""
_OF_NO_NULL = _ALONE | {"additionalProperties", "patternProperties", "propertyNames", "minProperties", "maxProperties"}
"""Keywords that null meets, or whose values it can be added to."""


def normal(node: Node | bool) -> Node | bool:
    """The same schema: `allOf` joined, types that follow from values written out, null as a type.

    What cannot be said so stays as it is.
    """
    if isinstance(node, bool):
        return {} if node else node
    found: Node = {word: operand for word, operand in node.items() if word in _SAID or not _says_nothing(word, operand)}
    if "properties" in found:
        found["properties"] = {name: normal(member) for name, member in found["properties"].items()}
    found |= {word: normal(found[word]) for word in ("items", "additionalProperties") if word in found}
    for word in ("anyOf", "oneOf"):
        found = _nullable(found, word)
    found = _inclusive(_joined(found))
    if "type" not in found and ("const" in found or "enum" in found):
        found["type"] = _types_of([found["const"]] if "const" in found else found["enum"])
    return found


def _inclusive(node: Node) -> Node:
    """The node where a whole number's bounds are among the numbers that it may be."""
    if "integer" not in types_of(node) or "number" in types_of(node):
        return node
    found = dict(node)
    for exclusive, bound, step, tighter in (
        ("exclusiveMinimum", "minimum", 1, max),
        ("exclusiveMaximum", "maximum", -1, min),
    ):
        if isinstance(found.get(exclusive), int):
            nearest = found.pop(exclusive) + step
            found[bound] = tighter(nearest, found.get(bound, nearest))
    return found


def _says_nothing(word: str, operand: Any) -> bool:
    return word in ANNOTATIONS or word.startswith("x-") or (word == "additionalProperties" and operand in (True, {}))


def legible(node: Node) -> Node:
    """What can be looked up in a normal schema: the rest of it, such as a member that nothing may be, is left out."""
    found = dict(node)
    if "properties" in node:
        named = node["properties"].items()
        found["properties"] = {name: legible(each) for name, each in named if not isinstance(each, bool)}
    if "items" in node:
        found |= {"items": legible(node["items"])} if isinstance(node["items"], dict) else {"items": {}}
    if "allOf" in node:
        found["allOf"] = [legible(each) for each in map(normal, node["allOf"]) if not isinstance(each, bool)]
    return found


def within(node: Node, made: Callable[[Any], Any], words: Container[str]) -> Node:
    """The node with every schema under one of the keywords made another."""
    found: Node = {}
    for word, operand in node.items():
        match SCHEMAS.get(word) if word in words else None:
            case "schema":
                found[word] = made(operand)
            case "schemas":
                found[word] = [made(each) for each in operand]
            case "named":
                found[word] = {name: made(each) for name, each in operand.items()}
            case None:
                found[word] = operand
    return found


def bounded(node: Node | bool) -> Node | bool:
    """The schema with what interlock demands of every field: instants are in UTC, whole numbers not too large.

    Where more is demanded less is accepted: what is under `not`, `if`, `oneOf` or `contains` stays as it is.
    """
    if isinstance(node, bool):
        return node
    found, types = within(node, bounded, _DEMANDING), types_of(node)
    if found.get("format") == "date-time" and found.get("pattern", INSTANT) != INSTANT:
        found["allOf"] = [*found.get("allOf", ()), {"pattern": INSTANT}]
    elif found.get("format") == "date-time":
        found["pattern"] = INSTANT
    if "integer" in types and "number" not in types:
        found["minimum"] = max(found.get("minimum", -LARGEST), -LARGEST)
        found["maximum"] = min(found.get("maximum", LARGEST), LARGEST)
    return found


def _nullable(node: Node, word: str) -> Node:
    """The node where a choice between one schema and null is said by the type."""
    branches = node.get(word)
    if branches is None or len(branches) != 2 or {"type": "null"} not in [_bare(each) for each in branches]:
        return node
    other = normal(next((each for each in branches if _bare(each) != {"type": "null"}), False))
    rest = {each: operand for each, operand in node.items() if each != word}
    if isinstance(other, bool) or not types_of(other) or not other.keys() <= _OF_NO_NULL or not set(rest) <= {*_SAID}:
        return node
    if word == "oneOf" and "null" in types_of(other):
        return node
    found = {**other, **rest, "type": [*types_of(other), "null"]}
    if "const" in found:
        found["enum"] = [found.pop("const")]
    if "enum" in found and None not in found["enum"]:
        found["enum"] = [*found["enum"], None]
    return found


def _bare(node: Node | bool) -> Node | bool:
    return node if isinstance(node, bool) else {word: said for word, said in node.items() if word not in ANNOTATIONS}


def _joined(node: Node) -> Node:
    """The node with its `allOf` joined into it, where no keyword is said twice, nor one that depends on others."""
    parts = [normal(part) for part in node.get("allOf", ())]
    found: Node = {word: operand for word, operand in node.items() if word != "allOf"}
    for part in parts:
        if (
            isinstance(part, bool)
            or not part.keys() <= _ALONE
            or ("properties" in part and "additionalProperties" in node)
            or ("items" in part and "prefixItems" in node)
        ):
            return node
        for word, operand in part.items():
            if word in _SAID:
                found.setdefault(word, operand)
            elif word == "properties" and not found.get(word, {}).keys() & operand.keys():
                found[word] = {**operand, **found.get(word, {})}
            elif word == "required":
                found[word] = list(dict.fromkeys([*operand, *found.get(word, [])]))
            elif found.get(word, operand) == operand:
                found[word] = operand
            else:
                return node
    return found


def _types_of(values: list[Any]) -> list[str]:
    kinds = {"integer" if is_of(value, "integer") else type_of(value) for value in values}
    return [each for each in TYPES if each in kinds]
