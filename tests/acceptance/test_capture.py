"""`interlock capture`: its case passes, nothing can be left out of it, and it discloses nothing of the ledger."""

from __future__ import annotations

import copy
import shlex
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

import interlock as package
from interlock.analysis.capture import captured, incident
from interlock.analysis.capture.yaml import new_file
from interlock.analysis.testing import run_suite
from interlock.analysis.testing.parse import suite_of
from interlock.cli import main
from interlock.diagnostics import PolicyError, Source
from interlock.policy.library import Library
from interlock.request import Request, Session
from tests.acceptance.conftest import Interlock, Ran
from tests.conformance.answers import ANSWERS, Question, given
from tests.helpers.ledgers import LedgerBuilder

TASK = "checkout-refactor"
ASLEEP = "2026-06-22T09:20:00Z"
STORY = [
    ("smoke", "2026-06-22T09:00:30Z"),
    ("smoke", "2026-06-22T09:01:00Z"),
    ("smoke", ASLEEP),
    ("loop", ASLEEP),
    ("quiescence", "2026-06-22T09:25:20Z"),
    ("readiness", "2026-06-22T09:34:00Z"),
    ("integrity", "2026-06-22T09:34:00Z"),
]
FURTHER = {"app-smoke status": ("smoke-strict", "integrity"), "app-autopilot status": ("autonomy",)}
SECRETS = """
SELECT id FROM telemetry_events UNION SELECT summary FROM telemetry_events UNION SELECT id FROM sessions
UNION SELECT name FROM sessions UNION SELECT codex_app_thread_id FROM sessions UNION SELECT id FROM bindings
UNION SELECT name FROM tasks UNION SELECT id FROM tasks
"""


def passes(text: str) -> bool:
    """Whether a test file is valid, and its cases pass."""
    library = Library()
    try:
        suite, loaded = suite_of(Source("a_test.yaml", text), library)
    except PolicyError:
        return False
    return run_suite(suite, loaded, lambda _: True).passed


def lessened(case: Any) -> Iterator[Any]:
    """The case without each of its facts, and without each field of each."""
    for index, fact in enumerate(case["facts"]):
        yield {**case, "facts": [other for other in case["facts"] if other is not fact]}
        [(kind, fields)] = fact.items()
        for name in fields:
            less = copy.deepcopy(case)
            del less["facts"][index][kind][name]
            yield less


def secrets(ledger: Path) -> list[str]:
    """The ids, names and sentences of a ledger."""
    with sqlite3.connect(ledger) as connection:
        found = [text for (text,) in connection.execute(SECRETS) if text and len(text) > 3]
    connection.close()
    return found


def holds(ledger: Path, policy: str, task: str, at: str, **params: Any) -> Any:
    """The case of a decision, held to all that every case must keep to."""
    opened = package.open_ledger(ledger)
    decision = package.evaluate(policy, ledger=opened, task=task, at=at, params=params)
    found = incident(Session(Request(policies=(policy,), tasks=(task,), ledger=opened, at=at, params=params)))
    case = captured(found, name=None, keep_times=False)
    text = new_file(policy, "test.schema.json", case)
    assert yaml.safe_load(text) == {"policy": policy, "cases": [case]}
    assert passes(text), text
    told = "undecided" if decision.allow is None else decision.allow
    assert case["expect"]["allow"] == told
    assert case["expect"].get("state", decision.state) == decision.state
    rules = sorted(finding["rule"] for finding in case["expect"].get("findings", ()))
    assert rules == sorted(finding.rule for finding in decision.findings)
    assert [less for less in lessened(case) if passes(new_file(policy, "test.schema.json", less))] == [], text
    assert [secret for secret in secrets(ledger) if secret in text] == []
    return case


@pytest.mark.parametrize(("policy", "at"), STORY)
def test_a_decision_of_the_story_is_captured(story_path: Path, policy: str, at: str) -> None:
    unopened = (policy, at) == STORY[0]  # no session yet, which is judged before all else
    assert bool(holds(story_path, policy, TASK, at)["facts"]) is not unopened


@pytest.mark.slow
@pytest.mark.parametrize("query", ANSWERS)
def test_every_answer_of_the_real_ledger_is_captured(conformance: Path, query: str) -> None:
    ledger = conformance / "ledger.db"
    opened = package.open_ledger(ledger)
    lines = (conformance / "expected.jsonl").read_bytes().splitlines()
    questions = [q for line in lines if (q := msgspec.json.decode(line, type=Question)).query == query]
    policies = [(policy, names) for policy, names, _ in ANSWERS[query]]
    policies += [(policy, ()) for policy in FURTHER.get(query, ())]
    seen = set()
    for question in questions:
        for policy, names in policies:
            params = given(question, names)
            decision = package.evaluate(policy, ledger=opened, task=question.task, at=question.now, params=params)
            told = (policy, decision.state, decision.reason)
            if told not in seen:
                seen.add(told)
                holds(ledger, policy, question.task, question.now, **params)
    assert len(seen) > 1


def capture(capfd: pytest.CaptureFixture[str], line: str, story: Path) -> Ran:
    with pytest.raises(SystemExit) as exited:
        main.main(["capture", "--ledger", str(story), "--task", TASK, *shlex.split(line)])
    return Ran(int(exited.value.code or 0), *capfd.readouterr())


def test_it_prints_a_test_file(interlock: Interlock, story_path: Path) -> None:
    ran = interlock("capture", "--ledger", str(story_path), "--task", TASK, "loop", "--at", ASLEEP)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.partition("\n")[2] == LOOP
    assert ran.out.startswith("# yaml-language-server: $schema=urn:interlock:test.schema.json\n")


LOOP = """\
policy: loop

cases:
  - case: 'unhealthy: seat-lease'
    facts:
      - dispatch_watch_heartbeat:
          actor: dispatch
          correlation: {dispatcher_id: dispatch-local}
      - seat: {heartbeat_at: -1m}
      - seat: {role: worker, heartbeat_at: -6m43s}
    expect:
      allow: false
      state: unhealthy
      findings:
        - {rule: seat-lease, message: Worker heartbeat is stale.}
"""


def test_cases_are_added_to_a_file_that_is_left_as_it_was(
    folder: Path, capfd: pytest.CaptureFixture[str], interlock: Interlock, story_path: Path
) -> None:
    file = folder / "mine_test.yaml"
    asked = f"loop --at {ASLEEP} --output mine_test.yaml"
    told = capture(capfd, f"{asked} --name 'a worker: asleep'", story_path)
    assert told == Ran(
        0, "wrote the case `a worker: asleep` to mine_test.yaml; `interlock test mine_test.yaml` runs it\n", ""
    )
    before = file.read_text()
    assert capture(capfd, f"{asked} --name 'a worker: asleep' --keep-times", story_path).code == 0
    after = file.read_text()
    assert after.startswith(before)
    assert "\n  - case: 'a worker: asleep (2)'\n    now: '2026-06-22T09:20:00Z'\n" in after
    assert interlock("test", "mine_test.yaml").code == 0


LAID_OUT = {
    "comments and keys after the cases": (
        "policy: loop  # mine\ncases:\n# first\n- case: one  # so it is\n  expect: {state: undecided}\n\n# the end\n"
        "task: demo\n"
    ),
    "a last line without an end": "policy: loop\ncases:\n    - case: one\n      expect:\n        state: undecided",
    "a folded text": "policy: loop\ncases:\n  - case: >-\n      one\n      more\n    expect: {state: undecided}\n",
    "a wrapped name": (
        "policy: loop\ncases:\n  - expect: {\n      state: undecided}\n    case: one\n      more\ntask: demo\n"
    ),
    "lines of another system": "policy: loop\r\ncases:\r\n  - case: one\r\n    expect: {state: undecided}\r\n",
}


@pytest.mark.parametrize("text", LAID_OUT.values(), ids=LAID_OUT)
def test_a_case_is_added_whatever_the_layout(
    folder: Path, capfd: pytest.CaptureFixture[str], interlock: Interlock, story_path: Path, text: str
) -> None:
    file = folder / "loop_test.yaml"
    file.write_bytes(text.encode())
    ran = capture(capfd, f"loop --at {ASLEEP} --output loop_test.yaml", story_path)
    assert (ran.code, ran.err) == (0, "")
    after = file.read_bytes().decode()
    assert [line for line in text.splitlines() if line not in after.splitlines()] == []
    assert ("\r\n" in text) is ("\r\n" in after)
    assert ("\n" in after.replace("\r\n", "")) is not ("\r\n" in text)
    was, now = yaml.safe_load(text), yaml.safe_load(after)
    assert now["cases"][:-1] == was["cases"]
    assert now["cases"][-1]["case"] == "unhealthy: seat-lease"
    assert interlock("test", "loop_test.yaml").code == 0


NOT_THERE = (
    "error: the case does not pass in `x_test.yaml`, for what that file says of every case; write to another file\n"
)
REFUSED = {
    "policy: loop\ncases: [{case: one, expect: {state: undecided}}]\n": (
        2,
        "error: `x_test.yaml` has no list of cases, each after a dash, that one could be added to\n",
    ),
    "policy: smoke\ncases:\n  - case: one\n    expect: {state: undecided}\n": (
        2,
        "error: `x_test.yaml` tests another policy",
    ),
    "policy: loop\nparams: {stale_after: 1h}\ncases:\n  - case: one\n    expect: {state: undecided}\n": (
        2,
        NOT_THERE,
    ),
    "policy: [": (5, "x_test.yaml:1:9: error[E002]"),
    "policy: loop\ncases:\n  - case: one\n": (5, "x_test.yaml:3:5: error[E700]"),
    "- loop\n": (5, "x_test.yaml:1:1: error[E700]"),
    "": (5, "x_test.yaml:1:1: error[E003]"),
}


@pytest.mark.parametrize(("text", "expected"), REFUSED.items())
def test_a_file_that_cannot_take_the_case_is_left_as_it_is(
    folder: Path, interlock: Interlock, story_path: Path, text: str, expected: tuple[int, str]
) -> None:
    (folder / "x_test.yaml").write_text(text)
    words = ["loop", "--at", ASLEEP, "--output", "x_test.yaml"]
    ran = interlock("capture", "--ledger", str(story_path), "--task", TASK, *words)
    assert (ran.code, ran.out) == (expected[0], "")
    assert ran.err.startswith(expected[1]), ran.err


@pytest.mark.parametrize("place", ["nowhere/x_test.yaml", "."])
def test_what_cannot_be_written_is_told(interlock: Interlock, story_path: Path, place: str) -> None:
    words = ["loop", "--at", ASLEEP, "--output", place]
    ran = interlock("capture", "--ledger", str(story_path), "--task", TASK, *words)
    assert ran.code == 2
    assert ran.err.startswith("error: cannot ")


def test_a_policy_that_lies_beside_is_named_by_its_id_and_another_by_its_path(
    folder: Path, capfd: pytest.CaptureFixture[str], interlock: Interlock, story_path: Path
) -> None:
    (folder / "gates").mkdir()
    gate = (Path(Library().path("loop"))).read_text().replace("policy: loop", "policy: mine")
    (folder / "gates" / "mine.yaml").write_text(gate)
    asked = f"gates/mine.yaml --at {ASLEEP}"
    assert "\npolicy: gates/mine.yaml\n" in capture(capfd, asked, story_path).out
    for place, named in (("gates/mine_test.yaml", "mine"), ("mine_test.yaml", "gates/mine.yaml")):
        assert capture(capfd, f"{asked} --output {place}", story_path).code == 0
        assert f"\npolicy: {named}\n" in (folder / place).read_text()
        assert interlock("test", place).code == 0


AT = """
policy: since
version: 1
question: Was it before the change?
params: {when: {type: timestamp, optional: true}, who: {type: string, optional: true}, tasks: {type: list, default: []}}
facts:
  seat: {from: seat, required: nobody}
rules:
  - id: late
    for: seat
    when: seat.heartbeat_at > CHANGE
    block: "{seat.session_name} at {params.when} of {params.who}"
    fix: wait
decide:
  - {state: bad, when: blocked, allow: false}
  - {state: good, allow: true}
"""

PARAMS = """
    params:
      when: '2025-12-31T23:55:00Z'
      who: who
      tasks: [tasks, tasks-2]
"""


def test_parameters_are_masked_and_move_with_the_clock(
    folder: Path, capfd: pytest.CaptureFixture[str], interlock: Interlock, story_path: Path
) -> None:
    (folder / "since.yaml").write_text(AT.replace("CHANGE", "params.when"))
    line = f"./since.yaml --at {ASLEEP} --param when=2026-06-22T09:15:00Z --param who=Alice --param tasks=a,b"
    out = capture(capfd, line, story_path).out
    assert PARAMS in out
    assert "message: 'session_name at 2025-12-31T23:55:00Z of who'}\n" in out


def test_an_instant_that_the_policy_writes_needs_the_times_to_be_kept(
    folder: Path, capfd: pytest.CaptureFixture[str], interlock: Interlock, story_path: Path
) -> None:
    (folder / "since.yaml").write_text(AT.replace("CHANGE", 'timestamp("2026-06-22T09:15:00Z")'))
    words = ["--ledger", str(story_path), "--task", TASK, "./since.yaml", "--at", ASLEEP]
    assert interlock("capture", *words) == Ran(
        2, "", "error: the decision is another one when ids, names and times are masked; perhaps `--keep-times` helps\n"
    )
    assert "    now: '2026-06-22T09:20:00Z'\n" in interlock("capture", *words, "--keep-times").out


def test_a_name_that_is_no_text_is_refused(interlock: Interlock, story_path: Path) -> None:
    words = ["loop", "--at", ASLEEP, "--name", "a\udcff"]
    ran = interlock("capture", "--ledger", str(story_path), "--task", TASK, *words)
    assert ran == Ran(2, "", "error: `--name` is not text: it contains bytes that are not UTF-8\n")


def test_tasks_that_are_needed_are_masked_too_and_may_be_asked_for_by_their_ids(
    interlock: Interlock, ledger_path: Path
) -> None:
    with sqlite3.connect(ledger_path) as connection:
        [(identity,)] = connection.execute("SELECT id FROM tasks WHERE name = 'task-0003'")
    connection.close()
    ledger = ["--ledger", str(ledger_path), "worker-set", "--at", "2026-06-11T12:30:00Z"]
    by_name, by_id = (
        interlock("capture", *ledger, "--task", task, "--param", f"tasks={task},task-0004")
        for task in ("task-0003", identity)
    )
    assert by_name == by_id
    assert "    params:\n      tasks: [task, task-2]\n" in by_name.out
    assert "`smoke` is undecided for task-2" in by_name.out


def test_an_invalid_fact_cannot_be_in_a_case(interlock: Interlock, folder: Path) -> None:
    builder = LedgerBuilder(folder / "ledger.db").task("demo").bind()
    builder.receipt("app_smoke_started", at="2026-06-11T12:01:00Z", attributes={"smoke_id": 7})
    builder.write()
    ran = interlock("capture", "--ledger", "ledger.db", "--task", "demo", "smoke", "--at", "2026-06-11T12:05:00Z")
    assert ran.code == 2
    assert "is invalid, and a test case holds valid facts" in ran.err
