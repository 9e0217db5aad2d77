"""The fact kinds that there are, and what the schema of each says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from interlock.schemas.documents import schema, shipped_kinds
from interlock.schemas.fields import FieldSpec, fields_of, members

if TYPE_CHECKING:
    from interlock.schemas.build import OwnKind

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
_OF_RECEIPTS = ("actor", "severity", "summary", "correlation")
"""What receipts have, and entities have not."""


UNRECORDED = {
    "task": ("state",),
    "binding": ("state",),
    "seat": ("state", "tmux_session", "thread_title"),
}
"""The fields of entities whose tables say what they are, and not since when."""


class Moved(msgspec.Struct, frozen=True):
    """The field of an entity that becomes the receipt's instant.

    The entity is the one whose fields equal those of the receipt: `same` maps each to the path in the receipt.
    """

    kind: str
    field: str
    same: dict[str, str]


class Catalog:
    """The fact kinds, each with its schema. It never changes: two are the same if they are one object.

    `own` are those that a project adds to the kinds that ship, by name; `digests` has the SHA-256 of the schema of
    each. Each method raises KeyError for a kind that it does not have.
    """

    def __init__(self, own: Iterable[OwnKind] = ()) -> None:
        self.own: Mapping[str, OwnKind] = {kind.name: kind for kind in own}
        self.digests = {name: kind.digest for name, kind in self.own.items()}
        self._types = {each: kind.name for kind in self.own.values() for each in kind.types}

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """Every fact kind, sorted: the receipts' event types and the entities of `docs/design/ledger.md`."""
        return tuple(sorted((*shipped_kinds(), *self.own))) if self.own else shipped_kinds()

    def kind_of(self, event_type: str) -> str:
        """The kind of the events of a type, which is its name unless a kind's schema names the type."""
        return self._types.get(event_type, event_type)

    def schema(self, kind: str | None) -> dict[str, Any]:
        """The schema of facts of `kind`, whole; or (None) of receipts of a kind that has none."""
        if kind is not None and kind in self.own:
            return self.own[kind].whole
        return schema("receipt" if kind is None else f"facts/{kind}")

    def fields(self, kind: str) -> dict[str, FieldSpec]:
        """The fields of facts of `kind` by dotted path, envelope included, in the schema's order; not to be changed.

        A field that no condition can read (one of several types, a list of members of several) is left out.
        """
        return _fields(self, kind)

    def latest_of(self, kinds: Iterable[str]) -> dict[str, str]:
        """The computed fields of facts of these kinds, each with the field whose last instant it is."""
        specs = [item for kind in kinds for item in self.fields(kind).items()]
        return {path: spec.latest_of for path, spec in specs if spec.latest_of is not None}

    def required_paths(self, kind: str) -> tuple[str, ...]:
        """The paths of the fields that every receipt of the kind has, those of its correlation included."""
        return _required_paths(self, kind)

    def demanded(self, kind: str) -> tuple[str, ...]:
        """The fields that every receipt of the kind has, also those that no condition can read."""
        paths = self.required_paths(kind)
        known = {path.partition(".")[0] for path in paths}
        return (*paths, *sorted(name for name in members(self.schema(kind))[1] if name not in known))

    def instants(self, kind: str) -> tuple[tuple[str, ...], ...]:
        """The paths of the instants in the data of an own kind."""
        return _instants(self, kind)

    def settable(self, kind: str) -> dict[str, dict[str, Any]]:
        """The schemas of the fields that a test may give a fact of the kind."""
        lacking = {"kind", *(_OF_RECEIPTS if kind in ENTITIES else ())}
        return {name: node for name, node in members(self.schema(kind))[0].items() if name not in lacking}

    def recorder(self, kind: str) -> str:
        """The actor that records facts of the kind; `role` where it is whoever holds the role that the fact has."""
        return str(self.schema(kind)["x-recorded-by"])

    def written(self, kind: str) -> dict[str, list[str]]:
        """The fields of which those that record the kind write some of the values only, each with these."""
        return dict(self.schema(kind).get("x-written", {}))

    def softens(self, kind: str) -> dict[str, list[str]]:
        """The fields of which some values skip or soften what is to be proved, each with these."""
        return dict(self.schema(kind).get("x-softens", {}))

    def by_receipts(self, kind: str) -> bool:
        """Whether it takes a receipt to make a fact of the kind, and nothing else."""
        return kind not in ENTITIES or "x-made-by" in self.schema(kind)

    def source(self, kind: str) -> str | None:
        """The kind of the receipts that facts of a kind are made of, if they are.

        Their ids are the receipt's with `#N`.
        """
        made_by: str | None = self.schema(kind).get("x-made-by")
        return made_by

    def moving(self) -> tuple[tuple[str, Moved], ...]:
        """The kinds of receipts that move something, each with what."""
        return _moving(self)

    def moves(self, kind: str) -> Moved | None:
        """What a receipt of the kind moves, if anything."""
        return dict(_moving(self)).get(kind)


@cache
def _fields(catalog: Catalog, kind: str) -> dict[str, FieldSpec]:
    return fields_of(catalog.schema(kind))


@cache
def _required_paths(catalog: Catalog, kind: str) -> tuple[str, ...]:
    inner = catalog.schema(kind)["properties"].get("correlation", {}).get("required", ())
    specs = catalog.fields(kind).items()
    own = (path for path, spec in specs if spec.required and spec.kind != "object" and spec.latest_of is None)
    return (*own, *(f"correlation.{name}" for name in inner))


@cache
def _instants(catalog: Catalog, kind: str) -> tuple[tuple[str, ...], ...]:
    stamps = (path for path, spec in catalog.fields(kind).items() if spec.kind == "timestamp" and not spec.latest_of)
    return tuple(tuple(path.split(".")) for path in stamps if path != "at")


@cache
def _moving(catalog: Catalog) -> tuple[tuple[str, Moved], ...]:
    written = ((kind, catalog.schema(kind).get("x-moves")) for kind in catalog.kinds)
    return tuple((kind, msgspec.convert(moved, Moved)) for kind, moved in written if moved is not None)


SHIPPED = Catalog()
"""The kinds that ship with interlock, and no others."""


def responsible(actor: str) -> str:
    """Who must act for that actor to record something: `worker`, `manager`, `dispatcher`, `operator`, or `role`."""
    return {"dispatch": "dispatcher", "workerctl": "operator", "system": "operator"}.get(actor, actor)
