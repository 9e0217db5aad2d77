"""A fleet goes on whatever happens to a ledger or a worker: what could not be judged is named, the others are judged.

What happens to them is arranged from outside: the workers find a `sitecustomize` that acts when a ledger is opened.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import interlock as interlock_package
from tests.acceptance.conftest import Interlock
from tests.helpers.ledgers import LedgerBuilder
from tests.helpers.signals import starting

POLICY = """\
policy: open
version: 1
question: Is it open?
decide:
  - {state: open, allow: true}
"""
HOOK = """\
import os, shutil, signal, sqlite3, time
connect = sqlite3.connect
def opening(name, *args, **how):
    for word in ("kill", "once", "slow", "truncate", "delete", "replace", "edit"):
        if f"/{word}" in str(name):
            globals()[word](str(name).split("?")[0].removeprefix("file://"))
    return connect(name, *args, **how)
def kill(path):
    os.kill(os.getpid(), signal.SIGKILL)
def once(path):
    try:
        os.close(os.open("once.mark", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    kill(path)
def slow(path):
    open("slow.mark", "w").close()
    time.sleep(600)
def truncate(path):
    os.truncate(path, 2048)
def delete(path):
    os.unlink(path)
def replace(path):
    with open(path + ".new", "wb") as file:
        file.write(b"something else" * 100)
    os.rename(path + ".new", path)
def edit(path):
    with open("open.yaml", "a") as file:
        file.write("# softer\\n")
sqlite3.connect = opening
"""
LEDGERS = ("--ledgers", "*.db", "--format")
COMMANDS = {
    "judged": ("fleet", "open.yaml", *LEDGERS, "json"),
    "compared": ("fleet-diff", "open.yaml", "open.yaml", "--from", "-1h", *LEDGERS, "json"),
}
"""The commands that work on many ledgers, by what they do."""


@pytest.fixture
def hook(folder: Path, tmp_path: Path) -> dict[str, str]:
    """The variables with which workers act on ledgers by their names, of which three are ordinary."""
    place = tmp_path / "hook"
    place.mkdir()
    (place / "sitecustomize.py").write_text(HOOK, "utf-8")
    (folder / "open.yaml").write_text(POLICY, "utf-8")
    for name in ("a", "b", "c"):
        LedgerBuilder(folder / f"{name}.db").task("one").write()
    return {"PYTHONPATH": os.pathsep.join([str(place), str(Path(interlock_package.__file__).parents[1])])}


@pytest.fixture(params=COMMANDS)
def done(request: pytest.FixtureRequest) -> str:
    """What is done with the ledgers: a key of `COMMANDS`."""
    return str(request.param)


def outcome(out: str) -> dict[str, str | None]:
    """The fault of each ledger; None for one that was judged, with a decision that allows, or compared."""
    *lines, end = (json.loads(line) for line in out.splitlines())
    ledgers = {each["path"]: each["fault"] for each in lines if "fault" in each}
    found = {each["ledger"]["path"] for each in lines if each.get("allow")}
    found |= {each["path"] for each in lines if each.get("comparison")}
    assert found == {path for path, fault in ledgers.items() if fault is None}
    assert end["kind"] in ("fleet_end", "fleet_diff_end")
    assert (end["ledgers"], end["faults"]) == (len(ledgers), len(ledgers) - len(found))
    return ledgers


@pytest.mark.parametrize("workers", ["1", "3"])
@pytest.mark.parametrize(("retries", "times"), [("0", "once"), ("1", "2 times")])
def test_a_ledger_that_kills_every_worker_is_named_and_all_others_are_judged(
    done: str, workers: str, retries: str, times: str, hook: dict[str, str], folder: Path, process: Interlock
) -> None:
    LedgerBuilder(folder / "kill.db").task("one").write()
    ran = process(*COMMANDS[done], "--workers", workers, "--retries", retries, env=hook)
    assert ran.code == 6
    assert ran.err == f"error: 1 ledger of 4 could not be {done}\n"
    died = f"the process that judged it died, {times}"
    assert outcome(ran.out) == {"a.db": None, "b.db": None, "c.db": None, "kill.db": died}


def test_a_worker_that_is_killed_once_costs_nothing(
    done: str, hook: dict[str, str], folder: Path, process: Interlock
) -> None:
    LedgerBuilder(folder / "once.db").task("one").write()
    ran = process(*COMMANDS[done], "--workers", "2", env=hook)
    assert (ran.code, ran.err) == (0, "")
    assert (folder / "once.mark").exists()
    assert outcome(ran.out) == dict.fromkeys(["a.db", "b.db", "c.db", "once.db"])


def test_a_ledger_that_takes_too_long_is_named(
    done: str, hook: dict[str, str], folder: Path, process: Interlock
) -> None:
    LedgerBuilder(folder / "slow.db").task("one").write()
    for workers in ("1", "2"):
        ran = process(*COMMANDS[done], "--workers", workers, "--timeout", "2s", env=hook)
        assert ran.code == 6
        why = "it took longer than 2s; give it longer with `--timeout`"
        assert outcome(ran.out) == {"a.db": None, "b.db": None, "c.db": None, "slow.db": why}


def test_a_pipe_is_named_at_once(done: str, hook: dict[str, str], folder: Path, process: Interlock) -> None:
    """It is not opened: nobody may ever write to it."""
    os.mkfifo(folder / "pipe.db")
    ran = process(*COMMANDS[done], env=hook)
    assert ran.code == 6
    why = "the ledger `pipe.db` is not a regular file; name Conveyor's ledger with `--ledger PATH`"
    assert outcome(ran.out) == {"a.db": None, "b.db": None, "c.db": None, "pipe.db": why}


@pytest.mark.parametrize("name", ["truncate", "delete", "replace"])
def test_a_ledger_that_changes_under_the_fleet_is_named(
    done: str, name: str, hook: dict[str, str], folder: Path, process: Interlock
) -> None:
    LedgerBuilder(folder / f"{name}.db").task("one").write()
    ran = process(*COMMANDS[done], env=hook)
    assert ran.code == 6
    found = outcome(ran.out)
    assert f"the ledger `{name}.db` " in str(found.pop(f"{name}.db"))
    assert found == dict.fromkeys(["a.db", "b.db", "c.db"])


def test_a_ledger_that_is_locked_is_named(done: str, hook: dict[str, str], folder: Path, process: Interlock) -> None:
    LedgerBuilder(folder / "d.db").task("one").write()
    with closing(sqlite3.connect(folder / "d.db", isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        ran = process(*COMMANDS[done])
    assert ran.code == 6
    assert "is locked by a process that writes to it" in str(outcome(ran.out)["d.db"])


def test_a_policy_that_is_changed_meanwhile_ends_the_run(
    done: str, hook: dict[str, str], folder: Path, process: Interlock
) -> None:
    LedgerBuilder(folder / "edit.db").task("one").receipt(
        "other", at="2026-06-11T12:00:00Z", summary="x" * 9000
    ).write()
    ran = process(*COMMANDS[done], "--workers", "1", "--output", "run.jsonl", env=hook)
    assert ran.code == 2
    assert ran.err.startswith("error: a worker cannot judge as it must: other policies: `open` sha256:")
    assert json.loads((folder / "run.jsonl").read_text("utf-8"))["allow"] is None


def started(*words: str, env: dict[str, str], folder: Path) -> subprocess.Popen[bytes]:
    """The command in a session of its own, when a worker has opened the slow ledger."""
    with starting(interruptible=True):
        run = subprocess.Popen(
            [sys.executable, "-m", "interlock", *words],
            env={**os.environ, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    until((folder / "slow.mark").exists)
    return run


def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def alive(session: int) -> bool:
    """Whether a process of a session is left."""
    for each in Path("/proc").iterdir():
        if each.name.isdigit():
            try:
                state, *_, of = each.joinpath("stat").read_text().rpartition(") ")[2].split()[:4]
            except OSError:
                continue
            if int(of) == session and state != "Z":
                return True
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda each: each.name)
@pytest.mark.parametrize("whom", ["all", "one"])
def test_nothing_is_left_of_a_run_that_is_ended(
    done: str, sent: signal.Signals, whom: str, hook: dict[str, str], folder: Path
) -> None:
    LedgerBuilder(folder / "slow.db").task("one").write()
    (folder / "run.jsonl").write_text("an earlier run", "utf-8")
    run = started(*COMMANDS[done], "--workers", "2", "--output", "run.jsonl", env=hook, folder=folder)
    (os.killpg if whom == "all" else os.kill)(run.pid, sent)
    out, err = run.communicate(timeout=30)
    until(lambda: not alive(run.pid))
    if sent is signal.SIGINT or (sent is signal.SIGTERM and whom == "one"):
        assert (run.returncode, out, err) == (130, b"", b"\n")
        assert sorted(each.name for each in folder.iterdir() if "run" in each.name) == ["run.jsonl"]
    text = (folder / "run.jsonl").read_text("utf-8")
    assert json.loads(text)["allow"] is None
    assert text.count("\n") == 1


def full(most: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_disk_that_is_full_leaves_no_half_of_a_file(
    done: str, form: str, hook: dict[str, str], folder: Path, process: Interlock
) -> None:
    how: dict[str, Any] = {"preexec_fn": partial(full, 60)}
    ran = process(*COMMANDS[done][:-1], form, "--output", "run", **how)
    assert ran.code == 2
    assert ran.err.splitlines()[-1].startswith("error: cannot write `run`: ")
    assert [each.name for each in folder.iterdir() if each.name.startswith("run")] in ([], ["run"])
    if (folder / "run").exists():
        assert "cannot write" in (folder / "run").read_text("utf-8")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is full")
@pytest.mark.parametrize("form", ["text", "json"])
def test_an_output_that_takes_nothing_is_an_error(
    done: str, form: str, hook: dict[str, str], folder: Path, process: Interlock
) -> None:
    ran = process(*COMMANDS[done][:-1], form, "--output", "/dev/full")
    assert (ran.code, ran.err) == (2, "error: cannot write `/dev/full`: no space left on device\n")
    with open("/dev/full", "wb") as sink:
        ran = process(*COMMANDS[done][:-1], form, stdout=sink)
    assert (ran.code, ran.err) == (2, "error: cannot write to standard output: no space left on device\n")
