"""A ledger, and snapshots of it."""

from __future__ import annotations

import os
from _thread import RLock  # `threading` costs more than a decision
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from interlock.errors import FactError, UsageError
from interlock.ledger.reader import Reader
from interlock.ledger.schema import OPTIONAL, TABLES
from interlock.ledger.trouble import refused

_COLUMNS = "kind, id, seq, task, at, NULL, actor, severity, summary, correlation, attributes"
_RECEIPTS = f"SELECT {_COLUMNS} FROM receipt WHERE seq >= :least ORDER BY seq"
_ENTITIES = f"SELECT {_COLUMNS} FROM entity_{{kind}}"


class Snapshot:
    """One consistent view of a ledger at one instant: receipts that are committed later are not in it.

    `head` is the `seq` of the newest receipt that the ledger holds, 0 when it has none.
    """

    def __init__(self, reader: Reader, now: int) -> None:
        """Begin at `now`, in microseconds, UTC. Raises LedgerError."""
        self._reader: Reader | None = reader
        self.head = reader.begin(now)

    def rows(self, sql: str, binds: Mapping[str, object]) -> list[tuple[Any, ...]]:
        """The rows of a query over the canonical relation: the views `receipt` and `entity_KIND`.

        `binds` are the values of its named placeholders. Raises LedgerError, and UsageError for a text that is no
        Unicode.
        """
        return self._open().rows(sql, binds)

    def receipts(self) -> Iterator[tuple[Any, ...]]:
        """Every receipt, one at a time, in the order of insertion: the columns of `receipt`, its instant left out.

        Bytes that are no UTF-8 are read as unpaired surrogates. Raises LedgerError.
        """
        least = -(1 << 63)
        try:
            for row in self._open().stream(_RECEIPTS, {"least": least}):
                least = row[2] + 1
                yield row
        except FactError:  # to forgive from the start would make all rows a third dearer
            yield from self._open().stream(_RECEIPTS, {"least": least}, lenient=True)

    def entities(self, kind: str) -> Iterator[tuple[Any, ...]]:
        """Every entity of a kind, one at a time, in the same columns. Raises LedgerError.

        It raises FactError where one of them cannot be read; what would follow that one is then unknown.
        """
        return self._open().stream(_ENTITIES.format(kind=kind), {})

    def absent(self) -> dict[str, str]:
        """The kinds of entities for which this ledger has no table, and the tables' names. Raises LedgerError."""
        there = {row[0] for row in self.rows(TABLES, {})}
        return {kind: table for kind, table in OPTIONAL.items() if table not in there}

    def _open(self) -> Reader:
        if self._reader is None:
            raise RuntimeError("the snapshot is over")
        return self._reader

    def task_id(self, name: str) -> str:
        """The id of the task of that name, or of that id. Raises UsageError when there is none, or more than one."""
        binds = {"name": name}
        if self.rows("SELECT id FROM main.tasks WHERE id = :name", binds):
            return name
        found = [str(row[0]) for row in self.rows("SELECT id FROM main.tasks WHERE name = :name ORDER BY rowid", binds)]
        if len(found) > 1:
            listed = ", ".join(f"`{identity}`" for identity in found[-3:])
            raise UsageError(f"{len(found)} tasks are named `{name}`; say which by its id: {listed}")
        if not found:
            raise UsageError(self._unknown(name))
        return found[0]

    def task_names(self) -> list[str]:
        """What every task can be asked for by, oldest first: its name, or its id where others bear the name too."""
        sql = "SELECT iif(count(*) OVER (PARTITION BY name) = 1, name, id) FROM main.tasks ORDER BY rowid"
        return [row[0] for row in self.rows(sql, {})]

    def _unknown(self, name: str) -> str:
        from difflib import get_close_matches

        known = self.task_names()
        if not known:
            return f"unknown task `{name}`; the ledger has no task yet"
        *firsts, last = [f"`{near}`" for near in get_close_matches(name, known)] or [""]
        meant = f"did you mean {' or '.join(filter(None, [', '.join(firsts), last]))}? " if last else ""
        return f"unknown task `{name}`; {meant}`interlock tasks` lists all {len(known):,}"

    def close(self) -> None:
        """The snapshot is over: it answers no more."""
        self._reader = None


class Ledger:
    """A ledger's file, opened to be read. It may be shared by threads, which then take turns.

    `path` is the file as it was named, for people: bytes that are no text are shown as escapes.
    """

    _reader: Reader | None = None

    def __init__(self, path: str | bytes | os.PathLike[str] | os.PathLike[bytes]) -> None:
        """Open the ledger. Raises LedgerError when it cannot be read, or is not Conveyor's."""
        name = os.fsdecode(path)
        self.path = os.fsencode(name).decode(errors="backslashreplace")
        try:
            self._file = os.path.join(os.getcwd(), name) if name and not os.path.isabs(name) else name
        except OSError as error:
            raise refused(self.path, f"cannot be reached: {error.strerror} (the current folder)") from None
        self._turn = RLock()
        self._reading = False
        self._reader = Reader(self.path, self._file)

    def __repr__(self) -> str:
        return f"Ledger({self.path!r})"

    @contextmanager
    def snapshot(self, now: int) -> Iterator[Snapshot]:
        """One read transaction, in which `now` is asked about (microseconds, UTC). Raises LedgerError.

        A file that has taken the ledger's place since the last snapshot is read instead of the old one.
        """
        with self._turn:
            if self._reading:
                raise RuntimeError("a snapshot of this ledger is open already")
            reader = self._current()
            self._reading = True
            try:
                snapshot = Snapshot(reader, now)
                yield snapshot
                snapshot.close()
                reader.verify()
            finally:
                self._reading = False
                reader.end()

    def _current(self) -> Reader:
        if self._reader is None or not self._reader.current():
            self.close()
            self._reader = Reader(self.path, self._file)
        return self._reader

    def close(self) -> None:
        """Let go of the file; the next snapshot opens it again."""
        with self._turn:
            if self._reader is not None:
                self._reader.close()
                self._reader = None

    def __del__(self) -> None:
        if self._reader is not None:
            self._reader.close()


def open_ledger(path: str | bytes | os.PathLike[str] | os.PathLike[bytes]) -> Ledger:
    """Open the ledger at `path`. Raises LedgerError when it cannot be read, or is not Conveyor's."""
    return Ledger(path)
