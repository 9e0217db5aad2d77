"""Rules of the shipped gates that no real ledger makes fire: the smallest ledgers in which they do, and do not."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import interlock
from tests.helpers.ledgers import LedgerBuilder

NOW = "2026-06-11T12:01:00Z"
Change = Callable[[LedgerBuilder], LedgerBuilder]


def rotation(path: Path, change: Change, **params: Any) -> interlock.Decision:
    """Judge whether the worker may be replaced."""
    builder = change(LedgerBuilder(path / "ledger.db").task("demo"))
    given = {"old_worker_thread_id": "thread-binding-1-worker", **params}
    return interlock.evaluate("rotation", ledger=builder.write(), task="demo", at=NOW, params=given)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda b: b.bind(), None),
        (lambda b: b.bind(state="ending"), "active_binding_not_active"),
        (lambda b: b.bind(worker={"state": "gone"}), "worker_session_not_active"),
        (lambda b: b.bind(worker={"tmux_session": "pane"}), "worker_session_is_tmux_backed"),
    ],
    ids=["eligible", "ending", "gone", "tmux"],
)
def test_rotation_without_a_handoff(tmp_path: Path, change: Change, code: str | None) -> None:
    decision = rotation(tmp_path, change)
    assert [finding.message for finding in decision.findings] == ([code] if code else [])
    assert decision.allow is (code is None)


def test_rotation_with_a_handoff(tmp_path: Path) -> None:
    decision = rotation(tmp_path, lambda b: b.bind().handoff(at=NOW, summary="left at step 3"), require_handoff=True)
    assert (decision.allow, decision.outputs["handoff"]) == (True, "left at step 3")


def test_rotation_with_the_handoff_of_another_worker(tmp_path: Path) -> None:
    def change(builder: LedgerBuilder) -> LedgerBuilder:
        return builder.bind(state="ended", ended_at=NOW).handoff(at=NOW).bind()

    decision = rotation(tmp_path, change, require_handoff=True, old_worker_thread_id="thread-binding-2-worker")
    assert [finding.message for finding in decision.findings] == ["handoff_worker_session_mismatch"]


def test_rotation_of_an_unbound_worker_is_undecided(tmp_path: Path) -> None:
    decision = rotation(tmp_path, lambda b: b)
    assert (decision.allow, decision.reason) == (None, 'no active session-based binding for task "demo"')


def proved(builder: LedgerBuilder, *, mode: str = "required", accepted: bool = True) -> LedgerBuilder:
    """The task's smoke session, passed a moment ago, both seats awake; without the worker's acceptance on
    request."""
    session = {"smoke_id": "s", "nonce": "n"}
    opened = {**session, "mode": mode, "scope": "pair", "worker_count": 1}
    builder.receipt("app_smoke_started", at="2026-06-11T12:00:10Z", attributes=opened)
    steps = [("worker", "sent"), ("worker", "received"), ("manager", "sent"), ("manager", "accepted")]
    for role, status in [*steps, *([("worker", "accepted")] if accepted else [])]:
        told = {**session, "role": role, "status": status}
        builder.receipt("app_smoke_receipt_recorded", at="2026-06-11T12:00:20Z", actor=role, attributes=told)
    return builder


def awake(builder: LedgerBuilder, task: str) -> LedgerBuilder:
    """A task with a bound pair, both seats awake."""
    beat = {"last_heartbeat_at": "2026-06-11T12:00:30Z"}
    return builder.task(task).bind(manager=beat, worker=beat)


def autopilot(builder: LedgerBuilder) -> LedgerBuilder:
    """The task's autopilot, started and applied for both seats, and its dispatcher's pulse."""
    route = {"dispatcher_id": "dispatch-local"}
    started = {**route, "desired_state": "active"}
    builder.receipt("app_autopilot_started", at="2026-06-11T12:00:40Z", correlation=route, attributes=started)
    for role in ("manager", "worker"):
        applied = {"role": role, "automation_id": f"auto-{role}"}
        builder.receipt(
            "app_autopilot_automation_applied", at="2026-06-11T12:00:41Z", correlation=route, attributes=applied
        )
    pulse = {**route, "iteration": 1}
    return builder.receipt(
        "dispatch_watch_heartbeat", at="2026-06-11T12:00:50Z", actor="dispatch", correlation=pulse, of_task=False
    )


@pytest.mark.parametrize(
    ("change", "poll", "state", "allow", "rules"),
    [
        (lambda b: autopilot(proved(b)), False, "autonomous", True, []),
        (lambda b: autopilot(proved(b)), True, "autonomous", True, []),
        (proved, True, "manual-poll only", True, ["polled-by-hand"]),
        (proved, False, "smoke-passed", False, ["not-ready"]),
        (lambda b: autopilot(proved(b, accepted=False)), True, "unproved", False, ["smoke-not-allowed"]),
        (autopilot, True, "undecided", None, []),
    ],
    ids=["autonomous", "autonomous-polled", "polled", "smoke-passed", "unproved", "no-session"],
)
def test_autonomy(tmp_path: Path, change: Change, poll: bool, state: str, allow: bool | None, rules: list[str]) -> None:
    ledger = change(awake(LedgerBuilder(tmp_path / "ledger.db"), "demo")).write()
    decision = interlock.evaluate("autonomy", ledger=ledger, task="demo", at=NOW, params={"manual_poll": poll})
    assert (decision.state, decision.allow) == (state, allow), decision.reason
    assert [finding.rule for finding in decision.findings] == rules


@pytest.mark.parametrize(
    ("tasks", "allow", "messages"),
    [
        (["first", "second"], True, []),
        (["first", "third"], False, ["third is not proved: its smoke gate is blocked"]),
        ([], False, ["no task is named"]),
        (["first", "fourth"], None, []),
    ],
    ids=["proved", "one-is-not", "none", "undecided"],
)
def test_worker_set(tmp_path: Path, tasks: list[str], allow: bool | None, messages: list[str]) -> None:
    builder = LedgerBuilder(tmp_path / "ledger.db")
    proved(awake(builder, "first"))
    proved(awake(builder, "second"))
    proved(awake(builder, "third"), accepted=False)
    awake(builder, "fourth")
    decision = interlock.evaluate("worker-set", ledger=builder.write(), task="first", at=NOW, params={"tasks": tasks})
    assert (decision.allow, [finding.message for finding in decision.findings]) == (allow, messages), decision.reason


STORY = "checkout-refactor"


@pytest.mark.parametrize(
    ("at", "rules"),
    [
        ("09:01:30", {"smoke-not-proved", "worker-not-first", "no-report"}),
        ("09:02:30", {"smoke-not-proved", "worker-not-first", "report-not-consumed"}),
        ("09:03:00", set[str]()),
        ("09:03:30", set[str]()),
        ("09:20:00", {"smoke-not-proved"}),
    ],
)
def test_strict_smoke_over_the_story(story_path: Path, at: str, rules: set[str]) -> None:
    decision = interlock.evaluate("smoke-strict", ledger=story_path, task=STORY, at=f"2026-06-22T{at}Z")
    assert {finding.rule for finding in decision.findings} == rules
    assert decision.allow is (not rules)


def strict(
    builder: LedgerBuilder, *, mode: str = "required", order: tuple[str, str] = ("worker", "manager"), **report: Any
) -> LedgerBuilder:
    """A session in which all is as the guide asks, but for the given changes."""
    session = {"smoke_id": "s", "nonce": "n"}
    opened = {**session, "mode": mode, "scope": "pair", "worker_count": 1}
    builder.receipt("app_smoke_started", at="2026-06-11T12:00:10Z", attributes=opened)
    steps = [("worker", "sent"), ("worker", "received"), ("manager", "sent"), *((role, "accepted") for role in order)]
    for role, status in steps:
        told = {**session, "role": role, "status": status}
        builder.receipt("app_smoke_receipt_recorded", at="2026-06-11T12:00:30Z", actor=role, attributes=told)
    times = {"delivered_at": "2026-06-11T12:00:21Z", "consumed_at": "2026-06-11T12:00:22.000Z", "state": "delivered"}
    return builder.notification(
        "manager", at="2026-06-11T12:00:20Z", **{"correlation_id": "s-worker-report", **times, **report}
    )


@pytest.mark.parametrize(
    ("change", "acknowledged", "rules"),
    [
        (strict, True, []),
        (lambda b: strict(b, order=("manager", "worker")), True, ["worker-not-first"]),
        (lambda b: strict(b, correlation_id="other-worker-report"), True, ["no-report"]),
        (
            lambda b: strict(b, delivered_at=None, consumed_at=None, state="pending"),
            True,
            ["report-not-delivered"],
        ),
        (lambda b: strict(b, consumed_at="2026-06-11T12:00:31Z"), True, ["report-not-consumed"]),
        (lambda b: strict(b, consumed_at=None), True, ["report-not-consumed"]),
        (strict, False, ["not-acknowledged"]),
        (lambda b: strict(b, mode="advisory"), True, ["smoke-not-proved"]),
    ],
    ids=["proved", "manager-first", "no-report", "undelivered", "late", "unread", "unacknowledged", "advisory"],
)
def test_strict_smoke(tmp_path: Path, change: Change, acknowledged: bool, rules: list[str]) -> None:
    builder = change(awake(LedgerBuilder(tmp_path / "ledger.db"), "demo"))
    if acknowledged:
        builder.acknowledgement("manager", "received", of=1, at="2026-06-11T12:00:23Z")
    decision = interlock.evaluate("smoke-strict", ledger=builder.write(), task="demo", at=NOW)
    assert [finding.rule for finding in decision.findings] == rules, decision
    assert decision.allow is (not rules)


def test_a_session_that_was_opened_before_the_clock_was_set_back_is_seen(tmp_path: Path) -> None:
    """Four minutes ahead of the clock by now, and blocked: a live question sees it, though an older one was proved."""
    now = datetime.now(UTC).replace(microsecond=0)

    def stamp(seconds: int) -> str:
        return (now + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")

    beat = {"last_heartbeat_at": stamp(-5)}
    builder = LedgerBuilder(tmp_path / "ledger.db").task("demo", at=stamp(-600))
    builder.bind(at=stamp(-600), manager=beat, worker=beat)
    for smoke, opened, last in (("old", -60, "accepted"), ("new", 230, "blocked")):
        session = {"smoke_id": smoke, "nonce": smoke}
        started = {**session, "mode": "required", "scope": "pair", "worker_count": 1}
        builder.receipt("app_smoke_started", at=stamp(opened), attributes=started)
        for role, status in itertools.product(("manager", "worker"), ("sent", "received", last)):
            receipt = {**session, "role": role, "status": status}
            builder.receipt("app_smoke_receipt_recorded", at=stamp(opened + 10), actor=role, attributes=receipt)
    path = builder.write()
    live = interlock.evaluate("smoke", ledger=path, task="demo")
    assert (live.allow, live.outputs["smoke_id"]) == (False, "new")
    assert {"blocked", "not-accepted"} <= {finding.rule for finding in live.findings}
    assert interlock.evaluate("smoke", ledger=path, task="demo", at=stamp(0)).allow is True
