"""What selections came to, kept while the clock moves and nothing arrives that they could select."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from interlock.ledger.stamps import Stamp
from interlock.model.compiled import Query
from interlock.model.facts import Fact
from interlock.model.policy import Selection


class KeptSelection(msgspec.Struct, frozen=True):
    """What a selection came to: its facts, the ids that were read for it, and the latest time that one of them has.

    `basis` is what it rests on beside the ledger.
    """

    basis: object
    facts: tuple[Fact, ...]
    evidence: tuple[str, ...]
    newest: Stamp | None


class SelectionCache:
    """What selections came to, for as long as nothing has arrived that they could select.

    One is for one policy, one task and the same parameters, over one snapshot. `dated`: no receipt has a broken time.
    """

    def __init__(self, *, dated: bool) -> None:
        self.dated = dated
        self._found: dict[str, KeptSelection] = {}
        self._arrived: dict[str, int] = {}

    def arrived(self, kinds: Iterable[str]) -> None:
        """Facts of these kinds are there, or have changed, that were not before."""
        for kind in kinds:
            self._arrived[kind] = self._arrived.get(kind, 0) + 1

    def basis(self, query: Query, selection: Selection, binds: Mapping[str, Any]) -> object:
        """What the result rests on; None where it rests on the clock too, and is not kept."""
        if ":clock" in query.sql:
            return None
        return [self._arrived.get(kind) for kind in selection.kinds], [binds[name] for name in query.binds]

    def get(self, name: str, basis: object) -> KeptSelection | None:
        """What a selection came to, if it rested on the same."""
        found = self._found.get(name)
        return found if found is not None and basis is not None and found.basis == basis else None

    def put(self, name: str, selection: KeptSelection) -> None:
        """Keep what a selection came to."""
        self._found[name] = selection
