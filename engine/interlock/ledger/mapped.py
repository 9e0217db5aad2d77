"""Tables of other databases of SQLite, whose rows are receipts as a mapping says. They are read, and never written."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

from interlock.diagnostics import LedgerError, UnsettledError, UsageError, did_you_mean
from interlock.instant import SECOND, format_instant, in_utc
from interlock.ledger.conveyor import connect, content, detached, in_wal_mode, size
from interlock.ledger.feed import ENOUGH, SHOWN, Coverage
from interlock.ledger.lines import Line, validated
from interlock.ledger.rows import HIDING, TwiceError, read_json
from interlock.ledger.table import FactTable, Origin
from interlock.model.sources import Column, Reading, TableSource
from interlock.schemas import ENTITIES, Catalog, Violation
from interlock.schemas.wording import quoted_value, typed

_TABLES: Final = "SELECT name, type, upper(sql) FROM main.sqlite_master WHERE type IN ('table', 'view')"
_COLUMNS: Final = "SELECT name FROM pragma_table_xinfo(?, 'main')"
_UNITS: Final[dict[Reading, int]] = {"seconds": SECOND, "milliseconds": 1_000, "microseconds": 1}
_DIGITS: Final[dict[Reading, int]] = {"seconds": 0, "milliseconds": 3, "microseconds": 6}


class UnreadError(ValueError):
    """A value of a row is not what the mapping says."""


def rows_of(source: TableSource, catalog: Catalog, patience: float) -> Iterator[tuple[int, Line]]:
    """Each row as a receipt, or what is wrong with it, and its number. All are of one snapshot.

    Raises UsageError for a mapping that is not one of the database, LedgerError for a database that cannot be read,
    UnsettledError where it was written to meanwhile.
    """
    _refuse_kind(source, catalog)
    real = _found(source)
    try:
        sealed = _is_sealed(source, real)
        before = content(os.stat(real))
        with closing(connect(real, "&immutable=1" if sealed else "", patience)) as database:
            database.executescript("PRAGMA trusted_schema = 0; PRAGMA query_only = 1; BEGIN;")
            numbered = _numbered(source, database)
            yield from _read(source, catalog, database, numbered=numbered)
            database.execute("COMMIT")
        if sealed and content(os.stat(real)) != before:
            raise UnsettledError(f"the database `{source.database}` was written to while it was read; ask again")
    except sqlite3.Error as error:
        raise _explained(source, error) from error
    except OSError as error:
        raise LedgerError(f"{_at(source, 'database')}the database `{source.database}`: {error.strerror}") from None


def read_table(
    source: TableSource, table: FactTable, catalog: Catalog, index: int, patience: float, *, strict: bool = False
) -> Coverage:
    """Read all rows into a table, as the source of that index. Raises as `rows_of`; LedgerError with the bad rows."""
    table.places[index] = source.path, "row"
    bad: list[str] = []
    faulty, types = 0, set()
    for number, line in rows_of(source, catalog, patience):
        wrong = tuple(each.text for each in line.faults)
        if line.row is not None:
            types.add(line.row.kind)
            clash = table.add(line.row, Origin(index, number, unnumbered=source.seq is None))
            wrong = () if clash is None or clash.repeated else (clash.message,)
        if wrong:
            faulty += 1
            bad += [f"  row {number:,}: {'; '.join(wrong)}"] if faulty <= SHOWN else []
            if faulty == ENOUGH:
                break
    if faulty:
        more = [f"  and {faulty - len(bad):,} more"] if faulty > len(bad) else []
        head = f"the table `{source.path}` has {faulty:,} bad row{'s' if faulty > 1 else ''}:"
        raise LedgerError("\n".join([head, *bad, *more]))
    return Coverage(None, [each for each in types if each not in catalog.kinds], strict=strict)


def _at(source: TableSource, key: str) -> str:
    """Where a key of the mapping is written, for the begin of a message."""
    place = source.places.get(key) or source.places.get("")
    return f"{place}: " if place else ""


def _refuse_kind(source: TableSource, catalog: Catalog) -> None:
    """Raises UsageError where the kind of all rows is not one of receipts."""
    kind = source.kind
    if isinstance(kind, str) and kind not in catalog.kinds:
        hint = did_you_mean(kind, catalog.kinds) or "its schema must be among the fact kinds"
        raise UsageError(f"{_at(source, 'kind')}unknown fact kind `{kind}`; {hint}")
    if isinstance(kind, str) and kind in ENTITIES:
        raise UsageError(f"{_at(source, 'kind')}`{kind}` is an entity, and a row is a receipt")


def _found(source: TableSource) -> str:
    """The database's file, links followed. Raises LedgerError where there is none."""
    real = os.path.realpath(source.database)
    if os.path.isfile(real):
        return real
    why = "is a folder" if os.path.isdir(real) else "is not a file" if os.path.exists(real) else "does not exist"
    raise LedgerError(f"{_at(source, 'database')}the database `{source.database}` {why}")


def _is_sealed(source: TableSource, real: str) -> bool:
    """Whether it must be read as a file that nobody changes: it is in WAL mode and has no log. Raises LedgerError."""
    log, index, apart = size(f"{real}-wal"), size(f"{real}-shm"), detached(real)
    if (log or (log == 0 and index is not None)) and apart is None:
        return False
    if not in_wal_mode(real):
        return False
    if apart is not None:
        where = f"{_at(source, 'database')}the database `{source.database}`"
        raise LedgerError(f"{where} {apart} and is in WAL mode: its log may lie elsewhere")
    return True


def _numbered(source: TableSource, database: sqlite3.Connection) -> bool:
    """Whether the rows have numbers of SQLite's. Raises UsageError for what the database does not have."""
    tables = {name: (kind, sql or "") for name, kind, sql in database.execute(_TABLES)}
    if source.table not in tables:
        hint = did_you_mean(source.table, tables) or "it has " + (", ".join(f"`{each}`" for each in tables) or "none")
        raise UsageError(f"{_at(source, 'table')}no table `{source.table}` in `{source.database}`; {hint}")
    kind, sql = tables[source.table]
    if sql.startswith("CREATE VIRTUAL"):
        raise UsageError(f"{_at(source, 'table')}`{source.table}` is a virtual table, which is not read")
    columns = [name for (name,) in database.execute(_COLUMNS, (source.table,))]
    for key, column in source.columns().items():
        if column not in columns:
            hint = did_you_mean(column, columns) or "it has " + ", ".join(f"`{each}`" for each in columns)
            raise UsageError(f"{_at(source, key)}no column `{column}` in the table `{source.table}`; {hint}")
    hidden = {"rowid", "_rowid_", "oid"} & {each.lower() for each in columns}
    return kind == "table" and "WITHOUT" not in sql and not hidden


def _read(
    source: TableSource, catalog: Catalog, database: sqlite3.Connection, *, numbered: bool
) -> Iterator[tuple[int, Line]]:
    keys = source.columns()
    chosen = ", ".join(f'"{column}"' for column in keys.values())
    number = "rowid" if numbered else "0"
    query = f'SELECT {number}, {chosen} FROM "{source.table}"' + (" ORDER BY rowid" if numbered else "")
    database.text_factory = lambda stored: stored.decode(errors="surrogateescape")
    for place, (seq, *values) in enumerate(database.execute(query), 1):
        try:
            fact = _fact(source, dict(zip(keys, values, strict=True)), seq)
        except UnreadError as error:
            yield place, Line({"kind": source.kind}, faults=(Violation((), str(error)),))
        except TwiceError as error:
            yield place, Line({"kind": source.kind}, faults=(error.violation,))
        else:
            yield (seq if numbered else place), validated(fact, catalog, unnumbered=source.seq is None)


def _fact(source: TableSource, row: dict[str, Any], seq: int) -> dict[str, Any]:
    """The receipt of a row. Raises UnreadError, TwiceError."""
    kind = source.kind if isinstance(source.kind, str) else _text(row["kind"], "kind")
    fields = _object(row["json"]) if source.json is not None else {}
    for name, column in source.fields.items():
        if name in fields:
            raise UnreadError(f"the field `{name}` is in `{source.json}` too")
        if (value := _value(row[f"fields.{name}"], column)) is not None:  # what is NULL is not there
            fields[name] = value
    if kind in ENTITIES:
        raise UnreadError(f"its kind is `{kind}`, an entity, and a row is a receipt")
    hidden = {name: value for name, value in fields.items() if name in HIDING}
    fact = {name: value for name, value in fields.items() if name not in HIDING}
    fact |= {"attributes": hidden} if hidden else {}
    at = _value(row["at"], source.at)
    if not isinstance(at, str):
        raise UnreadError(f"its `{source.at.column}` is {typed(at)}, not a time; say in `as` what it is")
    task = None if source.task is None or row["task"] is None else _text(row["task"], source.task)
    own = {"kind": kind, "id": f"{source.called}#{_text(row['id'], source.id)}", "task": task, "at": at}
    return (
        fact
        | own
        | {
            "seq": seq if source.seq is None else row["seq"],
            "actor": None,
            "severity": None,
            "summary": None,
            "correlation": {"source": source.called},
        }
    )


def _text(value: Any, column: str) -> str:
    """A text, or an integer as one."""
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, str) or not value:
        raise UnreadError(f"its `{column}` is {'empty' if value == '' else _typed(value)}, not a text or an integer")
    return value


def _object(value: Any) -> dict[str, Any]:
    """The fields of a JSON text. Raises UnreadError, TwiceError."""
    try:
        found = read_json(value)
    except TwiceError:
        raise
    except (ValueError, RecursionError, TypeError):
        found = None
    if not isinstance(found, dict):
        raise UnreadError(f"its JSON is {_typed(value)}, not a JSON object")
    return found


def _value(value: Any, column: Column) -> Any:
    """The value of a column as it is to be read. Raises UnreadError."""
    if value is None:
        return None
    wrong = UnreadError(f"its `{column.column}` is {_typed(value)}, which cannot be read as `{column.read}`")
    match column.read:
        case "text":
            if isinstance(value, bytes):
                raise wrong
            return value
        case "boolean":
            if value not in (0, 1) or not isinstance(value, int):
                raise wrong
            return bool(value)
        case "json":
            try:
                return read_json(value)
            except TwiceError:
                raise
            except (ValueError, RecursionError, TypeError):
                raise wrong from None
    found = _instant(value, column.read)
    if found is None:
        raise wrong
    return found


def _instant(value: Any, read: Reading) -> str | None:
    """The instant that a value means, as a text in UTC with the digits that it has; None where it means none."""
    if read in _UNITS:
        if not isinstance(value, int):
            return None
        whole, part = divmod(value * _UNITS[read], SECOND)
        fraction = f".{part:06}"[: 1 + _DIGITS[read]] if _DIGITS[read] else ""
        return f"{format_instant(whole * SECOND)[:-1]}{fraction}Z"
    if not isinstance(value, str):
        return None
    return in_utc(f"{value.replace(' ', 'T', 1)}Z" if read == "datetime" else value)


def _typed(value: Any) -> str:
    return "a BLOB" if isinstance(value, bytes) else typed(value)


def _explained(source: TableSource, error: sqlite3.Error) -> LedgerError:
    """SQLite's complaint about the database."""
    where = f"{_at(source, 'database')}the database `{source.database}`"
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return LedgerError(f"{where} is locked by a process that writes to it; ask again when that is done")
        case sqlite3.SQLITE_NOTADB:
            return LedgerError(f"{where} is not an SQLite database")
        case sqlite3.SQLITE_CORRUPT:
            return LedgerError(f"{where} is damaged ({error}); restore a sound copy")
    return LedgerError(f"{where} cannot be read: {quoted_value(str(error), 200)}")
