"""Runs the command as a person does, and holds every run to what all of them must keep."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import interlock as interlock_package
from interlock.cli import main
from tests.helpers.engine import as_by_both
from tests.helpers.printed import check_printed

EXITS = {0, 2, 3, 4, 5, 6}
"""The codes of a run that found no bug and that nobody interrupted."""


class Ran(NamedTuple):
    """What a run left behind: its exit code, and its two outputs."""

    code: int
    out: str
    err: str


Interlock = Callable[..., Ran]


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which compiled policies are kept from test to test."""
    return tmp_path_factory.mktemp("compiled")


@pytest.fixture
def folder(tmp_path: Path, compiled: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The empty folder that the command runs in."""
    found = tmp_path / "here"
    found.mkdir()
    monkeypatch.chdir(found)
    monkeypatch.setenv("XDG_CACHE_HOME", str(compiled))
    monkeypatch.delenv("NO_COLOR", raising=False)
    return found


@pytest.fixture
def own_cache(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No other test sees what this one caches."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[sqlite3.Connection]:
    """Every connection to SQLite that is opened."""
    opened: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def recording(*args: Any, **how: Any) -> sqlite3.Connection:
        opened.append(connect(*args, **how))
        return opened[-1]

    monkeypatch.setattr(sqlite3, "connect", recording)
    return opened


@pytest.fixture
def interlock(folder: Path, capfd: pytest.CaptureFixture[str], connections: list[sqlite3.Connection]) -> Interlock:
    """Runs the command in this process."""

    def run(*args: str) -> Ran:
        before = state(folder)
        capfd.readouterr()
        connections.clear()
        with pytest.raises(SystemExit) as exited:
            main.main(args)
        found = Ran(int(exited.value.code or 0), *capfd.readouterr())
        assert not any(map(is_open, connections)), "a connection was left open"
        assert state(folder) == before, "the command wrote something"
        return kept(found, args)

    return run


@pytest.fixture
def process(folder: Path) -> Interlock:
    """Runs the command in a process of its own, or else a `program`; other keywords are those of `subprocess.run`.

    A program inspects the process itself: coverage measurement leaves it alone.
    """

    def run(*args: str, program: tuple[str, ...] = (), env: Mapping[str, str] = {}, **how: Any) -> Ran:
        environment = {**os.environ, "PYTHONPATH": str(Path(interlock_package.__file__).parents[1]), **env}
        for name in [name for name in environment if program and name.startswith("COV")]:
            del environment[name]
        outputs = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how}
        command = [sys.executable, *(program or ("-m", "interlock")), *args]
        done = subprocess.run(command, env=environment, timeout=60, check=False, **outputs)
        ran = Ran(done.returncode, (done.stdout or b"").decode(), (done.stderr or b"").decode())
        return kept(ran, () if program else args)

    return run


def kept(ran: Ran, args: Sequence[str] = ()) -> Ran:
    """The run, if it keeps to what every run must keep to."""
    check_printed(args, ran.out)
    assert "Traceback" not in ran.err
    assert ran.code in EXITS, ran
    assert not any(char in ran.out + ran.err for char in "\x00\x07\x1b\x7f\x9b\u202e"), "a control reached the terminal"
    assert bool(ran.err.startswith("error: ")) is (ran.code in {2, 6}), ran
    return ran._replace(out=as_by_both(ran.out))


def is_open(connection: sqlite3.Connection) -> bool:
    """Whether it was not closed."""
    try:
        connection.execute("SELECT 1")
    except sqlite3.ProgrammingError:
        return False
    return True


def state(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file below a folder, with what changes when it is written to."""
    found = {path: path.lstat() for path in folder.rglob("*")}
    return {str(path): (status.st_size, status.st_mtime_ns) for path, status in found.items()}
