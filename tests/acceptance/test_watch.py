"""`interlock watch`, in a process of its own, beside others that write to the ledger."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

import interlock as api
from interlock.analysis.watch import Round
from interlock.cli.live import LiveTable
from interlock.cli.notify import notify
from interlock.cli.watch import Teller
from interlock.model.watch import Change
from tests.acceptance.conftest import Interlock
from tests.acceptance.test_terminal import terminal
from tests.helpers.ledgers import LedgerBuilder
from tests.helpers.signals import starting

POLICY = """\
policy: marked
version: 1
title: Marked
question: Has anybody marked it?
facts:
  mark: {from: app_smoke_skipped, take: latest}
rules:
  - id: unmarked
    when: mark == null
    block: nobody has marked {task}
    fix: mark {task}
decide:
  - {state: unmarked, when: blocked, allow: false}
  - {state: marked, allow: true}
"""
WRITER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.argv[2:]:
    connection.execute(statement)
connection.close()
"""
Watching = Callable[..., "subprocess.Popen[str]"]


def mark(state: str = "one") -> str:
    """The statement that writes a receipt, as of now."""
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    attributes = json.dumps({"smoke_id": "smoke-1", "nonce": "n", "mode": "skip", "scope": "pair", "worker_count": 1})
    return (
        "INSERT INTO telemetry_events (id, task_id, timestamp, actor, event_type, severity, summary, correlation_json,"
        f" attributes_json) VALUES ('{state}', 'task-1', '{at}', 'operator', 'app_smoke_skipped', 'info', '', '{{}}',"
        f" '{attributes}')"
    )


def write(*statements: str, path: str = "ledger.db") -> None:
    """Write to the ledger, by a process of its own."""
    subprocess.run([sys.executable, "-c", WRITER, path, *statements], check=True, timeout=30)


@pytest.fixture
def ledger(folder: Path) -> Path:
    """A ledger of a task that nobody has marked yet, beside the policy that asks."""
    (folder / "marked.yaml").write_text(POLICY, "utf-8")
    return LedgerBuilder(folder / "ledger.db").task("demo").write()


@pytest.fixture
def watching(ledger: Path) -> Iterator[Watching]:
    """Starts to watch, whatever this process does on SIGINT; whoever still watches when the test is over is ended."""
    started: list[subprocess.Popen[str]] = []
    path = os.pathsep.join(filter(None, [str(Path(api.__file__).parents[1]), os.environ.get("PYTHONPATH")]))

    def start(*args: str, interruptible: bool = True, alone: bool = False, **how: Any) -> subprocess.Popen[str]:
        task = () if alone else ("--task", "demo")
        command = [sys.executable, "-m", "interlock", "watch", "./marked.yaml", *task, *args]
        with starting(interruptible=interruptible):
            found = subprocess.Popen(
                [*command, "--ledger", "ledger.db"],
                env={**os.environ, "PYTHONPATH": path},
                **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **how},
            )
        started.append(found)
        return found

    yield start
    for each in started:
        each.kill()
        each.communicate()


def line(process: subprocess.Popen[str]) -> list[str]:
    """The words of the next line, without its time."""
    assert process.stdout is not None
    return process.stdout.readline().split()[1:]


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """The exit code, and what is left of both outputs."""
    out, err = process.communicate(timeout=30)
    assert "Traceback" not in err
    return process.returncode, out, err


@pytest.mark.slow
@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_receipt_ends_the_wait(journal: str, watching: Watching, process: Interlock) -> None:
    write(f"PRAGMA journal_mode = {journal}")
    args = ("--until", "allow", "--notify-cmd", "cat >> seen.ndjson", "--decision-log", "log.ndjson")
    watch = watching(*args)
    assert " ".join(line(watch)) == "marked denied unmarked; 1 finding left: nobody has marked demo"
    write(mark())
    assert " ".join(line(watch)) == "marked allowed unmarked -> marked; by app_smoke_skipped one"
    code, out, err = ended(watch)
    assert (code, out) == (0, "")
    assert ("its log is not beside it" in err) is (journal == "wal"), "the writer took the log away when it closed"
    (told,) = [json.loads(each) for each in Path("seen.ndjson").read_text("utf-8").splitlines()]
    logged = [json.loads(each)["decision"] for each in Path("log.ndjson").read_text("utf-8").splitlines()]
    assert [each["allow"] for each in logged] == [False, True]
    assert logged[1] == told
    assert not Path("ledger.db-wal").exists(), "who writes may clean up"
    # Within one second it cannot be determined whether the receipt came before the first decision or after it.
    # A note about a log that was away is true of its moment only: where it differs later, so does the record.
    assert process("verify-decision", "log.ndjson").code in ((0, 3, 4) if journal == "wal" else (0, 4))


@pytest.mark.slow
def test_whatever_happens_to_the_file_the_wait_goes_on(watching: Watching, ledger: Path) -> None:
    watch = watching("--until", "allow", "--timeout", "60s")
    assert line(watch)[:2] == ["marked", "denied"]
    write("VACUUM")
    other = LedgerBuilder("other.db").task("demo").receipt("other", at="2026-01-01T00:00:00Z").write()
    os.replace(other, ledger)
    time.sleep(1.2)
    os.rename(ledger, "away.db")
    time.sleep(1.5)
    os.rename("away.db", ledger)
    time.sleep(1.2)
    locking = sqlite3.connect(ledger, isolation_level=None)
    locking.execute("BEGIN EXCLUSIVE")
    locking.execute("UPDATE tasks SET goal = 'x'")
    os.utime(ledger)
    time.sleep(1.6)
    locking.execute("COMMIT")
    locking.close()
    write(mark())
    assert line(watch)[:2] == ["marked", "allowed"]
    code, out, err = ended(watch)
    assert (code, out) == (0, "")
    assert [each.split("; ")[-1] for each in err.splitlines()] == [
        "trying again" if "trying" in each else "note: the ledger can be read again" for each in err.splitlines()
    ]
    assert "does not exist" in err
    assert "is locked by a process that writes to it" in err
    assert err.count("can be read again") == 2


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_ends_it_cleanly(how: signal.Signals, watching: Watching) -> None:
    watch = watching()
    line(watch)
    watch.send_signal(how)
    code, out, err = ended(watch)
    assert (code, out, err.strip()) == (130, "", "")


@pytest.mark.slow
def test_a_background_job_goes_on_when_its_shell_is_interrupted_and_ends_by_sigterm(watching: Watching) -> None:
    """A shell starts background jobs with SIGINT ignored, so that Ctrl-C is for the job in front alone."""
    watch = watching("--until", "allow", interruptible=False)
    line(watch)
    watch.send_signal(signal.SIGINT)
    write(mark())
    assert line(watch)[1] == "allowed"
    assert ended(watch)[0] == 0
    other = watching(interruptible=False)
    line(other)
    other.send_signal(signal.SIGTERM)
    assert ended(other)[0] == 130


@pytest.mark.slow
def test_an_interruption_leaves_no_command_behind(watching: Watching) -> None:
    watch = watching("--notify-cmd", "echo $$ > pid; exec sleep 60")
    line(watch)
    write(mark())
    line(watch)
    while not Path("pid").exists() or not Path("pid").read_text("utf-8"):
        time.sleep(0.05)
    watch.send_signal(signal.SIGINT)
    assert ended(watch)[0] == 130
    with pytest.raises(ProcessLookupError):
        os.kill(int(Path("pid").read_text("utf-8")), 0)


@pytest.mark.slow
def test_the_time_is_up_with_what_stands_in_the_way(watching: Watching) -> None:
    watch, idle = watching("--until", "allow", "--timeout", "1s"), watching("--format", "json", "--timeout", "1s")
    line(watch)
    code, out, err = ended(watch)
    assert (code, re.sub(r"at 2\S+Z", f"at {NOW}", out), err) == (
        4,
        f"\ndenied     marked  task demo at {NOW}: unmarked"
        + ("" if api.evaluate("marked.yaml", ledger="ledger.db", task="demo").engine == "both" else ALONE)
        + "\n  block    nobody has marked demo\n           fix:\n           mark demo\n",
        "note: the time is up\n",
    )
    code, out, _ = ended(idle)
    assert (code, [json.loads(each)["allow"] for each in out.splitlines()]) == (4, [False, False])


NOW = "NOW"
ALONE = " (judged by reference alone)"


@pytest.mark.slow
def test_waiting_costs_next_to_nothing(watching: Watching) -> None:
    spent = []
    for seconds in ("0s", "4s"):
        watch = watching("--timeout", seconds, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(watch.pid, 0)
        watch.returncode = os.waitstatus_to_exitcode(status)
        assert watch.returncode == 4
        spent.append(used.ru_utime + used.ru_stime)
    assert spent[1] - spent[0] < 0.3, spent


@pytest.mark.slow
def test_a_reader_that_goes_away_ends_it(watching: Watching) -> None:
    watch = watching()
    line(watch)
    assert watch.stdout is not None
    watch.stdout.close()
    watch.stdout = None
    write(mark())
    assert ended(watch)[0] == 0


@pytest.mark.slow
def test_what_falls_due_ends_the_wait_though_nothing_is_written(watching: Watching) -> None:
    Path("marked.yaml").write_text(POLICY.replace("mark == null", 'mark == null || now - mark.at > duration("9s")'))
    write(mark())
    watch = watching("--until", "deny", "--timeout", "60s")
    allowed = " ".join(line(watch))
    assert re.fullmatch(r"marked allowed marked; until \d\d:\d\d:\d\dZ \(\d s\)", allowed), allowed
    denied = "marked denied marked -> unmarked; 1 finding left: nobody has marked demo; by time alone"
    assert " ".join(line(watch)) == denied
    assert ended(watch) == (3, "", "")


@pytest.mark.slow
def test_any_change_ends_it_if_that_is_asked(watching: Watching) -> None:
    write(mark())
    watch = watching("--until", "change")
    assert line(watch) == ["marked", "allowed", "marked"]
    write("DELETE FROM telemetry_events")
    assert " ".join(line(watch)).endswith("nobody has marked demo; by something that is not a receipt")
    assert ended(watch) == (3, "", "")


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        (("--until", "deny"), 3, ""),
        (("--ledger", "-"), 2, "standard input cannot be watched"),
        (("--timeout", "10"), 2, "`--timeout`: `10` is not a duration"),
        (("--until", "never"), 2, "`never` is not one of `allow`, `deny`, `change`"),
        (("--ledger", "nowhere.db"), 6, "does not exist"),
        (("--decision-log", "ledger.db"), 2, "cannot append to the decision log `ledger.db`"),
        (("--task=demos",), 2, "did you mean `demo`?"),
    ],
)
def test_what_is_known_at_once_ends_it_at_once(
    args: Sequence[str], code: int, told: str, interlock: Interlock, ledger: Path
) -> None:
    kept = signal.getsignal(signal.SIGTERM)
    own = () if "--ledger" in args else ("--ledger", "ledger.db")
    task = () if args[0].startswith("--task") else ("--task", "demo")
    ran = interlock("watch", "./marked.yaml", *task, *own, *args)
    signal.signal(signal.SIGTERM, kept)
    assert ran.code == code
    assert told in ran.err
    assert bool(ran.out) is (code == 3)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("cat > seen", ""),
        ("true", ""),
        ("echo loud; exit 3", "loud\nnote: `echo loud; exit 3` failed: exit code 3\n"),
        ("no-such-command 2>/dev/null", "note: `no-such-command 2>/dev/null` failed: exit code 127\n"),
        ("sleep 60", "note: `sleep 60` took longer than 0.5 s and was ended\n"),
    ],
)
def test_a_command_is_told_of_a_change(
    command: str, told: str, ledger: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    decision = api.evaluate("marked.yaml", ledger="ledger.db", task="demo")
    notify(command, decision, 0.5)
    assert capfd.readouterr() == ("", told)
    if command == "cat > seen":
        assert json.loads(Path("seen").read_text("utf-8"))["findings"][0]["message"] == "nobody has marked demo"


@pytest.mark.slow
def test_all_tasks_are_watched_and_a_new_one_is_noticed(ledger: Path, watching: Watching) -> None:
    watch = watching("--all-tasks", "--timeout", "20s", "--until", "allow", alone=True)
    assert line(watch)[:3] == ["marked", "demo", "denied"]
    write("INSERT INTO tasks SELECT 'task-2', 'other', goal, summary, state, created_at, updated_at FROM tasks LIMIT 1")
    assert line(watch)[:3] == ["marked", "other", "denied"]
    write(mark(), mark("two").replace("task-1", "task-2"))
    assert [line(watch)[1:3] for _ in "ab"] == [["demo", "allowed"], ["other", "allowed"]]
    assert ended(watch)[:2] == (0, "")


def test_a_line_is_printed_once(interlock: Interlock, ledger: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Though something was found that the line has no room for."""
    decision = api.evaluate("marked.yaml", ledger="ledger.db", task="demo")
    more = structs.replace(decision, findings=(structs.replace(decision.findings[0], fix="mark it"),))
    teller = Teller("text", None, Change, None, every=False)
    capfd.readouterr()
    for before, after in ((None, decision), (decision, more)):
        assert teller.tell(Round((after,), ((before, after),)))
    assert capfd.readouterr().out.count("\n") == 1


@pytest.mark.slow
def test_a_terminal_shows_a_table_that_is_drawn_again_in_place(ledger: Path) -> None:
    shown = terminal(
        *("watch", "./marked.yaml", "--all-tasks", "--ledger", str(ledger), "--timeout", "2500ms"),
        env={"NO_COLOR": "1"},
    )
    first, *again = shown.split("\x1b[4F\x1b[J")
    assert len(again) >= 2
    for each in (first, *again):
        head, empty, columns, row, *_ = each.splitlines()
        assert re.fullmatch(r"1 task at 2\S+Z( \(judged by reference alone\))?", head)
        assert (empty, columns.split(), row.split()) == ("", ["task", "marked"], ["demo", "denied"])
    assert shown.endswith("note: the time is up\n")


def test_a_table_that_is_higher_than_the_terminal_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []

    def put(text: str) -> bool:
        drawn.append(text)
        return True

    monkeypatch.setattr("interlock.cli.live.os.get_terminal_size", lambda _: os.terminal_size((20, 8)))
    monkeypatch.setattr("interlock.cli.live.output.width", lambda _: 20)
    monkeypatch.setattr("interlock.cli.live.output.put", put)
    table = LiveTable()
    assert table.draw([f"row {number}" for number in range(20)])
    assert drawn[0].splitlines() == [
        *(f"row {number}" for number in range(6)),
        "and 14 more lines; `interlock eval --all-tasks` shows all",
    ]
    table.note("changed")
    table.draw(["x" * 21])
    assert drawn[1] == f"\x1b[9F\x1b[J{'x' * 21}\n\nchanged\n", "the last line took three rows"
    table.leave()
    table.draw([])
    assert drawn[2] == "\nchanged\n"


def test_a_ledger_without_a_task_is_nothing_to_watch(interlock: Interlock, folder: Path) -> None:
    LedgerBuilder(folder / "empty.db").write()
    kept = signal.getsignal(signal.SIGTERM)
    ran = interlock("watch", "smoke", "--all-tasks", "--ledger", "empty.db")
    signal.signal(signal.SIGTERM, kept)
    assert ran == (2, "", "error: the ledger `empty.db` holds no task: nothing was judged\n")
