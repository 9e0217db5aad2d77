"""Deciding on an export equals deciding on the ledger: every conformance question, put to both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

import interlock
from interlock.instant import parse_instant
from interlock.ledger import Ledger
from interlock.ledger.export import Export
from tests.conformance.answers import ANSWERS, Question, given
from tests.helpers.extents import extent_of

CASES = {query: [(case[0], case[1]) for case in cases] for query, cases in ANSWERS.items()}
UNANSWERED = ("smoke-strict", "autonomy", "integrity")
"""Policies that no question is put to; they read what others do not."""
LATER: dict[str, Any] = {"valid_until": None, "next_change": None, "validity": "exact"}
"""What rests on facts stamped later: a feed that was taken at an instant does not hold them."""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ledger", "story"])
def test_every_question_is_decided_alike(conformance: Path, tmp_path: Path, name: str) -> None:
    expected = "expected.jsonl" if name == "ledger" else "story.jsonl"
    questions = [
        msgspec.json.decode(line, type=Question) for line in (conformance / expected).read_bytes().splitlines()
    ]
    ledger, asked = interlock.open_ledger(conformance / f"{name}.db"), 0
    for (task, now), group in _groups(questions).items():
        feed = _exported(ledger, task, now, tmp_path / "feed.ndjson")
        put = [(policy, given(question, names)) for question in group for policy, names in CASES[question.query]]
        for policy, params in [*put, *((policy, {}) for policy in UNANSWERED)]:
            asked += 1
            on_feed, on_ledger = (
                interlock.evaluate(policy, ledger=each, task=task, at=now, params=params, engine="reference")
                for each in (feed, ledger)
            )
            assert msgspec.structs.replace(on_feed, ledger=on_ledger.ledger, **LATER) == msgspec.structs.replace(
                on_ledger, **LATER
            )
            assert on_feed.ledger.seq == on_ledger.ledger.seq
        feed.close()
    assert asked >= len(questions) > 400


def _groups(questions: list[Question]) -> dict[tuple[str, str], list[Question]]:
    found: dict[tuple[str, str], list[Question]] = {}
    for question in questions:
        found.setdefault((question.task, question.now), []).append(question)
    return found


def _exported(ledger: Ledger, task: str, now: str, path: Path) -> Ledger:
    """The feed of everything that a task had at an instant."""
    moment = parse_instant(now)
    with ledger.snapshot(moment) as snapshot:
        export = Export(snapshot, moment, extent_of([task], []))
        path.write_bytes(b"\n".join(export.lines()))
    assert export.invalid == 0
    return interlock.open_ledger(path)
