"""Which ledger is read, and what is said of one that cannot be: a line, the exit code, and nothing written anywhere."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.conftest import Interlock, state
from tests.helpers.ledgers import LedgerBuilder

ASKED = ("eval", "smoke", "--task", "demo")


def text(path: Path) -> None:
    path.write_text("no ledger\n" * 500)


def empty(path: Path) -> None:
    path.touch()


def other(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE invoices (id)")
    connection.close()


def no_receipts(path: Path) -> None:
    connection = sqlite3.connect(LedgerBuilder(path).task("demo").write())
    connection.execute("DROP TABLE telemetry_events")
    connection.close()


def truncated(path: Path) -> None:
    LedgerBuilder(path).task("demo").write()
    path.write_bytes(path.read_bytes()[:20_000])


def header_only(path: Path) -> None:
    LedgerBuilder(path).task("demo").write()
    path.write_bytes(path.read_bytes()[:100])


def looping_link(path: Path) -> None:
    path.symlink_to(path)


def nothing(path: Path) -> None:
    assert not path.exists()


BAD: list[tuple[Callable[[Path], object], str]] = [
    (nothing, "does not exist"),
    (text, "is not an SQLite database"),
    (empty, "is an empty file"),
    (Path.mkdir, "is a folder"),
    (os.mkfifo, "is not a regular file"),
    (other, "is a SQLite database but not Conveyor's ledger: it has no table `tasks`"),
    (no_receipts, "is a SQLite database but not Conveyor's ledger: it has no table `telemetry_events`"),
    (truncated, "is damaged"),
    (header_only, "is not an SQLite database"),
    (looping_link, "symbolic links"),
]


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(("make", "told"), BAD, ids=lambda value: getattr(value, "__name__", ""))
def test_a_ledger_that_cannot_be_read(
    make: Callable[[Path], object], told: str, form: str, interlock: Interlock, folder: Path
) -> None:
    make(folder / "ledger.db")
    ran = interlock(*ASKED, "--ledger", "ledger.db", "--format", form)
    assert (ran.code, ran.out) == (6, "")
    assert ran.err.startswith("error: the ledger `ledger.db` ")
    assert told in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize("name", ["a?b#c%41.db", "two words.db", "\x1b[2J\u202e.db", "\udcff.db", "new\nline.db"])
def test_a_name_that_is_hard_to_write(name: str, interlock: Interlock, folder: Path) -> None:
    ran = interlock(*ASKED, "--ledger", name)
    assert ran.code == 6
    assert "does not exist" in ran.err
    LedgerBuilder(folder / name).task("demo").write()
    assert interlock(*ASKED, "--ledger", name).code == 4


STRANGER = """
import contextlib, io, os, sys
import interlock.cli
with contextlib.suppress(SystemExit), contextlib.redirect_stderr(io.TextIOWrapper(io.BytesIO())):
    interlock.cli.main([*sys.argv[1:], "--ledger", "nowhere.db"])  # all is imported while it may be
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
interlock.cli.main(sys.argv[1:])
"""


def test_a_ledger_that_may_not_be_read(folder: Path, process: Interlock) -> None:
    LedgerBuilder(folder / "ledger.db").task("demo").write().chmod(0)
    ran = process(*ASKED, "--ledger", "ledger.db", program=("-c", STRANGER))
    assert (ran.code, ran.out) == (6, "")
    assert ran.err.startswith("error: the ledger `ledger.db` ")
    assert "permission" in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_a_ledger_that_is_written_to_right_now(journal: str, folder: Path, interlock: Interlock) -> None:
    path = LedgerBuilder(folder / "ledger.db").task("demo").bind().write(journal=journal)
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("UPDATE tasks SET name = 'renamed'")
    before = state(folder)
    ran = interlock(*ASKED, "--ledger", "ledger.db")
    assert ran.code == 4, ran
    assert "task demo at " in ran.out
    assert state(folder) == before
    writer.execute("COMMIT")
    assert "unknown task `demo`" in interlock(*ASKED, "--ledger", "ledger.db").err
    assert interlock("eval", "smoke", "--task", "renamed", "--ledger", "ledger.db").code == 4
    writer.close()


def test_no_task_is_no_pass(interlock: Interlock, folder: Path) -> None:
    LedgerBuilder(folder / "ledger.db").write()
    ran = interlock("eval", "smoke", "--all-tasks", "--ledger", "ledger.db")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "error: the ledger `ledger.db` holds no task: nothing was judged\n"
    ran = interlock("tasks", "--ledger", "ledger.db")
    assert (ran.code, ran.out) == (0, "")


@pytest.mark.parametrize(
    ("table", "reads", "others"),
    [
        ("routed_notifications", ("integrity",), ("smoke", "loop", "readiness")),
        ("notification_acknowledgements", ("integrity",), ("smoke", "loop", "readiness")),
        (
            "worker_handoffs",
            ("rotation", "--param", "old_worker_thread_id=t"),
            ("smoke", "loop", "readiness", "integrity"),
        ),
    ],
)
def test_an_optional_table_is_missed_by_the_policies_that_read_it_and_no_other(
    table: str, reads: tuple[str, ...], others: tuple[str, ...], interlock: Interlock, folder: Path, story_path: Path
) -> None:
    shutil.copyfile(story_path, folder / "ledger.db")
    asked = ("--task", "checkout-refactor", "--at", "2026-06-22T09:20:00Z", "--ledger", "ledger.db")
    whole = interlock("eval", *others, *asked)
    connection = sqlite3.connect(folder / "ledger.db")
    connection.execute(f"DROP TABLE {table}")
    connection.close()
    assert interlock("eval", *others, *asked) == whole
    assert whole.out
    ran = interlock("eval", *reads, *asked)
    assert (ran.code, ran.out) == (6, "")
    assert ran.err == (
        f"error: the ledger `ledger.db` has no table `{table}`, which the request needs; policies that do not "
        "read it can decide\n"
    )


@pytest.fixture
def nest(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the ledgers of three projects, of which the command runs in the innermost."""
    for place, name in [(folder, "outer"), (folder / "inner", "inner"), (folder / "elsewhere", "elsewhere")]:
        (place / ".codex-workers").mkdir(parents=True)
        LedgerBuilder(place / ".codex-workers" / "workerctl.db").task(name).write()
    below = folder / "inner" / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    return folder


def test_the_nearest_ledger_above_is_read(nest: Path, interlock: Interlock) -> None:
    assert interlock("tasks").out == "inner  nothing was recorded\n"
    assert "task inner at " in interlock("eval", "smoke", "--task", "inner").out
    os.chdir(nest)
    assert interlock("tasks").out == "outer  nothing was recorded\n"


def test_the_environment_names_the_ledger(nest: Path, interlock: Interlock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERLOCK_LEDGER", str(nest / "elsewhere" / ".codex-workers" / "workerctl.db"))
    assert interlock("tasks").out == "elsewhere  nothing was recorded\n"
    assert (
        interlock("tasks", "--ledger", str(nest / ".codex-workers" / "workerctl.db")).out
        == "outer  nothing was recorded\n"
    )
    monkeypatch.setenv("INTERLOCK_LEDGER", "nowhere.db")
    assert "`nowhere.db` does not exist" in interlock("tasks").err
    monkeypatch.setenv("INTERLOCK_LEDGER", "")
    ran = interlock("tasks")
    assert (ran.code, ran.err) == (2, "error: `INTERLOCK_LEDGER` is empty; give it a value, or unset it\n")


@pytest.mark.parametrize("gone", [False, True], ids=["nowhere", "in a folder that is no more"])
def test_where_no_ledger_is_found_all_ways_to_name_one_are_told(folder: Path, interlock: Interlock, gone: bool) -> None:
    if gone:
        (folder / "gone").mkdir()
        os.chdir(folder / "gone")
        (folder / "gone").rmdir()
    ran = interlock(*ASKED)
    assert ran.code == 2
    assert [
        way for way in ("`--ledger PATH`", "`$INTERLOCK_LEDGER`", "`.codex-workers/workerctl.db`") if way not in ran.err
    ] == []
