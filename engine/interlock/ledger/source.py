"""What a snapshot reads from: a connection, and what is known of the facts that it does not hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from interlock.ledger.connection import Connection


class FactSource(Protocol):
    """A ledger's file, a feed, or facts in memory, whose facts are read through its `connection`."""

    @property
    def connection(self) -> Connection:
        """The connection that every query goes through."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Why what was committed last may be missing here, in sentences."""

    def begin(self, now: int, head: int, *, live: bool = False, as_of: int | None = None) -> int:
        """Begin a snapshot at `now`, of receipts up to the `seq` `head`; the `seq` of the newest of them.

        It is 0 when there is none. `live` and `as_of` as in `ask`. Raises LedgerError.
        """

    def ask(self, now: int, *, live: bool = False, as_of: int | None = None) -> None:
        """See facts up to `now`; in a `live` snapshot every fact, entities as of `as_of` where that is given."""

    def absent(self) -> dict[str, str]:
        """The kinds of entities that are not recorded here, and the missing table of each. Raises LedgerError."""

    def uncovered(self, kinds: Mapping[str, bool], task: str) -> str | None:
        """Why facts of these kinds (of every task, where True) may be missing though they were recorded; or None."""

    def turns(self) -> tuple[int, ...]:
        """The instants at which what `uncovered` says may change."""

    def newest_at(self, head: int) -> str | None:
        """The id of the receipt whose `seq` is `head`, where it is known though the receipt is not here."""


def doubt(notes: Sequence[str], *, strict: bool) -> str | None:
    """Why nothing can be decided while there are `notes`; None where they are accepted, or there are none."""
    return "; ".join(notes) or None if strict else None
