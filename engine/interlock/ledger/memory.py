"""Facts that are held in memory: the very queries of a ledger run over them, as over those of a feed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import msgspec

from interlock.diagnostics import UsageError
from interlock.instant import format_instant
from interlock.ledger.connection import NEWEST, definitions
from interlock.ledger.feed import FeedReader
from interlock.ledger.lines import read_line, row_of
from interlock.ledger.rows import Row
from interlock.ledger.snapshot import Snapshot
from interlock.schemas import catalog

_EMPTY: Final = ("BEGIN", "DELETE FROM main.fact", "DELETE FROM main.tasks")
_TASKS: Final = """
INSERT INTO main.tasks
SELECT task, task, min(at) FROM main.fact WHERE task IS NOT NULL GROUP BY task ORDER BY min(rowid)
"""
_ASKED: Final = "INSERT OR IGNORE INTO main.tasks VALUES (?, ?, NULL)"


class HeldFacts(FeedReader):
    """Facts as a caller gives them, not validated: what is wrong with one is found where it is read, as in a ledger."""

    def __init__(self, path: str) -> None:
        """Hold nothing yet. `path` is the file that gives them; bytes of it that are no text are shown as escapes."""
        super().__init__(os.fsencode(path).decode(errors="backslashreplace"), ())
        self._connection.execute("PRAGMA query_only = 0")

    @contextmanager
    def snapshot(
        self, facts: Iterable[dict[str, Any]], task: str, now: int, *, live: bool = True
    ) -> Iterator[Snapshot]:
        """These facts and no others, at `now` (microseconds, UTC). `task` is known even where no fact is of it.

        In a `live` snapshot they count whatever their stamps, else only those that are not later. Raises UsageError for
        two facts of one id, or two of which neither is known to be the later.
        """
        connection = self._connection
        for statement in _EMPTY:
            connection.execute(statement)
        for each in map(row_of, facts):
            if (clash := self._table.add(each)) is not None:
                connection.execute("ROLLBACK")
                raise UsageError(clash.told)
        connection.execute(_TASKS)
        connection.execute(_ASKED, (task, task))
        connection.execute("COMMIT")
        try:
            snapshot = Snapshot(self, now, live=live)
            yield snapshot
            snapshot.close()
        finally:
            self.end()

    def _define(self, names: frozenset[str]) -> None:
        """Create views. The pragma that a ledger's reader sets around it would have SQLite prepare every query anew."""
        for name in names:
            self._connection.execute(f"CREATE TEMP VIEW {name} AS {definitions(self.source)[name]}")
        self._views |= names

    def _fill(self, lines: Iterable[bytes]) -> None:
        """Nothing is read: facts are given with each snapshot."""


_MOVE = (
    "UPDATE main.fact SET attributes = json_set(attributes, '$.' || :field, :at)"
    " WHERE entity AND kind = :kind AND task IS :task"
)


class Supposed(FeedReader):
    """The facts of a feed, and for the while of a snapshot those that are supposed to be recorded after them."""

    def __init__(self, path: str, head: int, rows: Iterable[Row]) -> None:
        """Take in rows such as `Snapshot.facts` gives, as they are, of a ledger that people know as `path`.

        `head` is the `seq` of the ledger's newest receipt. Raises LedgerError.
        """
        self._head, self._rows = head, rows
        super().__init__(path, ())
        self._connection.execute("PRAGMA journal_mode = memory")  # without a journal nothing is rolled back
        self._define(frozenset(definitions("feed")))

    def _fill(self, lines: Iterable[bytes]) -> None:  # noqa: ARG002
        self._table.extend(self._rows)

    def begin(self, now: int, head: int = NEWEST, *, live: bool = False, as_of: int | None = None) -> int:
        """The `seq` of the ledger's newest receipt; the transaction is begun already."""
        self.head = head
        self.ask(now, live=live, as_of=as_of)
        return self._head

    def uncovered(self, kinds: Mapping[str, bool], task: str) -> str | None:  # noqa: ARG002
        """None: nothing else is supposed to have been recorded."""
        return None

    @contextmanager
    def supposing(self, facts: Sequence[dict[str, Any]], now: int, *, live: bool) -> Iterator[Snapshot | None]:
        """A snapshot at `now` with these facts recorded then, in their order; None where a schema refuses one.

        A `live` one has every fact, whatever its stamp.
        """
        connection = self._connection
        connection.execute("PRAGMA query_only = 0")
        connection.execute("BEGIN")
        try:
            yield Snapshot(self, now, live=live) if all(self._record(fact, now) for fact in facts) else None
        finally:
            connection.execute("ROLLBACK")

    def _record(self, fact: dict[str, Any], now: int) -> bool:
        line = read_line(msgspec.json.encode({**fact, "at": format_instant(now)}), 0)
        if line.row is None:
            return False
        if self._table.add(line.row) is not None:  # the ledger has a receipt of that very id
            return False
        moved = catalog.moves(fact["kind"])
        if moved is not None:
            same = "".join(f" AND json_extract(attributes, '$.{name}') = :{name}" for name in moved.same)
            binds = {"kind": moved.kind, "field": moved.field, "at": format_instant(now), "task": fact["task"]}
            self._connection.execute(_MOVE + same, binds | {name: _at(fact, path) for name, path in moved.same.items()})
        return True


def _at(fact: dict[str, Any], path: str) -> Any:
    value: Any = fact
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value
