"""One connection to a ledger's file: opened so that nothing is written, and set up as the canonical relation."""

from __future__ import annotations

import os
import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache, lru_cache, partial
from typing import Any, Final, Literal

from interlock.diagnostics import LedgerError, UnsettledError, UsageError
from interlock.instant import LATEST
from interlock.ledger.errors import OPTIONAL, TABLES, differing, examine, has_events, refused, told, unreadable
from interlock.ledger.functions import define
from interlock.ledger.opening import BUSY_SECONDS, connect, in_wal_mode
from interlock.ledger.place import detached, resolve, size, state
from interlock.ledger.watchdog import STEPS, Watchdog

NEWEST: Final = (1 << 63) - 1
"""The `seq` that none is beyond."""
LOGLESS: Final = "is in WAL mode and its log is not beside it: what was committed last may be missing"
"""What is told of a file that is either a ledger that was closed cleanly, or a copy without its log."""
_ONE_PLACE: Final = "name the file that Conveyor writes to, with its folder, or a copy of both files"
_SLOW: Final = "check it with `interlock verify-ledger`, and the disk that it lies on"
_TICK: Final = 20_000_000
"""Nanoseconds in which two writes may bear the same time: clocks of file systems tick every few milliseconds."""
_forgiving = partial(str, encoding="utf-8", errors="surrogateescape")


class Reader:
    """A read-only connection. It serves one snapshot after the other for as long as it is `current`.

    A ledger in WAL mode that has no log is complete in its one file, but SQLite would make the log's files to read it.
    It is opened *sealed* instead: as a file that nobody changes. Whether that was true is checked after each snapshot,
    and each one gets a reader of its own. It is never opened so where its log may lie elsewhere than beside it.
    """

    source: Source = "conveyor"
    now = 0
    """The instant up to which facts are seen."""
    live = False
    """Whether everything that is committed is seen, whatever its stamp."""
    newest = "SELECT max(rowid) FROM main.telemetry_events"
    """The query for the `seq` of the newest receipt."""
    notes: tuple[str, ...] = ()
    """Why what was committed last may be missing here."""
    strict = False
    """Whether nothing can be decided where there are such notes."""

    def __init__(self, path: str, file: str, patience: float = BUSY_SECONDS) -> None:
        """Open `file`, which people know as `path`. Raises LedgerError when it stays locked for `patience` seconds."""
        self.path, self.head, self._named = path, NEWEST, file
        self.file = resolve(path, file)
        self._stand = examine(path, self.file)
        self._process = os.getpid()
        self._views: frozenset[str] = frozenset()
        before = state(self.file)
        try:
            self._sealed = self._spent = self._complete()
            if self._sealed and time.time_ns() - self._stand.st_mtime_ns < _TICK:
                time.sleep(_TICK / 1e9)  # so that the next write to the file bears another time than the last
                self._stand = examine(path, self.file)
                self._sealed = self._spent = self._complete()
            self._connection = connect(self.file, "&immutable=1" if self._sealed else "", patience)
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise
        except sqlite3.Error as error:
            if state(self.file) != before:
                raise self._unsettled(error) from error
            raise told(path, self.file, error) from error

    def _complete(self) -> bool:
        """Whether all of the ledger is in its one file, for it is in WAL mode and has no log.

        Raises LedgerError where its log may lie elsewhere.
        """
        self.notes = ()
        log, index = size(self.file + "-wal"), size(self.file + "-shm")
        apart = detached(self.file)
        live = bool(log) or (log == 0 and index is not None)
        if live and apart is None:
            return False
        if not in_wal_mode(self.file):
            if apart is not None:
                self._doubt(f"{apart}, so that a journal may lie elsewhere: what was written last may be half of it")
            return False
        if apart is not None:
            raise refused(self.path, f"{apart} and is in WAL mode: its log may lie elsewhere; {_ONE_PLACE}")
        if log is None:
            self._doubt(LOGLESS)
        return True

    def _doubt(self, why: str) -> None:
        self.notes = (*self.notes, str(refused(self.path, why)))

    def _functions(self) -> None:
        connection = self._connection
        define(connection)
        connection.create_function("asked_instant", 0, lambda: self.now, deterministic=True)
        connection.create_function("asked_head", 0, lambda: self.head, deterministic=True)

    def _prepare(self) -> None:
        connection = self._connection
        self._functions()
        connection.executescript("PRAGMA trusted_schema = 0; PRAGMA temp_store = memory; PRAGMA query_only = 1;")
        differs = differing(connection)
        if differs is not None:
            raise refused(self.path, f"is a SQLite database but not Conveyor's ledger: {differs}")
        self._watchdog = Watchdog(connection)

    def _define(self, names: frozenset[str]) -> None:
        """Create views, in memory and for this connection only."""
        known = definitions(self.source)
        if self.source == "conveyor" and not names.isdisjoint(WITHOUT_EVENTS) and not has_events(self._connection):
            known = known | WITHOUT_EVENTS
        self._connection.execute("PRAGMA query_only = 0")
        try:
            for name in names:
                self._connection.execute(f"CREATE TEMP VIEW {name} AS {known[name]}")
                self._views |= {name}
        finally:
            self._connection.execute("PRAGMA query_only = 1")

    def current(self) -> bool:
        """Whether it still reads the file of that name, in the process that opened it. Raises LedgerError."""
        real = resolve(self.path, self._named)
        if self._spent or self._process != os.getpid() or real != self.file:
            return False
        return os.path.samestat(examine(self.path, real), self._stand)

    def begin(self, now: int, head: int, *, live: bool = False, as_of: int | None = None) -> int:
        """Begin the read transaction of a snapshot at `now`, of receipts up to a `seq`; that of the newest of them.

        It is 0 when there is none. Other arguments as in `ask`.
        """
        self.head = head
        self.ask(now, live=live, as_of=as_of)
        self.rows("BEGIN", {})
        newest: int | None = self.rows(self.newest, {})[0][0]
        return min(newest or 0, head)

    def ask(self, now: int, *, live: bool = False, as_of: int | None = None) -> None:
        """See facts up to `now`; in a `live` snapshot every fact, entities as of `as_of` where that is given."""
        self.live = live
        self.now = now if not live else LATEST if as_of is None else as_of

    def look(self, now: int) -> None:
        """See facts up to `now`, without a question about that instant."""
        self.now = now

    def absent(self) -> dict[str, str]:
        """The kinds of entities that cannot be had here, and the tables that lack for them. Raises LedgerError."""
        there = {row[0] for row in self.rows(TABLES, {})}
        return {kind: table for kind, table in OPTIONAL.items() if table not in there}

    def uncovered(self, kinds: Mapping[str, bool], task: str) -> str | None:  # noqa: ARG002
        """Why facts of these kinds (of every task, where True) may lack here, though they were recorded; or None."""
        return "; ".join(self.notes) or None if self.strict else None

    def turns(self) -> tuple[int, ...]:
        """The instants at which what `uncovered` says may change."""
        return ()

    def newest_at(self, head: int) -> str | None:  # noqa: ARG002
        """The id of the receipt whose `seq` is `head`, where it is known though the receipt is not there."""
        return None

    def end(self) -> None:
        """End the read transaction, if there is one, and keep the views that were created in it. Raises LedgerError."""
        if self._connection.in_transaction:
            try:
                self._connection.execute("COMMIT")
            except sqlite3.DatabaseError as error:
                self._spent = True
                self.verify(error)
                raise told(self.path, self.file, error) from error

    def verify(self, error: sqlite3.Error | None = None) -> None:
        """Raises UnsettledError when a file that was read as unchanging has changed since it was opened.

        What SQLite made of such a file is then told as the `error` that it may have led to.
        """
        if self._sealed and _content(examine(self.path, self.file)) != _content(self._stand):
            raise self._unsettled(error) from error

    def _unsettled(self, error: sqlite3.Error | None) -> LedgerError:
        why = "" if error is None else f" ({error})"
        return refused(self.path, f"was written to while it was read{why}; ask again", UnsettledError)

    def rows(self, sql: str, binds: Mapping[str, object]) -> list[tuple[Any, ...]]:
        """The rows of a query. Raises LedgerError, and UsageError for a bound text that is no Unicode."""
        try:
            if not self._views >= needed(sql, self.source):
                self._define(needed(sql, self.source) - self._views)
            self._watchdog.start()
            return self._connection.execute(sql, binds).fetchall()
        except UnicodeEncodeError as error:
            text = error.object.encode(errors="backslashreplace").decode()
            raise UsageError(f"`{text}` is no text: it holds bytes that are no UTF-8") from None
        except sqlite3.ProgrammingError:
            raise
        except sqlite3.DatabaseError as error:
            raise self._trouble(error, sql, binds) from error
        finally:
            self._watchdog.stop()

    def stream(self, sql: str, binds: Mapping[str, object], *, lenient: bool = False) -> Iterator[tuple[Any, ...]]:
        """The rows of a query, one at a time. Raises LedgerError; FactError for a row that cannot be read.

        Where it is `lenient`, bytes that are no UTF-8 are read as unpaired surrogates.
        """
        if not self._views >= needed(sql, self.source):
            self._define(needed(sql, self.source) - self._views)
        self._connection.text_factory = _forgiving if lenient else str
        try:
            self._watchdog.start()
            for row in self._connection.execute(sql, binds):
                yield row
                self._watchdog.start()
        except sqlite3.ProgrammingError:
            raise
        except sqlite3.DatabaseError as error:
            raise self._trouble(error, sql, binds) from error
        finally:
            self._watchdog.stop()
            self._connection.text_factory = str

    def damage(self, tick: Callable[[], None]) -> tuple[str, ...]:
        """What SQLite finds damaged in the file, its indexes included; at most 100 findings. Raises LedgerError.

        It reads the whole file, and calls `tick` every few milliseconds. Constraints are not checked: schemas are.
        """

        def ticked() -> int:
            tick()
            return 0

        try:
            self._connection.execute("PRAGMA ignore_check_constraints = 1")
            self._connection.set_progress_handler(ticked, STEPS)
            found = self._connection.execute("PRAGMA main.integrity_check").fetchall()
        except sqlite3.DatabaseError as error:
            raise self._trouble(error, "", {}) from error
        finally:
            self._watchdog = Watchdog(self._connection)
        return tuple(str(told) for (told,) in found if told != "ok")

    def _trouble(self, error: sqlite3.DatabaseError, sql: str, binds: Mapping[str, object]) -> BaseException:
        if _is_interrupt(error):
            return self._interrupted()
        self.verify(error)
        if not self._is_of_a_row(error, sql, binds):
            return told(self.path, self.file, error)
        # SQLite swallows what is raised inside a function. Ours raise nothing: either a Ctrl-C fell into one, or a
        # value cannot be read, and then it cannot be read the second time either.
        try:
            for _ in self._connection.execute(sql, binds):
                pass
        except sqlite3.DatabaseError as again:
            if _is_interrupt(again):
                return self._interrupted()
            return unreadable(self.path, again)
        return KeyboardInterrupt()

    def _is_of_a_row(self, error: sqlite3.DatabaseError, sql: str, binds: Mapping[str, object]) -> bool:
        """Whether a function failed over a value: the statement itself compiles. SQLite has one code for both."""
        if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_ERROR:
            return False
        try:
            self._connection.execute(f"EXPLAIN {sql}", binds).close()
        except sqlite3.DatabaseError:
            return False
        return True

    def _interrupted(self) -> BaseException:
        """Why a statement was interrupted: the watchdog's bound, or Ctrl-C."""
        if not self._watchdog.expired:
            return KeyboardInterrupt()
        seconds = f"{self._watchdog.seconds:g} s"
        return refused(self.path, f"gave no answer to a query within {seconds}, which was then given up; {_SLOW}")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def _is_interrupt(error: sqlite3.DatabaseError) -> bool:
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT


def _content(found: os.stat_result) -> tuple[int, int, int, int]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


Source = Literal["conveyor", "feed"]
WITHOUT_EVENTS: Final = {
    "registered": "SELECT NULL AS seq, NULL AS at, NULL AS instant, NULL AS session_id WHERE 0",
    "registered_pair": "SELECT NULL AS seq, NULL AS at, NULL AS instant, NULL AS task_id,"
    " NULL AS manager_name, NULL AS worker_name WHERE 0",
}
"""What stands for the views of `events` where a ledger has no such table: no registration is known."""
_DEFINITION: Final = re.compile(r"^CREATE TEMP VIEW (\w+) AS\n([^;]+)", re.MULTILINE)


@cache
def definitions(source: Source) -> dict[str, str]:
    """The query that each view stands for, by the view's name."""
    found: dict[str, str] = {}
    for name in ("sessions", source):
        with open(os.path.join(os.path.dirname(__file__), f"{name}.sql"), encoding="utf-8") as file:
            found.update(_DEFINITION.findall(file.read()))
    return found


@lru_cache(1_024)
def needed(sql: str, source: Source) -> frozenset[str]:
    """The names of the views that a statement reads, directly or through other views."""
    known = definitions(source)
    found = known.keys() & re.findall(r"\w+", sql)
    return frozenset(found.union(*(needed(known[name], source) for name in found)))


Stamp = tuple[tuple[int, ...] | None, ...]
_CLOCK_TICK: Final = 100_000_000
"""Nanoseconds in which two writes may bear the same time. Clocks of file systems tick every few milliseconds."""


def stamp(file: str) -> Stamp | None:
    """What differs whenever a ledger's content was written to, or another file has taken its place.

    It is None where the last write is so recent that the next one may bear the same time: then nothing can be told.
    """
    try:
        real = os.path.realpath(file)
    except (OSError, ValueError):
        real = file
    found = [_status(real), _status(real + "-wal")]
    written = max((each.st_mtime_ns for each in found if each is not None), default=0)
    if abs(time.time_ns() - written) < _CLOCK_TICK:
        return None
    return tuple(
        None if each is None else (each.st_dev, each.st_ino, each.st_size, each.st_mtime_ns, each.st_ctime_ns)
        for each in found
    )


def _status(file: str) -> os.stat_result | None:
    try:
        return os.stat(file)
    except (OSError, ValueError):
        return None
