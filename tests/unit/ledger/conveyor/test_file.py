"""Files that are not ledgers, or cannot be read: one clear line each, and never a trace in the folder."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import interlock
from interlock.diagnostics import LedgerError
from interlock.instant import parse_instant
from interlock.ledger import Ledger, open_ledger
from tests.helpers.ledgers import START, LedgerBuilder
from tests.helpers.wording import ours

EMPTY_SQLITE = "PRAGMA user_version = 1; CREATE TABLE notes (id INTEGER PRIMARY KEY)"
NAME_IT = "name Conveyor's ledger with `--ledger PATH`"
DAMAGED = "is damaged (…); look with `sqlite3 {path} 'PRAGMA integrity_check'`"
NOT_CONVEYORS = "is a SQLite database but not Conveyor's ledger: "


def changed(path: Path, *statements: str) -> None:
    """Make a ledger, and alter it in ways that Conveyor never would."""
    if not path.exists():
        LedgerBuilder(path).task("demo").bind().handoff(at=START).receipt("beat", at=START).write()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA ignore_check_constraints = 1")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def other_database(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.executescript(EMPTY_SQLITE)
    connection.close()


def truncated(path: Path) -> None:
    changed(path)
    os.truncate(path, path.stat().st_size // 2)


def half_written(path: Path) -> None:
    """A ledger whose writer died in the middle of a transaction, with pages of it on disk already."""
    live = path.with_name("live.db")
    changed(live)
    writer = sqlite3.connect(live, isolation_level=None)
    writer.executescript("PRAGMA cache_size = 1; BEGIN; UPDATE tasks SET goal = zeroblob(100000)")
    shutil.copy(live, path)
    shutil.copy(f"{live}-journal", f"{path}-journal")
    writer.close()


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "absent": (
        lambda path: None,
        f"does not exist; {NAME_IT} (a project keeps it in `{os.path.join('.codex-workers', 'workerctl.db')}`)",
    ),
    "folder": (
        lambda path: path.mkdir(),
        "is a folder; name the file in it, such as `{path}/.codex-workers/workerctl.db`",
    ),
    "pipe": (os.mkfifo, f"is not a regular file; {NAME_IT}"),
    "loop": (lambda path: path.symlink_to(path), f"cannot be reached: Too many levels of symbolic links; {NAME_IT}"),
    "empty": (lambda path: path.touch(), f"is an empty file; {NAME_IT}"),
    "text": (lambda path: path.write_text("kind: ledger\n" * 99), f"is not an SQLite database; {NAME_IT}"),
    "short": (lambda path: path.write_text("x"), f"is not an SQLite database; {NAME_IT}"),
    "truncated": (
        truncated,
        f"{DAMAGED}, and restore a sound copy",
    ),
    "other": (other_database, f"{NOT_CONVEYORS}it has no table `tasks`"),
    "no receipts": (
        lambda path: changed(path, "DROP TABLE telemetry_events"),
        f"{NOT_CONVEYORS}it has no table `telemetry_events`",
    ),
    "view": (
        lambda path: changed(path, "ALTER TABLE sessions RENAME TO s", "CREATE VIEW sessions AS SELECT * FROM s"),
        f"{NOT_CONVEYORS}its `sessions` is a view, and not a table",
    ),
    "no column": (
        lambda path: changed(path, "ALTER TABLE bindings RENAME COLUMN ended_at TO finished_at"),
        f"{NOT_CONVEYORS}its table `bindings` has no column `ended_at`",
    ),
    "half written": (
        half_written,
        "was left in the middle of a transaction, which only a writer can undo; let Conveyor open it once",
    ),
}


@pytest.mark.parametrize(("make", "told"), BAD.values(), ids=BAD)
def test_what_cannot_be_read_is_told_in_one_line(tmp_path: Path, make: Callable[[Path], object], told: str) -> None:
    path = tmp_path / "bad.db"
    make(path)
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(LedgerError) as caught:
        open_ledger(path)
    assert ours(str(caught.value)) == f"the ledger `{path}` {told.format(path=path)}"
    assert sorted(os.listdir(tmp_path)) == before


@pytest.mark.parametrize("name", ["", "a\0b", "x" * 300, "\udcff.db"])
def test_a_name_that_no_file_has_is_refused(name: str) -> None:
    with pytest.raises(LedgerError, match=r"does not exist|cannot be reached"):
        open_ledger(name)


def test_a_message_stays_on_its_line(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"two\\nlines` does not exist") as caught:
        open_ledger(tmp_path / "two\nlines")
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_gone_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(LedgerError, match=r"cannot be reached: .*current folder"):
        open_ledger("l.db")


def locked(path: Path) -> sqlite3.Connection:
    changed(path)
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN EXCLUSIVE")
    return writer


def test_a_locked_ledger_is_waited_for_and_told(tmp_path: Path) -> None:
    path = tmp_path / "l.db"
    writer = locked(path)
    told = "is locked by a process that writes to it; ask again when that is done"
    with pytest.raises(LedgerError, match=told):
        open_ledger(path, patience=0.05)
    writer.execute("ROLLBACK")
    ledger = open_ledger(path, patience=0.05)
    writer.execute("BEGIN EXCLUSIVE")
    with pytest.raises(LedgerError, match=told), ledger.snapshot(0):
        pytest.fail("nobody can read now")
    writer.close()
    with ledger.snapshot(0) as snapshot:
        assert snapshot.head == 1


ROTTEN = {
    "text that is not UTF-8": (
        "UPDATE telemetry_events SET summary = CAST(x'ff41' AS TEXT)",
        "SELECT * FROM receipt",
        "holds text that is not UTF-8, in `summary`; restore a sound copy",
    ),
    "time that is not UTF-8": (
        "UPDATE telemetry_events SET timestamp = CAST(x'ff41' AS TEXT)",
        "SELECT instant FROM receipt",
        "holds text that is not UTF-8; restore a sound copy",
    ),
    "no JSON": (
        "UPDATE telemetry_events SET attributes_json = '{'",
        "SELECT json_extract(attributes, '$.x') FROM receipt",
        "holds a value that SQLite cannot read (…); restore a sound copy",
    ),
    "bytes for JSON": (
        "UPDATE telemetry_events SET attributes_json = x'00ff'",
        "SELECT json_extract(attributes, '$.x') FROM receipt",
        "holds a value that SQLite cannot read (…); restore a sound copy",
    ),
    "numbers whose sum is too great": (
        "UPDATE telemetry_events SET summary = 'x'",
        "SELECT sum(9223372036854775807) FROM (SELECT 1 FROM receipt UNION ALL SELECT 2)",
        "holds a value that SQLite cannot read (…); restore a sound copy",
    ),
    "bytes for text": (
        "UPDATE worker_handoffs SET summary = x'00ff'",
        "SELECT * FROM entity_handoff",
        "holds a value that SQLite cannot read (…); restore a sound copy",
    ),
}


@pytest.mark.parametrize(("change", "sql", "told"), ROTTEN.values(), ids=ROTTEN)
def test_content_that_nobody_can_read_is_told(tmp_path: Path, change: str, sql: str, told: str) -> None:
    path = tmp_path / "l.db"
    changed(path, change)
    with open_ledger(path).snapshot(parse_instant(START)) as snapshot:
        with pytest.raises(LedgerError) as caught:
            snapshot.rows(sql, {})
        assert ours(str(caught.value)) == f"the ledger `{path}` {told}"
        assert snapshot.rows("SELECT count(*) FROM receipt", {}) == [(1,)]


def test_what_is_no_text_is_handed_on_for_what_it_is(tmp_path: Path) -> None:
    """Whoever makes a fact of the row refuses it."""
    path = tmp_path / "l.db"
    changed(path, "UPDATE telemetry_events SET attributes_json = x'7b7d'")
    with open_ledger(path).snapshot(0) as snapshot:
        (found,) = snapshot.rows("SELECT attributes FROM receipt", {})[0]
    assert found == b"{}"


def test_damage_that_is_met_later_is_told(tmp_path: Path) -> None:
    path = tmp_path / "l.db"
    builder = LedgerBuilder(path).task("demo")
    for _ in range(200):
        builder.receipt("beat", at=START, attributes={"x": "x" * 2_000})
    size = builder.write().stat().st_size
    with path.open("r+b") as file:
        file.seek(size - 40 * 4_096)
        file.write(b"\xff" * 20 * 4_096)
    ledger = open_ledger(path)
    for _ in range(2):
        with pytest.raises(LedgerError, match="is damaged"):
            read_all(ledger)


def read_all(ledger: Ledger) -> None:
    with ledger.snapshot(0) as snapshot:
        assert snapshot.head == 200
        snapshot.rows("SELECT * FROM receipt", {})


NAMES: list[str | bytes] = [
    "a b",
    "a?b",
    "a#b",
    "100%25",
    "a&mode=rwc",
    "ü",
    "file:x",
    ":memory:",
    "-x",
    "'",
    b"l\xff.db",
]


@pytest.mark.parametrize("name", NAMES, ids=str)
def test_any_name_is_the_name_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str | bytes) -> None:
    monkeypatch.chdir(tmp_path)
    changed(Path("plain.db"))
    os.rename(b"plain.db", os.fsencode(name))
    for path in (name, os.path.join(os.fsencode(tmp_path), os.fsencode(name))):
        with open_ledger(path).snapshot(0) as snapshot:
            assert snapshot.head == 1
    assert os.listdir(b".") == [os.fsencode(name)]


def test_the_path_is_shown_as_it_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    changed(Path("l.db"))
    os.link("l.db", b"l\xff.db")
    assert open_ledger("l.db").path == "l.db"
    assert open_ledger(b"l\xff.db").path == "l\\xff.db"
    assert repr(open_ledger("l.db")) == "Ledger('l.db')"


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that everybody may look into, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


STRANGER = """
import os, sys
from interlock.diagnostics import LedgerError
from interlock.instant import parse_instant
from interlock.ledger import open_ledger, connection
connection.definitions("conveyor")
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    with open_ledger(sys.argv[1]).snapshot(0) as snapshot:
        print(*[row[0] for row in snapshot.rows("SELECT kind FROM receipt ORDER BY seq", {})])
except LedgerError as error:
    print(error)
"""


def told_to_a_stranger(path: Path) -> str:
    """What a user without any rights gets on a request for the kinds of the receipts."""
    before = sorted(os.listdir(path.parent))
    environment = {"PYTHONPATH": str(Path(interlock.__file__).parents[1])}
    command = [sys.executable, "-c", STRANGER, str(path)]
    asked = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert asked.stderr == ""
    if os.access(path.parent, os.R_OK):
        assert sorted(os.listdir(path.parent)) == before
    return asked.stdout.strip()


def test_a_file_without_the_right_to_read_it(public: Path) -> None:
    path = public / "l.db"
    changed(path)
    path.chmod(0)
    denied = "permission denied; ask its owner for the right to read it"
    assert told_to_a_stranger(path) == f"the ledger `{path}` may not be read: {denied}"


def test_a_folder_without_the_right_to_enter_it(public: Path) -> None:
    inner = public / "inner"
    inner.mkdir()
    changed(inner / "l.db")
    inner.chmod(0)
    try:
        denied = "permission denied; ask its owner for the right to read it"
        assert told_to_a_stranger(inner / "l.db") == f"the ledger `{inner / 'l.db'}` cannot be reached: {denied}"
    finally:
        inner.chmod(0o755)


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_folder_without_the_right_to_write_there(public: Path, journal: str) -> None:
    changed(public / "l.db", f"PRAGMA journal_mode = {journal}")
    public.chmod(0o555)
    assert told_to_a_stranger(public / "l.db") == "beat"
    public.chmod(0o755)


def test_a_log_is_read_beside_its_writer_without_the_right_to_write(public: Path) -> None:
    path = public / "l.db"
    changed(path, "PRAGMA journal_mode = wal")
    writer = sqlite3.connect(path)
    writer.execute("UPDATE telemetry_events SET event_type = 'logged'")
    writer.commit()
    assert told_to_a_stranger(path) == "logged"
    writer.close()


def test_a_log_without_its_index_needs_the_right_to_make_one(public: Path) -> None:
    path = public / "l.db"
    changed(path, "PRAGMA journal_mode = wal")
    writer = sqlite3.connect(path)
    writer.execute("UPDATE telemetry_events SET event_type = 'logged'")
    writer.commit()
    copy = public / "copy" / "l.db"
    copy.parent.mkdir()
    shutil.copy(path, copy)
    shutil.copy(f"{path}-wal", f"{copy}-wal")
    writer.close()
    assert told_to_a_stranger(copy) == (
        f"the ledger `{copy}` has a write-ahead log that only those can read who may write beside it; "
        f"copy `{copy}` and `{copy}-wal` into a folder of your own"
    )
    with open_ledger(copy).snapshot(0) as snapshot:
        assert snapshot.rows("SELECT kind FROM receipt", {}) == [("logged",)]


def test_a_look_tells_what_was_written_replaced_or_is_gone(tmp_path: Path) -> None:
    path = LedgerBuilder(tmp_path / "ledger.db").task("demo").write()
    settled = time.time() - 60
    os.utime(path, (settled, settled))
    ledger = open_ledger(path)
    first = ledger.stamp()
    assert first is not None
    assert ledger.stamp() == first
    with ledger.snapshot(0):
        assert ledger.stamp() == first, "to be read changes nothing"
    os.utime(path, (settled + 1, settled + 1))
    assert ledger.stamp() not in (None, first)
    wal = tmp_path / "ledger.db-wal"
    before = ledger.stamp()
    wal.write_bytes(b"")
    os.utime(wal, (settled, settled))
    assert ledger.stamp() not in (None, before)
    wal.unlink()
    other = tmp_path / "other.db"
    shutil.copyfile(path, other)
    os.utime(other, (settled + 1, settled + 1))
    os.replace(other, path)
    assert ledger.stamp() not in (None, before)
    path.unlink()
    assert ledger.stamp() == (None, None)


def test_a_look_cannot_tell_what_comes_within_the_tick_of_the_last_write(tmp_path: Path) -> None:
    ledger = open_ledger(LedgerBuilder(tmp_path / "ledger.db").task("demo").write())
    os.utime(ledger.path)
    assert ledger.stamp() is None
