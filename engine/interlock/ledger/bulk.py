"""One run of a query for many tasks.

The query stays as it is, so that it selects for each task what it selects for that task alone. It becomes a subquery of
a statement over the list of tasks: the placeholders whose values differ are columns of the list, and `gather`, an
aggregate, takes the rows out.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from interlock.diagnostics import LedgerError, UnsettledError
from interlock.ledger.connection import Connection, needed
from interlock.ledger.leading import HOWEVER_LED, led_by_task

_WORD = re.compile(
    HOWEVER_LED + r"|\bFROM entity_(?P<entities>\w+)"
    r"|:(?P<name>[A-Za-z_]\w*)"
    r"|'(?:[^']|'')*'"
)
"""Where the receipts of a kind are read of a task, where entities of a kind are, a placeholder, or a text."""
MAX_COPIED = 200_000
"""The most receipts that are copied, so that those of a kind and a task lie together."""
_OF_TASK = (("task_id = :task AND +kind", "kind"), ("task_id = :task", "1"))
"""How a query for receipts of one task becomes one for those of every task."""
_COUNTED = (
    "SELECT kind, count(*) FROM receipt WHERE kind IN (SELECT value FROM json_each(:kinds)) GROUP BY kind ORDER BY 2, 1"
)
Values = tuple[Any, ...]


@lru_cache(1_024)
def placeholders(sql: str) -> tuple[str, ...]:
    """The names of a statement's placeholders, in their order."""
    found = {each["name"] for each in _WORD.finditer(sql) if each["name"]}
    return tuple(sorted(found | ({"task"} if ":task" in sql else set())))


@lru_cache(1_024)
def _entities(sql: str) -> frozenset[str]:
    """The kinds of entities that a statement reads."""
    return frozenset([each["entities"] for each in _WORD.finditer(sql) if each["entities"]])


class Bulk:
    """Runs queries for many tasks at once, over one connection. What its snapshot shows must stay as it is."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._found: dict[int, list[Values]] = {}
        self._entities: set[str] = set()
        self._receipts: frozenset[str] = frozenset()
        self._counted: set[str] = set()
        self._room = MAX_COPIED
        found = self

        class Gather:
            def step(self, place: int, *row: Any) -> None:
                found._found.setdefault(place, []).append(row)

            def finalize(self) -> None:
                """Give nothing: the rows are out."""

        connection.prepare(lambda database: database.create_aggregate("gather", -1, Gather))  # type: ignore[arg-type]

    def rows(self, sql: str, columns: Sequence[str], binds: Sequence[Mapping[str, Any]]) -> list[list[Values]] | None:
        """The rows of a query for the values of each task; None where each task must be queried alone.

        `columns` are those of its rows.
        """
        first, names = binds[0], placeholders(sql)
        differing = tuple(name for name in names if any(each[name] != first[name] for each in binds))
        given = _encoded([[each[name] for name in differing] for each in binds])
        if given is None:
            return None
        fixed = {name: first[name] for name in names if name not in differing}
        self._found = {}
        try:
            for kind in _entities(sql) - self._entities:
                self._keep(kind)
            statement = _statement(sql, tuple(columns), differing, self._receipts)
            for _ in self._connection.stream(statement, {**fixed, "bulk": given}):
                pass
        except UnsettledError:
            raise
        except LedgerError:  # which one of the tasks has, and has alone too
            return None
        return [self._found.get(place, []) for place in range(len(binds))]

    def copy(self, kinds: Iterable[str]) -> None:
        """Have the receipts of these kinds lie together task by task, those of which there are the fewest.

        The ledger has an index by kind, and one by task: each leads past receipts of other tasks, or of other kinds.
        Raises LedgerError.
        """
        kinds = set(kinds) - self._counted
        if not kinds:
            return
        self._counted |= kinds
        found = self._connection.rows(_COUNTED, {"kinds": msgspec.json.encode(sorted(kinds)).decode()})
        for kind, number in found:
            if number <= self._room:
                self._copy(kind)
                self._room -= number
                self._receipts |= {kind}

    def _copy(self, kind: str) -> None:
        connection, first = self._connection, not self._receipts
        connection.create_views(needed("receipt", connection.layout))

        def made(database: sqlite3.Connection) -> None:
            if first:
                database.execute("DROP TABLE IF EXISTS temp.bulk_receipt")  # of a snapshot that ended with an error
                database.execute("CREATE TEMP TABLE bulk_receipt AS SELECT * FROM receipt WHERE 0")
                database.execute("CREATE INDEX temp.bulk_receipt_by_task ON bulk_receipt (kind, task_id, at)")
            database.execute("INSERT INTO bulk_receipt SELECT * FROM receipt WHERE kind = :kind", {"kind": kind})

        connection.prepare(made)

    def nothing(self, sql: str, binds: Mapping[str, Any]) -> bool:
        """Whether a query for receipts of a task gives nothing for any task. Raises LedgerError."""
        for of_one, of_all in _OF_TASK:
            sql = sql.replace(of_one, of_all)
        return ":task" not in sql and not self._connection.rows(sql, {name: binds[name] for name in placeholders(sql)})

    def close(self) -> None:
        """Drop what was kept. Raises LedgerError."""

        def dropped(database: sqlite3.Connection) -> None:
            for kind in self._entities:
                database.execute(f"DROP TABLE temp.bulk_{kind}")
            database.execute("DROP TABLE IF EXISTS temp.bulk_receipt")

        self._connection.prepare(dropped)

    def _keep(self, kind: str) -> None:
        """Keep the entities of a kind, of every task: those of one task take as long. Raises LedgerError."""
        connection = self._connection
        every = connection.seen(f"SELECT * FROM entity_{kind}")
        connection.create_views(needed(every, connection.layout))

        def kept(database: sqlite3.Connection) -> None:
            database.execute(f"DROP TABLE IF EXISTS temp.bulk_{kind}")
            database.execute(f"CREATE TEMP TABLE bulk_{kind} AS {every}")
            database.execute(f"CREATE INDEX temp.bulk_{kind}_by_task ON bulk_{kind} (task_id)")

        connection.prepare(kept)
        self._entities.add(kind)


@lru_cache(256)
def _statement(sql: str, columns: tuple[str, ...], differing: tuple[str, ...], receipts: frozenset[str]) -> str:
    """The statement that runs a query once for each member of the list `:bulk`."""

    def written(found: re.Match[str]) -> str:
        kind, entities, name = found["receipts"], found["entities"], found["name"]
        if kind:
            task = "given.task" if "task" in differing else ":task"
            if kind in receipts:
                return f"bulk_receipt WHERE kind = '{kind}' AND task_id = {task}"
            return led_by_task(kind, task)
        if entities:
            return f"FROM bulk_{entities}"
        return f"given.{name}" if name in differing else found[0]

    members = "".join(f", json_extract(value, '$[{place}]') AS {name}" for place, name in enumerate(differing))
    given = f"SELECT key AS place{members} FROM json_each(:bulk) LIMIT -1"  # without which SQLite reads it each time
    gathered = f"SELECT gather(given.place, {', '.join(columns)}) FROM ({_WORD.sub(written, sql)})"
    return f"SELECT ({gathered}) FROM ({given}) AS given"


def _encoded(values: list[list[Any]]) -> str | None:
    """Values as JSON; None where SQLite may read one of them as another."""
    for value in (each for row in values for each in row):
        if not (value is None or type(value) is int or (type(value) is str and "\0" not in value)):
            return None
    try:
        return msgspec.json.encode(values).decode()
    except UnicodeEncodeError:
        return None
