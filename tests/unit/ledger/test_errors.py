"""Only Conveyor's own schema is read: what a query means depends on the tables that it runs over."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from interlock.diagnostics import LedgerError
from interlock.instant import parse_instant
from interlock.ledger import open_ledger
from interlock.ledger.errors import OPTIONAL, REQUIRED
from interlock.schemas import ENTITIES
from tests.helpers.ledgers import START, LedgerBuilder

READ = (*REQUIRED, *OPTIONAL.values())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger with a row in every table that is read."""
    builder = LedgerBuilder(tmp_path / "l.db").task("demo").bind().handoff(at=START).receipt("beat", at=START)
    builder.receipt("app_wakeup_dispatch_planned", at=START, attributes={"actions": [{"role": "worker"}]})
    builder.notification("worker", at=START).acknowledgement("worker", "received", of=1, at=START)
    return builder.write()


def rebuilt(path: Path, table: str, pattern: str, replacement: str) -> None:
    """Recreate a table with another definition, and those of its rows that fit."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA legacy_alter_table = 1")
        sql = "SELECT sql FROM sqlite_master WHERE name = ?"
        made, count = re.subn(pattern, replacement, connection.execute(sql, (table,)).fetchone()[0], count=1)
        assert count, "nothing is altered"
        connection.executescript(f"ALTER TABLE {table} RENAME TO old; {made};")
        kept = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        had = {row[1] for row in connection.execute("PRAGMA table_info(old)")}
        listed = ", ".join(f'"{name}"' for name in kept if name in had)
        connection.executescript(f"INSERT OR IGNORE INTO {table} ({listed}) SELECT {listed} FROM old; DROP TABLE old")


def refusal(path: Path) -> str:
    with pytest.raises(LedgerError) as caught:
        open_ledger(path)
    start = f"the ledger `{path}` is a SQLite database but not Conveyor's ledger: "
    assert str(caught.value).startswith(start)
    return str(caught.value).removeprefix(start)


@pytest.mark.parametrize("name", ["rowid", "ROWID", "oid", "_rowid_"])
@pytest.mark.parametrize("table", READ)
def test_a_column_that_hides_the_numbers_of_rows_is_refused(path: Path, table: str, name: str) -> None:
    """Every receipt would vanish from the head, which is counted by them."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"ALTER TABLE {table} ADD COLUMN {name} integer")
    assert refusal(path) == f"its table `{table}` has a column `{name}`, which hides the numbers of its rows"


DRIFTED = {
    "collation": ("telemetry_events", "event_type text", "event_type text COLLATE NOCASE", "compared byte by byte"),
    "blanks": ("tasks", "name text", "name text collate rtrim", "compared byte by byte"),
    "optional": ("worker_handoffs", "summary text", "summary text collate nocase", "compared byte by byte"),
    "type": ("telemetry_events", "timestamp text", "timestamp integer", "`timestamp` of its table `telemetry_events`"),
    "no type": ("sessions", "state text", "state", "`state` of its table `sessions` is not a stored TEXT"),
    "number": ("routed_notifications", "id integer primary key autoincrement", "id text primary key", "stored INTEGER"),
    "key": ("telemetry_events", "id text primary key", "id text, n integer primary key", "primary key"),
    "two keys": (
        "tasks",
        r"id text primary key(.*)\)$",
        r"id text \1, primary key (id, name))",
        "the primary key of its table `tasks` is not `id`",
    ),
    "no key": ("bindings", "id text primary key", "id text", "primary key of its table `bindings` is not `id`"),
    "descending": (
        "worker_handoffs",
        "id integer primary key autoincrement",
        "id integer primary key desc",
        "the `id` of its table `worker_handoffs` does not number the rows",
    ),
    "no rows": ("telemetry_events", r"\)$", ") WITHOUT ROWID", "cannot be compared or numbered"),
    "generated": (
        "telemetry_events",
        "severity text not null",
        "severity text as ('info')",
        "`severity` of its table `telemetry_events` is not a stored TEXT",
    ),
    "stored": (
        "tasks",
        "created_at text not null",
        "created_at text generated always as (updated_at) stored",
        "`created_at` of its table `tasks` is not a stored TEXT",
    ),
}


@pytest.mark.parametrize(("table", "pattern", "replacement", "told"), DRIFTED.values(), ids=DRIFTED)
def test_another_definition_is_refused_by_name(
    path: Path, table: str, pattern: str, replacement: str, told: str
) -> None:
    rebuilt(path, table, f"(?s){pattern}", replacement)
    found = refusal(path)
    assert told in found
    assert f"`{table}`" in found


@pytest.mark.parametrize("table", READ)
def test_a_view_in_place_of_a_table_is_refused(path: Path, table: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"ALTER TABLE {table} RENAME TO t; CREATE VIEW {table} AS SELECT * FROM t")
    assert refusal(path) == f"its `{table}` is a view, and not a table"


@pytest.mark.parametrize("table", READ)
def test_a_virtual_table_is_refused(path: Path, table: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        names = ", ".join(row[1] for row in connection.execute(f"PRAGMA table_info({table})"))
        connection.executescript(f"DROP TABLE {table}; CREATE VIRTUAL TABLE {table} USING fts5({names})")
    assert refusal(path) == f"its `{table}` is a virtual table, and not a table"


def test_text_in_another_encoding_is_refused(tmp_path: Path, path: Path) -> None:
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(other)) as target:
        target.execute("PRAGMA encoding = 'UTF-16le'")
        target.executescript("\n".join(source.iterdump()))
    assert refusal(other) == "its text is UTF-16le, and not UTF-8"


def facts(path: Path) -> list[Any]:
    with closing(open_ledger(path)) as ledger, ledger.snapshot(parse_instant(START)) as snapshot:
        return [*snapshot.facts(None, None, ENTITIES), *(snapshot.changes(kind, None) for kind in ENTITIES)]


def test_further_columns_are_not_taken_for_those_that_are_read(path: Path) -> None:
    """A newer version may add any column: one that is named like another table's column changes no fact."""
    before = facts(path)
    with closing(sqlite3.connect(path)) as connection:
        named = {t: [row[1] for row in connection.execute(f"PRAGMA table_info({t})")] for t in READ}
        words = {name for names in named.values() for name in names}
        words |= {"kind", "at", "seq", "instant", "task", "correlation", "attributes", "key", "value", "type", "atom"}
        for table in READ:
            for name in sorted(words - set(named[table])):
                connection.execute(f"ALTER TABLE {table} ADD COLUMN {name} text COLLATE NOCASE DEFAULT 'wrong'")
        connection.commit()
    assert len(before) > 8
    assert facts(path) == before


def test_a_real_ledger_is_known(ledger_path: Path, story_path: Path) -> None:
    for path in (ledger_path, story_path):
        assert facts(path)
