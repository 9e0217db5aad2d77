"""What the real system answered, question by question, to the ledgers that it wrote itself (see `README.md`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

import interlock
from tests.conformance.answers import ANSWERS, EACH, EXPECTED, SAME_REASON, Compare, Pair, Question, given
from tests.conformance.kept import KEPT
from tests.helpers.engine import ENGINE

CASES = [(query, *case) for query, cases in ANSWERS.items() for case in cases]


@pytest.mark.parametrize("name", EACH)
@pytest.mark.parametrize(("query", "policy", "names", "compare"), CASES, ids=[case[1] for case in CASES])
def test_every_question_agrees(
    conformance: Path, name: str, query: str, policy: str, names: tuple[str, ...], compare: Compare
) -> None:
    lines = (conformance / EXPECTED[name]).read_bytes().splitlines()
    questions = [q for line in lines if (q := msgspec.json.decode(line, type=Question)).query == query]
    ledger = interlock.open_ledger(conformance / f"{name}.db")
    differ = {}
    for question in questions:
        if wrong := _wrong(ledger, question, policy, names, compare):
            differ[question.task, question.now] = wrong
    kept = {(task, now) for ledger_name, of, task, now in KEPT if (ledger_name, of) == (name, policy)}
    assert {row: wrong for row, wrong in differ.items() if row not in kept} == {}
    assert kept <= differ.keys(), "a row is listed as kept on purpose, and agrees"


def test_every_set_asks_what_it_was_drawn_for(conformance: Path) -> None:
    """So that no set, and no query of one, is empty unnoticed."""
    asked: dict[str, dict[str, int]] = {}
    for name, expected in EXPECTED.items():
        for line in (conformance / expected).read_bytes().splitlines():
            query = msgspec.json.decode(line, type=Question).query
            asked.setdefault(name, {}).setdefault(query, 0)
            asked[name][query] += 1
    assert asked["ledger"].keys() == asked["history"].keys() == ANSWERS.keys()
    assert {name: sum(counts.values()) for name, counts in asked.items()} == {
        "ledger": 2_625,
        "story": 435,
        "history": 1_956,
        "same-second": 2,
    }


def _wrong(
    ledger: interlock.Ledger, question: Question, policy: str, names: tuple[str, ...], compare: Compare
) -> list[Any]:
    """What differs between the real system's answer and ours."""
    params = given(question, names)
    decision = interlock.evaluate(policy, ledger=ledger, task=question.task, at=question.now, params=params)
    assert decision.engine == ENGINE
    if question.exit_code:
        pairs: list[Pair] = [("allow", None, decision.allow)]
        if question.query in SAME_REASON:
            pairs.append(("reason", question.error, decision.reason))
    else:
        pairs = list(compare(question.answer, decision))
    wrong = [pair for pair in pairs if pair[1] != pair[2]]
    return [(params, *pair) for pair in wrong]
