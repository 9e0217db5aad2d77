"""Which policy answers which of the real system's queries, and what must agree."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import msgspec
import pytest

from interlock import Decision

EXPECTED = {
    "ledger": "expected.jsonl",
    "story": "story.jsonl",
    "history": "history.jsonl",
    "same-second": "same-second.jsonl",
}
"""The ledgers, and the files of what was answered about each."""
EACH = [pytest.param(name, marks=pytest.mark.slow) if name in ("ledger", "history") else name for name in EXPECTED]
"""The ledgers as parameters of a test: those of which thousands of questions were asked take long."""
ROLES = ("manager", "worker")
Pair = tuple[str, Any, Any]
Compare = Callable[[Any, Decision], Iterator[Pair]]


class Question(msgspec.Struct, frozen=True):
    """One question as it was put to the real system, and what it answered."""

    task: str
    now: str
    query: str
    params: dict[str, Any]
    live: bool
    exit_code: int
    answer: Any = None
    error: str | None = None


def instant(text: str | None) -> datetime | None:
    """An instant whatever its spelling."""
    return None if text is None else datetime.fromisoformat(text)


def blockers(decision: Decision) -> list[str]:
    """The messages of the findings that block."""
    return sorted(finding.message for finding in decision.findings if finding.severity == "block")


def smoke(answer: Any, decision: Decision) -> Iterator[Pair]:
    """`app-smoke status`: a skipped session has no blockers, an advisory one has them and still allows."""
    yield "allow", answer["real_work_allowed"], decision.allow
    yield "blockers", sorted(answer["blockers"]), blockers(decision)
    yield "mode", answer["smoke"]["mode"], decision.outputs["mode"]
    yield "smoke_id", answer["smoke"]["id"], decision.outputs["smoke_id"]
    for role in ROLES:
        for field in ("sent", "received", "accepted", "blocked", "heartbeat_fresh"):
            yield f"{role}.{field}", answer["roles"][role][field], decision.outputs[role][field]


def readiness(answer: Any, decision: Decision) -> Iterator[Pair]:
    """`app-autopilot status`, its `plan.readiness` and `automation_state`."""
    ready = answer["readiness"]
    yield "allow", ready["autonomous_ready"], decision.allow
    yield "state", ready["state"], decision.state
    yield "blockers", sorted(ready["blockers"]), blockers(decision)
    yield "policy_started", ready["policy_started"], decision.outputs["policy_started"]
    yield "dispatcher_ready", ready["dispatcher_ready"], decision.outputs["dispatcher_ready"]
    applied = {receipt["role"]: receipt["automation_id"] for receipt in answer["automation_state"]["receipts"]}
    for role in ROLES:
        yield f"{role}.ready", ready["roles_ready"][role], decision.outputs[role]["ready"]
        yield f"{role}.automation_id", applied.get(role), decision.outputs[role]["automation_id"]


def quiescence(answer: Any, decision: Decision) -> Iterator[Pair]:
    """`app-autopilot status`, its `plan.quiescence`."""
    quiet = answer["quiescence"]
    yield "allow", quiet["recommended_action"] == "stop_autopilot", decision.allow
    yield "state", quiet["state"], decision.state
    if quiet["state"] != "not_applicable":
        yield "quiet_cycles", quiet["quiet_cycles"], decision.outputs["quiet_cycles"]
        yield "quiet_after", instant(quiet["quiet_after"]), instant(decision.outputs["quiet_after"])


def loop(answer: Any, decision: Decision) -> Iterator[Pair]:
    """`app-loop-status`: the leases, and an action for each that is not healthy."""
    yield "allow", answer["ok"], decision.allow
    yield "findings", [action["reason"] for action in answer["next_actions"]], [f.message for f in decision.findings]
    yield "dispatch", answer["dispatch"]["state"], decision.outputs["dispatch"]
    for role in ROLES:
        yield role, answer[role]["lease"]["state"], decision.outputs[role]


def wakeup(answer: Any, decision: Decision) -> Iterator[Pair]:
    """`app-wakeup-plan`: which seats sleep, and whether each can be woken."""
    sleeping = sorted((each["role"], each["thread_id"]) for each in answer["wakeups"])
    told = sorted((finding.data["role"], finding.data["thread_id"]) for finding in decision.findings if finding.data)
    yield "wakeups", sleeping, told
    yield "allow", all(thread is not None for _, thread in sleeping), decision.allow
    yield "dispatcher_required", answer["dispatcher_required"], decision.outputs["dispatcher_required"]


def preflight(answer: Any, decision: Decision) -> Iterator[Pair]:
    """`app-smoke preflight`: what a session of the mode that the answer names lacks."""
    yield "allow", answer["real_work_allowed"], decision.allow
    yield "blockers", sorted(answer["blockers"]), blockers(decision)
    yield "mode", answer["mode"], decision.outputs["mode"]


def rotation(answer: Any, decision: Decision) -> Iterator[Pair]:
    """`app-worker-rotation-plan`: the codes of the blockers."""
    yield "allow", answer["eligible"], decision.allow
    yield "blockers", sorted(answer["blockers"]), blockers(decision)


ANSWERS: dict[str, list[tuple[str, tuple[str, ...], Compare]]] = {
    "app-smoke status": [("smoke", ("smoke_id",), smoke)],
    "app-autopilot status": [
        ("readiness", ("dispatcher_id", "stale_after"), readiness),
        ("quiescence", ("dispatcher_id", "stale_after", "quiet_after"), quiescence),
    ],
    "app-loop-status": [("loop", ("dispatcher_id", "stale_after"), loop)],
    "app-wakeup-plan": [("wakeup", ("dispatcher_id", "stale_after"), wakeup)],
    "app-smoke preflight": [("preflight", (), preflight)],
    "app-worker-rotation-plan": [("rotation", ("old_worker_thread_id", "require_handoff"), rotation)],
}
"""Query → the policies that answer it, each with the parameters it takes and what must agree."""
SAME_REASON = ("app-smoke status", "app-autopilot status", "app-loop-status", "app-wakeup-plan")
"""The queries whose errors are our reasons, to the letter; the others' texts are our own."""


def given(question: Question, names: tuple[str, ...]) -> dict[str, Any]:
    """The parameters of a question, as a policy takes them."""
    found = {k: f"{v}s" if k == "stale_after" else v for k, v in question.params.items() if k in names}
    if question.query == "app-smoke preflight" and question.answer:
        found["mode"] = question.answer["mode"]
    return found
