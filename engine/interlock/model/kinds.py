"""The fact kinds that there are: values only. `schemas/kind.schema.json` states the printed form."""

from __future__ import annotations

from typing import Literal

import msgspec


class KindField(msgspec.Struct, frozen=True):
    """A field of a kind's facts, by its dotted path.

    `type` is what conditions take it for, `item` that of a list's members or a map's values; where they do not read it,
    `type` is None and `why` says so. A `required` field is always there; one that is `nullable` may be null, or left
    out. `values` are all that a text may be; empty where it may be any. An `envelope` field is one that every fact has.
    """

    path: str
    type: str | None
    item: str | None
    required: bool
    nullable: bool
    values: tuple[str, ...]
    description: str
    envelope: bool
    why: str | None = None


class FactKind(msgspec.Struct, frozen=True):
    """A kind of facts. `file` is its schema, `digest` the SHA-256 of that of an own kind.

    `events` are the types of CloudEvents that bring it, beside its own name.
    """

    kind: str
    sort: Literal["receipt", "entity"]
    origin: Literal["shipped", "own"]
    file: str
    digest: str | None
    title: str
    description: str
    recorded_by: str
    events: tuple[str, ...]
    fields: tuple[KindField, ...]
