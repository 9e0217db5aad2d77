"""The file that is read is the ledger: its log is found however the file is reached, and its absence is reported."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import interlock
from interlock.ledger import open_ledger
from tests.acceptance.conftest import Interlock
from tests.helpers.ledgers import START, LedgerBuilder

POLICY = """\
policy: no-block
version: 1
question: Has nobody blocked?
facts:
  blocks: {from: app_autopilot_stopped, take: all}
rules:
  - {id: blocked, for: blocks, block: somebody blocked}
decide:
  - {state: blocked, when: blocked, allow: false}
  - {state: free, allow: true}
"""
LOST = "is in WAL mode and its log is not beside it: what was committed last may be missing"


@pytest.fixture
def project(folder: Path) -> Path:
    """A folder with a policy that denies where a `app_autopilot_stopped` receipt is."""
    (folder / "no-block.yaml").write_text(POLICY, "utf-8")
    return folder


@pytest.fixture
def live(project: Path) -> Iterator[Path]:
    """A ledger whose last receipt, the one that denies, is committed and still in its log."""
    path = project / "home" / "ledger.db"
    path.parent.mkdir()
    named = {"dispatcher_id": "dispatcher-1"}
    builder = LedgerBuilder(path).task("demo")
    builder.receipt("other", at=START, attributes=named, correlation=named).write(journal="wal")
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("UPDATE telemetry_events SET event_type = 'app_autopilot_stopped'")
    assert path.with_name("ledger.db-wal").stat().st_size
    yield path
    writer.close()


def decided(ledger: Path, policy: Path) -> bool | None:
    return interlock.evaluate(policy, ledger=ledger, task="demo", engine="reference").allow


@pytest.mark.parametrize("link", ["file", "folder", "chain", "relative"])
def test_a_log_is_found_through_symbolic_links(project: Path, live: Path, link: str) -> None:
    """A block that is only in the log denies, whatever links lead to the ledger."""
    named = project / "named.db"
    if link == "folder":
        (project / "other").symlink_to(live.parent)
        named = project / "other" / live.name
    elif link == "chain":
        (project / "middle.db").symlink_to(live)
        named.symlink_to("middle.db")
    else:
        named.symlink_to(live if link == "file" else os.path.join("home", live.name))
    assert decided(named, project / "no-block.yaml") is False


def test_a_log_is_found_from_a_linked_worktree(project: Path, live: Path, process: Interlock) -> None:
    """The ledger that is looked up by default may be a link to that of the main worktree."""
    folder = project / "worktree" / ".codex-workers"
    folder.mkdir(parents=True)
    (folder / "workerctl.db").symlink_to(live)
    done = process("eval", str(project / "no-block.yaml"), "--task", "demo", cwd=folder.parent)
    assert (done.code, done.err) == (3, "")


def test_a_broken_link_is_not_passed_over_for_a_ledger_farther_up(
    project: Path, live: Path, process: Interlock
) -> None:
    (project / ".codex-workers").mkdir()
    shutil.copy(live, project / ".codex-workers" / "workerctl.db")
    folder = project / "worktree" / ".codex-workers"
    folder.mkdir(parents=True)
    (folder / "workerctl.db").symlink_to("gone.db")
    done = process("eval", str(project / "no-block.yaml"), "--task", "demo", cwd=folder.parent)
    assert done.code == 6
    assert "does not exist" in done.err


@pytest.mark.parametrize("closed", [False, True], ids=["live", "closed"])
def test_a_hard_link_to_a_ledger_with_a_log_is_refused(project: Path, live: Path, closed: bool) -> None:
    """SQLite looks for the log beside the name that is opened, where a writer by another name never put it."""
    if closed:
        with closing(sqlite3.connect(live)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    linked = project / "linked.db"
    os.link(live, linked)
    for path in (linked, live):
        with pytest.raises(interlock.LedgerError, match=r"has 2 names \(hard links\) and is in WAL mode"):
            decided(path, project / "no-block.yaml")
    linked.unlink()
    assert decided(live, project / "no-block.yaml") is False


def test_a_hard_link_to_a_ledger_without_a_log_is_told(project: Path, process: Interlock) -> None:
    path = LedgerBuilder(project / "l.db").task("demo").write()
    os.link(path, project / "linked.db")
    asked = ["eval", str(project / "no-block.yaml"), "--task", "demo", "--ledger", str(path), "--format", "json"]
    done = process(*asked)
    assert done.code == 0
    assert "has 2 names (hard links)" in done.err
    assert process(*asked, "--strict-ledger").code == 4


def test_a_mounted_file_of_a_ledger_with_a_log_is_refused(project: Path, live: Path) -> None:
    """A bind mount of the file alone leaves its log behind, on the same device."""
    target = project / "mounted.db"
    target.touch()
    script = f"mount --bind '{live}' '{target}' && exec '{sys.executable}' -m interlock eval no-block.yaml --task demo"
    command = ["unshare", "--mount", "--map-root-user", "sh", "-c", f"{script} --ledger '{target}'"]
    if subprocess.run([*command[:3], "true"], capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 6, done.stderr
    assert "is mounted without its folder and is in WAL mode" in done.stderr


@pytest.fixture
def copy(project: Path, live: Path) -> Path:
    """A copy of the ledger that leaves its log behind, and with it the receipt that denies."""
    found = project / "copy.db"
    shutil.copy(live, found)
    return found


def test_a_copy_without_its_log_is_told(project: Path, copy: Path, process: Interlock) -> None:
    done = process("eval", str(project / "no-block.yaml"), "--task", "demo", "--ledger", str(copy), "--format", "json")
    told = f"the ledger `{copy}` {LOST}"
    assert done.err == f"warning: {told}\n"
    assert json.loads(done.out)["ledger"]["notes"] == [told]


STRICT = {
    "flag": (["--strict-ledger"], {}, ""),
    "environment": ([], {"INTERLOCK_STRICT_LEDGER": "1"}, ""),
    "file": ([], {}, "strict-ledger = true\n"),
}


@pytest.mark.parametrize(("flags", "environment", "settings"), STRICT.values(), ids=STRICT)
def test_a_copy_without_its_log_is_undecided_where_that_is_asked_for(
    project: Path,
    copy: Path,
    process: Interlock,
    flags: list[str],
    environment: dict[str, str],
    settings: str,
) -> None:
    (project / "interlock.toml").write_text(settings, "utf-8")
    asked = ["eval", "no-block.yaml", "--task", "demo", "--ledger", str(copy), "--format", "json", *flags]
    done = process(*asked, cwd=project, env=environment)
    assert done.code == 4
    assert LOST in json.loads(done.out)["reason"]


JUDGING = {
    "eval": ["eval", "no-block.yaml", "--all-tasks", "--details"],
    "watch": ["watch", "no-block.yaml", "--task", "demo", "--timeout", "0s"],
    "facts": ["facts", "no-block.yaml", "--task", "demo"],
    "explain": ["explain", "no-block.yaml", "--task", "demo"],
    "unblock": ["unblock", "no-block.yaml", "--task", "demo"],
    "replay": ["replay", "no-block.yaml", "--task", "demo"],
}


@pytest.mark.parametrize("command", JUDGING.values(), ids=JUDGING)
def test_every_command_that_judges_can_refuse_to_decide(
    project: Path, copy: Path, process: Interlock, command: list[str]
) -> None:
    done = process(*command, "--ledger", str(copy), "--strict-ledger", cwd=project)
    assert " ".join(f"{done.out} {done.err}".split()).count(LOST) >= 2, "as a warning, and as the reason"
    assert done.code in (0, 4)


def test_a_feed_of_a_copy_without_its_log_says_so(project: Path, copy: Path, process: Interlock) -> None:
    """What may be missing from a ledger may be missing from its feed."""
    feed = project / "feed.ndjson"
    feed.write_text(process("export", "--all-tasks", "--ledger", str(copy)).out, "utf-8")
    asked = ["eval", "no-block.yaml", "--task", "demo", "--ledger", str(feed), "--at", "2026-06-11T12:00:00Z"]
    at = json.loads(feed.read_text("utf-8").split("\n")[0])["at"]
    done = process(*asked[:-1], at, cwd=project)
    assert (done.code, LOST in done.err) == (0, True)
    assert process(*asked[:-1], at, "--strict-ledger", cwd=project).code == 4


def test_a_recorded_decision_over_a_copy_comes_out_the_same(project: Path, copy: Path, process: Interlock) -> None:
    asked = ["eval", "no-block.yaml", "--task", "demo", "--ledger", str(copy), "--strict-ledger"]
    assert process(*asked, "--decision-log", "log", cwd=project).code == 4
    assert process("verify-decision", "log", cwd=project).code == 0


def test_a_log_that_is_there_is_no_reason_to_decide_nothing(project: Path, live: Path, process: Interlock) -> None:
    asked = ["eval", "no-block.yaml", "--task", "demo", "--ledger", str(live), "--strict-ledger"]
    done = process(*asked, cwd=project)
    assert (done.code, done.err) == (3, "")


def test_a_watch_looks_at_the_log_beside_the_real_file(project: Path, live: Path) -> None:
    named = project / "named.db"
    named.symlink_to(live)
    ledger = open_ledger(named)
    for name in ("ledger.db", "ledger.db-wal"):
        os.utime(live.with_name(name), (1_700_000_000, 1_700_000_000))
    before = ledger.stamp()
    assert before is not None
    os.utime(live.with_name("ledger.db-wal"), (1_700_000_001, 1_700_000_001))
    assert ledger.stamp() != before


def test_a_link_that_leads_elsewhere_later_is_followed(project: Path, live: Path) -> None:
    named = project / "named.db"
    named.symlink_to(LedgerBuilder(project / "first.db").task("demo").write())
    with closing(open_ledger(named)) as ledger:
        assert interlock.evaluate(project / "no-block.yaml", ledger=ledger, task="demo").allow is True
        named.unlink()
        named.symlink_to(live)
        assert interlock.evaluate(project / "no-block.yaml", ledger=ledger, task="demo").allow is False
