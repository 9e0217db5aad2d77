"""Where two versions of a policy decide differently: values only. `schemas/diff.schema.json` states how they print."""

from __future__ import annotations

from typing import Literal

import msgspec

from interlock.model.decision import ParamNote

Direction = Literal["softer", "stricter", "other"]


class Version(msgspec.Struct, frozen=True):
    """One of the two policies: its id, its file, the SHA-256 of its text, and its parameters by name."""

    policy: str
    path: str
    digest: str
    params: dict[str, ParamNote] = {}


class Side(msgspec.Struct, frozen=True):
    """What one of them decides. `allow` is None when undecided; `reason` then says why."""

    allow: bool | None
    state: str
    reason: str | None


class Difference(msgspec.Struct, frozen=True):
    """A stretch of time over which they differ in one way: from `since` on, up to but without `until`.

    `until` is None where they still differ at the end of what was compared. `softer` is what the new one alone allows,
    `stricter` what the old one alone allowed. `appeared` are the rules of findings that only the new one makes,
    `vanished` those of findings that only the old one made.
    """

    task: str
    since: str
    until: str | None
    change: Direction
    old: Side
    new: Side
    appeared: tuple[str, ...]
    vanished: tuple[str, ...]


class OneSided(msgspec.Struct, frozen=True):
    """A parameter of the request that only one of the two has: the other is judged without it."""

    param: str
    of: Literal["old", "new"]


class Comparison(msgspec.Struct, frozen=True):
    """Two versions over the history of tasks; `skipped` are those of which nothing was recorded in that time."""

    old: Version
    new: Version
    tasks: tuple[str, ...]
    skipped: tuple[str, ...]
    differences: tuple[Difference, ...]
    one_sided: tuple[OneSided, ...] = ()

    def of(self, change: Direction) -> tuple[Difference, ...]:
        """The differences of one sort."""
        return tuple(each for each in self.differences if each.change == change)
