"""What is selected for many tasks at once is what is selected for each of them: whole decisions are equal."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

import interlock
from interlock.evaluation import bulk
from interlock.evaluation.answers import question
from interlock.instant import INTEGER_BOUND, parse_instant
from tests.adversarial import files
from tests.adversarial.asking import clock
from tests.adversarial.corrupting import corrupt
from tests.adversarial.crossing import cross, moments, suited
from tests.adversarial.drawing import draw
from tests.adversarial.model import stamps
from tests.conformance.answers import EXPECTED, Question
from tests.conftest import EXAMPLES

Answer = tuple[interlock.Decision, ...] | str
GATES: dict[str, dict[str, Any]] = {
    name: {}
    for name in (
        "smoke",
        "readiness",
        "quiescence",
        "loop",
        "integrity",
        "preflight",
        "smoke-strict",
        "autonomy",
        "wakeup",
    )
}
GATES |= {"rotation": {"old_worker_thread_id": "thread-1"}, "worker-set": {"tasks": ["task-0001", "task-0002"]}}


TOGETHER = [name for name in GATES if name != "worker-set"]


def answered(ask: Callable[[], tuple[interlock.Decision, ...]]) -> Answer:
    """The decisions, or that the ledger or the question is refused."""
    try:
        return ask()
    except (interlock.LedgerError, interlock.UsageError) as error:
        return type(error).__name__


def compare(ledger: interlock.Ledger, policies: Sequence[Any], seen: Counter[str], **how: Any) -> None:
    """All tasks at once against each alone."""
    together = answered(lambda: interlock.judge(policies, ledger=ledger, tasks=None, **how))
    try:
        with ledger.snapshot(INTEGER_BOUND - 1) as snapshot:
            tasks = snapshot.task_labels()
        if how["at"] is not None:
            with ledger.snapshot(parse_instant(how["at"])) as snapshot:
                tasks = tasks if snapshot.task_labels() else []  # there is nothing to decide
    except (interlock.LedgerError, interlock.UsageError):
        assert isinstance(together, str)
        seen["refused"] += 1
        return
    if not isinstance(together, str):
        there = {decision.task for decision in together}
        assert there <= set(tasks)
        tasks = [task for task in tasks if task in there]  # not those that come later than the request
    alone = [answered(lambda: interlock.judge(policies, ledger=ledger, tasks=[task], **how)) for task in tasks]  # noqa: B023
    if isinstance(together, str):
        assert together in alone or not alone
        seen["refused"] += 1
        return
    assert tuple(decision for each in alone if not isinstance(each, str) for decision in each) == together
    seen.update(str(each.allow) for each in together)


def test_the_recorded_ledgers(conformance: Path) -> None:
    seen: Counter[str] = Counter()
    for name, expected in EXPECTED.items():
        lines = (conformance / expected).read_bytes().splitlines()
        instants = sorted({msgspec.json.decode(line, type=Question).now for line in lines})
        with closing(interlock.open_ledger(conformance / f"{name}.db")) as ledger:
            for now in Random(name).sample(instants, min(len(instants), 2 * EXAMPLES)):
                compare(ledger, TOGETHER, seen, at=now, params=GATES["rotation"])
                compare(ledger, ["worker-set"], seen, at=now, params=GATES["worker-set"])
    assert min(seen["True"], seen["False"], seen["None"]) > 100


@pytest.mark.slow
def test_hostile_ledgers(tmp_path: Path) -> None:
    seen: Counter[str] = Counter()
    for seed in range(60 * EXAMPLES):
        random, path = Random(seed), tmp_path / f"{seed}.db"
        drawn = draw(random)
        found = corrupt(random, drawn, add=random.random() < 0.5) if seed % 3 else None
        try:
            files.write(path, drawn.tables if found is None else found.tables, real=seed % 2 == 0)
        except files.Undo:
            continue
        instant, live = random.choice(drawn.instants), random.random() < 0.5
        try:
            ledger = interlock.open_ledger(path)
        except interlock.LedgerError:
            continue
        with closing(ledger), clock(instant):
            at = None if live else stamps.write(instant, 6)
            compare(ledger, TOGETHER, seen, at=at, params=GATES["rotation"])
        os.unlink(path)
    assert min(seen["True"], seen["False"], seen["None"]) > 100


@pytest.mark.slow
def test_random_policies(tmp_path: Path) -> None:
    seen: Counter[str] = Counter()
    for seed in range(150 * EXAMPLES):
        random, path = Random(f"bulk {seed}"), tmp_path / f"{seed}.db"
        drawn = draw(random)
        made = cross(random, tmp_path)
        if made is None:
            continue
        suited(random, drawn, made)
        found = corrupt(random, drawn, add=True, kinds=made.kinds) if seed % 2 else None
        try:
            files.write(path, drawn.tables if found is None else found.tables)
        except files.Undo:
            continue
        with closing(interlock.open_ledger(path)) as ledger:
            for instant, live in moments(random, drawn, made.made)[:2]:
                with clock(instant):
                    at = None if live else stamps.write(instant, 6)
                    compare(ledger, [made.path, "readiness"], seen, at=at, params=made.made.arguments)
        os.unlink(path)
    assert min(seen["True"], seen["False"], seen["None"]) > 10


def test_every_shipped_policy_is_selected_for_in_bulk(ledger_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No query of a shipped policy is run task by task."""
    left: list[str] = []
    real = bulk._run

    def run(judge: Any, loaded: Any, query: Any, runs: Any) -> None:
        real(judge, loaded, query, runs)
        if ":task" in query.sql and not all(
            judge.answers.have(question(query.sql, each.binds(query), query)) for each in runs
        ):
            left.append(f"{loaded.policy.id}: {query.selection}")

    monkeypatch.setattr(bulk, "_run", run)
    with closing(interlock.open_ledger(ledger_path)) as ledger:
        for policy, params in GATES.items():
            interlock.judge([policy], ledger=ledger, tasks=None, at="2026-07-01T00:00:00Z", params=params)
    assert left == []
