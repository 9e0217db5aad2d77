"""A setting means the same in every command and face, whether a flag, the environment or the project's file sets it."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import anyio
import click
import pytest
from mcp import Client

import interlock as package
from interlock import mcp_server
from interlock.cli import exit_codes, main
from interlock.diagnostics import InterlockError
from interlock.pytest_plugin import Gate
from interlock.request import Request
from interlock.settings import SETTINGS
from tests.acceptance.conftest import Ran, kept

TASK, AT = "checkout-refactor", "2026-06-22T09:20:00Z"
WHEN = ("--task", TASK, "--at", AT)
WORDS = {
    "eval": ("gate", *WHEN, "--format", "json"),
    "watch": ("gate", "--task", TASK, "--until", "allow", "--timeout", "1s", "--format", "json"),
    "explain": ("gate", *WHEN),
    "unblock": ("gate", *WHEN),
    "facts": ("gate", *WHEN),
    "replay": ("gate", "--task", TASK, "--format", "json"),
    "diff": ("gate", "open/gate.yaml", "--task", TASK),
    "fleet-diff": ("gate", "open/gate.yaml", "--workers", "1", "--format", "json"),
    "capture": ("gate", *WHEN),
    "export": ("gate", *WHEN),
    "fleet": ("gate", "--at", AT, "--workers", "1", "--format", "json"),
}
GATE = """
policy: gate
version: 1
question: Is it open?
params: {most: {type: int, default: 3}}
rules:
  - {id: shut, block: it is shut}
decide:
  - {state: shut, when: blocked, allow: false}
  - {state: open, allow: true}
"""
OPEN = GATE.replace("rules:\n  - {id: shut, block: it is shut}\n", "")
LATER = datetime.now(UTC) + timedelta(days=30)
WAIVERS = f"""
- {{policy: gate, rule: shut, task: checkout-refactor, reason: it is known, expires: {LATER:%Y-%m-%d}, by: ada}}
"""
LONG = WAIVERS.replace(f"{LATER:%Y-%m-%d}", "2099-01-01")


class Answer(NamedTuple):
    """What a face said: the exit code, all of its text, and whether the gate is open, where it says so."""

    code: int
    text: str
    allow: bool | None = None


Face = Callable[[Mapping[str, str]], Answer]


class Faces:
    """Every way to ask about `gate`: each takes flags by their settings' keys."""

    def __init__(self, ledger: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.ledger, self.capfd = ledger, capfd
        for folder, text in (("gates", GATE), ("open", OPEN)):
            Path(folder).mkdir()
            Path(folder, "gate.yaml").write_text(text, "utf-8")
        Path("waivers.yaml").write_text(WAIVERS, "utf-8")
        self.command("eval", "gates/gate.yaml", *WHEN, "--decision-log", "log.ndjson", flags={})

    def __getitem__(self, name: str) -> Face:
        own: dict[str, Face] = {"verify-decision": self.verified, "mcp": self.served, "pytest": self.gated}
        return own.get(name) or partial(self.asked, name)

    def command(self, *words: str, flags: Mapping[str, str]) -> Ran:
        self.capfd.readouterr()
        given = [f"--{key}" if key == "allow-long-waivers" else f"--{key}={value}" for key, value in flags.items()]
        ledger = "--ledgers" if words[0].startswith("fleet") else "--ledger"
        with pytest.raises(SystemExit) as exited:
            main.main([*words, ledger, str(self.ledger), *given])
        return kept(Ran(int(exited.value.code or 0), *self.capfd.readouterr()))

    def asked(self, name: str, flags: Mapping[str, str]) -> Answer:
        ran = self.command(name, *WORDS[name], flags=flags)
        allow = None if name in ("facts", "capture", "export") else ran.code == 0
        if name == "replay" and ran.code == 0:
            allow = json.loads(ran.out)["lanes"][0]["intervals"][-1]["allow"]
        return Answer(ran.code, ran.out + ran.err, allow)

    def verified(self, flags: Mapping[str, str]) -> Answer:
        ran = self.command("verify-decision", "log.ndjson", "--format", "json", flags=flags)
        refused = ran.code == 4 and "the lock" in json.loads(ran.out)["why"]
        return Answer(5 if refused else ran.code, ran.out + ran.err)

    def served(self, flags: Mapping[str, str]) -> Answer:
        asked: list[Request] = []
        params = dict([flags["param"].split("=")]) if "param" in flags else {}
        flags = {key: value for key, value in flags.items() if key != "param"}

        async def serve(request: Request, _: Collection[str]) -> None:
            asked.append(request)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(mcp_server, "serve", serve)
            ran = self.command("mcp", flags=flags)
        if ran.code:
            return Answer(ran.code, ran.err)
        with closing(package.open_ledger(self.ledger)) as ledger:
            return anyio.run(_called, asked[0].about((), None, ledger=ledger), params)

    def gated(self, flags: Mapping[str, str]) -> Answer:
        gate = Gate(cast("pytest.Config", SimpleNamespace(rootpath=Path.cwd())))
        given: dict[str, Any] = {key.replace("-", "_"): value for key, value in flags.items()}
        if "allow_long_waivers" in given:
            given["allow_long_waivers"] = True
        if "policy_dir" in given:
            given["policy_dirs"] = [given.pop("policy_dir")]
        if "param" in given:
            given["params"] = dict([given.pop("param").split("=")])
        try:
            decision = gate("gate", task=TASK, at=AT, ledger=self.ledger, **given)
        except InterlockError as error:
            return Answer(exit_codes.of_error(error), str(error))
        except pytest.fail.Exception as failed:
            return Answer(3, str(failed), False)
        return Answer(0, decision.engine, decision.allow)


@pytest.fixture
def faces(folder: Path, story_path: Path, capfd: pytest.CaptureFixture[str]) -> Faces:
    """Every way to ask."""
    return Faces(story_path, capfd)


async def _called(request: Request, params: Mapping[str, str]) -> Answer:
    async with Client(mcp_server.server(request, params)) as client:
        found = await client.call_tool("evaluate", {"policy": "gate", "task": TASK, "at": AT, "params": params})
    text = str(found.content[0].text)  # type: ignore[union-attr]
    if found.is_error:
        return Answer(5 if "lock" in text else 2, text)
    allow = found.structured_content["allow"] if found.structured_content else None
    return Answer({True: 0, False: 3, None: 4}[allow], text, allow)


NAMES = (*WORDS, "verify-decision", "mcp", "pytest")
SOURCES = ("flag", "environment", "file")
DECIDING = tuple(name for name in NAMES if name not in ("facts", "capture", "export", "verify-decision"))


def set_from(source: str, values: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """Set the values by their source; what of them must be given as flags."""
    if source == "flag":
        return values
    if source == "environment":
        for key, value in values.items():
            monkeypatch.setenv(SETTINGS[key].variable, value)
        return {}
    lines = [f'{key} = ["{value}"]' if key == "policy-dir" else f'{key} = "{value}"' for key, value in values.items()]
    with Path("interlock.toml").open("a") as file:
        file.write("\n".join(lines) + "\n")
    return {}


def lock_of(folder: Path) -> None:
    """A lock of the gate, which is then softened."""
    with pytest.raises(SystemExit):
        main.main(["lock", "gate", "--policy-dir", "gates", "--lock", "gate.lock"])
    (folder / "gates" / "gate.yaml").write_text(OPEN, "utf-8")


def test_every_command_that_asks_about_policies_is_here() -> None:
    found = set()
    for name in main.list_commands(click.Context(main)):
        command = main.get_command(click.Context(main), name)
        assert command is not None
        if any({"--ledger", "--ledgers"} & set(parameter.opts) for parameter in command.params):
            found.add(name)
    assert found - set(NAMES) == {"tasks", "verify-ledger", "config", "new-kind"}  # which judge by no policy


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", NAMES)
def test_a_policy_that_is_not_the_locked_one_is_refused(
    name: str, source: str, faces: Faces, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock_of(folder)
    monkeypatch.setenv("INTERLOCK_POLICY_DIR", "gates")
    if source == "file":
        Path("interlock.toml").write_text("locked = true\n", "utf-8")
    found = faces[name](set_from(source, {"lock": "gate.lock"}, monkeypatch))
    assert found.code == 5, found
    assert "gate" in found.text
    assert found.allow is None or not found.allow


@pytest.mark.parametrize("source", ["flag", "environment"])
@pytest.mark.parametrize("name", [name for name in NAMES if name != "export"])  # which judges by no parameter
def test_a_parameter_that_the_lock_holds_is_changed_by_no_face(
    name: str, source: str, faces: Faces, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERLOCK_POLICY_DIR", "gates")
    with pytest.raises(SystemExit):
        main.main(["lock", "gate", "--lock", "gate.lock", "--params"])
    changed = {} if name == "verify-decision" else {"param": "most=4"}
    if name == "verify-decision":
        Path("log.ndjson").unlink()
        faces.command("eval", "gate", *WHEN, "--decision-log", "log.ndjson", flags={"param": "most=4"})
    if name.endswith("diff"):
        Path("open", "gate.yaml").write_text(GATE, "utf-8")
    found = faces[name]({**set_from(source, {"lock": "gate.lock"}, monkeypatch), **changed})
    assert found.code == 5, found
    assert "parameter `most` of `gate` does not match the lock: found 4, expected 3" in found.text
    if name != "verify-decision":
        assert faces[name]({"lock": "gate.lock", "param": "most=3"}).code in (0, 3, 4)


@pytest.mark.parametrize("source", ["flag", "environment"])
@pytest.mark.parametrize("name", [*DECIDING, "verify-decision"])
def test_other_waivers_than_the_lock_holds_count_in_no_face(
    name: str, source: str, faces: Faces, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERLOCK_POLICY_DIR", "gates")
    Path("mine.yaml").write_text(WAIVERS + "# mine", "utf-8")
    with pytest.raises(SystemExit):
        main.main(["lock", "gate", "--lock", "gate.lock", "--waivers", "waivers.yaml"])
    if name.endswith("diff"):
        Path("open", "gate.yaml").write_text(GATE, "utf-8")
    if name == "verify-decision":
        Path("log.ndjson").unlink()
        faces.command("eval", "gate", *WHEN, "--decision-log", "log.ndjson", flags={"waivers": "mine.yaml"})
    found = faces[name](set_from(source, {"lock": "gate.lock", "waivers": "mine.yaml"}, monkeypatch))
    assert found.code == 5, found
    assert "waivers `mine.yaml` do not match the lock" in found.text
    if name != "verify-decision":
        assert faces[name]({"lock": "gate.lock", "waivers": "waivers.yaml"}).allow is True


@pytest.mark.parametrize("value", ["0", "false", "no"])
@pytest.mark.parametrize("name", NAMES)
def test_a_lock_named_by_flag_is_held_whatever_a_variable_says(
    name: str, value: str, faces: Faces, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock_of(folder)
    Path("interlock.toml").write_text("locked = false\n", "utf-8")
    monkeypatch.setenv("INTERLOCK_LOCKED", value)
    assert faces[name]({"lock": "gate.lock", "policy-dir": "gates"}).code == 5


@pytest.mark.parametrize("source", ["flag", "environment"])
@pytest.mark.parametrize("name", DECIDING)
def test_what_is_waived_does_not_count(name: str, source: str, faces: Faces, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERLOCK_POLICY_DIR", "gates")
    assert faces[name]({}).allow is False
    assert faces[name](set_from(source, {"waivers": "waivers.yaml"}, monkeypatch)).allow is True


@pytest.mark.parametrize("source", ["flag", "environment"])
@pytest.mark.parametrize("name", DECIDING)
def test_a_waiver_that_ends_in_more_than_a_year_is_taken_on_demand(
    name: str, source: str, faces: Faces, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERLOCK_POLICY_DIR", "gates")
    Path("waivers.yaml").write_text(LONG, "utf-8")
    given = set_from(source, {"waivers": "waivers.yaml"}, monkeypatch)
    refused = faces[name](given)
    assert refused.code in (2, 5)
    assert "error[E807]: `2099-01-01` is more than a year away" in refused.text
    if source == "environment":
        monkeypatch.setenv("INTERLOCK_ALLOW_LONG_WAIVERS", "true")
    assert faces[name]({**given, **({"allow-long-waivers": ""} if source == "flag" else {})}).allow is True


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", [name for name in NAMES if name != "verify-decision"])
def test_a_folder_of_policies_is_found(name: str, source: str, faces: Faces, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "unknown policy `gate`" in faces[name]({}).text
    found = faces[name](set_from(source, {"policy-dir": "gates"}, monkeypatch))
    assert found.code in (0, 3, 4), found
    assert "unknown policy" not in found.text


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", ["eval", "fleet", "fleet-diff", "watch", "mcp"])
def test_the_engine_judges(name: str, source: str, faces: Faces, monkeypatch: pytest.MonkeyPatch) -> None:
    given = set_from(source, {"engine": "reference", "policy-dir": "gates"}, monkeypatch)
    assert '"engine":"reference"' in faces[name](given).text


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("key", ["engine", "max-skew"])
@pytest.mark.parametrize("name", DECIDING)
def test_an_unknown_value_is_an_error(
    name: str, key: str, source: str, faces: Faces, monkeypatch: pytest.MonkeyPatch
) -> None:
    if key not in taken(name):
        return
    found = faces[name](set_from(source, {key: "soon"}, monkeypatch))
    assert (found.code, found.allow or False) == (2, False)
    assert key in found.text.lower().replace("_", "-")


@pytest.mark.parametrize("key", ["lock", "policy-dir", "waivers", "engine", "max-skew", "strict-ledger", "locked"])
@pytest.mark.parametrize("name", NAMES)
def test_a_variable_that_is_empty_is_an_error(
    name: str, key: str, faces: Faces, monkeypatch: pytest.MonkeyPatch
) -> None:
    if key not in taken(name):
        return
    monkeypatch.setenv(SETTINGS[key].variable, "")
    found = faces[name]({})
    assert (found.code, found.allow) == (2, None if name in ("facts", "capture", "export") else found.allow)
    assert f"`{SETTINGS[key].variable}` is empty" in found.text


@pytest.mark.parametrize("name", NAMES)
def test_a_variable_that_is_misspelt_is_an_error(name: str, faces: Faces, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERLOCK_LOKCED", "true")
    found = faces[name]({})
    assert found.code == 2
    assert "unknown variable `INTERLOCK_LOKCED`; did you mean `INTERLOCK_LOCKED`?" in found.text


@pytest.mark.parametrize("key", ["lock", "policy-dir", "waivers", "engine", "max-skew"])
@pytest.mark.parametrize("name", NAMES)
def test_a_flag_that_is_empty_is_an_error(name: str, key: str, faces: Faces) -> None:
    if key not in taken(name):
        return
    found = faces[name]({key: ""})
    assert found.code == 2
    assert "empty" in found.text


@pytest.mark.parametrize(("value", "held"), [("true", 5), ("YES", 5), ("1", 5), ("No", 0), ("0", 0), ("false", 0)])
@pytest.mark.parametrize("name", ["eval", "mcp", "pytest"])
def test_a_boolean_of_the_environment(
    name: str, value: str, held: int, faces: Faces, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock_of(folder)
    for key, each in {"lock": "gate.lock", "policy-dir": "gates", "locked": value}.items():
        monkeypatch.setenv(SETTINGS[key].variable, each)
    assert faces[name]({}).code == held


@pytest.mark.parametrize("value", ["on", "t", "y", "2", " true", "maybe"])
@pytest.mark.parametrize("name", ["eval", "watch", "mcp", "pytest"])
def test_no_other_word_is_a_boolean(name: str, value: str, faces: Faces, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("locked", "strict-ledger"):
        monkeypatch.setenv(SETTINGS[key].variable, value)
        found = faces[name]({"policy-dir": "gates"})
        assert found.code == 2
        assert f"`{SETTINGS[key].variable}` is `{value}`; set it to `true` or `false`" in found.text
        monkeypatch.delenv(SETTINGS[key].variable)


def taken(name: str) -> set[str]:
    """The keys of the settings that a face takes."""
    if name == "pytest":
        return set(SETTINGS)
    command = main.get_command(click.Context(main), name)
    assert command is not None
    return {option.removeprefix("--") for parameter in command.params for option in parameter.opts} & set(SETTINGS)
