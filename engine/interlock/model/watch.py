"""A decision that changed while it was watched: values only, frozen."""

from __future__ import annotations

from typing import Literal

import msgspec

from interlock.model.decision import Decision
from interlock.model.history import Mark

Mover = Literal["receipts", "time", "policy", "other"]


class Moved(msgspec.Struct, frozen=True):
    """What made a decision change: `receipts` without which it would not have, the time alone, another version of the
    policy, or something that is not a receipt: entities, waivers, another ledger."""

    by: Mover
    receipts: tuple[Mark, ...] = ()


class Change(msgspec.Struct, frozen=True):
    """A decision and the one before it; None, and nothing that moved it, for the first. `moved` is None if unknown."""

    before: Decision | None
    after: Decision
    moved: Moved | None = None
