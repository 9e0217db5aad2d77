"""A replay is exact: at every second of a stretch, and around every change, it says what a gate said."""

from __future__ import annotations

from bisect import bisect_right
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

import interlock
from interlock.instant import SECOND, format_instant, parse_instant
from interlock.ledger import Ledger
from interlock.model.decision import Decision
from interlock.model.history import Interval, Lane
from tests.conformance.answers import ANSWERS, Question, given
from tests.conftest import EXAMPLES

POLICIES = ("loop", "smoke", "readiness", "quiescence", "wakeup", "preflight", "autonomy", "smoke-strict", "integrity")
SECONDS = 90


def said(found: Decision | Interval) -> tuple[Any, ...]:
    findings = [(finding.rule, finding.severity, finding.message) for finding in found.findings]
    return found.allow, found.state, found.reason, findings


def at(lane: Lane, instant: int) -> Interval:
    begins = [parse_instant(interval.since) for interval in lane.intervals]
    return lane.intervals[bisect_right(begins, instant) - 1]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ledger", "story"])
def test_every_second_is_as_it_was(conformance: Path, name: str) -> None:
    expected = "expected.jsonl" if name == "ledger" else "story.jsonl"
    lines = (conformance / expected).read_bytes().splitlines()
    asked = sorted({(q.task, q.now) for line in lines for q in [msgspec.json.decode(line, type=Question)]})
    ledger = interlock.open_ledger(conformance / f"{name}.db")
    changes = 0
    for task, now in Random(3).sample(asked, 4 * EXAMPLES):
        changes += replayed(ledger, task, parse_instant(now) - SECONDS * SECOND // 2)
    assert changes >= 1


def replayed(ledger: Ledger, task: str, since: int) -> int:
    """The number of changes, after every second was compared with what is judged there."""
    until = since + SECONDS * SECOND
    ends = format_instant(since), format_instant(until)
    history = interlock.replay(POLICIES, ledger=ledger, task=task, since=ends[0], until=ends[1])
    edges = {parse_instant(interval.since) for lane in history.lanes for interval in lane.intervals}
    around = {edge + shift for edge in edges for shift in (-1, 0, 1) if since <= edge + shift <= until}
    for instant in sorted({*range(since, until + 1, SECOND), *around}):
        engine: Any = "both" if instant in around else "reference"
        there = format_instant(instant)
        for lane, decision in zip(
            history.lanes,
            interlock.judge(POLICIES, ledger=ledger, tasks=[task], at=there, engine=engine),
            strict=True,
        ):
            assert (lane.policy, there, said(at(lane, instant))) == (decision.policy, there, said(decision))
    for lane in history.lanes:
        assert (lane.intervals[0].since, lane.intervals[-1].until) == (history.since, history.until)
        for first, second in zip(lane.intervals, lane.intervals[1:], strict=False):
            assert first.until == second.since
            assert said(first) != said(second)
    return sum(len(lane.intervals) - 1 for lane in history.lanes)


def test_the_flips_of_the_story_are_those_that_the_real_system_told(conformance: Path) -> None:
    ledger = interlock.open_ledger(conformance / "story.db")
    lines = (conformance / "story.jsonl").read_bytes().splitlines()
    questions = [msgspec.json.decode(line, type=Question) for line in lines]
    first, last = min(q.now for q in questions), max(q.now for q in questions)
    lanes: dict[tuple[Any, ...], Lane] = {}
    flips: dict[str, set[bool | None]] = {}
    for question in questions:
        for policy, names, compare in ANSWERS[question.query]:
            params = given(question, names)
            key = (policy, *sorted(params.items()))
            if key not in lanes:
                asked: Any = {"task": question.task, "params": params, "since": first, "until": last}
                (lanes[key],) = interlock.replay([policy], ledger=ledger, **asked).lanes
            interval = at(lanes[key], parse_instant(question.now))
            decision = interlock.evaluate(policy, ledger=ledger, task=question.task, at=question.now, params=params)
            assert said(interval) == said(decision)
            if not question.exit_code:
                told = {name: wanted for name, wanted, _ in compare(question.answer, decision)}
                assert interval.allow == told["allow"]
            flips.setdefault(policy, set()).add(interval.allow)
    assert flips["smoke"] == {None, False, True}
    assert flips["readiness"] == flips["quiescence"] == flips["loop"] == {False, True}
