"""Decisions as JSON: each a line, each valid against the schema that ships, each the decision that the API gives."""

from __future__ import annotations

import json
from pathlib import Path

import click
import jsonschema
import pytest

import interlock as api
from interlock.cli import main
from tests.acceptance.conftest import Interlock
from tests.helpers.ledgers import LedgerBuilder
from tests.helpers.printed import LINES, OTHERS, PRINTED, check_printed

SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "schemas" / "decision.schema.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
STORY = ("--task", "checkout-refactor", "--format", "json", "--ledger")


def test_every_command_is_held_to_what_it_prints() -> None:
    listed = sorted([*PRINTED, *LINES, *OTHERS])
    assert sorted(main.list_commands(click.Context(main))) == listed == sorted(set(listed))
    with pytest.raises(jsonschema.ValidationError):
        check_printed(["eval", "smoke", "--format", "json"], '{"allow": true}\n')


def documents(out: str) -> list[dict[str, object]]:
    """The objects of the lines, each a valid decision."""
    found = [json.loads(line) for line in out.splitlines()]
    for document in found:
        VALIDATOR.validate(document)
    return found


@pytest.mark.parametrize("minute", ["00:30", "01:10", "20:00", "32:00", "43:00", "59:00"])
def test_each_decision_is_a_line_that_the_schema_accepts(minute: str, interlock: Interlock, story_path: Path) -> None:
    at = f"2026-06-22T09:{minute}Z"
    ran = interlock("eval", "smoke", "readiness", "quiescence", *STORY, str(story_path), "--at", at)
    found = documents(ran.out)
    assert [(each["policy"], each["task"], each["now"]) for each in found] == [
        (policy, "checkout-refactor", at) for policy in ("smoke", "readiness", "quiescence")
    ]
    verdicts = {each["allow"] for each in found}
    assert ran.code == (3 if False in verdicts else 4 if None in verdicts else 0)
    assert ran.err == ""


def test_every_task_of_a_real_ledger(interlock: Interlock, ledger_path: Path) -> None:
    ran = interlock("eval", "loop", "smoke", "--all-tasks", "--format", "json", "--ledger", str(ledger_path))
    found = documents(ran.out)
    assert [each["policy"] for each in found] == ["loop", "smoke"] * 120
    assert len({str(each["task"]) for each in found}) == 120


def test_the_line_is_what_the_api_decides(interlock: Interlock, story_path: Path) -> None:
    at = "2026-06-22T09:43:00Z"
    (line,) = interlock("eval", "quiescence", *STORY, str(story_path), "--at", at).out.splitlines()
    decision = api.evaluate("quiescence", ledger=story_path, task="checkout-refactor", at=at)
    found = json.loads(line)
    assert (found["allow"], found["state"]) == (decision.allow, decision.state)
    assert [finding["message"] for finding in found["findings"]] == [f.message for f in decision.findings]
    assert found["outputs"] == decision.outputs
    assert found["evidence"] == list(decision.evidence)
    assert found["ledger"] == {"path": str(story_path), "seq": 164}


def test_a_path_that_is_no_text(interlock: Interlock, folder: Path) -> None:
    LedgerBuilder(folder / "\udcff.db").task("demo").write()
    ran = interlock("eval", "smoke", "--task", "demo", "--format", "json", "--ledger", "\udcff.db")
    (found,) = documents(ran.out)
    assert found["ledger"] == {"path": "\\xff.db", "seq": 0}


def test_one_snapshot_and_one_now_for_all(interlock: Interlock, story_path: Path) -> None:
    found = documents(interlock("eval", "smoke", "loop", "readiness", *STORY, str(story_path)).out)
    assert len({str(each["now"]) for each in found}) == 1
    assert {str(each["ledger"]) for each in found} == {str(found[0]["ledger"])}
