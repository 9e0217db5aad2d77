"""A ledger, opened to be read again and again."""

from __future__ import annotations

import os
import sys
import time
from _thread import RLock  # `threading` costs more than a decision
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, Final, TypeVar

from interlock.diagnostics import UnsettledError, UsageError
from interlock.files import reason
from interlock.ledger.connection import NEWEST, Upto
from interlock.ledger.conveyor import BUSY_SECONDS, Beside, ConveyorFile, FileState, stamp
from interlock.ledger.errors import examine, refused
from interlock.ledger.snapshot import Snapshot
from interlock.schemas import SHIPPED, Catalog

if TYPE_CHECKING:
    from interlock.ledger.feed import Feed
    from interlock.ledger.joined import Joined
    from interlock.model.sources import TableSource


Watched = Callable[[Iterable[bytes], int], Iterable[bytes]]
"""Lets the lines of a feed pass, and shows how many bytes of the total did."""
STANDARD_INPUT = "-"
LONGEST_LINE = 1 << 24
"""Bytes that a line of a feed may have. Conveyor's receipts have a few thousand."""


def is_feed(file: str) -> bool:
    """Whether a path names a feed: standard input, or a file whose name says so.

    To look into the file instead would drop the locks that this process may hold on it, if it is a database.
    """
    return file == STANDARD_INPUT or file.endswith((".ndjson", ".jsonl", ".json"))


def _bounded(path: str, stream: BinaryIO) -> Iterator[bytes]:
    """The lines of a stream. Raises LedgerError for one that is too long to be a fact."""
    number = 0
    while line := stream.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            raise refused(path, f"has a line, number {number:,}, of more than {LONGEST_LINE:,} bytes: it is not a feed")
        yield line


def feed_lines(path: str, file: str, watched: Watched | None = None) -> Iterator[bytes]:
    """The lines of a feed, from a file or from standard input. Raises LedgerError."""
    try:
        with sys.stdin.buffer if file == STANDARD_INPUT else open(file, "rb") as stream:
            total = 0 if file == STANDARD_INPUT else os.fstat(stream.fileno()).st_size
            lines = _bounded(path, stream)
            yield from watched(lines, total) if watched else lines
    except OSError as error:
        raise refused(path, f"cannot be read: {reason(error)}") from None


T = TypeVar("T")
Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]
_PAUSES: Final = (0.02, 0.05, 0.1, 0.2, 0.4)
"""Seconds between two attempts to read a ledger that others open and close."""


class Ledger:
    """A ledger's file, or several sources, opened to be read. It may be shared by threads, which then take turns.

    `path` is the file as it was named, for people: bytes that are not text are shown as escapes. `paths` are those of
    all sources: `places` those of files, then those of `tables`. Where it is `strict`, nothing is decided while there
    are `notes`. `catalog` has the schemas by which the lines of a feed are validated.
    """

    _source: ConveyorFile | Feed | Joined | None = None

    def __init__(
        self,
        path: Path | Sequence[Path],
        watched: Watched | None = None,
        patience: float = BUSY_SECONDS,
        *,
        strict: bool = False,
        catalog: Catalog = SHIPPED,
        tables: Sequence[TableSource] = (),
    ) -> None:
        """Open the ledger, or read the feed, or several of them: one ledger at most.

        Raises LedgerError when one cannot be read, or is neither; UsageError for several that make no question.
        """
        named = [path] if isinstance(path, str | bytes | os.PathLike) else list(path)
        names = [os.fsdecode(each) for each in named]
        self._watched, self._patience, self.strict, self.catalog = watched, patience, strict, catalog
        self.tables, self._stamps = tuple(tables), tuple[FileState | None, ...]()
        self.places = tuple(os.fsencode(name).decode(errors="backslashreplace") for name in names)
        self.paths = (*self.places, *(table.path for table in tables))
        self.path = " + ".join(self.paths)
        try:
            self._files = [_absolute(name) for name in names]
        except OSError as error:
            raise refused(self.path, f"cannot be reached: {error.strerror} (the current folder)") from None
        if len(names) != 1 and not (tables and not names):
            refuse_several(self.places)
        self._turn = RLock()
        self._reading = False
        self._source = self._opened()

    def __repr__(self) -> str:
        return f"Ledger({self.path!r})"

    @contextmanager
    def snapshot(
        self,
        now: int,
        head: Upto = NEWEST,
        *,
        live: bool = False,
        as_of: int | None = None,
        catalog: Catalog | None = None,
    ) -> Iterator[Snapshot]:
        """One read transaction, at the instant `now` (microseconds, UTC). Raises LedgerError.

        What is read in it is validated by the schemas of a `catalog`; of the ledger's where none is given.

        It holds what is stamped at or before `now`. A `live` snapshot holds everything that is committed, whatever its
        stamp; with `as_of`, an instant, its entities are as they were then.

        Of receipts, only those up to the `seq` `head` are in it: the ledger as it was when that was its newest.

        A file that has taken the ledger's place since the last snapshot is read instead of the old one.
        """
        with self._turn:
            if self._reading:
                raise RuntimeError("a snapshot of this ledger is open already")
            catalog = catalog or self.catalog
            source = self._current(catalog)
            connection = source.connection
            self._reading = True
            try:
                snapshot = Snapshot(source, now, catalog, head, live=live, as_of=as_of)
                yield snapshot
                snapshot.close()
                connection.verify()
            except Exception:
                connection.verify()  # what is read of a file that changes proves nothing, not even what is wrong
                raise
            finally:
                self._reading = False
                connection.end()

    def ask(
        self,
        now: int,
        question: Callable[[Snapshot], T],
        head: Upto = NEWEST,
        *,
        live: bool = False,
        as_of: int | None = None,
        catalog: Catalog | None = None,
    ) -> T:
        """The answer to a question about a `snapshot`. Raises LedgerError, and what the question raises.

        The question is put again where a writer came in between, a few times within a second.
        """
        for pause in _PAUSES:
            try:
                with self.snapshot(now, head, live=live, as_of=as_of, catalog=catalog) as snapshot:
                    return question(snapshot)
            except UnsettledError:
                time.sleep(pause)
        with self.snapshot(now, head, live=live, as_of=as_of, catalog=catalog) as snapshot:
            return question(snapshot)

    def _current(self, catalog: Catalog) -> ConveyorFile | Feed | Joined:
        """The source, a feed as it is read by the schemas of a catalog. Raises LedgerError."""
        reread = catalog is not self.catalog and (self.tables or any(map(is_feed, self._files)))
        if reread and STANDARD_INPUT in self._files:
            raise refused(self.path, "was read without the project's own fact kinds, and cannot be read again")
        if self._source is None or reread or not self._source.current():
            self.close()
            self.catalog = catalog
            self._source = self._opened()
        return self._source

    def _opened(self) -> ConveyorFile | Feed | Joined:
        """What there is at the path. Where a writer comes in between, it is opened again."""
        for pause in _PAUSES:
            try:
                return self._read()
            except UnsettledError:
                time.sleep(pause)
        return self._read()

    def _read(self) -> ConveyorFile | Feed | Joined:
        if len(self.paths) > 1 or self.tables:
            return self._joined()
        (file,) = self._files
        if not is_feed(file):
            return ConveyorFile(self.path, file, self._patience, strict=self.strict)
        from interlock.ledger.feed import Feed

        return Feed(self.path, self._lines(0), self.catalog, strict=self.strict)

    def _joined(self) -> Joined:
        from interlock.ledger.joined import join

        feeds = {index: self._lines(index) for index, file in enumerate(self._files) if is_feed(file)}
        places = [(self.places[index], file) for index, file in enumerate(self._files) if index not in feeds]
        opened = partial(self._beside, *places[0]) if places else None
        self._stamps = tuple(stamp(table.database) for table in self.tables)
        tables = dict(enumerate(self.tables, len(self._files)))
        return join(
            self.paths, feeds, tables, self.catalog, opened, self._unchanged, self._patience, strict=self.strict
        )

    def _unchanged(self) -> bool:
        """Whether no table was written to since it was read."""
        return None not in self._stamps and self._stamps == tuple(stamp(table.database) for table in self.tables)

    def _beside(self, path: str, file: str, beside: Beside) -> ConveyorFile:
        return ConveyorFile(path, file, self._patience, strict=self.strict, beside=beside)

    def _lines(self, index: int) -> Iterator[bytes]:
        """The lines of the feed of that index. Raises LedgerError."""
        path, file = self.places[index], self._files[index]
        if file != STANDARD_INPUT:
            examine(path, file, least=1)
        return feed_lines(path, file, self._watched)

    @property
    def taken(self) -> int | None:
        """When the one feed that this is was taken, in microseconds, UTC; None for a ledger or several sources.

        None too for a feed that does not say.
        """
        return None if self._source is None else self._source.taken

    @property
    def notes(self) -> tuple[str, ...]:
        """Why what was committed last may be missing from the file as it was opened last."""
        return () if self._source is None else self._source.notes

    def stamp(self) -> FileState | None:
        """What differs whenever the file was written to or replaced; None while that is unknown."""
        found = [stamp(file) for file in (*self._files, *(table.database for table in self.tables))]
        return None if None in found else tuple(each for one in found if one is not None for each in one)

    def close(self) -> None:
        """Let go of the file; the next snapshot opens it again."""
        with self._turn:
            if self._source is not None:
                self._source.close()
                self._source = None

    def __del__(self) -> None:
        if self._source is not None:
            self._source.close()


def _absolute(name: str) -> str:
    """The path of a file from the root, wherever the process goes. Raises OSError."""
    as_given = not name or name == STANDARD_INPUT or os.path.isabs(name)
    return name if as_given else os.path.join(os.getcwd(), name)


def refuse_several(paths: Sequence[str]) -> None:
    """Raises UsageError where these are not several sources of one question."""
    if not paths:
        raise UsageError("no ledger: name at least one")
    files = [path if path == STANDARD_INPUT else os.path.realpath(path) for path in paths]
    for index, path in enumerate(paths):
        if files[index] in files[:index]:
            raise UsageError(f"`{path}` is named twice; keep one of them")
    ledgers = [path for path in paths if not is_feed(path)]
    if len(ledgers) > 1:
        listed = " and ".join(f"`{path}`" for path in ledgers)
        raise UsageError(f"{listed} are not feeds; a question takes one ledger of Agent Conveyor, and any feeds")


def open_ledger(
    path: Path | Sequence[Path],
    watched: Watched | None = None,
    patience: float = BUSY_SECONDS,
    *,
    strict: bool = False,
    catalog: Catalog = SHIPPED,
    tables: Sequence[TableSource] = (),
) -> Ledger:
    """Open the ledger at `path`, or read the feed there (`-` is standard input); or several: one ledger at most.

    A writer that holds it locked is waited for, `patience` seconds each time. With `strict`, every decision is
    undecided while `Ledger.notes` says why what was committed last may be missing.

    The lines of a feed, and its length in bytes (0 when unknown), pass through `watched`, and are validated by the
    schemas of the `catalog`. Raises LedgerError when it
    cannot be read, or is neither a feed nor Conveyor's ledger.
    """
    return Ledger(path, watched, patience, strict=strict, catalog=catalog, tables=tables)
