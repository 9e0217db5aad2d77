"""Errors of the file system and SQLite as one line for people, with what to do next."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator, Sequence
from typing import Final

from interlock.diagnostics import FactError, LedgerError

NAME_IT: Final = "name Conveyor's ledger with `--ledger PATH`"
PLACE: Final = os.path.join(".codex-workers", "workerctl.db")
"""Where Conveyor keeps the ledger of a project."""
_LONGEST: Final = 300
_SMALLEST: Final = 512
"""Bytes of the smallest page of SQLite: what is smaller would pass for a database without tables."""


def refused(path: str, why: str, error: type[LedgerError] = LedgerError) -> LedgerError:
    """The error that says why the ledger at `path` cannot be read, on one line."""
    text = "\\n".join(f"the ledger `{path}` {why}".splitlines())
    return error(text if len(text) <= _LONGEST + len(path) else text[: _LONGEST + len(path)] + "…")


def examine(path: str, file: str, least: int = _SMALLEST) -> os.stat_result:
    """The state of a file of that many bytes at least. Raises LedgerError for what no ledger can be."""
    try:
        found = os.stat(file)
    except (FileNotFoundError, NotADirectoryError):
        raise refused(path, f"does not exist; {NAME_IT} (a project keeps it in `{PLACE}`)") from None
    except PermissionError:
        raise refused(path, "cannot be reached: permission denied; ask its owner for the right to read it") from None
    except (OSError, ValueError) as error:
        raise refused(path, f"cannot be reached: {getattr(error, 'strerror', None) or error}; {NAME_IT}") from None
    if stat.S_ISDIR(found.st_mode):
        raise refused(path, f"is a folder; name the file in it, such as `{os.path.join(path, PLACE)}`")
    if not stat.S_ISREG(found.st_mode):
        raise refused(path, f"is not a regular file; {NAME_IT}")
    if not found.st_size:
        raise refused(path, f"is an empty file; {NAME_IT}")
    if found.st_size < least:
        raise refused(path, f"is not an SQLite database; {NAME_IT}")
    return found


def explained_error(path: str, file: str, error: sqlite3.Error) -> LedgerError:
    """SQLite's complaint about the ledger at `path`, whose file is `file`."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return refused(path, _of_the_text(error), FactError)
    return refused(path, _of_the_file(path, file, code, str(error)))


def unreadable(path: str, error: sqlite3.Error) -> LedgerError:
    """What a function of a query complains of that compiles: a value of some row, such as text that is not JSON."""
    what = "text that is not UTF-8" if str(error) == _RAISED else f"a value that SQLite cannot read ({error})"
    return refused(path, f"holds {what}; {_RESTORE}", FactError)


def _of_the_text(error: sqlite3.Error) -> str:
    """A complaint of Python's own: it decodes the text that SQLite hands over."""
    words = str(error)
    if words.startswith("Could not decode to UTF-8"):
        return f"holds text that is not UTF-8, in `{words.split(chr(39))[1]}`; {_RESTORE}"
    return f"cannot be read: {words}"


def _of_the_file(path: str, file: str, code: int, words: str) -> str:
    if code == sqlite3.SQLITE_READONLY_ROLLBACK:
        return "was left in the middle of a transaction, which only a writer can undo; let Conveyor open it once"
    match code & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return "is locked by a process that writes to it; ask again when that is done"
        case sqlite3.SQLITE_NOTADB:
            return f"is not an SQLite database; {NAME_IT}"
        case sqlite3.SQLITE_CORRUPT:
            return f"is damaged ({words}); look with `sqlite3 {path} 'PRAGMA integrity_check'`, and {_RESTORE}"
        case sqlite3.SQLITE_ERROR:
            return _of_the_content(words)
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return _of_the_rights(path, file, words)
    return f"cannot be read: {words}"


def _of_the_content(words: str) -> str:
    missing = "is a SQLite database but not Conveyor's ledger: it has no"
    table = words.removeprefix("no such table: main.")
    if table in OPTIONAL.values():
        return f"has no table `{table}`, which the request needs; policies that do not read it can decide"
    if table != words:
        return f"{missing} table `{table}`"
    if words.startswith("no such column: "):
        return f"{missing} column `{words.removeprefix('no such column: ')}`"
    return f"cannot be read: {words}"


def _of_the_rights(path: str, file: str, words: str) -> str:
    if not os.access(file, os.R_OK):
        return "may not be read: permission denied; ask its owner for the right to read it"
    if os.path.exists(file + "-wal"):
        return (
            f"has a write-ahead log that only those can read who may write beside it; copy `{path}` and `{path}-wal` "
            "into a folder of your own"
        )
    return f"cannot be opened: {words}"


_RAISED: Final = "user-defined function raised exception"
"""Python's words for a function of ours that failed. Ours fail only where their text cannot be decoded."""
_RESTORE: Final = "restore a sound copy"


TABLES: Final = "SELECT name FROM main.sqlite_master WHERE type = 'table'"
"""The query for the names of the tables that there are."""

REQUIRED: Final = ("tasks", "sessions", "bindings", "telemetry_events")
"""The tables that every policy needs."""

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

    A UNION compares by the collations of its first query: nothing else shows those of columns.
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
