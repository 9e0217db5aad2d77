"""Ledgers as files: the real schema, filled with any rows whatever, sound or not."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tests.helpers.ledgers import conveyor_schema

Tables = Mapping[str, Iterable[Mapping[str, Any]]]
_GUARD = re.compile(r"\s+not null", re.IGNORECASE)


@cache
def _template() -> tuple[bytes, tuple[tuple[str, str], ...]]:
    """An empty ledger whose tables take any value, and the real statement of each of its tables."""
    real = sqlite3.connect(":memory:")
    real.executescript(conveyor_schema())
    sql = "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    statements = tuple(real.execute(sql).fetchall())
    real.close()
    connection = sqlite3.connect(":memory:")
    connection.executescript(f"PRAGMA page_size = 1024; VACUUM; {conveyor_schema()}")
    connection.execute("PRAGMA writable_schema = 1")
    for name, text in statements:
        relaxed = _GUARD.sub("", text)
        connection.execute("UPDATE sqlite_master SET sql = ? WHERE name = ?", (relaxed, name))
    connection.commit()
    made = connection.serialize()
    connection.close()
    return made, statements


class Raw(bytes):
    """Bytes that are put into a text column as they are, whether or not they are UTF-8."""


class Undo(Exception):
    """The rows cannot stand in one ledger: SQLite itself refuses them."""


def write(path: Path, tables: Tables, *, real: bool = True) -> None:
    """Write a ledger. With `real`, its tables say again what Conveyor's say, whatever rows are in them.

    Raises Undo where SQLite refuses a row.
    """
    made, statements = _template()
    connection = sqlite3.connect(":memory:")
    try:
        connection.deserialize(made)
        connection.execute("PRAGMA ignore_check_constraints = 1")
        connection.execute("BEGIN")
        for table, rows in tables.items():
            for row in rows:
                slots = ", ".join("CAST(? AS TEXT)" if isinstance(value, Raw) else "?" for value in row.values())
                sql = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({slots})"
                connection.execute(sql, tuple(row.values()))
        if real:
            connection.execute("PRAGMA writable_schema = 1")
            connection.executemany("UPDATE sqlite_master SET sql = ? WHERE name = ?", ((b, a) for a, b in statements))
        connection.commit()
        path.write_bytes(connection.serialize())
    except sqlite3.IntegrityError as error:
        raise Undo(str(error)) from None
    finally:
        connection.close()
