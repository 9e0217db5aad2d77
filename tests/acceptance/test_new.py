"""`interlock new`: what it writes is valid from the first moment on, and it never writes over anything or half."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from interlock.cli import main
from interlock.policy.library import Library
from interlock.resources import SCHEMA_ID, data_folder
from tests.acceptance.conftest import Interlock, Ran, state

BAD = {
    "My_Gate": "`My_Gate` is not a policy id: lower-case words joined by hyphens, a letter first; "
    "did you mean `my-gate`?",
    "gates/mine.yaml": "`gates/mine.yaml` is not a policy id: lower-case words joined by hyphens, a letter first; "
    "did you mean `mine`?",
    "日本": "`日本` is not a policy id: lower-case words joined by hyphens, a letter first",
    "": "`` is not a policy id: lower-case words joined by hyphens, a letter first",
    "true": "`true` means something else than a text in YAML; give the policy another id",
    "no": "`no` means something else than a text in YAML; give the policy another id",
    "smoke": "`smoke` is a policy that comes with interlock; give yours another id",
}


def new(capfd: pytest.CaptureFixture[str], *args: str) -> Ran:
    with pytest.raises(SystemExit) as exited:
        main.main(["new", *args])
    return Ran(int(exited.value.code or 0), *capfd.readouterr())


@pytest.mark.parametrize("identity", ["my-gate", "x", "a1-b2", "new-gate", "new"])
def test_what_it_writes_is_valid_without_a_warning(
    folder: Path, capfd: pytest.CaptureFixture[str], interlock: Interlock, identity: str
) -> None:
    assert new(capfd, identity).code == 0
    assert {path.name for path in folder.iterdir()} == {f"{identity}.yaml", f"{identity}_test.yaml"}
    assert interlock("check", "--strict", ".") == Ran(0, "1 policy: 0 errors, 0 warnings\n", "")
    assert Library().load(folder / f"{identity}.yaml").policy.id == identity


def test_it_goes_on_as_it_says(
    folder: Path, capfd: pytest.CaptureFixture[str], interlock: Interlock, story_path: Path
) -> None:
    told = new(capfd, "my-gate").out
    (asked,) = re.findall(r"^  interlock (eval .*)$", told, re.MULTILINE)
    ran = interlock(*asked.replace("story.db", str(story_path)).split())
    assert ran.code == 3
    assert "  block    worker was last seen too long ago\n" in ran.out


@pytest.mark.parametrize(("identity", "message"), BAD.items())
def test_a_bad_id_is_refused(interlock: Interlock, identity: str, message: str) -> None:
    assert interlock("new", identity) == Ran(2, "", f"error: {message}\n")


@pytest.mark.parametrize("there", ["mine.yaml", "mine_test.yaml"])
def test_nothing_is_written_where_one_of_the_two_is_there(interlock: Interlock, folder: Path, there: str) -> None:
    (folder / there).write_text("dear to me")
    ran = interlock("new", "mine")
    assert ran == Ran(2, "", f"error: cannot write `./{there}`: file exists; give another id, or remove it\n")
    assert state(folder).keys() == {str(folder / there)}


@pytest.mark.parametrize("identity", ["mine", "a" * 300])
def test_where_nothing_can_be_written_that_is_told(interlock: Interlock, folder: Path, identity: str) -> None:
    (folder / "file").touch()
    for place in ("nowhere", "file"):
        ran = interlock("new", identity, "--dir", place)
        assert ran.code == 2
        assert ran.err.startswith(f"error: cannot write `{place}/{identity}.yaml`: ")


def test_nothing_is_left_where_the_second_file_cannot_be_written(
    interlock: Interlock, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    longest = "a" * (255 - len("_test.yaml") + 1)
    ran = interlock("new", longest)
    assert ran == Ran(2, "", f"error: cannot write `./{longest}_test.yaml`: file name too long\n")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("place", [".", "gates"])
def test_a_file_names_its_schema_alike_on_every_machine(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    (folder / "gates").mkdir()
    up = "" if place == "." else "../"

    def named(identity: str) -> list[str]:
        """What the first lines of a new policy and its test name."""
        new(capfd, identity, "--dir", place)
        files = (folder / place / f"{identity}.yaml", folder / place / f"{identity}_test.yaml")
        return [path.read_text().splitlines()[0].partition("# yaml-language-server: $schema=")[2] for path in files]

    schemas = Path(data_folder("schemas"))
    ids = [json.loads((schemas / f"{name}.schema.json").read_text())["$id"] for name in ("policy", "test")]
    assert named("installed") == ids == [SCHEMA_ID.format(name) for name in ("policy", "test")]
    environment = folder / "venv" / "lib" / "interlock" / "_data" / "schemas"
    shutil.copytree(schemas, environment)
    monkeypatch.setattr("interlock.resources.data_folder", lambda _: str(environment))
    assert named("environment") == ids
    shutil.copytree(schemas, folder / "lib" / "schemas")
    monkeypatch.setattr("interlock.resources.data_folder", lambda _: str(folder / "lib" / "schemas"))
    assert named("checkout") == [f"{up}lib/schemas/{name}.schema.json" for name in ("policy", "test")]
    shutil.copytree(schemas, folder / "schemas")
    assert named("own") == [f"{up}schemas/{name}.schema.json" for name in ("policy", "test")]


def test_a_folder_that_is_gone_is_told(interlock: Interlock, folder: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("elsewhere the folder that a program runs in cannot be removed")
    folder.rmdir()
    assert interlock("new", "mine").code == 2
    folder.mkdir()


def test_its_test_passes_and_tries_everything(
    folder: Path, capfd: pytest.CaptureFixture[str], interlock: Interlock
) -> None:
    new(capfd, "my-gate")
    ran = interlock("test", "my-gate_test.yaml", "--coverage", "--min-coverage", "100")
    assert ran == Ran(0, "passed  my-gate  4 cases\n\n4 cases: 4 passed\n 100 %  my-gate\n", "")
