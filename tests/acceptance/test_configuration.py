"""What is configured: every case of `configurations.yaml`, and what must hold whatever a file says.

A case makes its `files`, sets its `env`, goes `in` a folder and runs; `{here}` stands for the folder it started in.
`UPDATE_GOLDEN=1` rewrites what is printed.
"""

from __future__ import annotations

import json
import os
import shlex
import stat
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from interlock import schemas
from interlock.diagnostics import UsageError
from interlock.project import find
from interlock.settings import SETTINGS
from tests.acceptance.conftest import Interlock
from tests.helpers.wording import ours

ROOT = Path(__file__).resolve().parents[2]
FILE = Path(__file__).parent / "configurations.yaml"
CASES = yaml.safe_load(FILE.read_text("utf-8"))
STATED = json.loads((ROOT / "schemas" / "setting.schema.json").read_text("utf-8"))


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case["case"] for case in CASES])
def test_case(number: int, interlock: Interlock, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = CASES[number]
    for name, text in case.get("files", {}).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    for name, value in case.get("env", {}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(folder / case.get("in", "."))
    ran = interlock(*shlex.split(case["run"]))
    found = {
        name: ours(text).replace(str(folder), "{here}") for name, text in (("out", ran.out), ("err", ran.err)) if text
    } | {"exit": ran.code}
    if os.environ.get("UPDATE_GOLDEN"):
        CASES[number] = {key: value for key, value in case.items() if key not in ("exit", "out", "err")} | found
        FILE.write_text(_written(CASES), "utf-8")
    else:
        assert found == {key: case[key] for key in ("exit", "out", "err") if key in case}


def _written(cases: list[dict[str, Any]]) -> str:
    """The cases as YAML: texts of several lines stand as they are."""

    class Dumper(yaml.SafeDumper):
        pass

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)

    Dumper.add_representer(str, text)
    head = FILE.read_text("utf-8").partition("\n")[0]
    return f"{head}\n" + "".join(
        yaml.dump([case], Dumper=Dumper, sort_keys=False, width=1000, allow_unicode=True) for case in cases
    )


def test_every_line_of_json_is_a_setting(interlock: Interlock, folder: Path) -> None:
    (folder / "interlock.toml").write_text('policy-dir = ["."]\nlocked = false\n', "utf-8")
    found = [json.loads(line) for line in interlock("config", "--format", "json").out.splitlines()]
    for each in found:
        jsonschema.Draft202012Validator(STATED).validate(each)
    assert [each["setting"] for each in found] == list(SETTINGS) == STATED["properties"]["setting"]["enum"]
    assert [each["where"] for each in found if each["from"] == "file"] == ["interlock.toml:1", "interlock.toml:2"]


def test_every_key_of_the_schema_is_a_setting() -> None:
    keys = json.loads((ROOT / "schemas" / "config.schema.json").read_text())["properties"]
    assert sorted(keys) == sorted(key for key, each in SETTINGS.items() if each.in_file)


def test_help_is_told_whatever_the_file_says(interlock: Interlock, folder: Path) -> None:
    (folder / "interlock.toml").write_text("ledger = ", "utf-8")
    ran = interlock("eval", "--help")
    assert (ran.code, ran.err) == (0, "")
    assert "--locked" in ran.out
    assert interlock("explain-code", "E001").code == 0
    assert interlock("tasks").code == 2


@pytest.mark.parametrize("name", ["interlock.toml", "pyproject.toml"])
def test_what_is_no_regular_file_is_refused_unopened(name: str, interlock: Interlock, folder: Path) -> None:
    os.mkfifo(folder / name)
    ran = interlock("config")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"error: cannot read `{name}`: not a regular file\n"


def test_a_file_that_is_too_large(interlock: Interlock, folder: Path) -> None:
    (folder / "interlock.toml").write_text("#" * ((1 << 20) + 1), "utf-8")
    ran = interlock("config")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "error: cannot read `interlock.toml`: too large: 1,048,577 bytes; at most 1,048,576 are read\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(interlock: Interlock, folder: Path) -> None:
    (folder / "interlock.toml").touch(mode=stat.S_IWUSR)
    assert interlock("config").err == "error: cannot read `interlock.toml`: permission denied\n"


@pytest.mark.parametrize(
    "text", [b"\xff\xfe", b"ledger = " + b"[" * 10_000, b"ledger = " + b"9" * 10_000, b"\x00", b"a.b.c"]
)
def test_what_is_no_toml_is_told_with_its_place(text: bytes, interlock: Interlock, folder: Path) -> None:
    (folder / "interlock.toml").write_bytes(text)
    ran = interlock("config")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: interlock.toml:1:")


def test_a_folder_that_is_gone(interlock: Interlock, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = folder / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert find() is None


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.sampled_from(["both", "rete"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from([*SETTINGS, "policy_dir", "x"]), VALUES, max_size=4))
def test_a_file_is_taken_just_when_the_schema_takes_it(tmp_path_factory: pytest.TempPathFactory, table: Any) -> None:
    try:
        text = "".join(f"{key} = {_toml(value)}\n" for key, value in table.items())
        document = tomllib.loads(text)
    except (TypeError, tomllib.TOMLDecodeError):
        return
    folder = tmp_path_factory.mktemp("settings")
    (folder / "interlock.toml").write_text(text, "utf-8", newline="")
    wrong = schemas.violations("config", document)
    if wrong:
        with pytest.raises(UsageError, match=r"interlock\.toml:\d+:1: "):
            find(str(folder))
    else:
        found = find(str(folder))
        assert found is not None
        assert {key: found.values[key] for key in ("engine", "locked") if key in document} == {
            key: document[key] for key in ("engine", "locked") if key in document
        }
        assert set(found.values) == set(document)


def _toml(value: Any) -> str:
    """A value as TOML has it. Raises TypeError for null."""
    match value:
        case None:
            raise TypeError
        case bool() | int() | float():
            return str(value).lower()
        case str():
            return json.dumps(value)
        case list():
            return f"[{', '.join(map(_toml, value))}]"
    return "{" + ", ".join(f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items()) + "}"
