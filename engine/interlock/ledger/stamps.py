"""The times that facts carry: a reader of a fact can test whether one of them is ahead of the clock."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from interlock import schemas
from interlock.instant import format_duration, format_instant, parse_instant
from interlock.ledger.rows import Row


class Stamp(msgspec.Struct, frozen=True):
    """A time that a fact carries, in microseconds, UTC, and the field that has it."""

    at: int
    kind: str
    id: str
    field: str = "at"

    def ahead_of(self, now: int) -> str:
        """How far it lies ahead of an instant, in words."""
        gap = self.at - now
        shown = format_duration(gap - gap % 1_000 if gap >= 1_000 else gap)
        return f"`{self.field}` of {self.kind} `{self.id}` is {shown} ahead of the clock ({format_instant(self.at)})"


def later(*stamps: Stamp | None) -> Stamp | None:
    """The latest of some stamps, the first where several are; None where there is none."""
    return max((stamp for stamp in stamps if stamp is not None), key=lambda stamp: stamp.at, default=None)


def newest(row: Row, made: dict[str, Any]) -> Stamp | None:
    """The latest time that a valid fact carries. `made` is its document."""
    own = None if row.instant is None else Stamp(row.instant, row.kind, row.id)
    times = _times(row.kind)
    if not times:
        return own
    texts = [(field, text) for field in times if (text := made.get(field)) is not None]
    return later(own, *(Stamp(parse_instant(text), row.kind, row.id, field) for field, text in texts))


@cache
def _times(kind: str) -> tuple[str, ...]:
    """The fields of an entity that hold times, beside `at`. Receipts also hold times to come, such as a deadline."""
    fields = schemas.fields(kind).items() if kind in schemas.ENTITIES else ()
    return tuple(path for path, spec in fields if spec.kind == "timestamp" and path != "at")
