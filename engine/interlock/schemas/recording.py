"""Who records the facts of a kind, and what else is changed when one is recorded."""

from __future__ import annotations

from functools import cache

import msgspec

from interlock.schemas.documents import ENTITIES, schema
from interlock.schemas.fields import fields


class Moved(msgspec.Struct, frozen=True):
    """The field of an entity that becomes the receipt's instant.

    The entity is the one whose fields equal those of the receipt: `same` maps each to the path in the receipt.
    """

    kind: str
    field: str
    same: dict[str, str]


def recorder(kind: str) -> str:
    """The actor that records facts of the kind; `role` where it is whoever holds the role that the fact bears."""
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
def needed(kind: str) -> tuple[str, ...]:
    """The paths of the fields that every receipt of the kind has, those of its correlation included."""
    inner = schema(f"facts/{kind}")["properties"].get("correlation", {}).get("required", ())
    specs = fields(kind).items()
    own = (path for path, spec in specs if spec.required and spec.kind != "object" and spec.latest_of is None)
    return (*own, *(f"correlation.{name}" for name in inner))
