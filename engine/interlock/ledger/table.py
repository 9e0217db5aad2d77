"""A private table of facts, which SQLite keeps in a file without a name: each is there once, and in one order."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import msgspec

from interlock.ledger.errors import explained_error
from interlock.ledger.functions import instant_of
from interlock.ledger.rows import Row
from interlock.schemas import ENTITIES

_TABLE: Final = """
PRAGMA journal_mode = off; PRAGMA synchronous = off;
CREATE TABLE fact (kind TEXT, id TEXT, seq INTEGER, task TEXT, at TEXT, actor TEXT, severity TEXT, summary TEXT,
                   correlation TEXT, attributes TEXT, entity INTEGER, source INTEGER, place INTEGER);
CREATE UNIQUE INDEX receipt_id ON fact (id) WHERE NOT entity;
CREATE UNIQUE INDEX entity_id ON fact (kind, id, seq) WHERE entity;
CREATE UNIQUE INDEX receipt_order ON fact (seq, instant_of(at), source) WHERE NOT entity;
CREATE UNIQUE INDEX entity_order ON fact (kind, task, seq, instant_of(at)) WHERE entity;
BEGIN;
"""
_INSERT: Final = "INSERT INTO main.fact VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_ROWS: Final = (
    "SELECT kind, id, seq, task, at, NULL, actor, severity, summary, correlation, attributes, source, place FROM fact"
)
_EVERY: Final = f"{_ROWS} WHERE NOT entity ORDER BY rowid"
_SAME: Final = f"{_ROWS} WHERE id = ? AND entity = ? AND (NOT entity OR kind = ? AND seq = ?)"
_TIED: Final = (
    "SELECT id FROM fact WHERE seq = ? AND entity = ? AND (NOT entity OR kind = ? AND task = ?)"
    " AND instant_of(at) = instant_of(?) AND (entity OR source = ?)"
)
_INDEXES: Final = """
CREATE INDEX fact_kind ON fact (kind, at);
CREATE INDEX fact_task ON fact (task, at);
CREATE INDEX fact_seq ON fact (seq);
CREATE TABLE tasks (id TEXT PRIMARY KEY, name TEXT, created_at TEXT);
"""
_TASKS: Final = """
INSERT OR IGNORE INTO main.tasks SELECT task, task, min(at) FROM main.fact
WHERE task IS NOT NULL AND (:tasks IS NULL OR task IN (SELECT value FROM json_each(:tasks)))
AND (:source IS NULL OR source = :source)
GROUP BY task ORDER BY min(rowid)
"""
_CLEAR: Final = ("BEGIN", "DELETE FROM main.fact", "DELETE FROM main.tasks")


class Clash(msgspec.Struct, frozen=True):
    """Why a fact cannot be beside those that are there: in general, and in words for this one.

    One that is `repeated` is there already, and counts once: nothing is wrong. It may be from `elsewhere`, another
    source.
    """

    fault: str
    message: str
    repeated: bool = False
    elsewhere: bool = False


class Origin(msgspec.Struct, frozen=True):
    """Where a fact is from: the index of its source, and the number of its line there (0 where it has none).

    `repeats` and `unnumbered` are those of `Line`.
    """

    source: int = 0
    place: int = 0
    repeats: bool = False
    unnumbered: bool = False


NOWHERE: Final = Origin()


class FactTable:
    """The table, and the `connection` that alone sees it. A transaction is open.

    `places` are the paths of the sources, and what a line of each is called. Entities come from the source
    `entities_of` alone.
    """

    def __init__(self) -> None:
        self.places: list[tuple[str, str]] = []
        self.entities_of: int | None = None
        self.connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self.connection.create_function("instant_of", 1, instant_of, deterministic=True)
        self.connection.executescript(_TABLE)

    def add(self, row: Row, origin: Origin = NOWHERE) -> Clash | None:
        """Add a fact; why it cannot be beside the others, or None. Raises sqlite3.Error.

        What is known already is not added: an event may come again, and a fact be in several sources.
        """
        try:
            self.connection.execute(_INSERT, (*_values(row), origin.source, origin.place))
        except sqlite3.IntegrityError:
            return self._clash(row, origin)
        return None

    def extend(self, rows: Iterable[Row]) -> None:
        """Add facts that do not clash with one another, of whatever source. Raises sqlite3.Error."""
        self.connection.executemany(_INSERT, ((*_values(row), None, 0) for row in rows))

    def enter(self, kind: str, source: int) -> str | None:
        """The path of another source that entities are taken from, where the kind is one of entities; or None."""
        if kind not in ENTITIES:
            return None
        if self.entities_of is None:
            self.entities_of = source
        return None if self.entities_of == source else self.places[self.entities_of][0]

    def complete(self, tasks: Sequence[str] | None = None) -> None:
        """Index the facts, and name the `tasks` that a request can name (all when None). It ends the transaction."""
        self.index()
        self.name_tasks(tasks)

    def index(self) -> None:
        """Index the facts. It ends the transaction."""
        self.connection.executescript(_INDEXES)

    def name_tasks(self, tasks: Sequence[str] | None = None, source: int | None = None) -> None:
        """Add the tasks that facts are of, those of one source where it is given.

        Only those that are among `tasks` where these are given.
        """
        listed = None if tasks is None else msgspec.json.encode(tasks).decode()
        self.connection.execute(_TASKS, {"tasks": listed, "source": source})

    def clear(self) -> None:
        """Begin a transaction in which there is nothing."""
        for statement in _CLEAR:
            self.connection.execute(statement)

    @contextmanager
    def filling(self, path: str) -> Iterator[None]:
        """While facts of the file at `path` are added: the table is closed if that fails. Raises LedgerError."""
        try:
            yield
        except BaseException as error:
            self.connection.close()
            if isinstance(error, sqlite3.Error):
                raise explained_error(path, path, error) from error
            raise

    def receipts(self) -> Iterator[tuple[Row, str]]:
        """Every receipt, and where it is from."""
        for *values, source, place in self.connection.execute(_EVERY):
            yield Row(*values), self.where(source, place, None)

    def _clash(self, row: Row, origin: Origin) -> Clash:
        entity = row.kind in ENTITIES
        found = self.connection.execute(_SAME, (row.id, entity, row.kind, row.seq)).fetchone()
        if found is None:
            tied = (row.seq, entity, row.kind, row.task, row.at, origin.source)
            (other,) = self.connection.execute(_TIED, tied).fetchone()
            message = f"{row.kind} `{row.id}` has the `at` and the `seq` of `{other}`: neither is known to be the later"
            return Clash("it has the `at` and the `seq` of another", message)
        *values, source, place = found
        again = origin.repeats or source != origin.source
        same = again and is_same(Row(*values), row, unnumbered=origin.unnumbered)
        where = self.where(source, place, origin.source)
        if again and not same:
            return Clash("it contradicts another of its id", f"{row.kind} `{row.id}` contradicts {where}")
        message = f"duplicate {row.kind} `{row.id}`{where and f', as on {where}'}"
        return Clash("duplicate fact", message, repeated=same, elsewhere=source != origin.source)

    def where(self, source: int, place: int, near: int | None) -> str:
        """A place in a source, for a reader who is at a place of the source `near`, or at none."""
        if not self.places:
            return ""
        path, noun = self.places[source]
        line = f"{noun} {place:,}" if place else ""
        return line if source == near else f"{line} of `{path}`" if line else f"`{path}`"


def is_same(one: Row, other: Row, *, unnumbered: bool) -> bool:
    """Whether two rows are the same fact; their numbers do not count where one of them only has its line's."""
    if unnumbered:
        other = msgspec.structs.replace(other, seq=one.seq)
    return _canonical(one) == _canonical(other)


def _canonical(row: Row) -> Row:
    documents = (msgspec.json.decode(text or "null") for text in (row.correlation, row.attributes))
    correlation, attributes = (msgspec.json.encode(each, order="sorted").decode() for each in documents)
    return msgspec.structs.replace(row, correlation=correlation, attributes=attributes)


def _values(row: Row) -> tuple[Any, ...]:
    """The columns of the table."""
    return (
        row.kind,
        row.id,
        row.seq,
        row.task,
        row.at,
        row.actor,
        row.severity,
        row.summary,
        row.correlation,
        row.attributes,
        row.kind in ENTITIES,
    )
