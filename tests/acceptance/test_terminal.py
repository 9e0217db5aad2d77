"""What the command does with its streams: pipes that close, encodings that lack a letter, terminals, interruptions."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from pathlib import Path

import pytest

from interlock import __version__, request
from interlock.cli import main
from tests.acceptance.conftest import Interlock
from tests.helpers.engine import as_by_both
from tests.helpers.ledgers import LedgerBuilder

DENIED = ("eval", "smoke", "--task", "checkout-refactor", "--at", "2026-06-22T09:20:00Z", "--ledger")


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_reader_that_goes_away_early_changes_no_verdict(form: str, process: Interlock, story_path: Path) -> None:
    out, into = os.pipe()
    os.close(out)
    ran = process(*DENIED, str(story_path), "--format", form, stdout=into)
    os.close(into)
    assert (ran.code, ran.err) == (3, "")


FULL = "error: cannot write to standard output: no space left on device\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is always full")
@pytest.mark.parametrize("args", [DENIED, ("tasks", "--ledger")], ids=["eval", "tasks"])
def test_what_cannot_be_written_is_told(args: tuple[str, ...], process: Interlock, story_path: Path) -> None:
    with open("/dev/full", "wb") as full:
        ran = process(*args, str(story_path), stdout=full)
    assert (ran.code, ran.err) == (2, FULL)


@pytest.mark.parametrize("args", [("--help",), ("eval", "-h"), ("--version",)], ids=" ".join)
def test_help_is_written_as_answers_are(args: tuple[str, ...], process: Interlock) -> None:
    out, into = os.pipe()
    os.close(out)
    ran = process(*args, stdout=into)
    os.close(into)
    assert (ran.code, ran.err) == (0, "")
    if os.path.exists("/dev/full"):
        with open("/dev/full", "wb") as full:
            ran = process(*args, stdout=full)
        assert (ran.code, ran.err) == (2, FULL)


@pytest.mark.parametrize("streams", [">&- 2>&-", "2>&-", ">&-", "2>/dev/full"])
def test_streams_that_are_closed_or_full_change_no_verdict(streams: str, folder: Path, story_path: Path) -> None:
    for args, code in [((*DENIED, str(story_path)), 3), (("eval",), 2)]:
        script = f'exec "{sys.executable}" -m interlock "$@" {streams}'
        done = subprocess.run(["sh", "-c", script, "sh", *args], capture_output=True, check=False, timeout=60)
        assert done.returncode == code
        assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("env", "shown"),
    [
        ({"PYTHONIOENCODING": "ascii"}, "na\\xefve \\u2713"),
        ({"PYTHONIOENCODING": "latin-1:strict"}, None),
        ({"PYTHONIOENCODING": "cp1252"}, None),
        ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LANG": "C"}, "na\\xefve \\u2713"),
        ({"LC_ALL": "C.UTF-8"}, "naïve ✓"),
    ],
    ids=["ascii", "latin-1", "cp1252", "C", "UTF-8"],
)
def test_a_letter_that_the_terminal_lacks(
    env: dict[str, str], shown: str | None, folder: Path, process: Interlock
) -> None:
    LedgerBuilder(folder / "ledger.db").task("naïve ✓").write()
    if shown is not None:
        assert process("tasks", "--ledger", "ledger.db", env=env).out == f"{shown}  nothing was recorded\n"
        assert process("eval", "smoke", "--all-tasks", "--ledger", "ledger.db", env=env).code == 4
    ran = process("eval", "smoke", "--all-tasks", "--ledger", "ledger.db", "--format", "json", env=env)
    assert '"task":"naïve ✓"' in ran.out, "JSON is UTF-8 wherever it is written"


def read(terminal: int) -> bytes:
    """What comes next; nothing when the last writer is gone."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


def terminal(*args: str, columns: int = 80, env: Mapping[str, str] = {}) -> str:
    """What the command writes to a terminal of so many columns."""
    inner, outer = pty.openpty()
    fcntl.ioctl(outer, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    command = [sys.executable, "-m", "interlock", *args]
    own = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR", "FORCE_COLOR")}
    environment = own | {"TERM": "xterm", **env}
    with subprocess.Popen(command, stdin=outer, stdout=outer, stderr=outer, env=environment):
        os.close(outer)
        found = b"".join(iter(lambda: read(inner), b""))
    os.close(inner)
    return as_by_both(found.decode().replace("\r\n", "\n"))


def test_a_terminal_is_coloured_and_wrapped(folder: Path, story_path: Path) -> None:
    at = ("--task", "checkout-refactor", "--at", "2026-06-22T09:20:00Z", "--ledger", str(story_path))
    assert terminal("eval", "quiescence", *at, columns=60) == (
        "\x1b[31mdenied\x1b[0m     quiescence  task checkout-refactor at\n"
        "           2026-06-22T09:20:00Z: monitoring\n"
        "           May the autopilot stop?\n"
        "           denied until 09:25:17Z (5 min 17 s); then still\n"
        "           denied: worker has 2/3 quiet heartbeat cycles\n"
        "           since 2026-06-22T09:12:01Z\n"
        "  \x1b[33mwhy\x1b[0m      the pair is at work, or its loop is not healthy\n"
        "           hint: let the autopilot run until both seats are\n"
        "           quiet\n"
        "  \x1b[31mblock\x1b[0m    worker heartbeat is stale.\n"
        "           fix:\n"
        "           conveyor app-heartbeat checkout-refactor --role=worker\n"
        "           hint: wake the worker in\n"
        "           checkout-refactor-worker, which runs this itself\n"
        "  \x1b[31mblock\x1b[0m    worker has 1/3 quiet heartbeat cycles since\n"
        "           2026-06-22T09:12:01Z\n"
        "           hint: wait; every cycle of both seats in which\n"
        "           nothing else happens counts\n"
    )


def test_the_report_of_a_fleet_is_coloured_and_wrapped_but_never_its_file(folder: Path) -> None:
    LedgerBuilder(folder / "a.db").task("one").write()
    (folder / "b.db").write_bytes(b"")
    asked = ("fleet", "smoke", "--ledgers", "*.db", "--at", "2026-06-22T09:20:00Z")
    told = "the ledger `b.db` is an empty file; name Conveyor's ledger with `--ledger PATH`"
    assert (
        "\x1b[31mnot judged\x1b[0m\n"
        "  b.db  the ledger `b.db` is an empty file; name Conveyor's\n"
        "        ledger with `--ledger PATH`\n"
    ) in terminal(*asked, columns=60)
    terminal(*asked, "--output", "fleet.txt", columns=60)
    assert f"\nnot judged\n  b.db  {told}\n" in (folder / "fleet.txt").read_text("utf-8")


def test_what_is_wrong_with_a_policy_is_wrapped_but_not_its_lines(folder: Path) -> None:
    line = "policy: a-policy-whose-name-is-so-long-that-no-narrow-terminal-has-room"
    (folder / "a.yaml").write_text(f"{line}\n{line}\n", "utf-8")
    whole = terminal("check", "a.yaml", columns=200)
    shown = terminal("check", "a.yaml", columns=40)
    assert f" 2 | {line}\n" in shown
    assert shown.split() == whole.split()
    assert all(len(each) <= 40 for each in shown.splitlines() if " | " not in each and "a-policy" not in each)
    assert len(shown.splitlines()) > len(whole.splitlines())


@pytest.mark.parametrize("refusal", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["NO_COLOR", "dumb"])
def test_who_refuses_colours_gets_none(refusal: dict[str, str], folder: Path, story_path: Path) -> None:
    assert terminal(*DENIED, str(story_path), env=refusal).startswith(
        "denied     smoke  task checkout-refactor at 2026-06-22T09:20:00Z: blocked\n"
    )
    assert terminal("eval", env=refusal).startswith("error: ")


RED = "\x1b[31mdenied\x1b[0m"


@pytest.mark.parametrize(
    ("where", "env", "coloured"),
    [
        ([], {}, False),
        (["--color", "always"], {}, True),
        (["--color", "always"], {"NO_COLOR": "1"}, True),
        (["--color", "auto"], {"FORCE_COLOR": "1"}, True),
        ([], {"FORCE_COLOR": "1", "TERM": "dumb"}, True),
        ([], {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (["--color", "never"], {"FORCE_COLOR": "1"}, False),
        ([], {"FORCE_COLOR": "0"}, False),
        ([], {"FORCE_COLOR": "False"}, False),
        ([], {"FORCE_COLOR": "3"}, True),
    ],
)
def test_who_wants_colours_in_a_pipe(
    where: list[str], env: dict[str, str], coloured: bool, folder: Path, story_path: Path
) -> None:
    for args in ([*where, *DENIED, str(story_path)], [*DENIED, str(story_path), *where]):
        command = [sys.executable, "-m", "interlock", *args]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **env}, check=False)
        assert done.returncode == 3
        assert done.stdout.startswith(RED if coloured else "denied ")


def test_no_forced_colour_is_none_on_a_terminal_too(folder: Path, story_path: Path) -> None:
    assert terminal(*DENIED, str(story_path), env={"FORCE_COLOR": "0"}).startswith("denied ")
    assert terminal(*DENIED, str(story_path), env={"FORCE_COLOR": ""}).startswith(RED)


def test_never_is_never_on_a_terminal_too(folder: Path, story_path: Path) -> None:
    assert terminal("--color", "never", *DENIED, str(story_path)).startswith("denied ")
    assert terminal(*DENIED, str(story_path), "--color", "never").startswith("denied ")
    assert terminal(*DENIED, str(story_path), env={"NO_COLOR": ""}).startswith(RED)


def test_who_sets_the_columns_knows_better(folder: Path, story_path: Path) -> None:
    at = ("--task", "checkout-refactor", "--at", "2026-06-22T09:20:00Z", "--ledger", str(story_path))
    for env in ({"COLUMNS": "60"}, {"COLUMNS": "sixty"}):
        shown = terminal("eval", "quiescence", *at, columns=200, env=env)
        assert ("cycles since\n           2026" in shown) is (env["COLUMNS"] == "60")


def test_quiet_leaves_the_exit_code_and_errors(interlock: Interlock, story_path: Path, tmp_path: Path) -> None:
    assert interlock(*DENIED, str(story_path), "--quiet") == (3, "", "")
    assert interlock("check", "smoke", "-q") == (0, "", "")
    assert interlock("verify-ledger", "--ledger", str(story_path), "-q") == (0, "", "")
    assert interlock("eval", "smok", "--task", "x", "--ledger", str(story_path), "-q").err.startswith("error: unknown")
    report = tmp_path / "report.json"
    assert interlock(*DENIED, str(story_path), "-q", "--report", f"json:{report}") == (3, "", "")
    assert '"allow":false' in report.read_text("utf-8")
    assert interlock(*DENIED, str(story_path)).out, "what one run requests, the next does not"


def test_verbose_tells_what_was_read_and_changes_no_output(interlock: Interlock, story_path: Path) -> None:
    plain = interlock(*DENIED, str(story_path))
    ran = interlock(*DENIED, str(story_path), "--verbose")
    assert (ran.code, ran.out) == (3, plain.out)
    ledger, policy, judged = ran.err.splitlines()
    assert ledger == f"ledger {story_path}, up to receipt 164, at 2026-06-22T09:20:00Z"
    assert re.fullmatch(r"policy .*smoke\.yaml, sha256:[0-9a-f]{64}", policy)
    assert re.fullmatch(r"judged by (both|reference): 1 decision", judged)


def test_an_error_is_red_on_a_terminal(folder: Path) -> None:
    assert terminal("eval") == "\x1b[31merror\x1b[0m: missing argument `POLICY...`; see `interlock eval --help`\n"


INTERRUPTED = """
import signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job inherits that it is ignored
from interlock import request
from interlock.cli import main
def judge(*_, **__):
    print("ready", flush=True)
    time.sleep(60)
request.Session.decisions = judge
main()
"""


def test_an_interruption_ends_quietly(folder: Path, story_path: Path) -> None:
    command = [sys.executable, "-c", INTERRUPTED, *DENIED, str(story_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"ready\n"
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert (running.returncode, out, err.strip()) == (130, b"", b"")


EARLY = """
import runpy, sys
class Interrupts:
    def find_spec(self, name, *_):
        if name == "interlock.cli":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupts())
runpy.run_module("interlock", run_name="__main__")
"""


def test_an_interruption_of_the_start_ends_quietly(folder: Path) -> None:
    done = subprocess.run([sys.executable, "-c", EARLY], capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


def test_a_bug_is_told_as_one(
    folder: Path, story_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("\x1b[2Jsomething is rotten")

    monkeypatch.setattr(request.Session, "decisions", broken)
    with pytest.raises(SystemExit) as exited:
        main.main([*DENIED, str(story_path)])
    out, err = capfd.readouterr()
    assert (exited.value.code, out) == (1, "")
    first, *trace = err.splitlines()
    assert first == f"error: this is a bug in interlock {__version__}; please report it with all of this"
    assert trace[0] == "Traceback (most recent call last):"
    assert trace[-1] == "RuntimeError: \\u001b[2Jsomething is rotten"


def test_the_command_tells_its_version_and_its_help(interlock: Interlock) -> None:
    assert interlock("--version") == (0, f"interlock {__version__}\n", "")
    shown = interlock("--help").out
    assert [name for name in ("eval", "policies", "show", "tasks", "demo") if f"\n  {name} " not in shown] == []
    assert interlock("-h").out == shown
    assert interlock("eval", "-h").out == interlock("eval", "--help").out
