"""Policies as the command finds, lists and shows them."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from interlock.policy.library import Library
from tests.acceptance.conftest import Interlock

POLICY = """\
policy: NAME
version: 1
title: A policy of one's own
question: Is there a task?
facts:
  found: {from: task, take: latest}
rules:
  - {id: none, when: found == null, block: there is none}
decide:
  - {state: empty, when: blocked, allow: false}
  - {state: there, allow: true}
"""
NEEDS = POLICY.replace("facts:", "needs: {other: {policy: OTHER}}\nfacts:")
STORY = ("--task", "checkout-refactor", "--ledger")


def write(path: Path, *, needs: str | None = None, text: str = POLICY) -> None:
    """A policy, which needs another one if that is named."""
    path.parent.mkdir(exist_ok=True)
    text = text if needs is None else NEEDS.replace("OTHER", needs)
    path.write_text(text.replace("NAME", path.stem))


def test_the_shipped_policies_are_listed(interlock: Interlock) -> None:
    ran = interlock("policies")
    assert (ran.code, ran.err) == (0, "")
    assert [line.split()[0] for line in ran.out.splitlines()] == Library().ids()
    listed = {each.id: each for each in Library().list()}
    assert all(each.question in line for line, each in zip(ran.out.splitlines(), listed.values(), strict=True))
    assert not any(each.path in ran.out for each in listed.values())
    long = interlock("policies", "--long").out.splitlines()
    assert all(line.endswith(each.path) for line, each in zip(long, listed.values(), strict=True))
    found = [json.loads(line) for line in interlock("policies", "--format", "json").out.splitlines()]
    assert {each["id"]: (each["question"], each["path"]) for each in found} == {
        name: (each.question, each.path) for name, each in listed.items()
    }


@pytest.mark.parametrize("name", Library().ids())
def test_a_shipped_policy_is_shown_as_it_is(name: str, interlock: Interlock) -> None:
    assert interlock("show", name) == (0, Path(Library().path(name)).read_text("utf-8"), "")


def test_a_policy_of_ones_own(interlock: Interlock, folder: Path, story_path: Path) -> None:
    write(folder / "mine" / "own.yaml")
    for words in (["mine/own.yaml"], [str(folder / "mine" / "own.yaml")], ["own", "--policy-dir", "mine"]):
        ran = interlock("eval", *words, *STORY, str(story_path))
        head, question = ran.out.splitlines()
        assert (ran.code, ran.err, question.strip()) == (0, "", "Is there a task?")
        assert re.fullmatch(r"allowed    own  task checkout-refactor at 2[-\d]+T[:.\d]+Z: there", head)
        assert interlock("show", *words).out == (folder / "mine" / "own.yaml").read_text()
    assert "own " in interlock("policies", "--policy-dir", "mine").out
    assert "unknown policy `own`" in interlock("eval", "own", *STORY, str(story_path)).err


def test_an_invalid_policy_is_listed_and_never_decides(interlock: Interlock, folder: Path, story_path: Path) -> None:
    write(folder / "mine" / "bad.yaml", text=POLICY.replace("block:", "blok:"))
    ran = interlock("policies", "--policy-dir", "mine")
    assert ran.code == 5
    assert any(line.split()[:2] == ["bad", "(invalid)"] for line in ran.out.splitlines())
    assert ran.err == "note: `interlock show bad` shows what is wrong with it\n"
    for command in (["eval", "smoke", "bad", *STORY, str(story_path)], ["show", "bad"]):
        ran = interlock(*command, "--policy-dir", "mine")
        assert (ran.code, ran.out) == (5, "")
        assert ran.err.startswith(f"{folder}/mine/bad.yaml:8:")


def test_an_id_in_two_places_is_refused(interlock: Interlock, folder: Path) -> None:
    write(folder / "one" / "own.yaml")
    write(folder / "two" / "own.yaml")
    ran = interlock("show", "own", "--policy-dir", "one", "--policy-dir", "two")
    assert (ran.code, ran.out) == (2, "")
    assert f"`own` is in several places: {folder}/one/own.yaml, {folder}/two/own.yaml" in ran.err


def test_two_policies_of_one_id_are_each_decided(interlock: Interlock, folder: Path, story_path: Path) -> None:
    write(folder / "one" / "own.yaml")
    write(folder / "two" / "own.yaml", text=POLICY.replace("allow: true", "allow: false"))
    ran = interlock("eval", "one/own.yaml", "two/own.yaml", *STORY, str(story_path))
    assert ran.code == 3
    assert ran.out.endswith("\n1 allowed, 1 denied\n")


@pytest.mark.parametrize("name", ["mine/upper.yaml", "./mine/upper.yaml"])
def test_a_needed_policy_may_lie_beside_it(name: str, interlock: Interlock, folder: Path, story_path: Path) -> None:
    write(folder / "mine" / "upper.yaml", needs="own")
    write(folder / "mine" / "own.yaml")
    assert interlock("eval", name, *STORY, str(story_path)).code == 0
    os.chdir("mine")
    assert interlock("eval", "upper.yaml", *STORY, str(story_path)).code == 0


def test_a_cycle_is_refused_also_when_it_comes_about_later(
    interlock: Interlock, folder: Path, story_path: Path
) -> None:
    write(folder / "mine" / "upper.yaml", needs="own")
    write(folder / "mine" / "own.yaml")
    assert interlock("eval", "mine/upper.yaml", *STORY, str(story_path)).code == 0
    write(folder / "mine" / "own.yaml", needs="upper")
    for name, cycle in [("upper", "`upper` → `own` → `upper`"), ("own", "`own` → `upper` → `own`")]:
        ran = interlock("eval", f"mine/{name}.yaml", *STORY, str(story_path))
        assert (ran.code, ran.out) == (5, "")
        assert f"a cycle of needs: {cycle}" in ran.err
    write(folder / "mine" / "self.yaml", needs="self")
    assert "a cycle of needs: `self` → `self`" in interlock("show", "mine/self.yaml").err


def test_a_policy_that_changes_is_read_anew(interlock: Interlock, folder: Path, story_path: Path) -> None:
    write(folder / "mine" / "upper.yaml", needs="own")
    write(folder / "mine" / "own.yaml")
    assert interlock("eval", "mine/own.yaml", *STORY, str(story_path)).code == 0
    write(folder / "mine" / "own.yaml", text=POLICY.replace("allow: true}", "allow: false}"))
    assert interlock("eval", "mine/own.yaml", *STORY, str(story_path)).code == 3


def large(path: Path) -> None:
    path.write_text(POLICY.replace("NAME", "own") + "# é\n" * 1_250_000)


def wide(path: Path) -> None:
    path.write_text(POLICY.replace("NAME", "own") + "#" * 300_000)


def deep(path: Path) -> None:
    path.write_text("[" * 100_000)


def binary(path: Path) -> None:
    path.write_bytes(b"\x80\x00\xff" * 1_000)


def empty(path: Path) -> None:
    path.touch()


@pytest.mark.parametrize(
    ("make", "code", "told"),
    [
        (large, 5, "own.yaml:1:1: error[E001]: the file has 6,250,275 bytes; a policy has at most 1,048,576"),
        (wide, 5, "own.yaml:1:1: error[E001]: the file has 300,275 characters; a policy has at most 262,144"),
        (deep, 5, "own.yaml:1:33: error[E005]: nested deeper than 32 levels"),
        (binary, 5, "own.yaml:1:1: error[E002]: the file is not UTF-8 text"),
        (empty, 5, "own.yaml:1:1: error[E003]: the file holds no policy"),
        (Path.mkdir, 2, "error: cannot read the policy `own.yaml`: not a regular file"),
        (os.mkfifo, 2, "error: cannot read the policy `own.yaml`: not a regular file"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_file_that_is_no_policy(make: object, code: int, told: str, interlock: Interlock, folder: Path) -> None:
    assert callable(make)
    make(folder / "own.yaml")
    ran = interlock("show", "own.yaml")
    assert (ran.code, ran.out) == (code, "")
    assert ran.err.startswith(told)


@pytest.mark.parametrize("levels", [33, 1_001, 5_000])
@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? ", "[{a: ", '{"a": [', "[\n"])
def test_nesting_is_refused_in_the_same_words_whatever_version_of_the_library_reads_it(
    opening: str, levels: int, interlock: Interlock, folder: Path
) -> None:
    (folder / "own.yaml").write_text(opening * levels)
    ran = interlock("show", "own.yaml")
    assert (ran.code, ran.out) == (5, "")
    assert re.match(r"own\.yaml:\d+:\d+: error\[E005\]: nested deeper than 32 levels\n", ran.err)
