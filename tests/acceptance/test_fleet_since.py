"""`interlock fleet --since`: what still holds of an earlier run is taken over, and nothing else is."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from interlock.ledger.written import written_state
from tests.acceptance.conftest import Interlock
from tests.acceptance.test_fleet import AT, NAMED, POLICY, read
from tests.helpers.ledgers import START, LedgerBuilder

FRESH = """\
policy: fresh
version: 1
question: Was nothing stopped within ten minutes?
facts:
  stop: {from: app_autopilot_stopped, take: latest}
rules:
  - {id: old, unless: now - stop.at <= duration("10m"), block: "it is long ago"}
decide:
  - {state: old, when: blocked, allow: false}
  - {state: fresh, allow: true}
"""
ASKED = ("fleet", "no-stop.yaml", "--ledgers", "*.db", "--workers", "1", "--format", "json")
Runs = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def earlier(folder: Path, interlock: Interlock) -> Path:
    """The JSON of a run over three ledgers, one of which was faulty then."""
    (folder / "no-stop.yaml").write_text(POLICY, "utf-8")
    for name in ("a", "b"):
        LedgerBuilder(folder / f"{name}.db").task("one").task("two").write()
    (folder / "c.db").write_text("it is not a database", "utf-8")
    time.sleep(0.15)  # of what was written to just now nothing is known
    (folder / "run.jsonl").write_text(interlock(*ASKED, "--at", AT).out, "utf-8")
    return folder / "run.jsonl"


def judged(interlock: Interlock, *more: str, at: str = AT, code: int = 6) -> dict[str, bool]:
    """Which ledgers were taken over."""
    ran = interlock(*ASKED, "--since", "run.jsonl", "--at", at, *more)
    assert ran.code == code, ran
    ledgers, decisions, end = read(ran.out)
    assert end["taken_over"] == sum(each["taken_over"] for each in ledgers)
    assert end["decisions"] == len(decisions)
    return {each["path"]: each["taken_over"] for each in ledgers}


def test_what_was_not_written_to_is_taken_over_and_says_when_it_was_judged(earlier: Path, interlock: Interlock) -> None:
    assert judged(interlock) == {"a.db": True, "b.db": True, "c.db": False}
    later = "2026-06-22T10:00:00Z"
    ran = interlock(*ASKED, "--since", "run.jsonl", "--at", later)
    ledgers, decisions, end = read(ran.out)
    assert [(each["judged_at"], each["taken_over"]) for each in ledgers[:2]] == [(AT, True)] * 2
    assert ({each["now"] for each in decisions}, end["now"]) == ({AT}, later)
    (earlier.parent / "again.jsonl").write_text(ran.out, "utf-8")
    again = interlock(*ASKED, "--since", "again.jsonl", "--at", "2026-06-22T11:00:00Z")
    assert read(again.out)[1] == decisions
    text = interlock(*ASKED[:-1], "text", "--since", "run.jsonl", "--at", later).out
    assert f"judged at {later} (2 of them at {AT} or later, and unchanged): 4 decisions\n" in text


def test_what_was_judged_without_a_look_ahead_is_judged_again(
    earlier: Path, folder: Path, interlock: Interlock
) -> None:
    ahead = read(earlier.read_text("utf-8"))[1]
    ran = interlock(*ASKED, "--at", AT, "--no-validity")
    now = read(ran.out)[1]
    assert [each["valid_until"] for each in now] == [AT] * 4 != [each["valid_until"] for each in ahead]
    assert [(each["task"], each["allow"], each["findings"]) for each in now] == [
        (each["task"], each["allow"], each["findings"]) for each in ahead
    ]
    earlier.write_text(ran.out, "utf-8")
    assert judged(interlock, at="2026-06-22T09:20:01Z") == {"a.db": False, "b.db": False, "c.db": False}


def test_a_ledger_that_was_written_to_is_judged_again(earlier: Path, folder: Path, interlock: Interlock) -> None:
    before = os.stat(folder / "a.db")
    with closing(sqlite3.connect(folder / "a.db")) as writer:
        writer.execute("UPDATE tasks SET state = 'done' WHERE name = 'one'")
        writer.commit()
    os.utime(folder / "a.db", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert os.stat(folder / "a.db").st_size == before.st_size
    assert judged(interlock) == {"a.db": False, "b.db": True, "c.db": False}


def test_a_ledger_in_whose_place_another_is_is_judged_again(earlier: Path, folder: Path, interlock: Interlock) -> None:
    shutil.copy2(folder / "b.db", folder / "new")
    os.replace(folder / "new", folder / "b.db")
    (folder / "c.db").unlink()
    LedgerBuilder(folder / "c.db").task("one").write()
    assert judged(interlock, code=0) == {"a.db": True, "b.db": False, "c.db": False}


def test_a_decision_that_does_not_hold_any_more_is_made_again(folder: Path, interlock: Interlock) -> None:
    (folder / "fresh.yaml").write_text(FRESH, "utf-8")
    stopped = LedgerBuilder(folder / "a.db").task("one")
    stopped.receipt("app_autopilot_stopped", at=START, attributes=NAMED, correlation=NAMED).write()
    LedgerBuilder(folder / "b.db").task("one").task("two", at="2026-06-11T12:20:00Z").write()
    time.sleep(0.15)
    asked = ("fleet", "fresh.yaml", *ASKED[2:])
    (folder / "run.jsonl").write_text(interlock(*asked, "--at", "2026-06-11T12:01:00Z").out, "utf-8")
    for at, taken in (("2026-06-11T12:09:00Z", True), ("2026-06-11T12:30:00Z", False)):
        ledgers, decisions, _ = read(interlock(*asked, "--since", "run.jsonl", "--at", at).out)
        found = {each["path"]: each["taken_over"] for each in ledgers}
        assert found == {"a.db": taken, "b.db": False}, "`b.db` has a task that is stamped later"
        allows = {each["allow"] for each in decisions if each["ledger"]["path"] == "a.db"}
        assert allows == {taken}


def test_a_run_that_takes_over_decides_as_one_that_does_not(
    folder: Path, interlock: Interlock, story_path: Path
) -> None:
    shutil.copy(story_path, folder / "a.db")
    time.sleep(0.15)
    asked = ("fleet", "smoke", "loop", "quiescence", "--ledgers", "a.db", "--workers", "1", "--format", "json")
    taken = 0
    for minute in (3, 5, 20, 34, 43, 56):
        at = f"2026-06-22T09:{minute:02}:00Z"
        (folder / "run.jsonl").write_text(interlock(*asked, "--at", at).out, "utf-8")
        for later in (f"{at[:17]}20Z", f"2026-06-22T09:{minute + 3:02}:00Z"):
            ran = interlock(*asked, "--at", later, "--since", "run.jsonl")
            fresh = interlock(*asked, "--at", later)
            assert ran.code == fresh.code
            said = [
                [(d["allow"], d["state"], d["reason"], d["findings"]) for d in read(r.out)[1]] for r in (ran, fresh)
            ]
            assert said[0] == said[1], (at, later)
            taken += read(ran.out)[2]["taken_over"]
    assert taken >= 3


BROKEN: dict[str, tuple[Callable[[str], str], str]] = {
    "cut off": (lambda text: "".join(text.splitlines(keepends=True)[:-1]), "has no last line"),
    "cut within a line": (lambda text: text[:-20], "is not what `interlock fleet --format json` writes"),
    "changed": (lambda text: text.replace('"allow":true', '"allow":null', 1), "is not as it was written"),
    "a line less": (
        lambda text: "".join(text.splitlines(keepends=True)[:1] + text.splitlines(keepends=True)[2:]),
        "is not",
    ),
    "two of them": (lambda text: text + text, "goes on after its last line"),
    "of another version": (lambda text: text.replace('"interlock":"', '"interlock":"9.'), "judged by interlock 9."),
    "of another policy": (
        lambda text: text.replace('"policies":[{"policy":"no', '"policies":[{"policy":"yes'),
        "`yes-stop`",
    ),
    "text": (lambda text: "no-stop  1 allowed\n", "is not what `interlock fleet --format json` writes"),
    "empty": (lambda text: "", "has no last line"),
    "of a run that failed": (lambda text: '{"allow": null, "error": "the run did not end"}\n', "is not what"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_file_that_is_not_whole_is_refused(how: str, earlier: Path, interlock: Interlock) -> None:
    change, message = BROKEN[how]
    earlier.write_text(change(earlier.read_text("utf-8")), "utf-8")
    ran = interlock(*ASKED, "--since", "run.jsonl", "--at", AT)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err
    assert "`run.jsonl`" in ran.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--param", "most=2"), 'other parameters: {}, not {"'),
        (("--engine", "reference"), 'other engine: "both", not "reference"'),
        (("--max-skew", "7s"), 'other `max-skew`: "5s", not "7s"'),
        (("--strict-ledger",), "other `strict-ledger`: false, not true"),
        (("--waivers", "waivers.yaml", "--policy-dir", "."), "other waivers: none, not "),
        (("--at", "2026-06-22T09:19:59Z"), f"a later instant, {AT}"),
        (("--at", "now"), "an instant of the past"),
        (("--since", "no.jsonl"), "cannot read `no.jsonl`: no such file or directory"),
        (("--since", ""), "`--since` is empty"),
        (("--output", "run.jsonl"), "cannot write `run.jsonl`: it is read, and must not be overwritten"),
    ],
)
def test_a_run_by_other_terms_is_refused(
    words: tuple[str, ...], message: str, earlier: Path, folder: Path, interlock: Interlock
) -> None:
    (folder / "waivers.yaml").write_text("[]\n", "utf-8")
    ran = interlock(*ASKED, "--since", "run.jsonl", "--at", AT, *words)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err


def test_other_policies_are_refused(earlier: Path, folder: Path, interlock: Interlock) -> None:
    (folder / "no-stop.yaml").write_text(f"{POLICY}# softer\n", "utf-8")
    ran = interlock(*ASKED, "--since", "run.jsonl", "--at", AT)
    assert ran.code == 2
    assert "which was judged by other policies: `no-stop` sha256:" in ran.err


def test_a_write_that_leaves_size_and_header_as_they_are_is_seen(folder: Path) -> None:
    """A log that has begun again from its start grows over what it held before."""
    path = LedgerBuilder(folder / "a.db").task("one").write(journal="wal")
    states = set()
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        for state in ("paused", "done", "failed"):
            writer.execute("UPDATE tasks SET state = ?", [state])
            writer.execute("PRAGMA wal_checkpoint(RESTART)")
            time.sleep(0.15)
            states.add(written_state([str(path)]))
        assert len(states) == 3
        assert None not in states
        writer.execute("UPDATE tasks SET state = 'managed'")
        assert written_state([str(path)]) is None, "it was written to just now"
