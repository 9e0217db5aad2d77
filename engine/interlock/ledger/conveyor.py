"""The file that Conveyor writes its ledger to, opened so that nothing is written."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Mapping
from typing import Final

from interlock.diagnostics import LedgerError, UnsettledError
from interlock.ledger.connection import WITHOUT_EVENTS, Connection, doubt
from interlock.ledger.errors import OPTIONAL, TABLES, differing, examine, explained_error, has_events, refused

FileState = tuple[tuple[int, ...] | None, ...]
_CLOCK_TICK: Final = 100_000_000
"""Nanoseconds in which two writes may have the same time. Clocks of file systems tick every few milliseconds."""
_PLAIN: Final = frozenset(b"/-._~abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")


def resolve(path: str, file: str) -> str:
    """The path of a ledger's file with every symbolic link followed.

    `path` is what people know the file as. Raises LedgerError when there is no such file, or its real path is unknown.
    """
    found = examine(path, file)
    real = os.path.realpath(file)
    try:
        same = os.path.samestat(found, os.stat(real))
    except OSError:
        same = False
    if not same:
        raise refused(path, "is a link whose target has no path of its own; name the file itself")
    return real


def detached(file: str) -> str | None:
    """Why the log of a file may lie elsewhere than beside it, in words; None when it can only lie there."""
    names = os.stat(file).st_nlink
    if names > 1:
        return f"has {names} names (hard links)"
    if _mount(file) != _mount(os.path.dirname(file)):
        return "is mounted without its folder"
    return None


def size(file: str) -> int | None:
    """The size in bytes of what is at a path, links not followed; None when nothing is there. Raises OSError."""
    try:
        return os.lstat(file).st_size
    except FileNotFoundError:
        return None


def state(file: str) -> tuple[object, ...]:
    """What differs when a ledger's file was written to, or a file beside it came, went or was written to."""
    found: list[object] = []
    for each in (file, f"{file}-wal", f"{file}-shm"):
        try:
            status = os.stat(each)
        except OSError:
            found.append(None)
        else:
            found.append((status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns))
    return tuple(found)


def _mount(path: str) -> object:
    """What is equal for two paths of one mount. A bind mount within one file system differs in nothing else."""
    if hasattr(os, "O_PATH"):
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)  # unlike any other, it drops no lock when it is closed
        try:
            with open(f"/proc/self/fdinfo/{descriptor}", "rb") as file:
                found = [line for line in file if line.startswith(b"mnt_id:")]
            if found:
                return found[0]
        except OSError:  # without /proc
            pass
        finally:
            os.close(descriptor)
    return os.stat(path).st_dev


def quoted(file: str) -> str:
    """The path of a `file:` URI. Bytes that are not text stay what they are.

    Where folders have another separator (Windows), the drive comes after a slash: `/C:/ledger.db`.
    """
    if os.sep != "/":
        file = file.replace(os.sep, "/")
        file = file if file.startswith("/") else f"/{file}"
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in os.fsencode(file))


def stamp(file: str) -> FileState | None:
    """What differs whenever a ledger's content was written to, or another file has taken its place.

    It is None where the last write is so recent that the next one may have the same time: then nothing is known.
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


BUSY_SECONDS: Final = 5.0
"""How long to wait for a writer that holds the ledger locked."""
LOGLESS: Final = "is in WAL mode and its log is not beside it: what was committed last may be missing"
"""What is said of a file that is either a ledger that was closed cleanly, or a copy without its log."""
_ONE_PLACE: Final = "name the file that Conveyor writes to, with its folder, or a copy of both files"
_TICK: Final = 20_000_000
"""Nanoseconds in which two writes may have the same time: clocks of file systems tick every few milliseconds."""


Beside = Callable[[sqlite3.Connection], Mapping[str, str]]
"""Puts facts of further sources in the memory of a connection, and gives the queries that then stand for views."""


class ConveyorFile:
    """A ledger's file, open for reading. It serves one snapshot after the other for as long as it is `current`.

    A ledger in WAL mode that has no log is complete in its one file, but SQLite would make the log's files to read it.
    It is opened *sealed* instead: as a file that nobody changes. Whether that was true is checked after each snapshot,
    and each one opens the file again. It is never opened so where its log may lie elsewhere than beside it.
    """

    notes: tuple[str, ...] = ()
    joined: None = None
    taken: None = None

    def __init__(
        self,
        path: str,
        file: str,
        patience: float = BUSY_SECONDS,
        *,
        strict: bool = False,
        beside: Beside | None = None,
    ) -> None:
        """Open `file`, which people know as `path`. Raises LedgerError when it stays locked for `patience` seconds.

        Where it is `strict`, nothing is known to be complete while there are `notes`. `beside` puts what further
        sources have in the memory of the connection, and gives what then stands for views.
        """
        self.path, self._named, self._strict, self._beside = path, file, strict, beside
        self._file = resolve(path, file)
        self._status = examine(path, self._file)
        self._process = os.getpid()
        before = state(self._file)
        try:
            self._sealed = self._complete()
            if self._sealed and time.time_ns() - self._status.st_mtime_ns < _TICK:
                time.sleep(_TICK / 1e9)  # so that the next write to the file has another time than the last
                self._status = examine(path, self._file)
                self._sealed = self._complete()
            self.connection = self._connected(patience)
        except sqlite3.Error as error:
            if state(self._file) != before:
                raise self._unsettled(error) from error
            raise explained_error(path, self._file, error) from error

    def _complete(self) -> bool:
        """Whether all of the ledger is in its one file, for it is in WAL mode and has no log.

        Raises LedgerError where its log may lie elsewhere.
        """
        self.notes = ()
        log, index = size(self._file + "-wal"), size(self._file + "-shm")
        apart = detached(self._file)
        live = bool(log) or (log == 0 and index is not None)
        if live and apart is None:
            return False
        if not in_wal_mode(self._file):
            if apart is not None:
                self._note(f"{apart}, so that a journal may lie elsewhere: what was written last may be half of it")
            return False
        if apart is not None:
            raise refused(self.path, f"{apart} and is in WAL mode: its log may lie elsewhere; {_ONE_PLACE}")
        if log is None:
            self._note(LOGLESS)
        return True

    def _note(self, why: str) -> None:
        self.notes = (*self.notes, str(refused(self.path, why)))

    def _connected(self, patience: float) -> Connection:
        """The connection. Raises sqlite3.Error, and LedgerError where the database is not Conveyor's."""
        database = connect(self._file, "&immutable=1" if self._sealed else "", patience)
        try:
            database.executescript("PRAGMA trusted_schema = 0; PRAGMA temp_store = memory; PRAGMA query_only = 1;")
            differs = differing(database)
            if differs is not None:
                raise refused(self.path, f"is a SQLite database but not Conveyor's ledger: {differs}")
            instead = {} if has_events(database) else WITHOUT_EVENTS
            if self._beside is not None:
                database.execute("PRAGMA query_only = 0")  # of what is in memory; the file is open for reading only
                instead = {**instead, **self._beside(database)}
            return Connection(database, "conveyor", self.path, self._file, verify=self._verify, instead=instead)
        except BaseException:
            database.close()
            raise

    def current(self) -> bool:
        """Whether it still reads the file of that name, in the process that opened it. Raises LedgerError."""
        real = resolve(self.path, self._named)
        if self._sealed or self.connection.broken or self._process != os.getpid() or real != self._file:
            return False
        return os.path.samestat(examine(self.path, real), self._status)

    def close(self) -> None:
        """Let go of the file."""
        self.connection.close()

    def begin(self, now: int, head: int, *, live: bool = False, as_of: int | None = None) -> int:
        """Begin a snapshot at `now`, of receipts up to a `seq`; that of the newest of them. Raises LedgerError."""
        return self.connection.begin(now, head, live=live, as_of=as_of)

    def ask(self, now: int, *, live: bool = False, as_of: int | None = None) -> None:
        """See facts up to `now`; in a `live` snapshot every fact, entities as of `as_of` where that is given."""
        self.connection.ask(now, live=live, as_of=as_of)

    def absent(self) -> dict[str, str]:
        """The kinds of entities for which there is no table, and the tables' names. Raises LedgerError."""
        there = {name for (name,) in self.connection.rows(TABLES, {})}
        return {kind: table for kind, table in OPTIONAL.items() if table not in there}

    def uncovered(self, kinds: Mapping[str, bool], task: str) -> str | None:  # noqa: ARG002
        """Why facts may be missing though they were recorded, where that matters; or None."""
        return doubt(self.notes, strict=self._strict)

    def turns(self) -> tuple[int, ...]:
        """None: what `uncovered` says is the same for every instant."""
        return ()

    def newest_at(self, head: int) -> str | None:  # noqa: ARG002
        """None: every receipt is here."""
        return None

    def _verify(self, error: sqlite3.Error | None) -> None:
        """Raises UnsettledError when a file that was read as unchanging has changed since it was opened.

        What SQLite made of such a file is then the `error` that it may have led to.
        """
        if self._sealed and content(examine(self.path, self._file)) != content(self._status):
            raise self._unsettled(error) from error

    def _unsettled(self, error: sqlite3.Error | None) -> LedgerError:
        why = "" if error is None else f" ({error})"
        return refused(self.path, f"was written to while it was read{why}; ask again", UnsettledError)


def content(found: os.stat_result) -> tuple[int, int, int, int]:
    """What differs when a file was written to, or replaced."""
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def connect(file: str, option: str, patience: float = BUSY_SECONDS) -> sqlite3.Connection:
    """A connection that cannot write. `option` is added to the URI. Raises sqlite3.Error."""
    uri = f"file://{quoted(file)}?mode=ro{option}"
    return sqlite3.connect(uri, uri=True, timeout=patience, isolation_level=None, check_same_thread=False)


def in_wal_mode(file: str) -> bool:
    """Whether the header of a ledger without a log says that it has one.

    To look into the file by other means than SQLite's would drop the locks that this process holds on it.
    """
    probe = connect(file, "&nolock=1")
    try:
        probe.execute("PRAGMA schema_version")
    except sqlite3.OperationalError as error:
        # Without locks there is no WAL: that is how SQLite says that the ledger needs it.
        return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_CANTOPEN
    finally:
        probe.close()
    return False
