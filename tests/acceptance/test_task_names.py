"""A text means one task: what may mean two is refused, in every face, and no task is judged by another's receipts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import interlock as api
from interlock.diagnostics import UsageError
from tests.acceptance.conftest import Interlock
from tests.helpers.ledgers import START, LedgerBuilder

POLICY = """\
policy: no-stop
version: 1
question: Has nobody stopped the autopilot?
facts:
  stops: {from: app_autopilot_stopped, take: all}
rules:
  - {id: stopped, for: stops, block: "{task} was stopped"}
decide:
  - {state: stopped, when: blocked, allow: false}
  - {state: free, allow: true}
"""
SET = """\
policy: all-free
version: 1
question: Are all of them free?
params:
  tasks: {type: list, description: The tasks}
needs:
  free: {policy: no-stop, tasks: params.tasks}
rules:
  - {id: taken, for: free, unless: free.allow, block: "{free.task} is not free"}
decide:
  - {state: taken, when: blocked, allow: false}
  - {state: free, allow: true}
outputs:
  count: free.size()
"""
NAMED = {"dispatcher_id": "dispatcher-1"}
BOTH = "`task-1` is the name of the task `task-2` and the id of the task named `alpha`; say `alpha`, or `task-2`"


@pytest.fixture
def ledger(folder: Path) -> Path:
    """The task `task-1`, named `alpha`, was stopped; the task `task-2`, named `task-1`, was not."""
    (folder / "no-stop.yaml").write_text(POLICY, "utf-8")
    (folder / "all-free.yaml").write_text(SET, "utf-8")
    builder = LedgerBuilder(folder / "l.db").task("alpha")
    builder.receipt("app_autopilot_stopped", at=START, attributes=NAMED, correlation=NAMED)
    return builder.task("task-1").task("gamma").write()


def test_every_task_is_judged_once_by_its_own_receipts(ledger: Path, interlock: Interlock) -> None:
    ran = interlock("eval", "no-stop.yaml", "--all-tasks", "--ledger", str(ledger), "--format", "json")
    decisions = [json.loads(line) for line in ran.out.splitlines()]
    assert [(each["task"], each["allow"]) for each in decisions] == [
        ("alpha", False),
        ("task-2", True),
        ("gamma", True),
    ]


@pytest.mark.parametrize(("asked", "allow"), [("alpha", False), ("task-2", True), ("gamma", True), ("task-3", True)])
def test_what_means_one_task_is_that_task(ledger: Path, asked: str, allow: bool) -> None:
    decision = api.evaluate("no-stop.yaml", ledger=ledger, task=asked)
    assert (decision.allow, decision.task) == (allow, {"task-3": "gamma"}.get(asked, asked))


COMMANDS: dict[str, list[str]] = {
    "eval": ["eval", "no-stop.yaml"],
    "watch": ["watch", "no-stop.yaml", "--timeout", "0s"],
    "facts": ["facts", "no-stop.yaml"],
    "explain": ["explain", "no-stop.yaml"],
    "unblock": ["unblock", "no-stop.yaml"],
    "replay": ["replay", "no-stop.yaml"],
    "diff": ["diff", "no-stop.yaml", "no-stop.yaml"],
    "capture": ["capture", "no-stop.yaml"],
    "export": ["export"],
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_text_that_is_both_a_name_and_an_id_is_refused(
    ledger: Path, interlock: Interlock, command: list[str]
) -> None:
    ran = interlock(*command, "--ledger", str(ledger), "--task", "task-1")
    assert (ran.code, ran.out) == (2, "")
    assert BOTH in ran.err


def test_it_is_refused_in_a_list_of_tasks_too(ledger: Path, interlock: Interlock) -> None:
    ran = interlock(
        "eval", "all-free.yaml", "--task", "gamma", "--ledger", str(ledger), "--param", "tasks=gamma,task-1"
    )
    assert ran.code == 2
    assert BOTH in ran.err


@pytest.mark.parametrize(("tasks", "count"), [("gamma,task-3", 1), ("gamma,task-2", 2)])
def test_a_task_that_is_listed_by_its_name_and_its_id_counts_once(
    ledger: Path, interlock: Interlock, tasks: str, count: int
) -> None:
    asked = ["eval", "all-free.yaml", "--task", "gamma", "--ledger", str(ledger), "--param", f"tasks={tasks}"]
    assert json.loads(interlock(*asked, "--format", "json").out)["outputs"] == {"count": count}


def test_a_task_that_no_text_means_alone_is_never_left_out(folder: Path, interlock: Interlock) -> None:
    (folder / "no-stop.yaml").write_text(POLICY, "utf-8")
    path = LedgerBuilder(folder / "l.db").task("task-2").task("task-1").write()
    ran = interlock("eval", "no-stop.yaml", "--all-tasks", "--ledger", str(path))
    assert (ran.code, ran.out) == (2, "")
    assert "is the name of the task" in ran.err


def test_a_waiver_for_a_text_that_is_both_waives_nothing(ledger: Path, folder: Path) -> None:
    (folder / "waivers.yaml").write_text(
        "- {policy: no-stop, rule: stopped, task: task-1, reason: x, expires: '2200-01-01', by: ada}\n",
        "utf-8",
    )
    for task in ("alpha", "task-2"):
        decision = api.evaluate(
            "no-stop.yaml",
            ledger=ledger,
            task=task,
            waivers="waivers.yaml",
            allow_long_waivers=True,
            policy_dirs=["."],
        )
        assert decision.waived == 0
        assert decision.allow is (task == "task-2")


COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"


@pytest.mark.parametrize(("named", "asked"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)])
def test_a_name_is_found_however_its_letters_are_composed(folder: Path, named: str, asked: str) -> None:
    """One file system, keyboard or tool writes an accent as one code point, another as two."""
    (folder / "no-stop.yaml").write_text(POLICY, "utf-8")
    path = LedgerBuilder(folder / "l.db").task(named).write()
    assert api.evaluate("no-stop.yaml", ledger=path, task=asked).task == named


def test_names_that_only_look_alike_are_told_apart(folder: Path, check_unknown: Callable[[Path, str], str]) -> None:
    path = LedgerBuilder(folder / "l.db").task("\u1e69").task("s\u0323\u0307").write()
    (folder / "no-stop.yaml").write_text(POLICY, "utf-8")
    told = check_unknown(path, "\u1e63\u0307")
    assert re.search(r"2 tasks have names similar to .*: '\\u1e69' and 's\\u0323\\u0307'", told)
    assert api.evaluate("no-stop.yaml", ledger=path, task="\u1e69").task == "\u1e69", "exactly one is named so"


@pytest.fixture
def check_unknown() -> Callable[[Path, str], str]:
    """What is said of a task that cannot be determined."""

    def told(path: Path, task: str) -> str:
        with pytest.raises(UsageError) as caught:
            api.evaluate("no-stop.yaml", ledger=path, task=task)
        return str(caught.value)

    return told
