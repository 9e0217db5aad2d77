"""The fields that conditions can read of a fact, as its schema states them."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

INSTANT = (
    "^(19[7-9][0-9]|2[01][0-9]{2}|22[0-4][0-9]|225[0-4])-[0-9]{2}-[0-9]{2}"
    "T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|\\+00:00)$"
)
"""The pattern of every instant: what `date-time` means here is that, in UTC."""
FieldKind = Literal["bool", "int", "double", "string", "timestamp", "duration", "list", "map", "object"]

_KINDS: dict[str, FieldKind] = {"boolean": "bool", "integer": "int", "number": "double", "string": "string"}
_KINDS["object"] = "object"


class FieldSpec(msgspec.Struct, frozen=True):
    """A field. `enum` closes a string's values; a `required` field is always there and never null.

    A `lenient` field may hold anything: it reads as null unless it is of its kind. A field that is the `latest_of`
    another is computed: no fact holds it. It is the last instant that the other may mean. `item` is what a list's
    members, or a map's values, are; `fields` are those of an object in a list or map, by name.
    """

    kind: FieldKind
    enum: tuple[str, ...] = ()
    required: bool = False
    lenient: bool = False
    latest_of: str | None = None
    item: FieldSpec | None = None
    fields: tuple[tuple[str, FieldSpec], ...] = ()


def fields_of(whole: dict[str, Any]) -> dict[str, FieldSpec]:
    """The fields of facts of a schema by dotted path, in the schema's order.

    A field that no condition can read (one of several types, one whose name is not a word) is left out.
    """
    found: dict[str, FieldSpec] = {}
    _collect(whole, "", True, found)
    for name, node in computed(whole).items():
        source = str(node["latest-of"])
        found[name] = FieldSpec("timestamp", required=found[source].required, latest_of=source)
    return found


def computed(whole: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The fields that facts do not hold and that are computed from those they do: `x-computed` of a schema."""
    return {
        name: node for part in (*whole.get("allOf", ()), whole) for name, node in part.get("x-computed", {}).items()
    }


def _collect(node: dict[str, Any], prefix: str, certain: bool, found: dict[str, FieldSpec]) -> None:
    properties, required = members(node)
    for name, member in properties.items():
        spec = _spec(member, certain and name in required) if _is_readable(name) else None
        if spec is not None:
            found[prefix + name] = spec
            if spec.kind == "object":
                _collect(member, f"{prefix}{name}.", spec.required, found)


def members(node: dict[str, Any]) -> tuple[dict[str, dict[str, Any]], set[str]]:
    """The properties of an object, those of its `allOf` first, and the names of those that must be there."""
    properties: dict[str, dict[str, Any]] = {}
    required: set[str] = set()
    for part in (*node.get("allOf", ()), node):
        required.update(part.get("required", ()))
        for name, member in part.get("properties", {}).items():
            properties[name] = {**properties.get(name, {}), **member}
    return properties, required


def types_of(node: dict[str, Any]) -> list[str]:
    """The types that a schema names; none where it names none."""
    types = node.get("type", [])
    return [types] if isinstance(types, str) else list(types)


def _spec(member: dict[str, Any], present: bool) -> FieldSpec | None:
    if member.get("x-reads-as") == "string":
        return FieldSpec("string", lenient=True)
    types = types_of(member)
    solid = [name for name in types if name != "null"]
    kind = _kind(solid[0], member) if len(solid) == 1 else None
    if kind is None:
        return None
    values = [member["const"]] if "const" in member else member.get("enum", [])
    texts = tuple(value for value in values if isinstance(value, str))
    closed = () if any("\0" in text for text in texts) else texts  # SQLite cuts a text off there
    item = _inner(member, kind) if kind in ("list", "map") else None
    return FieldSpec(kind, closed, present and "null" not in types, item=item)


def _kind(name: str, member: dict[str, Any]) -> FieldKind | None:
    if name == "string" and member.get("format") == "date-time":
        return "timestamp"
    if name == "array":
        return "list" if _inner(member, "list") is not None else None
    if name == "object" and "properties" not in member and _inner(member, "map") is not None:
        return "map"
    return _KINDS.get(name)


def _inner(member: dict[str, Any], kind: FieldKind) -> FieldSpec | None:
    """What a schema says of the members of a list, or of the values of a map; None where they have no single type."""
    found = member.get("items" if kind == "list" else "additionalProperties")
    spec = _nested(found, True) if isinstance(found, dict) else None
    return spec if spec is not None and spec.required else None


def _nested(member: dict[str, Any], present: bool) -> FieldSpec | None:
    """A field of an object that is in a list or map: its own fields are inside it, not at paths of their own."""
    spec = _spec(member, present) if "x-reads-as" not in member else None
    if spec is None or spec.kind != "object":
        return spec
    properties, required = members(member)
    inside = [(name, _nested(each, name in required)) for name, each in properties.items() if _is_readable(name)]
    return msgspec.structs.replace(spec, fields=tuple((name, each) for name, each in inside if each is not None))


def _is_readable(name: str) -> bool:
    """Whether conditions can read a field of that name."""
    return name.isascii() and name.isidentifier()
