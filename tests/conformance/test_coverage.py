"""Over the real ledgers every shipped rule fires and does not fire, and every line of `decide` is taken."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

import interlock
from interlock.library import Library
from tests.conformance.answers import ANSWERS, Question

POLICIES = sorted({policy for cases in ANSWERS.values() for policy, _, _ in cases})


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
        given = {k: f"{v}s" if k == "stale_after" else v for k, v in question.params.items() if k in names}
        decision = interlock.evaluate(policy, ledger=ledger, task=question.task, at=question.now, params=given)
        found = {finding.rule for finding in decision.findings}
        fired |= found
        quiet |= rules - found
        states.add(decision.state)
    assert fired == rules
    assert quiet == rules
    assert states == {line.state for line in judged.decide} | {"undecided"}
    assert {question.exit_code == 0 for question in asked} == {True, False}


def test_every_shipped_policy_is_asked() -> None:
    assert Library().ids() == POLICIES
