"""Policies are found by id or path, and read again when they, or what they need, have changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from interlock.diagnostics import PolicyError, UsageError
from interlock.policy.library import Library

MINIMAL = "policy: {id}\nversion: 1\nquestion: Is it there?\n{more}decide:\n  - {{state: {state}, allow: true}}\n"


def write(folder: Path, identity: str, *, more: str = "", state: str = "done") -> Path:
    path = folder / f"{identity}.yaml"
    path.write_text(MINIMAL.format(id=identity, more=more, state=state))
    return path


def test_the_shipped_policies_are_listed() -> None:
    listed = Library().list()
    assert [listing.id for listing in listed] == sorted(listing.id for listing in listed)
    assert {"loop", "quiescence", "readiness", "smoke"} <= {listing.id for listing in listed}
    assert all(listing.question.endswith("?") for listing in listed)


def test_a_folder_adds_policies_and_shows_broken_ones(tmp_path: Path) -> None:
    write(tmp_path, "mine")
    (tmp_path / "broken.yaml").write_text("policy: broken")
    (tmp_path / "mine_test.yaml").write_text("no policy")
    listed = {listing.id: listing for listing in Library([tmp_path]).list()}
    assert listed["mine"].question == "Is it there?"
    assert listed["broken"].title == "(invalid)"
    assert "mine_test" not in listed


def test_an_unknown_id_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown policy `smok`; did you mean `smoke`"):
        Library().load("smok")
    with pytest.raises(UsageError, match="unknown policy `zzz`; there is autonomy, integrity, loop, "):
        Library().load("zzz")
    with pytest.raises(UsageError, match=r"cannot read the policy .*no such file"):
        Library().load(tmp_path / "none.yaml")
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(UsageError, match=r"cannot read the policy .*not a regular file"):
        Library().load(tmp_path / "folder.yaml")


def test_an_id_in_two_places_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "smoke")
    with pytest.raises(UsageError, match=r"`smoke` is in several places: .*name the one you mean by its path"):
        Library([tmp_path]).load("smoke")
    assert Library([tmp_path]).load(tmp_path / "smoke.yaml").policy.decide[0].state == "done"


def test_a_changed_policy_is_read_again(tmp_path: Path) -> None:
    library = Library()
    path = write(tmp_path, "mine", state="before")
    assert library.load(path).policy.decide[0].state == "before"
    assert library.load(path) is library.load(path)
    write(tmp_path, "mine", state="after-it")
    assert library.load(path).policy.decide[0].state == "after-it"


def test_a_policy_is_checked_again_when_what_it_needs_has_changed(tmp_path: Path) -> None:
    library = Library()
    write(tmp_path, "base", state="before")
    more = 'needs:\n  base: {policy: base}\nfacts:\n  s: {from: task, take: latest, where: base.state == "before"}\n'
    path = write(tmp_path, "top", more=more)
    before = library.load(path).policy.needs[0].digest
    write(tmp_path, "base", state="after-it")
    with pytest.raises(PolicyError, match="`before` is not one of the allowed values"):
        library.load(path)
    with pytest.raises(PolicyError, match="`before` is not one of the allowed values"):
        Library().load(path)
    write(tmp_path, "base", state="before")
    assert library.load(path).policy.needs[0].digest == before


def test_a_cycle_of_needs_is_named(tmp_path: Path) -> None:
    write(tmp_path, "first", more="needs:\n  second: {policy: second}\n")
    write(tmp_path, "second", more="needs:\n  first: {policy: first}\n")
    with pytest.raises(PolicyError) as caught:
        Library().load(tmp_path / "first.yaml")
    assert "a cycle of needs: `first` → `second` → `first`" in str(caught.value)


def test_a_policy_that_needs_itself_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "self", more="needs:\n  again: {policy: self}\n")
    with pytest.raises(PolicyError, match="a cycle of needs: `self` → `self`"):
        Library().load(path)


def test_an_invalid_need_is_told(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("policy: base\nversion: 1\n")
    path = write(tmp_path, "top", more="needs:\n  base: {policy: base}\n  none: {policy: nowhere}\n")
    with pytest.raises(PolicyError) as caught:
        Library().load(path)
    assert "the needed policy `base` is invalid: `decide` is missing" in str(caught.value)
    assert "unknown policy `nowhere`" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe", "the file is not UTF-8 text"),
        (b"policy: x\x00\n", "the character U.0000 is not allowed in YAML"),
        (b"x: " + b"y" * 5_000_000, "5,000,003 bytes; a policy has at most 1,048,576"),
    ],
)
def test_a_file_that_is_no_policy_is_invalid(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "odd.yaml"
    path.write_bytes(content)
    with pytest.raises(PolicyError, match=message):
        Library().load(path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, "secret")
    path.chmod(0)
    with pytest.raises(UsageError, match="permission denied"):
        Library().load(path)
