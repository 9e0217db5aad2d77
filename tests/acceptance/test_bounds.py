"""What nobody meant as a policy is passed over, and what would take for ever or all memory is refused."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from importlib import import_module
from pathlib import Path

import pytest

import interlock as api
from interlock.diagnostics import UsageError
from tests.acceptance.conftest import Interlock

TASK, AT = "checkout-refactor", "2026-06-22T09:20:00Z"
POLICY = """\
policy: mine
version: 1
question: Did somebody stop it?
facts:
  stop: {from: app_autopilot_stopped, take: latest}
rules:
  - {id: none, unless: stop != null, block: nobody stopped it}
decide:
  - {state: none, when: blocked, allow: false}
  - {state: there, allow: true}
"""
TEST = "policy: mine\ncases:\n  - case: nothing\n    expect: {allow: false}\n"


@pytest.fixture
def cluttered(folder: Path) -> Path:
    """A folder with a policy and its test, and what editors, file systems and people leave beside them."""
    found = folder / "gates"
    found.mkdir()
    for name, text in (("mine.yaml", POLICY), ("mine_test.yaml", TEST)):
        (found / name).write_text(text, "utf-8")
        (found / f".#{name}").symlink_to("ada@host.4711:1780000000")
        (found / f"._{name}").write_bytes(b"\x00\x05\x16\x07\x00\xff")
        (found / f"folder-{name}").mkdir()
        os.mkfifo(found / f"pipe-{name}")
    return found


@pytest.mark.parametrize(
    "command",
    [
        ["policies", "--policy-dir", "gates"],
        ["check", "gates"],
        ["test", "gates"],
        ["show", "mine", "--policy-dir", "gates"],
    ],
    ids=lambda command: command[0],
)
def test_what_is_no_file_of_a_person_is_passed_over(cluttered: Path, interlock: Interlock, command: list[str]) -> None:
    ran = interlock(*command)
    assert (ran.code, ran.err) == (0, "")
    assert "mine" in ran.out or command[0] == "check"
    assert not any(word in ran.out for word in (".#", "._", "folder-", "pipe-"))


def test_a_policy_that_nobody_can_find_is_still_told_from_the_others(cluttered: Path, interlock: Interlock) -> None:
    ran = interlock("eval", "minee", "--policy-dir", "gates", "--task", "x")
    assert ran.code in (2, 6)
    assert "Traceback" not in ran.err


def test_a_link_to_a_policy_that_leads_nowhere_is_told(cluttered: Path, interlock: Interlock) -> None:
    """It was meant as a policy, so a check may not pass without it."""
    (cluttered / "lost.yaml").symlink_to("gone.yaml")
    ran = interlock("check", "gates")
    assert ran.code == 2
    assert "lost.yaml" in ran.err
    assert interlock("policies", "--policy-dir", "gates").code == 0


def test_a_line_of_a_feed_that_is_too_long_is_not_read(
    folder: Path, interlock: Interlock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("interlock.ledger.ledger.LONGEST_LINE", 10_000)
    (folder / "feed.ndjson").write_bytes(b"\n" + b"x" * 20_000_000)
    for command in (["eval", "smoke", "--task", TASK], ["verify-ledger"]):
        ran = interlock(*command, "--ledger", "feed.ndjson")
        assert ran.code == 6
        assert "has a line, number 2, of more than 10,000 bytes: it is not a feed" in ran.err


def test_bad_lines_are_not_told_for_ever(folder: Path, interlock: Interlock) -> None:
    (folder / "feed.ndjson").write_text("{}\n" * 1_500)
    ran = interlock("eval", "smoke", "--task", TASK, "--ledger", "feed.ndjson")
    assert ran.code == 6
    assert "has at least 1,000 bad lines:" in ran.err
    assert len(ran.err.splitlines()) < 30
    assert "1,500 invalid" in interlock("verify-ledger", "--ledger", "feed.ndjson").out


def test_a_case_of_too_many_facts_is_not_captured(
    interlock: Interlock, story_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_module("interlock.analysis.capture"), "MAX_CASE_FACTS", 3)
    ran = interlock("capture", "--ledger", str(story_path), "--task", TASK, "smoke", "--at", AT)
    assert (ran.code, ran.out) == (2, "")
    assert "rests on more than 3 facts, which are too many for a test case" in ran.err


@pytest.mark.parametrize(
    "at",
    [
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-14))),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
    ],
)
def test_an_instant_beyond_the_calendar_is_refused(story_path: Path, at: datetime) -> None:
    with pytest.raises(UsageError, match="is outside 1970-01-01 to 2255-06-05"):
        api.evaluate("smoke", ledger=story_path, task=TASK, at=at)


@pytest.mark.parametrize(
    "at", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999Z"]
)
def test_a_text_beyond_the_calendar_is_refused(interlock: Interlock, story_path: Path, at: str) -> None:
    ran = interlock("eval", "smoke", "--ledger", str(story_path), "--task", TASK, "--at", at)
    assert ran.code == 2
