"""Parameters that a caller or the lock sets are reported wherever a decision is, with where they come from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import interlock as api
from interlock.cli import main
from interlock.request import Request, Session
from interlock.schemas import violations
from tests.acceptance.conftest import Interlock
from tests.acceptance.test_decision_log import validator
from tests.helpers import consumers

TASK, AT = "checkout-refactor", "2026-06-22T09:20:00Z"
SET = ("--param", "stale_after=1000h")
TOLD = "stale_after=1000h (flag)"
STRETCH = ("--from", AT, "--to", AT)


def asked(story_path: Path, *more: str) -> tuple[str, ...]:
    return ("smoke", "--task", TASK, "--ledger", str(story_path), *more)


def in_words(text: str) -> bool:
    return TOLD in text.replace("\\_", "_")


COMMANDS: dict[str, tuple[tuple[str, ...], Callable[[str], bool]]] = {
    **{f"eval {form}": (("eval", "--at", AT, "--format", form), in_words) for form in ("text", "github", "markdown")},
    "eval tap": (("eval", "--at", AT, "--format", "tap"), lambda out: f"# params smoke: {TOLD}\n" in out),
    "eval sarif": (
        ("eval", "--at", AT, "--format", "sarif"),
        lambda out: consumers.sarif(out)["runs"][0].get("properties") == {"params": [f"smoke: {TOLD}"]},
    ),
    "eval junit": (
        ("eval", "--at", AT, "--format", "junit"),
        lambda out: '<property name="param:stale_after" value="1000h (flag)" />' in out,
    ),
    "explain": (("explain", "--at", AT), in_words),
    "unblock": (("unblock", "--at", AT), in_words),
    "facts": (("facts", "--at", AT, "--format", "table"), in_words),
    "replay": (("replay", *STRETCH), in_words),
    "replay html": (("replay", *STRETCH, "--format", "html"), in_words),
    "replay svg": (("replay", *STRETCH, "--format", "svg"), in_words),
    "watch": (("watch", "--timeout", "0s"), in_words),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_what_a_caller_set_is_told_and_a_default_is_not(name: str, interlock: Interlock, story_path: Path) -> None:
    (command, *more), told = COMMANDS[name]
    ran = interlock(command, *asked(story_path, *more, *SET))
    assert told(ran.out), ran.out
    ran = interlock(command, *asked(story_path, *more))
    assert "stale_after=" not in ran.out.replace("\\_", "_")
    assert not told(ran.out)


@pytest.mark.parametrize(
    ("command", "schema", "of"),
    [
        (("eval", "--at", AT), "decision", lambda found: found),
        (("explain", "--at", AT), "explanation", lambda found: found),
        (("unblock", "--at", AT), "unblock", lambda found: found),
        (("replay", *STRETCH), "history", lambda found: found["lanes"][0]),
        (("watch", "--timeout", "0s"), "decision", lambda found: found),
    ],
    ids=lambda each: each[0] if isinstance(each, tuple) else "",
)
def test_a_program_sees_every_parameter_and_where_it_comes_from(
    command: tuple[str, ...], schema: str, of: Callable[[Any], Any], interlock: Interlock, story_path: Path
) -> None:
    name, *more = command
    ran = interlock(name, *asked(story_path, *more, *SET, "--format", "json"))
    for line in ran.out.splitlines():
        document = json.loads(line)
        assert violations(schema, document) == []
        assert of(document)["params"] == {
            "smoke_id": {"value": None, "origin": "default"},
            "stale_after": {"value": "1000h", "origin": "flag"},
        }


def test_over_several_tasks_it_is_told_once(interlock: Interlock, story_path: Path) -> None:
    ran = interlock("eval", "smoke", "--all-tasks", "--at", AT, "--ledger", str(story_path), *SET)
    assert ran.out.count(TOLD) == 1


def test_two_versions_of_a_policy_are_told_what_was_set(interlock: Interlock, story_path: Path, folder: Path) -> None:
    text = (Path(api.__file__).parents[2] / "policies" / "smoke.yaml").read_text("utf-8")
    (folder / "new").mkdir()
    (folder / "new" / "smoke.yaml").write_text(text, "utf-8")
    given = ("--task", TASK, "--ledger", str(story_path), *SET)
    assert interlock("diff", "smoke", "new/smoke.yaml", *given).out.count(f"params: {TOLD}") == 2
    ran = interlock("fleet-diff", "smoke", "new/smoke.yaml", "--ledgers", str(story_path), *SET)
    assert ran.out.count(f"params: {TOLD}") == 2


def test_annotations_leave_room_for_what_was_set(interlock: Interlock, story_path: Path, folder: Path) -> None:
    rules = "\n".join(f"  - {{id: r{index}, note: x}}" for index in range(20))
    more = f"params: {{n: {{type: int, default: 1}}}}\nrules:\n{rules}\n"
    text = f"policy: many\nversion: 1\nquestion: Is it?\n{more}decide:\n  - {{state: fine, allow: true}}\n"
    (folder / "many.yaml").write_text(text, "utf-8")
    given = ("--task", TASK, "--at", AT, "--ledger", str(story_path), "--format", "github")
    for params in ((), ("--param", "n=2")):
        found = consumers.github(interlock("eval", "many.yaml", *given, *params).out)
        assert len(found) == 10
        assert found[-1].message == f"and {len(found) + 1 + bool(params):,} more"


def test_python_is_an_origin_of_its_own(story_path: Path) -> None:
    decision = api.evaluate("smoke", ledger=story_path, task=TASK, at=AT, params={"stale_after": "10m"})
    assert decision.params["stale_after"] == api.ParamNote("10m", "python")
    assert decision.params["smoke_id"] == api.ParamNote(None, "default")


def test_only_the_policy_that_has_it_is_told_to_have_it(story_path: Path) -> None:
    found = api.judge(["smoke", "loop"], ledger=story_path, tasks=[TASK], at=AT, params={"smoke_id": "x"})
    assert ["smoke_id" in each.params for each in found] == [True, False]


@pytest.mark.parametrize("how", ["flag", "lock"])
def test_what_was_set_is_verified_in_a_log(how: str, folder: Path, story_path: Path) -> None:
    def run(*args: str) -> int:
        with pytest.raises(SystemExit) as exited:
            main.main(args)
        return int(exited.value.code or 0)

    assert run("lock", "smoke", "--params", *SET) == 0
    given = SET if how == "flag" else ("--lock", "interlock.lock")
    assert run("eval", *asked(story_path, "--at", AT, *given, "--decision-log", "log.ndjson")) == 0
    recorded = json.loads((folder / "log.ndjson").read_text("utf-8"))
    assert list(validator("decision_log").iter_errors(recorded)) == []
    assert recorded["decision"]["params"]["stale_after"] == {"value": "1000h", "origin": how}
    assert run("verify-decision", "log.ndjson") == run("verify-decision", "log.ndjson", "--lock", "interlock.lock") == 0
    recorded["decision"]["params"]["stale_after"]["origin"] = "default"
    (folder / "forged.ndjson").write_text(json.dumps(recorded) + "\n", "utf-8")
    assert run("verify-decision", "forged.ndjson") == 3


def test_a_session_tells_what_it_was_given(story_path: Path) -> None:
    request = Request(policies=("smoke",), params={"stale_after": "1m"}, origins={"stale_after": "mcp"})
    (params,) = Session(request).params
    assert params["stale_after"] == api.ParamNote("1m", "mcp")


def test_a_fleet_shows_what_was_set(interlock: Interlock, story_path: Path) -> None:
    ran = interlock("fleet", "smoke", "--ledgers", str(story_path), "--at", AT, *SET)
    assert "\nparams smoke.stale_after=1000h\n" in ran.out
