"""The story that ships: it plays by itself, and leaves its ledger to who wants to try the other commands."""

from __future__ import annotations

import json
import re
import shlex
import tempfile
from pathlib import Path

import jsonschema
import pytest

import interlock as api
from tests.acceptance.conftest import Interlock

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "schemas" / "decision.schema.json").read_text("utf-8"))
GATES = ("smoke", "readiness", "quiescence")
EXPECTED = Path(__file__).parent / "demo.txt"


def test_the_story_is_told_without_a_ledger(interlock: Interlock) -> None:
    assert interlock("demo") == (0, EXPECTED.read_text("utf-8"), "")


def test_the_demo_ships_the_real_story() -> None:
    shipped = ROOT / "engine" / "interlock" / "cli" / "stories" / "story.db.xz"
    assert shipped.read_bytes() == (ROOT / "tests" / "conformance" / "story.db.xz").read_bytes()


def test_every_change_is_told_and_no_other(interlock: Interlock, story_path: Path) -> None:
    told = [json.loads(line) for line in interlock("demo", "--format", "json").out.splitlines()]
    for document in told:
        jsonschema.validate(document, SCHEMA)
        assert document["ledger"] == {"path": "story.db", "seq": 164}
    ledger = api.open_ledger(story_path)
    seconds = {moment(second) for second in range(30, 3570, 53)} | {each["now"] for each in told}
    before = {moment(int(each["now"][14:16]) * 60 + int(each["now"][17:19]) - 1) for each in told}
    for at in sorted(seconds | before - {moment(29)}):
        for decision in api.judge(GATES, ledger=ledger, tasks=["checkout-refactor"], at=at):
            last = [each for each in told if each["policy"] == decision.policy and each["now"] <= at][-1]
            assert (at, decision.allow, decision.state) == (at, last["allow"], last["state"])


def moment(second: int) -> str:
    """The instant of a second of the story's hour."""
    return f"2026-06-22T09:{second // 60:02}:{second % 60:02}Z"


def test_nothing_of_the_story_is_left_behind(
    interlock: Interlock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = set(tmp_path.iterdir())
    assert interlock("demo").code == 0
    assert set(tmp_path.iterdir()) == before


def test_the_ledger_can_be_kept_and_every_hint_works(process: Interlock, folder: Path) -> None:
    hints = [line.strip() for line in process("demo").out.split("Try it yourself:\n")[1].splitlines()]
    assert [shlex.split(hint)[:2] for hint in hints] == [
        ["interlock", "demo"],
        ["interlock", "eval"],
        ["interlock", "eval"],
        ["interlock", "show"],
    ]
    assert [process(*shlex.split(hint)[1:]).code for hint in hints] == [0, 3, 3, 0]
    assert [path.name for path in folder.iterdir()] == ["story.db"]
    kept = process("demo", "--write", "again.db").out
    assert re.findall(r"--ledger (\S+)", kept) == ["again.db", "again.db"]
    assert "--write" not in kept
    assert re.findall(r"--ledger (.+) --task", process("demo", "--write", "two words").out) == ["'two words'"] * 2


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("there.db", "cannot write `there.db`: file exists"),
        ("no/such/folder/x.db", "cannot write `no/such/folder/x.db`: no such file or directory"),
        ("", "cannot write ``: no such file or directory"),
    ],
)
def test_nothing_is_written_over(name: str, told: str, interlock: Interlock, folder: Path) -> None:
    (folder / "there.db").write_text("mine")
    assert interlock("demo", "--write", name) == (2, "", f"error: {told}\n")
    assert (folder / "there.db").read_text() == "mine"
