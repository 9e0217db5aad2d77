"""A fact in short form → the whole fact: what is left out is filled in by its kind's schema."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from interlock.schemas.catalog import ENTITIES, members, schema
from interlock.schemas.wording import Path, Violation, did_you_mean, listed

_RECEIPTS = ("actor", "severity", "summary", "correlation")
"""What receipts have, and entities have not."""
_NUMBER = re.compile(r"-?\d+\.\d+")

Timed = Callable[[str], str]
"""The instant that a text means, or the text itself where it is no span of time."""


def settable(kind: str) -> dict[str, dict[str, Any]]:
    """The schemas of the fields that a fact in short form may have. Raises KeyError for an unknown kind."""
    properties, _ = members(_schema(kind))
    lacking = {"kind", *(_RECEIPTS if kind in ENTITIES else ())}
    return {name: node for name, node in properties.items() if name not in lacking}


def unknown(kind: str, given: Mapping[str, Any]) -> tuple[Violation, ...]:
    """The fields of a fact in short form that its kind does not have. Raises KeyError for an unknown kind."""
    return tuple(_unknown(settable(kind), given, (), kind))


def resolved(kind: str, given: Mapping[str, Any], timed: Timed) -> dict[str, Any]:
    """The fields that are given, their times made instants. Raises KeyError for an unknown kind."""
    properties, _ = members(_schema(kind))
    return {name: _value(properties.get(name, {}), value, timed, given.get("at")) for name, value in given.items()}


def completed(kind: str, given: Mapping[str, Any], timed: Timed) -> dict[str, Any]:
    """The fact with every field that must be there; `given` has the envelope already.

    A required field that is left out is null where it may be, else the first value that its schema names; a text is the
    field's own name (of NAME_id it is `NAME-1`), a number 1, an instant the fact's own. Whether the whole is valid is
    not asked. Raises KeyError for an unknown kind.
    """
    at = given.get("at")
    return {"kind": kind, **_filled(_schema(kind), given, timed, timed(at) if isinstance(at, str) else at)}


@cache
def _schema(kind: str) -> dict[str, Any]:
    return schema(f"facts/{kind}")


def _unknown(
    properties: Mapping[str, dict[str, Any]], given: Mapping[str, Any], path: Path, kind: str
) -> Iterator[Violation]:
    for name, value in given.items():
        here = (*path, name)
        if properties and name not in properties:
            hint = did_you_mean(name, properties) or f"there is {listed(properties, 'and')}"
            yield Violation(here, f"`{kind}` has no field `{'.'.join(map(str, here))}`", hint)
        elif properties:
            yield from _unknown_within(properties[name], value, here, kind)


def _unknown_within(node: dict[str, Any], value: Any, path: Path, kind: str) -> Iterator[Violation]:
    if isinstance(value, dict):
        yield from _unknown(members(node)[0], value, path, kind)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unknown_within(node.get("items", {}), item, (*path, index), kind)


def _filled(node: dict[str, Any], given: Mapping[str, Any], timed: Timed, at: Any) -> dict[str, Any]:
    properties, required = members(node)
    found = {name: _value(properties.get(name, {}), value, timed, at) for name, value in given.items()}
    missing = [name for name in properties if name in required and name not in found and name != "kind"]
    return found | {name: _default(name, properties[name], timed, at) for name in missing}


def _value(node: dict[str, Any], value: Any, timed: Timed, at: Any) -> Any:
    match value:
        case dict():
            return _filled(node, value, timed, at)
        case list():
            return [_value(node.get("items", {}), item, timed, at) for item in value]
        case str() if node.get("format") == "date-time":
            return timed(value)
        case str() if "number" in _types(node) and _NUMBER.fullmatch(value):
            return float(value)
    return value


def _default(name: str, node: dict[str, Any], timed: Timed, at: Any) -> Any:
    types = _types(node)
    if "null" in types:
        return None
    if "const" in node or "enum" in node:
        return node["const"] if "const" in node else node["enum"][0]
    if node.get("format") == "date-time":
        return at
    plain = {"integer": 1, "number": 1, "boolean": False, "array": []}
    if types[0] == "object":
        return _filled(node, {}, timed, at)
    return plain.get(types[0], f"{name.removesuffix('_id')}-1" if name.endswith("_id") else name)


def _types(node: dict[str, Any]) -> list[str]:
    types = node.get("type", ["string"])
    return [types] if isinstance(types, str) else types
