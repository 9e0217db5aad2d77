"""Over the real ledgers every shipped rule fires and does not fire, and every line of `decide` is taken."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

import interlock
from interlock.policy.library import Library
from tests.conformance.answers import ANSWERS, Question, given

POLICIES = sorted({policy for cases in ANSWERS.values() for policy, _, _ in cases})

ELSEWHERE = {
    "rotation": {"binding-not-active", "worker-not-active", "worker-in-tmux", "handoff-of-another"},
}
"""Rules that fire nowhere in the real ledgers; `test_gates.py` makes ledgers in which they do."""


@pytest.mark.slow
@pytest.mark.parametrize("policy", POLICIES)
def test_every_rule_and_line_is_met_and_not_met(conformance: Path, policy: str) -> None:
    ledger = interlock.open_ledger(conformance / "ledger.db")
    lines = (conformance / "expected.jsonl").read_bytes().splitlines()
    query, names = next((q, n) for q, cases in ANSWERS.items() for p, n, _ in cases if p == policy)
    asked = [q for line in lines if (q := msgspec.json.decode(line, type=Question)).query == query]
    fired: set[str] = set()
    quiet: set[str] = set()
    states: set[str] = set()
    judged = Library().load(policy).policy
    rules = {rule.id for rule in judged.rules}
    for question in asked:
        params = given(question, names)
        decision = interlock.evaluate(policy, ledger=ledger, task=question.task, at=question.now, params=params)
        found = {finding.rule for finding in decision.findings}
        fired |= found
        quiet |= rules - found
        states.add(decision.state)
    assert fired == rules - ELSEWHERE.get(policy, set())
    assert quiet == rules
    required = any(selection.required for selection in judged.selections)
    assert states == {line.state for line in judged.decide} | ({"undecided"} if required else set())
    assert {question.exit_code == 0 for question in asked} == ({True, False} if required else {True})


def test_every_shipped_policy_is_asked_here_or_has_its_own_ledgers() -> None:
    """The real system has no query for the policies that are named here; their tests are in `tests/acceptance`."""
    assert Library().ids() == sorted([*POLICIES, "autonomy", "integrity", "smoke-strict", "worker-set"])
