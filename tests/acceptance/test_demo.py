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
        ("", "`--write` is empty; give it a value, or leave it out"),
    ],
)
def test_nothing_is_written_over(name: str, told: str, interlock: Interlock, folder: Path) -> None:
    (folder / "there.db").write_text("mine")
    assert interlock("demo", "--write", name) == (2, "", f"error: {told}\n")
    assert (folder / "there.db").read_text() == "mine"


RELEASE = ROOT / "policies" / "examples" / "release"


def test_the_release_is_told_without_a_ledger(interlock: Interlock) -> None:
    assert interlock("demo", "--ci") == (0, EXPECTED.with_name("demo_ci.txt").read_text("utf-8"), "")


def test_every_change_of_the_release_is_told_and_no_other(interlock: Interlock) -> None:
    told = [json.loads(line) for line in interlock("demo", "--ci", "--format", "json").out.splitlines()]
    for document in told:
        jsonschema.validate(document, SCHEMA)
        assert document["ledger"]["path"] == "release/events.ndjson"
    gates = [RELEASE / f"{gate}.yaml" for gate in ("tested", "approved", "release")]
    ledger = api.open_ledger(RELEASE / "events.ndjson")
    for minute in range(3, 151):
        at = f"2026-06-22T{8 + minute // 60:02}:{minute % 60:02}:00Z"
        for decision in api.judge(gates, ledger=ledger, tasks=["release-2.4"], at=at):
            last = [each for each in told if each["policy"] == decision.policy and each["now"] <= at][-1]
            assert (at, decision.allow, decision.state) == (at, last["allow"], last["state"])
    assert {each["allow"] for each in told if each["policy"] == "release"} == {True, False}


def test_the_release_can_be_kept_and_every_hint_works(process: Interlock, folder: Path) -> None:
    hints = [line.strip() for line in process("demo", "--ci").out.split("Try it yourself:\n")[1].splitlines()]
    assert [shlex.split(hint)[1] for hint in hints] == ["demo", "eval", "explain", "test"]
    assert [process(*shlex.split(hint)[1:]).code for hint in hints] == [0, 3, 3, 0]
    kept = {path.relative_to(folder / "release") for path in folder.rglob("*") if path.is_file()}
    assert kept == {path.relative_to(RELEASE) for path in RELEASE.rglob("*") if path.is_file()}
    assert process("check", "--strict", "release").code == 0
    again = process("demo", "--ci", "--write", "release")
    assert (again.code, again.out, again.err) == (2, "", "error: cannot write `release`: file exists\n")
    assert "two words" in process("demo", "--ci", "--write", "two words").out
    hint = shlex.split(process("demo", "--ci", "--write", "three words").out.splitlines()[-1])
    assert process(*hint[1:]).code == 0


def test_the_release_that_ships_is_tested_whole(interlock: Interlock) -> None:
    checked = interlock("check", "--strict", str(RELEASE))
    assert (checked.code, checked.out) == (0, "3 policies: 0 errors, 0 warnings\n")
    assert interlock("test", str(RELEASE), "--min-coverage", "100").code == 0
    given = ("--ledger", str(RELEASE / "events.ndjson"), "--schema-dir", str(RELEASE / "schemas" / "facts"))
    verified = interlock("verify-ledger", *given)
    assert (verified.code, verified.out.splitlines()[-1]) == (
        0,
        "9 receipts of 4 kinds, 0 entities of 0 kinds: all valid",
    )
    assert "no schema" not in verified.out
