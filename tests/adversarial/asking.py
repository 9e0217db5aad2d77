"""Questions to a ledger: drawn, put to interlock through its public API, and compared with the model's answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

import interlock
from tests.adversarial import model
from tests.adversarial.drawing import Drawn
from tests.adversarial.model import Answer, stamps
from tests.adversarial.model.seats import When

POLICIES = tuple(model.GATES)


@dataclass(frozen=True)
class Question:
    """A policy, a task (id and name), an instant, and parameters as the model takes them: spans in microseconds."""

    policy: str
    task: tuple[str, str]
    when: When
    params: dict[str, Any]

    @property
    def given(self) -> dict[str, Any]:
        """The parameters as interlock takes them."""
        spans = ("stale_after",)
        return {name: f"{value}us" if name in spans else value for name, value in self.params.items()}

    def __str__(self) -> str:
        at = "" if self.when.live else f" --at {stamps.write(self.when.instant, 6)}"
        clock = f" with the clock at {stamps.write(self.when.instant, 6)}" if self.when.live else ""
        params = "".join(f" --param {name}={value}" for name, value in self.given.items())
        return f"interlock eval {self.policy} --task {self.task[1]!r}{at}{params}{clock}"


def questions(random: Random, drawn: Drawn) -> Iterator[Question]:
    """Questions to a ledger without end: at the instants of its rows, at the edges of spans after them, and live."""
    while True:
        yield question(random, drawn, random.choice(POLICIES))


def question(random: Random, drawn: Drawn, policy: str) -> Question:
    instant = random.choice(drawn.instants[-12:] if random.random() < 0.5 else drawn.instants)
    instant += random.choice((0, 0, 1, -1, stamps.SECOND, 10 * stamps.SECOND, random.choice(drawn.spans)))
    instant += random.choice((0, 0, 0, 1, -1))
    when = When(instant, random.random() < 0.4)
    return Question(policy, random.choice(drawn.tasks), when, _params(random, drawn, policy))


def _params(random: Random, drawn: Drawn, policy: str) -> dict[str, Any]:
    params: dict[str, Any] = {}
    takes = {name for name, (_, names) in _TAKES.items() if policy in names}
    for name in sorted(takes):
        if random.random() < _TAKES[name][0]:
            params[name] = _value(random, drawn, name)
    return params


_SMOKE = ("smoke", "smoke-strict", "autonomy")
_TAKES: dict[str, tuple[float, tuple[str, ...]]] = {
    "dispatcher_id": (0.6, ("loop", "readiness", "quiescence", "wakeup", "autonomy")),
    "stale_after": (0.3, ("loop", "readiness", "quiescence", "wakeup", *_SMOKE, "worker-set")),
    "manual_poll": (0.3, ("autonomy",)),
    "tasks": (1.0, ("worker-set",)),
    "quiet_after": (0.6, ("quiescence",)),
    "mode": (0.3, ("preflight",)),
    "old_worker_thread_id": (1.0, ("rotation",)),
    "require_handoff": (0.6, ("rotation",)),
    "smoke_id": (0.2, _SMOKE),
}


def _value(random: Random, drawn: Drawn, name: str) -> Any:
    match name:
        case "dispatcher_id":
            return random.choice(drawn.dispatchers)
        case "stale_after":
            return random.choice(drawn.spans)
        case "quiet_after":
            return random.choice((0, 1, 1, 2, 4))
        case "mode":
            return random.choice(("required", "advisory", "skip"))
        case "old_worker_thread_id":
            return random.choice(drawn.threads)
        case "require_handoff":
            return random.random() < 0.5
        case "manual_poll":
            return True
        case "tasks":
            return [random.choice(task) for task in random.choices(drawn.tasks, k=random.randrange(4))]
    return random.choice(drawn.smokes)


@contextmanager
def clock(instant: int) -> Iterator[None]:
    """The reader's clock shows this instant."""
    with mock.patch.object(time, "time_ns", return_value=instant * 1_000):
        yield


def ask(question: Question, ledger: interlock.Ledger) -> interlock.Decision:
    """Interlock's decision."""
    at = None if question.when.live else stamps.write(question.when.instant, 6)
    with clock(question.when.instant):
        return interlock.evaluate(question.policy, ledger=ledger, task=question.task[1], at=at, params=question.given)


def expected(question: Question, path: Path) -> Answer:
    """The model's answer. A time that Conveyor never writes may be read, or refused."""
    answers = [
        model.decide(question.policy, model.load(path, wide=wide), question.task, question.when, question.params)
        for wide in (False, True)
    ]
    return either(*answers)


def either(one: Answer, other: Answer) -> Answer:
    """What may be said where both answers are right."""
    return one if one == other else Answer(one.allow | other.allow, why=f"{one.why} or {other.why}")


def differences(decision: interlock.Decision, answer: Answer) -> list[str]:
    """Where a decision is not what the model says."""
    found = []
    if decision.allow not in answer.allow:
        may = " or ".join(map(shown, sorted(answer.allow, key=str)))
        found.append(f"interlock says {shown(decision.allow)}, the model {may} {answer.why}".rstrip())
    blocks = tuple(sorted((f.rule, f.message) for f in decision.findings if f.severity == "block"))
    said = answer.findings is not None and decision.allow is not None
    rules, wanted = [rule for rule, _ in blocks], [rule for rule, _ in answer.findings or ()]
    if said and rules != wanted:
        found.append(f"findings {rules}, the model {wanted}")
    elif said:
        wrong = [(a, b) for (_, a), (_, b) in zip(blocks, answer.findings or (), strict=True) if b and a != b]
        found += [f"message {a!r}, the model {b!r}" for a, b in wrong]
    if answer.state is not None and decision.allow is not None and decision.state != answer.state:
        found.append(f"state {decision.state}, the model {answer.state}")
    if answer.reason is not None and answer.allow == {None} and decision.reason != answer.reason:
        found.append(f"reason {decision.reason!r}, the model {answer.reason!r}")
    return found


def shown(allow: bool | None) -> str:
    return {True: "allowed", False: "denied", None: "undecided"}[allow]
