"""The model itself is compared with the real system: it could not judge interlock if it were wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.adversarial import model
from tests.adversarial.model import stamps
from tests.conformance.answers import EACH, EXPECTED, SAME_REASON, Question
from tests.conformance.kept import KEPT

Expected = tuple[str, bool | None, list[str] | None]
"""A policy, what the real system allows, and the blockers that it names; None where it names none in the same words."""

POLICIES = {
    "app-smoke status": ("smoke",),
    "app-autopilot status": ("readiness", "quiescence"),
    "app-loop-status": ("loop",),
    "app-wakeup-plan": ("wakeup",),
    "app-smoke preflight": ("preflight",),
    "app-worker-rotation-plan": ("rotation",),
}


@pytest.mark.parametrize("name", EACH)
def test_the_model_answers_as_the_real_system_does(conformance: Path, name: str) -> None:
    book = model.load(conformance / f"{name}.db")
    ids = {text: row["id"] for row in book.tables["tasks"] for text in (row["id"], row["name"])}
    asked, left_open, differ = 0, 0, []
    for line in (conformance / EXPECTED[name]).read_bytes().splitlines():
        question = msgspec.json.decode(line, type=Question)
        instant = stamps.read(question.now)
        assert instant is not None
        for policy, allow, blockers in expected(question):
            task = (ids.get(question.task, question.task), question.task)
            answer = model.decide(policy, book, task, model.When(instant, live=False), params(question))
            asked, left_open = asked + 1, left_open + (len(answer.allow) > 1)
            kept = (name, policy, question.task, question.now) in KEPT
            if not kept and not agrees(answer, allow, blockers, question):
                differ.append((policy, question, answer))
    assert not differ
    assert asked
    assert left_open < 0.03 * asked


def agrees(answer: model.Answer, allow: bool | None, blockers: list[str] | None, question: Question) -> bool:
    if allow not in answer.allow:
        return False
    if allow is None and question.query in SAME_REASON and answer.reason is not None:
        return answer.reason == question.error
    known = answer.findings is not None and blockers is not None
    return not known or sorted(message for _, message in answer.findings or ()) == blockers


def params(question: Question) -> dict[str, Any]:
    if question.query == "app-smoke preflight":
        return {"mode": question.answer["mode"]} if question.exit_code == 0 else {}
    given: dict[str, Any] = {"old_worker_thread_id": None, **question.params}
    if "stale_after" in given:
        given["stale_after"] *= stamps.SECOND
    return given


def expected(question: Question) -> Iterator[Expected]:
    """What each policy should say, by what the real system said."""
    answer = question.answer
    if question.exit_code:
        yield from ((policy, None, None) for policy in POLICIES[question.query])
        return
    match question.query:
        case "app-smoke status":
            yield "smoke", answer["real_work_allowed"], sorted(answer["blockers"])
        case "app-autopilot status":
            ready, quiet = answer["readiness"], answer["quiescence"]
            yield "readiness", ready["autonomous_ready"], sorted(ready["blockers"])
            yield "quiescence", quiet["recommended_action"] == "stop_autopilot", None
        case "app-loop-status":
            yield "loop", answer["ok"], sorted(action["reason"] for action in answer["next_actions"])
        case "app-wakeup-plan":
            yield "wakeup", all(each["thread_id"] is not None for each in answer["wakeups"]), None
        case "app-smoke preflight":
            yield "preflight", answer["real_work_allowed"], None
        case "app-worker-rotation-plan":
            yield "rotation", answer["eligible"], sorted(answer["blockers"])
