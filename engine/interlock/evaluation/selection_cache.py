"""What selections came to, kept while the clock moves and nothing arrives that they could select."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from interlock.ledger.stamps import Stamp
from interlock.model.compiled import Query
from interlock.model.facts import Fact
from interlock.model.policy import Selection


class Kept:
    """What selections came to, for as long as nothing has arrived that they could select.

    One is for one policy, one task and the same parameters, over one snapshot. `dated`: no receipt has a broken time.
    """

    def __init__(self, *, dated: bool) -> None:
        self.dated = dated
        self._found: dict[str, tuple[object, tuple[Fact, ...], tuple[str, ...], Stamp | None]] = {}
        self._arrived: dict[str, int] = {}

    def arrived(self, kinds: Iterable[str]) -> None:
        """Facts of these kinds are there, or have changed, that were not before."""
        for kind in kinds:
            self._arrived[kind] = self._arrived.get(kind, 0) + 1

    def stand(self, query: Query, selection: Selection, binds: Mapping[str, Any]) -> object:
        """What the result rests on; None where it rests on the clock too, and is not kept."""
        if ":clock" in query.sql:
            return None
        return [self._arrived.get(kind) for kind in selection.kinds], [binds[name] for name in query.binds]

    def get(self, name: str, stand: object) -> tuple[tuple[Fact, ...], tuple[str, ...], Stamp | None] | None:
        """The facts of a selection, the ids that were read for it and their latest time, if they rest on the same."""
        found = self._found.get(name)
        return found[1:] if found is not None and stand is not None and found[0] == stand else None

    def put(
        self, name: str, stand: object, facts: tuple[Fact, ...], evidence: tuple[str, ...], newest: Stamp | None
    ) -> None:
        """Keep what a selection came to."""
        self._found[name] = (stand, facts, evidence, newest)
