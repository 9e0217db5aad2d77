"""Which index leads to the receipts of a kind and a task: the fewer rows of the two, and never to other receipts."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path
from random import Random

import msgspec
import pytest

import interlock
from interlock.ledger import leading, snapshot
from tests.conformance.answers import EXPECTED, Question
from tests.helpers.ledgers import LedgerBuilder

POLICIES = ("smoke", "readiness", "quiescence", "loop", "integrity", "smoke-strict", "autonomy", "wakeup")
AT = "2026-06-11T12:00:00Z"


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have the index be chosen in ledgers of any size; the queries that the task leads."""
    led: list[str] = []
    real = leading._by_task

    def by_task(sql: str, kinds: frozenset[str]) -> str:
        led.extend(kinds)
        return real(sql, kinds)

    monkeypatch.setattr(leading, "FEW", 0)
    monkeypatch.setattr(snapshot, "SMALL", 0)
    monkeypatch.setattr(leading, "_by_task", by_task)
    return led


def test_either_index_leads_to_the_same_receipts(conformance: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, expected in EXPECTED.items():
        lines = (conformance / expected).read_bytes().splitlines()
        questions = [msgspec.json.decode(line, type=Question) for line in lines]
        some = {(each.task, each.now) for each in Random(name).sample(questions, min(len(questions), 8))}
        with closing(interlock.open_ledger(conformance / f"{name}.db")) as ledger:
            for task, now in sorted(some):
                try:
                    by_kind = interlock.judge(POLICIES, ledger=ledger, tasks=[task], at=now)
                except interlock.UsageError:
                    continue
                with monkeypatch.context() as patch:
                    patch.setattr(leading.Leading, "_shorter", lambda *_: True)
                    patch.setattr(snapshot, "SMALL", 0)
                    assert interlock.judge(POLICIES, ledger=ledger, tasks=[task], at=now) == by_kind


def test_the_task_leads_where_it_has_the_fewer_receipts(tmp_path: Path, always: list[str]) -> None:
    builder = LedgerBuilder(tmp_path / "l.db").task("demo")
    for _ in range(3):
        builder.receipt("app_smoke_started", at=AT)
    builder.task("other").receipt("app_smoke_started", at=AT)
    path = builder.write()
    interlock.evaluate("smoke", ledger=path, task="other", at=AT)
    assert "app_smoke_started" in always
    always.clear()
    interlock.evaluate("smoke", ledger=path, task="demo", at="2026-06-11T12:00:01Z")
    assert "app_smoke_receipt_recorded" not in always


def test_a_small_ledger_is_not_counted(story_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leading.Leading, "led", lambda *_: pytest.fail("it was counted"))
    assert interlock.evaluate("smoke", ledger=story_path, task="checkout-refactor").policy == "smoke"


def test_no_other_part_of_a_query_changes() -> None:
    sql = "SELECT 1 FROM receipt WHERE kind = 'a' AND +task_id = :task AND 'receipt WHERE' UNION ALL SELECT kind FROM x"
    led = leading._by_task(sql, frozenset({"a"}))
    assert led == re.sub(r"kind = 'a' AND \+task_id", "+kind = 'a' AND task_id", sql)
    assert leading._by_task(sql, frozenset()) == sql
