"""Two versions of a policy over the history of many ledgers: values only. `schemas/fleet_diff.schema.json` states how
they print."""

from __future__ import annotations

import msgspec

from interlock.model.diff import Comparison, Difference, Direction, OneSided, Version
from interlock.model.fleet import Fault, Terms


class Compared(msgspec.Struct, frozen=True):
    """A ledger over whose history they were compared."""

    path: str
    comparison: Comparison
    notes: tuple[str, ...]


class ComparedLine(msgspec.Struct, frozen=True, tag_field="kind", tag="fleet_diff_ledger"):
    """The line of a ledger; one with a `fault` has no `comparison`."""

    path: str
    fault: str | None
    notes: tuple[str, ...]
    comparison: Comparison | None


class ChangeCounts(msgspec.Struct, frozen=True):
    """The differences of one sort: how many there are, in how many tasks of how many ledgers."""

    change: Direction
    differences: int
    tasks: int
    ledgers: int


class FleetDiffEnd(msgspec.Struct, frozen=True, tag_field="kind", tag="fleet_diff_end"):
    """The last line: nothing is missing before it. `digest` is the SHA-256 of all bytes before it.

    `now`, `since` and `until` are instants (RFC 3339, UTC): that of the request, and the ends that were given, each
    None where it was not. `tasks` is how many were compared, `skipped` of how many nothing was recorded in that time.
    """

    now: str
    since: str | None
    until: str | None
    terms: Terms
    ledgers: int
    faults: int
    tasks: int
    skipped: int
    changes: tuple[ChangeCounts, ...]
    digest: str


class FleetDiff(msgspec.Struct, frozen=True):
    """A fleet for a person: the two versions, what the last line says, and every softer difference, fault and note, by
    ledger."""

    end: FleetDiffEnd
    old: Version
    new: Version
    one_sided: tuple[OneSided, ...]
    softer: tuple[tuple[str, Difference], ...]
    faults: tuple[Fault, ...]
    notes: tuple[str, ...]
