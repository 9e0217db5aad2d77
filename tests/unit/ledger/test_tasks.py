"""Tasks are found by their name or id, and listed by what a request can name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from interlock.diagnostics import UsageError
from interlock.instant import parse_instant
from interlock.ledger import Snapshot, open_ledger
from tests.helpers.ledgers import START, LedgerBuilder

TASKS = ("demo", "demo-2", "twin", "demos", "twin", "zebra")


@pytest.fixture
def tasks(tmp_path: Path) -> Iterator[Snapshot]:
    ledger = LedgerBuilder(tmp_path / "l.db")
    for name in TASKS:
        ledger.task(name)
    with open_ledger(ledger.write()).snapshot(parse_instant(START)) as snapshot:
        yield snapshot


@pytest.mark.parametrize(("name", "identity"), [("demo", "task-1"), ("task-1", "task-1"), ("task-5", "task-5")])
def test_a_task_is_known_by_its_name_or_id(tasks: Snapshot, name: str, identity: str) -> None:
    assert tasks.task_id(name) == identity


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("dem", "unknown task `dem`; did you mean `demo`, `demos` or `demo-2`? `interlock tasks` lists all 6"),
        ("zebr", "unknown task `zebr`; did you mean `zebra`? `interlock tasks` lists all 6"),
        ("Q", "unknown task `Q`; `interlock tasks` lists all 6"),
        ("", "unknown task ``; `interlock tasks` lists all 6"),
        ("twin", "2 tasks are named `twin`; say which by its id: `task-3`, `task-5`"),
    ],
)
def test_a_task_that_is_not_known(tasks: Snapshot, name: str, told: str) -> None:
    with pytest.raises(UsageError, match=f"^{re.escape(told)}$"):
        tasks.task_id(name)


def test_tasks_are_listed_by_what_they_can_be_asked_for_by(tasks: Snapshot) -> None:
    assert tasks.task_labels() == ["demo", "demo-2", "task-3", "demos", "task-5", "zebra"]


def test_an_empty_ledger_has_no_task(tmp_path: Path) -> None:
    with (
        open_ledger(LedgerBuilder(tmp_path / "l.db").write()).snapshot(0) as snapshot,
        pytest.raises(UsageError, match="unknown task `demo`; the ledger has no task yet"),
    ):
        snapshot.task_id("demo")
