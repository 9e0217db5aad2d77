"""Snapshots: consistent while others write, one at a time, and without a trace on disk."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from interlock.diagnostics import LedgerError, UsageError
from interlock.instant import parse_instant
from interlock.ledger import Ledger, Snapshot, open_ledger
from interlock.ledger import ledger as reading
from tests.helpers.ledgers import START, LedgerBuilder

WRITER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
for line in sys.stdin:
    connection.execute(line)
    print("done", flush=True)
connection.close()
"""
INSERT = (
    "INSERT INTO telemetry_events SELECT 'new' || count(*), NULL, NULL, min(timestamp), actor, 'new', severity, '', "
    "'{}', '{}' FROM telemetry_events"
)


@contextmanager
def writing(path: Path) -> Iterator[Callable[[str], None]]:
    """Another process that writes to the ledger, statement by statement."""
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        sink, source = process.stdin, process.stdout

        def write(statement: str) -> None:
            sink.write(statement + "\n")
            sink.flush()
            assert source.readline() == "done\n"

        yield write
        sink.close()
        assert process.wait(10) == 0


def kinds(snapshot: Snapshot) -> list[str]:
    return [kind for (kind,) in snapshot.rows("SELECT kind FROM receipt ORDER BY seq", {})]


def heads(ledger: Ledger) -> int:
    with ledger.snapshot(0) as snapshot:
        return snapshot.head


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


@pytest.fixture(params=["delete", "wal"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A ledger with one receipt, in either journal mode, that nobody has open."""
    return LedgerBuilder(tmp_path / "l.db").task("demo").bind().receipt("old", at=START).write(journal=request.param)


def test_reading_leaves_no_trace(path: Path) -> None:
    before = contents(path.parent)
    ledger = open_ledger(path)
    for _ in range(2):
        with ledger.snapshot(0) as snapshot:
            assert kinds(snapshot) == ["old"]
            assert snapshot.head == 1
            assert contents(path.parent) == before
    ledger.close()
    assert contents(path.parent) == before


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM main.tasks",
        "CREATE TABLE x (y)",
        "CREATE TEMP TABLE x (y)",
        "PRAGMA main.user_version = 5",
        "VACUUM",
    ],
)
def test_nothing_can_be_written(path: Path, sql: str) -> None:
    before = contents(path.parent)
    ledger = open_ledger(path)
    with ledger.snapshot(0) as snapshot:
        for _ in range(2):
            with pytest.raises(LedgerError, match=r"readonly database|cannot VACUUM"):
                snapshot.rows(sql, {})
            assert kinds(snapshot) == ["old"]
    assert contents(path.parent) == before


def test_what_is_not_committed_is_not_seen(path: Path) -> None:
    with writing(path) as write:
        write("BEGIN IMMEDIATE")
        write(INSERT)
        ledger = open_ledger(path)
        assert heads(ledger) == 1
        write("COMMIT")
        assert heads(ledger) == 2
        assert heads(open_ledger(path)) == 2
        ledger.close()


def test_a_snapshot_stays_what_it_was_while_a_log_is_written(tmp_path: Path) -> None:
    path = LedgerBuilder(tmp_path / "l.db").task("demo").receipt("old", at=START).write(journal="wal")
    with writing(path) as write:
        write(INSERT)
        ledger = open_ledger(path)
        with ledger.snapshot(0) as snapshot:
            write(INSERT)
            assert (snapshot.head, kinds(snapshot)) == (2, ["old", "new"])
        with ledger.snapshot(0) as snapshot:
            assert (snapshot.head, kinds(snapshot)) == (3, ["old", "new", "new"])
        ledger.close()


def test_a_writer_without_a_log_waits_for_the_snapshot_to_end(tmp_path: Path) -> None:
    path = LedgerBuilder(tmp_path / "l.db").task("demo").receipt("old", at=START).write()
    ledger, writer = open_ledger(path), sqlite3.connect(path, timeout=0, isolation_level=None)
    with ledger.snapshot(0) as snapshot:
        writer.execute("BEGIN")
        writer.execute(INSERT)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            writer.execute("COMMIT")
        assert kinds(snapshot) == ["old"]
    writer.execute("COMMIT")
    writer.close()
    assert heads(ledger) == 2


def test_a_closed_log_is_read_again_for_each_snapshot(tmp_path: Path) -> None:
    path = LedgerBuilder(tmp_path / "l.db").task("demo").receipt("old", at=START).write(journal="wal")
    ledger = open_ledger(path)
    assert heads(ledger) == 1
    with writing(path) as write:
        write(INSERT)
        assert heads(ledger) == 2
    assert heads(ledger) == 2
    ledger.close()


def test_a_closed_log_that_is_written_to_meanwhile_gives_no_answer(tmp_path: Path) -> None:
    """Nobody was there to be locked out: that it did not stay as it was can only be found out afterwards."""
    path = LedgerBuilder(tmp_path / "l.db").task("demo").receipt("old", at=START).write(journal="wal")
    ledger = open_ledger(path)
    read = ledger.snapshot(0)
    assert read.__enter__().head == 1
    with writing(path) as write:
        write(INSERT)
    with pytest.raises(LedgerError, match="was written to while it was read; ask again"):
        read.__exit__(None, None, None)
    assert heads(ledger) == 2


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A ledger in WAL mode that nobody has open, with one receipt."""
    return LedgerBuilder(tmp_path / "l.db").task("demo").receipt("old", at=START).write(journal="wal")


def test_a_question_is_put_again_where_a_writer_came_in_between(closed: Path) -> None:
    ledger, heads = open_ledger(closed), []

    def question(snapshot: Snapshot) -> int:
        heads.append(snapshot.head)
        if len(heads) < 3:
            with writing(closed) as write:
                write(INSERT)
            raise ZeroDivisionError("what is read of a file that changes meanwhile may be anything")
        return snapshot.head

    assert ledger.ask(0, question) == 3
    assert heads == [1, 2, 3]


def test_a_question_is_not_put_for_ever(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_PAUSES", (0.01, 0.01))
    ledger, heads = open_ledger(closed), []

    def question(snapshot: Snapshot) -> None:
        heads.append(snapshot.head)
        with writing(closed) as write:
            write(INSERT)

    with pytest.raises(LedgerError, match="was written to while it was read; ask again"):
        ledger.ask(0, question)
    assert heads == [1, 2, 3]


def test_what_a_writer_made_unreadable_is_not_called_damaged(closed: Path) -> None:
    """Where the file changed meanwhile, SQLite's complaint is about the change; it is kept in the message."""

    def read() -> None:
        with open_ledger(closed).snapshot(0) as snapshot:
            with writing(closed) as write:
                write(INSERT)
            with closed.open("r+b") as file:
                file.seek(100)
                file.write(b"\xff" * 8_000)
            snapshot.rows("SELECT count(*) FROM main.bindings", {})

    with pytest.raises(LedgerError) as caught:
        read()
    assert "was written to while it was read" in str(caught.value)
    assert "damaged" not in str(caught.value)


OPENING_AND_CLOSING = """
import sqlite3, sys, time
end, number = time.monotonic() + 3, 0
while time.monotonic() < end:
    connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
    number += 1
    connection.execute(
        "INSERT INTO telemetry_events SELECT 'w' || ?, NULL, NULL, timestamp, actor, 'new', severity, '', '{}', "
        "json_object('x', hex(randomblob(500))) FROM telemetry_events WHERE id = 'receipt-1'", (number,)
    )
    connection.close()
"""


def test_a_ledger_is_read_while_a_writer_opens_and_closes_it(tmp_path: Path) -> None:
    builder = LedgerBuilder(tmp_path / "l.db").task("demo")
    for _ in range(2_000):
        builder.receipt("old", at=START, attributes={"x": "y" * 500})
    path, last, count = builder.write(journal="wal"), 2_000, 0
    with subprocess.Popen([sys.executable, "-c", OPENING_AND_CLOSING, str(path)]) as process:
        while process.poll() is None:
            ledger = open_ledger(path)
            found = ledger.ask(
                0, lambda snapshot: snapshot.rows("SELECT count(*), sum(length(attributes)) FROM receipt", {})
            )
            ledger.close()
            assert found[0][0] >= last
            last, count = found[0][0], count + 1
    assert process.returncode == 0
    assert count > 20
    assert last > 2_010


def test_an_empty_log_is_as_good_as_none(tmp_path: Path) -> None:
    path = LedgerBuilder(tmp_path / "l.db").task("demo").receipt("old", at=START).write(journal="wal")
    (tmp_path / "l.db-wal").touch()
    assert heads(open_ledger(path)) == 1
    assert sorted(os.listdir(tmp_path)) == ["l.db", "l.db-wal"]


def test_a_ledger_that_takes_the_place_of_another_is_read(path: Path, tmp_path: Path) -> None:
    ledger = open_ledger(path)
    assert heads(ledger) == 1
    other = LedgerBuilder(tmp_path / "other.db").receipt("a", at=START).receipt("b", at=START).receipt("c", at=START)
    os.replace(other.write(), path)
    assert heads(ledger) == 3
    path.unlink()
    with pytest.raises(LedgerError, match="does not exist"):
        heads(ledger)


def test_a_child_process_has_a_connection_of_its_own(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that is carried across a fork may see locks that are not its own."""
    ledger = open_ledger(path)
    first = ledger._source
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert heads(ledger) == 1
    assert ledger._source is not first


def test_a_relative_path_is_of_the_folder_it_was_opened_in(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    ledger = open_ledger(path.name)
    monkeypatch.chdir("/")
    assert heads(ledger) == 1


def test_a_closed_ledger_opens_again(path: Path) -> None:
    ledger = open_ledger(path)
    ledger.close()
    ledger.close()
    assert heads(ledger) == 1


def test_a_snapshot_ends_with_its_block(path: Path) -> None:
    ledger = open_ledger(path)
    with ledger.snapshot(0) as snapshot:
        pass
    with pytest.raises(RuntimeError, match="the snapshot is over"):
        snapshot.rows("SELECT 1", {})
    with pytest.raises(ZeroDivisionError), ledger.snapshot(0) as snapshot:
        raise ZeroDivisionError
    assert heads(ledger) == 1


def test_snapshots_do_not_nest(path: Path) -> None:
    ledger = open_ledger(path)
    with ledger.snapshot(1) as snapshot:
        with pytest.raises(RuntimeError, match="open already"), ledger.snapshot(2):
            pytest.fail("two instants cannot be requested at once")
        assert snapshot.rows("SELECT asked_instant()", {}) == [(1,)]


def test_threads_take_turns(path: Path) -> None:
    ledger, wrong = open_ledger(path), []

    def ask(now: int) -> None:
        for _ in range(50):
            with ledger.snapshot(now) as snapshot:
                if snapshot.rows("SELECT asked_instant(), count(*) FROM receipt", {}) != [(now, 1)]:
                    wrong.append(now)

    threads = [threading.Thread(target=ask, args=(now,)) for now in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_ledger_without_receipts_has_the_head_0(tmp_path: Path) -> None:
    assert heads(open_ledger(LedgerBuilder(tmp_path / "l.db").write())) == 0


INTERRUPTED = """
import signal, sys
from interlock.ledger import open_ledger

def interrupt(number, frame):
    raise KeyboardInterrupt

signal.signal(signal.SIGALRM, interrupt)
counting = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)"
try:
    with open_ledger(sys.argv[1]).snapshot(0) as snapshot:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        snapshot.rows(f"{counting} SELECT count(instant_of('x' || i)) FROM n", {})
except KeyboardInterrupt:
    print("interrupted")
"""


def test_an_interrupt_is_an_interrupt(path: Path) -> None:
    """SQLite swallows what is raised while a function of ours runs.

    In a process of its own: an interrupt that falls into the lock of whoever measures coverage would never end.
    """
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(path)], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "interrupted\n"


@pytest.mark.parametrize(
    ("sql", "binds", "error", "told"),
    [
        ("SELECT :a", {}, sqlite3.ProgrammingError, "binding"),
        ("SELECT :a", {"a": "\udcff"}, UsageError, r"`\\udcff` is not text: it contains bytes that are not UTF-8"),
        ("SELEKT 1", {}, LedgerError, "cannot be read: .*SELEKT"),
    ],
)
def test_a_wrong_question(path: Path, sql: str, binds: dict[str, object], error: type[Exception], told: str) -> None:
    with open_ledger(path).snapshot(0) as snapshot, pytest.raises(error, match=told):
        snapshot.rows(sql, binds)


@pytest.mark.parametrize("source", ["ledger.db", "facts.ndjson"])
def test_a_snapshot_of_an_earlier_head_holds_what_was_there_then(source: str, tmp_path: Path) -> None:
    builder = LedgerBuilder(tmp_path / "ledger.db").task("demo").bind()
    for second in (1, 2, 3):
        builder.heartbeat("worker", at=f"2026-06-11T12:00:0{second}Z")
    builder.receipt("app_wakeup_dispatch_planned", at=START, attributes={"actions": [{"role": "worker"}]})
    path = builder.write()
    if source != "ledger.db":
        path = tmp_path / source
        rows = [f'{{"kind":"other","id":"{n}","seq":{n},"task":"demo","at":"{START}",{REST}}}' for n in (1, 2, 3, 4)]
        path.write_text("\n".join(rows), "utf-8")
    now = parse_instant("2026-06-11T12:01:00Z")
    ledger = open_ledger(path)
    for head, count in [(0, 0), (2, 2), (4, 4), (9, 4)]:
        with ledger.snapshot(now, head) as snapshot:
            assert (snapshot.head, len(kinds(snapshot)), len(list(snapshot.receipts()))) == (count, count, count)
            assert (snapshot.newest() is None) is (head == 0)
            if source == "ledger.db":
                assert len(snapshot.rows("SELECT * FROM heartbeat WHERE kind = 'app_heartbeat'", {})) == min(3, count)
                assert len(list(snapshot.entities("wake_action"))) == (count == 4)
                assert (snapshot.fact("receipt", "receipt-2") is None) is (head < 2)
    with ledger.snapshot(now) as snapshot:
        assert snapshot.head == 4, "the next one holds all again"


REST = '"actor":"system","severity":"info","summary":"","correlation":{}'


@pytest.mark.parametrize(("live", "views"), [(True, 5), (False, 13)])
def test_what_is_expected_is_made_at_once(path: Path, live: bool, views: int) -> None:
    """A view that is made later has SQLite prepare every statement again."""
    queries = ("SELECT * FROM receipt", "SELECT * FROM entity_seat")
    made = "SELECT count(*) FROM temp.sqlite_master WHERE type = 'view'"
    with open_ledger(path).snapshot(parse_instant(START), live=live) as snapshot:
        snapshot.expect(queries, ["seat", "app_heartbeat"])
        assert snapshot.rows(made, {}) == [(0,)]
        snapshot.rows(queries[0], {})
        assert snapshot.rows(made, {}) == [(views,)]
        snapshot.rows(queries[1], {})
        if not live:
            snapshot.changes("seat", None)
            snapshot.elsewhere("demo", 0, 1)
        assert snapshot.rows(made, {}) == [(views,)]
