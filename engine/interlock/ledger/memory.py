"""Facts that are held in memory: the very queries of a ledger run over them, as over those of a feed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import msgspec

from interlock.diagnostics import UsageError
from interlock.instant import format_instant
from interlock.ledger.connection import Connection, definitions
from interlock.ledger.lines import read_line, row_of
from interlock.ledger.rows import Row, value_at
from interlock.ledger.snapshot import Snapshot
from interlock.ledger.table import FactTable
from interlock.schemas import Catalog

_ASKED: Final = "INSERT OR IGNORE INTO main.tasks VALUES (?, ?, NULL)"
_MOVE: Final = (
    "UPDATE main.fact SET attributes = json_set(attributes, '$.' || :field, :at)"
    " WHERE entity AND kind = :kind AND task IS :task"
)


class Memory:
    """The source of facts that only this process has: nothing else was recorded. Who changes them has a transaction."""

    notes: tuple[str, ...] = ()
    joined: None = None

    def __init__(self, path: str, rows: Iterable[Row] = (), newest: int | None = None) -> None:
        """Hold these rows, of a file that people know as `path`. `newest` is the `seq` of the newest receipt, if known.

        Raises LedgerError.
        """
        self._newest, self.table = newest, FactTable()
        with self.table.filling(path):
            self.table.extend(rows)
            self.table.complete()
            self.connection = Connection(self.table.connection, "feed", path, path, read_only=False)

    def begin(self, now: int, head: int, *, live: bool = False, as_of: int | None = None) -> int:
        """See facts up to `now`, and receipts up to a `seq`; that of the newest of them."""
        self.connection.head = head
        self.ask(now, live=live, as_of=as_of)
        return self.connection.newest() if self._newest is None else self._newest

    def ask(self, now: int, *, live: bool = False, as_of: int | None = None) -> None:
        """See facts up to `now`; in a `live` snapshot every fact, entities as of `as_of` where that is given."""
        self.connection.ask(now, live=live, as_of=as_of)

    def absent(self) -> dict[str, str]:
        """None: no kind of entities has a table of its own."""
        return {}

    def uncovered(self, kinds: Mapping[str, bool], task: str) -> str | None:  # noqa: ARG002
        """None: nothing else was recorded."""
        return None

    def turns(self) -> tuple[int, ...]:
        """None: what `uncovered` says is the same for every instant."""
        return ()

    def newest_at(self, head: int) -> str | None:  # noqa: ARG002
        """None: no receipt is known that is not here."""
        return None


class MemoryFacts:
    """Facts as a caller gives them, not validated: what is wrong with one is found where it is read, as in a ledger."""

    def __init__(self, path: str, catalog: Catalog) -> None:
        """Hold nothing yet. `path` is the file that gives them; bytes of it that are not text are shown as escapes."""
        self._catalog = catalog
        self.path = os.fsencode(path).decode(errors="backslashreplace")
        self.source = Memory(self.path)

    @contextmanager
    def snapshot(
        self, facts: Iterable[dict[str, Any]], task: str, now: int, *, live: bool = True
    ) -> Iterator[Snapshot]:
        """These facts and no others, at `now` (microseconds, UTC). `task` is known even where no fact is of it.

        In a `live` snapshot they count whatever their stamps, else only those that are not later. Raises UsageError for
        two facts of one id, or two of which neither is known to be the later.
        """
        table = self.source.table
        table.clear()
        try:
            for row in map(row_of, facts):
                if (clash := table.add(row)) is not None:
                    raise UsageError(clash.message)
            table.name_tasks()
            table.connection.execute(_ASKED, (task, task))
            snapshot = Snapshot(self.source, now, self._catalog, live=live)
            yield snapshot
            snapshot.close()
        finally:
            self.source.connection.end()

    def close(self) -> None:
        """Let go of the facts."""
        self.source.connection.close()


class HypotheticalFacts:
    """The facts of a ledger, and during a snapshot the hypothetical ones recorded after them."""

    def __init__(self, path: str, head: int, rows: Iterable[Row], catalog: Catalog) -> None:
        """Take in rows such as `Snapshot.facts` gives, as they are, of a ledger that people know as `path`.

        `head` is the `seq` of the ledger's newest receipt. Raises LedgerError.
        """
        self.path, self.head, self._catalog = path, head, catalog
        self._source = Memory(path, rows, head)
        self._table = self._source.table
        self._table.connection.execute("PRAGMA journal_mode = memory")  # without a journal nothing is rolled back
        self._source.connection.create_views(frozenset(definitions("feed")))  # of which a rollback would drop new ones

    @contextmanager
    def supposing(
        self, facts: Sequence[tuple[dict[str, Any], int]], now: int, *, live: bool
    ) -> Iterator[Snapshot | None]:
        """A snapshot at `now` with these facts recorded, in their order, each at its instant.

        It is None where a schema refuses one. A `live` one has every fact, whatever its stamp.
        """
        database = self._table.connection
        database.execute("BEGIN")
        try:
            taken = all(self._record(fact, at) for fact, at in facts)
            yield Snapshot(self._source, now, self._catalog, live=live) if taken else None
        finally:
            database.execute("ROLLBACK")

    def close(self) -> None:
        """Let go of the facts."""
        self._source.connection.close()

    def _record(self, fact: dict[str, Any], now: int) -> bool:
        line = read_line(msgspec.json.encode({**fact, "at": format_instant(now)}), 0, self._catalog)
        if line.row is None or self._table.add(line.row) is not None:  # the ledger has a receipt of that very id
            return False
        moved = self._catalog.moves(fact["kind"])
        if moved is not None:
            same = "".join(f" AND json_extract(attributes, '$.{name}') = :{name}" for name in moved.same)
            binds = {"kind": moved.kind, "field": moved.field, "at": format_instant(now), "task": fact["task"]}
            binds |= {name: value_at(fact, path) for name, path in moved.same.items()}
            self._table.connection.execute(_MOVE + same, binds)
        return True
