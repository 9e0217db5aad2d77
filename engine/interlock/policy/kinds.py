"""The fact kinds that a project has, with their fields, for people and programs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

from interlock.diagnostics import UsageError, meant_or_all
from interlock.model.kinds import FactKind, KindField
from interlock.resources import data_folder
from interlock.schemas import ENTITIES, Catalog
from interlock.schemas.documents import SUFFIX, envelope
from interlock.schemas.fields import members, types_of

_LIST = "a list whose members have no single type"
_MIXED = "it has no single type"
_NAME = "its name is not a word"


def kinds(catalog: Catalog, names: Iterable[str] = ()) -> tuple[FactKind, ...]:
    """The kinds of these names, or all of them. Raises UsageError for one that there is not."""
    wanted = list(dict.fromkeys(names)) or list(catalog.kinds)
    for name in wanted:
        if name not in catalog.kinds:
            raise UsageError(f"unknown fact kind `{name}`; {meant_or_all(name, catalog.kinds)}")
    return tuple(_kind(catalog, name) for name in wanted)


def _kind(catalog: Catalog, name: str) -> FactKind:
    whole, own = catalog.schema(name), catalog.own.get(name)
    return FactKind(
        kind=name,
        sort="entity" if name in ENTITIES else "receipt",
        origin="shipped" if own is None else "own",
        file=os.path.join(data_folder("schemas"), "facts", name + SUFFIX) if own is None else own.source.name,
        digest=None if own is None else own.digest,
        title=whole["title"],
        description=whole["description"],
        recorded_by=catalog.recorder(name),
        events=() if own is None else own.types,
        fields=tuple(_fields(catalog, name)),
    )


def _fields(catalog: Catalog, kind: str) -> Iterator[KindField]:
    specs, apart = catalog.fields(kind), {*envelope()["properties"], *envelope()["x-computed"]}
    written = dict(_written(catalog.schema(kind), ""))
    for path in dict.fromkeys((*written, *specs)):
        node, demanded = written.get(path, ({}, False))
        spec = specs.get(path)
        said = str(node.get("description", ""))
        if spec is not None and spec.latest_of is not None:
            said = f"The last instant that `{spec.latest_of}` may mean."
        yield KindField(
            path=path,
            type=spec.kind if spec else None,
            item=spec.item.kind if spec and spec.item else None,
            required=spec.required if spec and spec.latest_of else demanded,
            nullable=not spec.required if spec else not demanded or "null" in types_of(node),
            values=spec.enum if spec else (),
            description=said,
            envelope=path in apart,
            why=None if spec else _why(path, node),
        )


def _written(node: dict[str, Any], prefix: str) -> Iterator[tuple[str, tuple[dict[str, Any], bool]]]:
    """Every field of a schema by its dotted path, with its schema and whether it must be there."""
    properties, required = members(node)
    for name, member in properties.items():
        yield f"{prefix}{name}", (member, name in required)
        if "properties" in member:
            yield from _written(member, f"{prefix}{name}.")


def _why(path: str, node: dict[str, Any]) -> str:
    """Why no condition can read a field."""
    if not path.rpartition(".")[2].isidentifier() or not path.isascii():
        return _NAME
    solid = [each for each in types_of(node) if each != "null"]
    return _LIST if solid == ["array"] else _MIXED
