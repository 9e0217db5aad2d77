"""The schema files: which there are, and what they say."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache
from os.path import dirname, join, normpath
from typing import Any, Literal

import msgspec

from interlock.resources import data_folder

ENTITIES = (
    "task",
    "binding",
    "seat",
    "ended_binding",
    "registration",
    "notification",
    "acknowledgement",
    "handoff",
    "wake_action",
    "smoke_seat",
)
"""The fact kinds that are the state of a table, not receipts (`docs/design/ledger.md`)."""
_SUFFIX = ".schema.json"
_NODES = (dict, list)


@cache
def kinds() -> tuple[str, ...]:
    """Every fact kind with a schema, sorted: the receipts' event types and the entities of `docs/design/ledger.md`."""
    names = os.listdir(join(data_folder("schemas"), "facts"))
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX)))


def schemas_digest() -> str:
    """A fingerprint of all schema files (names, sizes in bytes, times of change): it differs if any has changed."""
    top = data_folder("schemas")
    found = []
    for folder in (top, join(top, "facts")):
        with os.scandir(folder) as entries:
            files = sorted((entry.name, entry.stat()) for entry in entries if entry.name.endswith(_SUFFIX))
        found += [f"{name} {status.st_size} {status.st_mtime_ns}" for name, status in files]
    return "\n".join(found)


@cache
def schema(name: str) -> dict[str, Any]:
    """The schema `name` (such as `decision` or `facts/seat`), whole: what it refers to in other files is part of it.

    References within the file itself stay. Raises KeyError for a fact kind without a schema.
    """
    if name.startswith("facts/") and name.removeprefix("facts/") not in kinds():
        raise KeyError(f"no fact kind `{name.removeprefix('facts/')}`")
    home = normpath(join(data_folder("schemas"), f"{name}{_SUFFIX}"))
    whole: dict[str, Any] = _whole(_read(home), home, home)
    return whole


def fact_schema(kind: str | None) -> dict[str, Any]:
    """The schema of facts of `kind`, or (None) of receipts of any kind. Raises KeyError for a kind without a schema."""
    return schema("receipt" if kind is None else f"facts/{kind}")


@cache
def _read(path: str) -> Any:
    with open(path, "rb") as file:
        return msgspec.json.decode(file.read())


def _whole(node: Any, place: str, home: str) -> Any:
    """`node` of the file `place`, with whatever it refers to in files other than `home` put in."""
    if isinstance(node, list):
        return [_whole(item, place, home) if isinstance(item, dict) else item for item in node]
    reference = node.get("$ref")
    if reference is None or (place == home and reference.startswith("#")):
        return {key: _whole(item, place, home) if isinstance(item, _NODES) else item for key, item in node.items()}
    file, _, pointer = reference.partition("#")
    there = normpath(join(dirname(place), file)) if file else place
    # A reference's own title and description say what the field is for; those of its target, its form.
    return {**_target(there, pointer), **{key: item for key, item in node.items() if key != "$ref"}}


@cache
def _target(place: str, pointer: str) -> dict[str, Any]:
    """What `pointer` names in the file `place`, whole."""
    node = _read(place)
    for step in pointer.split("/")[1:]:
        node = node[step]
    found: dict[str, Any] = _whole(node, place, "")
    return {key: item for key, item in found.items() if key not in ("$schema", "$defs")}


FieldKind = Literal["bool", "int", "string", "timestamp", "duration", "list", "object"]

_KINDS: dict[str, FieldKind] = {"boolean": "bool", "integer": "int", "string": "string", "object": "object"}


class FieldSpec(msgspec.Struct, frozen=True):
    """A field. `enum` closes a string's values; a `required` field is always there and never null.

    A `lenient` field may hold anything: it reads as null unless it is of its kind. A field that is the `latest_of`
    another is computed: no fact holds it. It is the last instant that the other may mean.
    """

    kind: FieldKind
    enum: tuple[str, ...] = ()
    required: bool = False
    lenient: bool = False
    latest_of: str | None = None


@cache
def fields(kind: str) -> dict[str, FieldSpec]:
    """The fields of facts of `kind` by dotted path, envelope included, in the schema's order; not to be changed.

    A field that no condition can read (a number that is not an integer, a list of objects) is left out. Raises KeyError
    for a kind that `kinds()` does not name.
    """
    found: dict[str, FieldSpec] = {}
    whole = schema(f"facts/{kind}")
    _collect(whole, "", True, found)
    for name, node in computed(whole).items():
        source = str(node["latest-of"])
        found[name] = FieldSpec("timestamp", required=found[source].required, latest_of=source)
    return found


def latest_of(kinds: Iterable[str]) -> dict[str, str]:
    """The computed fields of facts of these kinds, each with the field whose last instant it is. Raises KeyError."""
    specs = [item for kind in kinds for item in fields(kind).items()]
    return {path: spec.latest_of for path, spec in specs if spec.latest_of is not None}


def computed(whole: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The fields that facts do not hold and that are computed from those they do: `x-computed` of a schema."""
    return {
        name: node for part in (*whole.get("allOf", ()), whole) for name, node in part.get("x-computed", {}).items()
    }


def _collect(node: dict[str, Any], prefix: str, certain: bool, found: dict[str, FieldSpec]) -> None:
    properties, required = members(node)
    for name, member in properties.items():
        spec = _spec(member, certain and name in required)
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


def _spec(member: dict[str, Any], present: bool) -> FieldSpec | None:
    if member.get("x-reads-as") == "string":
        return FieldSpec("string", lenient=True)
    types = [member["type"]] if isinstance(member.get("type"), str) else member.get("type", [])
    solid = [name for name in types if name != "null"]
    kind = _kind(solid[0], member) if len(solid) == 1 else None
    if kind is None:
        return None
    values = [member["const"]] if "const" in member else member.get("enum", [])
    return FieldSpec(kind, tuple(value for value in values if isinstance(value, str)), present and "null" not in types)


def _kind(name: str, member: dict[str, Any]) -> FieldKind | None:
    if name == "string" and member.get("format") == "date-time":
        return "timestamp"
    if name == "array":
        return "list" if member.get("items", {}).get("type") == "string" else None
    return _KINDS.get(name)


class Moved(msgspec.Struct, frozen=True):
    """The field of an entity that becomes the receipt's instant.

    The entity is the one whose fields equal those of the receipt: `same` maps each to the path in the receipt.
    """

    kind: str
    field: str
    same: dict[str, str]


def recorder(kind: str) -> str:
    """The actor that records facts of the kind; `role` where it is whoever holds the role that the fact has."""
    return str(schema(f"facts/{kind}")["x-recorded-by"])


def by_receipts(kind: str) -> bool:
    """Whether it takes a receipt to make a fact of the kind, and nothing else."""
    whole = schema(f"facts/{kind}")
    return kind not in ENTITIES or "x-made-by" in whole


def source(kind: str) -> str | None:
    """The kind of the receipts that facts of a kind are made of, if they are: their ids are the receipt's with `#N`."""
    made_by: str | None = schema(f"facts/{kind}").get("x-made-by")
    return made_by


def responsible(actor: str) -> str:
    """Who must act for that actor to record something: `worker`, `manager`, `dispatcher`, `operator`, or `role`."""
    return {"dispatch": "dispatcher", "workerctl": "operator", "system": "operator"}.get(actor, actor)


@cache
def moves(kind: str) -> Moved | None:
    """What a receipt of the kind moves, if anything."""
    written = schema(f"facts/{kind}").get("x-moves")
    return None if written is None else msgspec.convert(written, Moved)


@cache
def required_paths(kind: str) -> tuple[str, ...]:
    """The paths of the fields that every receipt of the kind has, those of its correlation included."""
    inner = schema(f"facts/{kind}")["properties"].get("correlation", {}).get("required", ())
    specs = fields(kind).items()
    own = (path for path, spec in specs if spec.required and spec.kind != "object" and spec.latest_of is None)
    return (*own, *(f"correlation.{name}" for name in inner))
