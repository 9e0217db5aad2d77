"""The schema of Conveyor's ledger. A ledger with another is refused, for queries over it would mean something else.

Further tables, and further columns of these tables, are what newer versions of Conveyor add: they are not read. Where
an optional table lacks a column, only those who read that column are refused.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Final

TABLES: Final = "SELECT name FROM main.sqlite_master WHERE type = 'table'"
"""The query for the names of the tables that there are."""

REQUIRED: Final = ("tasks", "sessions", "bindings", "telemetry_events")
"""The tables that every policy stands on."""

OPTIONAL: Final = {
    "registration": "events",
    "notification": "routed_notifications",
    "acknowledgement": "notification_acknowledgements",
    "handoff": "worker_handoffs",
}
"""The tables that a ledger may lack, by the kind of the facts that are read from each."""

_TEXTS: Final = {
    "tasks": "id name state created_at",
    "sessions": (
        "id name role codex_app_thread_id codex_app_thread_title tmux_session registered_at last_heartbeat_at state"
    ),
    "bindings": "id task_id worker_session_id manager_session_id state created_at ended_at",
    "telemetry_events": ("id task_id timestamp actor event_type severity summary correlation_json attributes_json"),
    "routed_notifications": (
        "task_id correlation_id signal_type target_session_id binding_id state delivery_mode created_at delivered_at "
        "consumed_at"
    ),
    "notification_acknowledgements": "task_id binding_id role status correlation_id payload_json created_at",
    "worker_handoffs": "task_id worker_session_id summary created_at",
    "events": "created_at task_id type payload_json",
}
"""The columns of text that are read of each table."""
_INTEGERS: Final = {
    "routed_notifications": "id",
    "notification_acknowledgements": "id notification_id",
    "worker_handoffs": "id",
    "events": "id",
}
"""The columns of integers. Where `id` is one it numbers the rows, and else it is a text that is a key."""
_ROWID: Final = ("rowid", "_rowid_", "oid")
_LISTED: Final = ", ".join(f"'{name}'" for name in _TEXTS)
_FOUND: Final = (
    f"SELECT name, type, sql FROM main.sqlite_master WHERE name IN ({_LISTED}) AND type IN ('table', 'view')"
)
_COLUMNS: Final = (
    "SELECT known.name, found.name, upper(found.type), found.pk, found.hidden"
    " FROM main.sqlite_master AS known JOIN pragma_table_xinfo(known.name, 'main') AS found"
    f" WHERE known.type = 'table' AND known.name IN ({_LISTED})"
)
_UNUSUAL: Final = ("COLLATE", "WITHOUT", "DESC")
"""Words without which the rows of a table have numbers, an `id` that is an integer is one, and texts are bytes."""
_VARIANTS: Final = ("a", "A", "a ")
"""Texts that differ only where they are compared byte by byte: not where case, or blanks at the end, do not count."""
_Column = tuple[str, int, int]
"""A column's declared type, its place in the primary key (from 1, 0 for none), and whether SQLite computes it."""


def differing(connection: sqlite3.Connection) -> str | None:
    """How the database differs from Conveyor's ledger, in words; None when it does not. Raises sqlite3.Error."""
    return next(_differences(connection), None)


def _differences(connection: sqlite3.Connection) -> Iterator[str]:
    found = {name: (kind, str(sql)) for name, kind, sql in connection.execute(_FOUND)}
    for table in _TEXTS:
        kind, sql = found.get(table, ("", ""))
        if not kind and table in REQUIRED:
            yield f"it has no table `{table}`"
        if kind == "view" or sql.upper().startswith("CREATE VIRTUAL"):
            yield f"its `{table}` is a {'view' if kind == 'view' else 'virtual table'}, and not a table"
    (encoding,) = connection.execute("PRAGMA encoding").fetchone()
    if encoding != "UTF-8":
        yield f"its text is {encoding}, and not UTF-8"
    columns: dict[str, dict[str, _Column]] = {table: {} for table in found}
    for table, name, *column in connection.execute(_COLUMNS):
        columns[table][name] = (column[0], column[1], column[2])
    for table, (_, sql) in found.items():
        yield from _of_columns(table, columns[table])
        if any(word in sql.upper() for word in _UNUSUAL):
            yield from _of_rows(connection, table, [name for name in _TEXTS[table].split() if name in columns[table]])


def _of_columns(table: str, columns: dict[str, _Column]) -> Iterator[str]:
    """How the columns of a table differ."""
    for declared, names in (("TEXT", _TEXTS[table]), ("INTEGER", _INTEGERS.get(table, ""))):
        for name in names.split():
            found, _, computed = columns.get(name, (declared, 0, 0))
            if name not in columns and table in REQUIRED:
                yield f"its table `{table}` has no column `{name}`"
            if found != declared or computed:
                yield f"the column `{name}` of its table `{table}` is not a stored {declared}"
    if [name for name, (_, place, _) in columns.items() if place] != ["id"]:
        yield f"the primary key of its table `{table}` is not `id`"
    for name in columns:
        if name.lower() in _ROWID:
            yield f"its table `{table}` has a column `{name}`, which hides the numbers of its rows"


def _of_rows(connection: sqlite3.Connection, table: str, names: Sequence[str]) -> Iterator[str]:
    """How the rows of a table differ: their numbers are not SQLite's, or their texts are not compared byte by byte.

    A UNION compares by the collations of its first query: nothing else tells those of columns.
    """
    keyed = connection.execute(f"SELECT 1 FROM pragma_index_list('{table}', 'main') WHERE origin = 'pk'").fetchone()
    if keyed and "id" in _INTEGERS.get(table, "").split():
        yield f"the `id` of its table `{table}` does not number the rows"
    first = _VARIANTS[0]
    rows = [[first] * len(names)]
    rows += [
        [*[first] * i, other, *[first] * (len(names) - i - 1)] for i in range(len(names)) for other in _VARIANTS[1:]
    ]
    values = ", ".join(f"({', '.join(map(repr, row))}, 0)" for row in rows)
    listed = ", ".join(f'"{name}"' for name in names)
    query = f"SELECT count(*) FROM (SELECT {listed}, rowid FROM main.{table} WHERE 0 UNION VALUES {values})"
    try:
        (count,) = connection.execute(query).fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
            raise
        yield f"the rows of its table `{table}` cannot be compared or numbered ({error})"
        return
    if count != len(rows):
        yield f"the texts of its table `{table}` are not compared byte by byte"


def has_events(connection: sqlite3.Connection) -> bool:
    """Whether the database has the table of events from which registrations are read. Raises sqlite3.Error."""
    found = {row[1] for row in connection.execute("PRAGMA main.table_xinfo(events)")}
    return found >= {"id", "created_at", "task_id", "type", "payload_json"}
