"""What a decision says to do: whoever is not let through hears why and what helps, and a command can be pasted."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

import interlock as public
from interlock.analysis import testing
from interlock.analysis.testing import outcome
from interlock.cli import main
from interlock.diagnostics import UsageError
from interlock.escape import harmless
from interlock.model.decision import Decision
from interlock.model.policy import Advice, Policy, Template
from interlock.policy.library import Library
from interlock.reporting import FORMATS
from tests.acceptance.conftest import Interlock
from tests.helpers.ledgers import LedgerBuilder

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "policies" / "examples"
CONVEYOR: dict[str, Any] = json.loads((ROOT / "tests" / "conformance" / "commands.json").read_text("utf-8"))["commands"]
SHIPPED = sorted(
    path
    for path in (*(ROOT / "policies").glob("*.yaml"), *EXAMPLES.glob("*/*.yaml"))
    if not path.name.endswith("_test.yaml")
)


def library(path: Path) -> Library:
    """The library in which a shipped policy or an example is found."""
    beside = [str(path.parent)] if EXAMPLES in path.parents else []
    schemas = [str(path.parent / "schemas" / "facts")] if beside else []
    return Library(beside, schemas)


def policy(path: Path) -> Policy:
    return library(path).load(str(path)).policy


# -- who is not let through hears why


@pytest.fixture
def decided(monkeypatch: pytest.MonkeyPatch) -> list[Decision]:
    """The decisions of the tests of policies that are run."""
    seen: list[Decision] = []
    compared = outcome.differences

    def differences(expect: Any, decision: Decision) -> Any:
        seen.append(decision)
        return compared(expect, decision)

    monkeypatch.setattr("interlock.analysis.testing.differences", differences)
    return seen


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_state_that_does_not_allow_says_why_and_what_to_do(path: Path, decided: list[Decision]) -> None:
    trials, _ = testing.run_tests([str(path)], library(path))
    assert all(trial.passed for trial in trials)
    refused = [decision for decision in decided if decision.allow is not True]
    denying = {line.state for line in policy(path).decide if not line.allow}
    assert {decision.state for decision in refused if decision.allow is False} == denying, "each is in some case"
    for decision in refused:
        wrong = [each for each in decision.findings if each.severity in ("block", "warn")]
        assert decision.reason or wrong, decision
        said = [decision.fix or decision.hint, *(each.fix or each.hint for each in wrong)]
        broken = decision.allow is None and "is invalid" in str(decision.reason)
        assert broken or any(said), decision
        assert all(each.fix or each.hint for each in wrong), decision


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_selection_that_a_shipped_policy_requires_says_what_to_do(path: Path) -> None:
    for selection in policy(path).selections:
        assert selection.required is None or selection.advice.templates, selection.name


def test_a_need_that_is_undecided_hands_on_what_to_do(folder: Path, interlock: Interlock) -> None:
    LedgerBuilder(folder / "ledger.db").task("it's").write()
    for gate in ("smoke", "smoke-strict", "autonomy"):
        (decision,) = [public.evaluate(gate, ledger=folder / "ledger.db", task="it's")]
        assert (decision.allow, decision.fix) == (None, """conveyor app-smoke start 'it'"'"'s'"""), gate


# -- what it says is a command of the real system


def advices(of: Policy) -> Iterator[tuple[str, Advice]]:
    yield from ((each.name, each.advice) for each in of.selections)
    yield from ((each.id, each.advice) for each in of.rules)
    yield from ((each.state, each.advice) for each in of.decide)


def commands(template: Template) -> list[str]:
    """The commands, with a word for each value."""
    return template.filled(lambda node: "VALUE").splitlines()


FIXES = [
    pytest.param(command, id=f"{path.stem}/{name}")
    for path in SHIPPED
    for name, advice in advices(policy(path))
    if advice.fix is not None
    for command in commands(advice.fix)
]


def test_there_are_commands() -> None:
    assert len(FIXES) > 15


@pytest.mark.parametrize("command", FIXES)
def test_every_command_of_a_shipped_policy_is_there(command: str) -> None:
    assert refused(command) is None


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("conveyor worker-handoff VALUE", "no such command"),
        ("conveyor handoff VALUE --summary=VALUE", "lacks --next-step"),
        ("conveyor inbox-ack VALUE --notification-id=1 --role=worker --status=received", "lacks --from-stdin"),
        (
            "conveyor app-autopilot record-automation VALUE --role=worker --automation-id ID",
            "`ID` stands for a value",
        ),
        ("conveyor app-smoke record VALUE --smoke-id=a --nonce=b --role=worker --status=sent", "lacks --thread-id"),
        ("conveyor app-smoke start VALUE --mode=VALU", "--mode is one of"),
        ("conveyor app-smoke start", "lacks a task"),
        ("conveyor app-smoke start VALUE VALUE", "more than a task"),
        ("conveyor app-smoke start VALUE --smok=1", "no option --smok"),
        ("conveyor app-smoke start VALUE --smoke-id VALUE", "give it as --smoke-id=VALUE"),
        ("interlock evil smoke", "no such command"),
        ("interlock eval smoke --tusk=VALUE", "no option --tusk"),
        ("wake the worker", "no such program"),
        ("conveyor app-smoke start <task>", "`<task>` stands for a value"),
    ],
)
def test_what_the_real_system_would_refuse_is_found(command: str, why: str) -> None:
    assert why in str(refused(command))


def refused(command: str) -> str | None:
    """Why the real system would not take a command; None where it would."""
    *before, last = command.split(" | ")
    if any(shlex.split(each)[0] not in ("printf", "echo") for each in before):
        return "no such program"
    program, *words = shlex.split(last)
    if program == "interlock":
        return refused_by_interlock(words)
    if program != "conveyor":
        return f"no such program: {program}"
    named = next((name for name in (" ".join(words[:2]), words[0]) if name in CONVEYOR), None)
    if named is None:
        return f"no such command: {words[0]}"
    known = CONVEYOR[named]
    rest = words[len(named.split()) :]
    flags = dict(each.partition("=")[::2] for each in rest if each.startswith("--"))
    positionals = [each for each in rest if not each.startswith("--")]
    faults = [*refused_flags(known, flags, rest)]
    if len(positionals) != len(known["positionals"]):
        faults.append("lacks a task" if len(positionals) < len(known["positionals"]) else "more than a task")
    return next(iter(faults), stands_for_a_value(words))


def refused_flags(known: dict[str, Any], flags: dict[str, str], rest: list[str]) -> Iterator[str]:
    needed = [*known.get("needed", ())]
    for pair, more in known.get("needed_when", {}).items():
        name, value = pair.split()
        needed += more if flags.get(name) == value else []
    for name, value in flags.items():
        if name not in known["flags"]:
            yield f"no option {name}"
            continue
        values = known["flags"][name]
        if values is not False and name in rest:
            yield stands_for_a_value(rest[rest.index(name) + 1 :]) or f"give it as {name}=VALUE"
        if isinstance(values, list) and value not in (*values, "VALUE"):
            yield f"{name} is one of {values}"
    yield from (f"lacks {name}" for name in needed if name not in flags)


def stands_for_a_value(words: list[str]) -> str | None:
    for word in words:
        value = word.partition("=")[2] if word.startswith("--") else word
        if (value.isupper() and value != "VALUE") or value.startswith(("<", "…", "...")):
            return f"`{value}` stands for a value"
    return None


def refused_by_interlock(words: list[str]) -> str | None:
    try:
        command = main.get_command(click.Context(main), words[0])
    except UsageError:
        command = None
    if command is None:
        return f"no such command: {words[0]}"
    options = {name for each in command.params if isinstance(each, click.Option) for name in each.opts}
    given = [word.partition("=")[0] for word in words if word.startswith("--")]
    return next((f"no option {name}" for name in given if name not in options), None) or stands_for_a_value(words)


# -- what is pasted is one command, whatever the values are

TASKS = (
    "a$(touch X)b",
    "-rf",
    "--help",
    "a\nb",
    "it's",
    "naïve ☃",
    "`touch X`",
    "a; touch X",
    'a"b',
    "a\\",
    "!x",
    "~",
    "*",
)


@pytest.fixture
def stub(tmp_path: Path) -> dict[str, str]:
    """An environment with a `conveyor` that prints its arguments as JSON, after its input where it reads that."""
    program = tmp_path / "bin" / "conveyor"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nfor word in "$@"; do printf \'%s\\0\' "$word"; done\n', "utf-8")
    program.chmod(0o755)
    return {**os.environ, "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("gate", ["smoke", "readiness"])
def test_what_is_pasted_runs_as_it_is_shown(
    task: str, gate: str, shell: str, tmp_path: Path, stub: dict[str, str]
) -> None:
    ledger = tmp_path / "ledger.db"
    builder = LedgerBuilder(ledger).task(task)
    if gate == "readiness":
        builder = builder.bind(manager={"codex_app_thread_id": "t1"}, worker={"codex_app_thread_id": "t2"})
    builder.write()
    decision = public.evaluate(gate, ledger=ledger, task=task)
    assert decision.allow is not True
    work = tmp_path / "work"
    work.mkdir()
    advice = [(decision.fix, decision.hint), *((each.fix, each.hint) for each in decision.findings)]
    shown = [fix for fix, _ in advice if fix]
    refusals = [hint for _, hint in advice if "no command is shown" in str(hint)]
    assert bool(refusals) == (task.startswith("-") or "\n" in task)
    assert not any(task in fix for fix in shown if task.startswith("-") or "\n" in task)
    for command in (line for fix in shown for line in fix.splitlines()):
        assert harmless(command) == command
        ran = subprocess.run([shell, "-c", command], cwd=work, env=stub, capture_output=True, check=True, timeout=20)
        words = ran.stdout.decode().split("\0")[:-1]
        assert "--help" not in words
        assert "-rf" not in words
        assert task in words or words[0] == "dispatch", (command, words)
    assert list(work.iterdir()) == []


POLICY = r"""
policy: silent
version: 1
question: Is it?
facts:
  smoke:
    from: app_smoke_started
    take: latest
    required:
      message: none yet
      fix: |
        conveyor app-smoke start {task}

        conveyor app-smoke status {task} \
          --json
      hint: Start one.
decide:
  - {state: skipped, when: smoke.mode == "skip", allow: true}
  - {state: advised, when: smoke.mode == "advisory", allow: false, reason: "{smoke.smoke_id}: no proof", hint: Wait.}
  - {state: open, allow: false, reason: "it is {now - smoke.at}", fix: "conveyor app-smoke status {task}"}
"""


@pytest.fixture
def silent(folder: Path) -> Path:
    (folder / "silent.yaml").write_text(POLICY, "utf-8")
    LedgerBuilder(folder / "ledger.db").task("a b").write()
    return folder


@pytest.mark.parametrize("form", FORMATS)
def test_every_report_has_the_commands_and_the_prose(form: str, silent: Path, interlock: Interlock) -> None:
    out = interlock("eval", "./silent.yaml", "--task", "a b", "--ledger", "ledger.db", "--format", form).out
    for said in ("none yet", "conveyor app-smoke start 'a b'", "conveyor app-smoke status 'a b' --json", "Start one."):
        assert said in out.replace("&#x27;", "'").replace("\\u0027", "'").replace("<!-- -->", ""), form


def test_a_command_is_alone_on_its_line_and_whole(silent: Path, interlock: Interlock) -> None:
    ran = interlock("eval", "./silent.yaml", "--task", "a b", "--ledger", "ledger.db")
    assert ran.out.splitlines()[2:] == [
        "  why      none yet",
        "           fix:",
        "           conveyor app-smoke start 'a b'",
        "           conveyor app-smoke status 'a b' --json",
        "           hint: Start one.",
    ]


def test_a_line_of_decide_says_why_it_denies(silent: Path) -> None:
    for mode, expected in (
        ("advisory", ("s-1: no proof", None, "Wait.")),
        ("required", ("it is 1m", "conveyor app-smoke status 'a b'", None)),
    ):
        session = {"smoke_id": "s-1", "nonce": "n", "scope": "pair", "mode": mode, "worker_count": 1}
        builder = LedgerBuilder(silent / f"{mode}.db").task("a b")
        path = builder.receipt("app_smoke_started", at="2026-06-22T09:00:00Z", attributes=session).write()
        decision = public.evaluate(silent / "silent.yaml", ledger=path, task="a b", at="2026-06-22T09:01:00Z")
        assert (decision.allow, decision.reason, decision.fix, decision.hint) == (False, *expected)
        assert decision.valid_until is None, "a reason that only counts the time is the same reason"
