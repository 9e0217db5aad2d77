"""What the schemas say of a place in a document, and of the fields of facts."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import msgspec

from interlock import schemas
from interlock.schemas import SHIPPED, Catalog
from interlock.schemas.editor import for_tests
from interlock.schemas.fields import computed, members
from interlock.schemas.wording import Path


class Node(msgspec.Struct, frozen=True):
    """What a schema says of a value. `form` is the name of its definition, such as `message`, if it has one."""

    said: dict[str, Any]
    form: str = ""

    @property
    def description(self) -> str:
        """What the value is for."""
        return str(self.said.get("description", ""))

    @property
    def keys(self) -> dict[str, dict[str, Any]]:
        """What is said of each key that a mapping may have."""
        found: dict[str, dict[str, Any]] = dict(self.said.get("properties", {}))
        for each in (*self.said.get("anyOf", ()), *self.said.get("oneOf", ())):
            found.update(each.get("properties", {}))
        return found

    @property
    def values(self) -> tuple[Any, ...]:
        """The values that it may have, where they are listed."""
        if self.said.get("type") == "boolean":
            return (True, False)
        return tuple(self.said.get("enum", ()))

    @property
    def named(self) -> bool:
        """Whether it is a mapping whose keys are names of the author's."""
        return "additionalProperties" in self.said and not self.said.get("properties")


def node_at(name: str, path: Path, catalog: Catalog = SHIPPED) -> Node | None:
    """What the schema `name`, with the kinds of a catalog, says of the value at a path; None where it says nothing."""
    whole = _of_tests(catalog) if name == "test" and catalog.own else schemas.schema(name)
    found: Node | None = _resolved(whole, whole)
    for step in path:
        found = None if found is None else _step(whole, found, step)
    return found


@cache
def _of_tests(catalog: Catalog) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(for_tests(catalog))
    return found


def _step(whole: dict[str, Any], node: Node, step: str | int) -> Node | None:
    for said in (node.said, *(_resolved(whole, each).said for each in node.said.get("anyOf", ()))):
        if isinstance(step, int):
            inner = said.get("items")
        else:
            inner = said.get("properties", {}).get(step, said.get("additionalProperties"))
        if isinstance(inner, dict):
            return _resolved(whole, inner)
    return None


def _resolved(whole: dict[str, Any], said: dict[str, Any]) -> Node:
    """What is said, with the definition that it refers to; what it says itself goes before that."""
    form = ""
    while "$ref" in said:
        form = str(said["$ref"]).rpartition("/")[2]
        said = {**whole["definitions"][form], **{key: each for key, each in said.items() if key != "$ref"}}
    if not form and "anyOf" in said:
        form = _resolved(whole, said["anyOf"][0]).form
    return Node(said, form)


def is_common(field: str) -> bool:
    """Whether facts of every kind have a field."""
    return field.partition(".")[0] in schemas.schema("envelope")["properties"]


def field_description(catalog: Catalog, kinds: Iterable[str], path: str) -> str:
    """What the schema of the first of these kinds that has a field says of it; empty where none does."""
    for kind in kinds:
        if kind in catalog.kinds:
            found = _described(catalog.schema(kind), path)
            if found:
                return found
    return ""


def _described(said: dict[str, Any], path: str) -> str:
    if path in computed(said):
        return str(computed(said)[path].get("description", ""))
    for step in path.split("."):
        said = members(said)[0].get(step, {})
    return str(said.get("description") or said.get("title") or "")


def kind_description(catalog: Catalog, kind: str) -> str:
    """What facts of a kind are."""
    said = catalog.schema(kind)
    return str(said.get("description") or said.get("title") or "")
