"""What the real system answered, question by question, to the ledgers that it wrote itself (see `README.md`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

import interlock
from tests.conformance.answers import ANSWERS, SAME_REASON, Compare, Pair, Question, given
from tests.helpers.engine import ENGINE

CASES = [(query, *case) for query, cases in ANSWERS.items() for case in cases]


IN_THE_STORY = ("app-smoke status", "app-autopilot status", "app-loop-status")


@pytest.mark.parametrize("name", ["ledger", "story"])
@pytest.mark.parametrize(("query", "policy", "names", "compare"), CASES, ids=[case[1] for case in CASES])
def test_every_question_agrees(
    conformance: Path, name: str, query: str, policy: str, names: tuple[str, ...], compare: Compare
) -> None:
    expected = "expected.jsonl" if name == "ledger" else "story.jsonl"
    lines = (conformance / expected).read_bytes().splitlines()
    questions = [q for line in lines if (q := msgspec.json.decode(line, type=Question)).query == query]
    ledger = interlock.open_ledger(conformance / f"{name}.db")
    differ = [wrong for question in questions if (wrong := _wrong(ledger, question, policy, names, compare))]
    assert differ == []
    assert len(questions) > 100 or (name == "story" and query not in IN_THE_STORY)


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
    return [(question.task, question.now, params, wrong)] if wrong else []
