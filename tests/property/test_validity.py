"""How long decisions hold is exact: compared with judging a ledger at every second that follows."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

import interlock
from interlock.instant import SECOND, format_instant, parse_instant
from interlock.ledger import Ledger
from interlock.model.decision import Decision
from tests.conformance.answers import Question
from tests.conftest import EXAMPLES

POLICIES = ("loop", "smoke", "readiness", "quiescence", "wakeup", "autonomy", "smoke-strict")
AHEAD = 240
"""Seconds that are judged one by one: longer than the greatest age that counts."""


def same(decision: Decision) -> tuple[Any, ...]:
    found = [(finding.rule, finding.severity, finding.message) for finding in decision.findings]
    return decision.allow, decision.state, decision.reason, found


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ledger", "story"])
def test_no_second_differs_before_the_next_change_and_that_instant_does(
    conformance: Path, tmp_path: Path, name: str
) -> None:
    expected = "expected.jsonl" if name == "ledger" else "story.jsonl"
    lines = (conformance / expected).read_bytes().splitlines()
    asked = sorted({(q.task, q.now) for line in lines for q in [msgspec.json.decode(line, type=Question)]})
    ledger, changes = interlock.open_ledger(conformance / f"{name}.db"), 0
    for task, now in Random(7).sample(asked, min(len(asked), 6 * EXAMPLES)):
        for decision in interlock.judge(POLICIES, ledger=ledger, tasks=[task], at=now):
            changes += held_against_every_second(decision, ledger)
    assert changes > 8


def held_against_every_second(decision: Decision, ledger: Ledger) -> bool:
    """Whether there is a change, after it was compared with what the ledger says later."""

    def at(now: int, engine: Any = "reference") -> Decision:
        later = format_instant(now)
        return interlock.evaluate(decision.policy, ledger=ledger, task=decision.task, at=later, engine=engine)

    now, change = parse_instant(decision.now), decision.next_change
    ends = NEVER if decision.valid_until is None else parse_instant(decision.valid_until)
    assert change is None or decision.valid_until == change.at
    assert (decision.validity == "partial") is (change is None and ends < NEVER)
    for second in range(AHEAD):
        if now + second * SECOND < ends:
            assert same(at(now + second * SECOND)) == same(decision)
    if change is None:
        return False
    assert same(at(ends - 1, "both")) == same(decision)
    then = at(ends, "both")
    assert same(then) != same(decision)
    assert (then.allow, then.state, then.reason) == (change.allow, change.state, change.reason)
    old, new = ({(f.rule, f.message) for f in each.findings} for each in (decision, then))
    assert {(told.rule, told.message) for told in change.appeared} == new - old
    assert {(told.rule, told.message) for told in change.vanished} == old - new
    return True


NEVER = parse_instant("2250-01-01T00:00:00Z")
