"""What a policy sees: its selections with their facts, as they are shown. Values only."""

from __future__ import annotations

from typing import Any

import msgspec


class Seen(msgspec.Struct, frozen=True):
    """A fact of a selection. `id` and `seq` are None for one that was counted, or is a needed decision.

    `fields` are those that the policy reads; instants and durations as text, lists and objects as they are.
    """

    selection: str
    kind: str
    id: str | None
    seq: int | None
    fields: dict[str, Any]


class Sight(msgspec.Struct, frozen=True):
    """A selection (or a needed decision) and its facts, in their order; `of` says what it selects from."""

    name: str
    of: str
    facts: tuple[Seen, ...]
