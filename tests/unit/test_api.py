"""The public Python API."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import interlock
from interlock.evaluation import reference
from tests.helpers.ledgers import LedgerBuilder


@pytest.mark.parametrize("name", interlock.__all__)
def test_a_public_name_can_be_imported(name: str) -> None:
    found = getattr(interlock, name)
    assert name == "__version__" or found.__name__ == name


@pytest.mark.parametrize("at", ["2026-06-22T09:16:00Z", "2026-06-22T09:05:00Z"])
def test_an_explanation_starts_from_the_decision(at: str, story_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judged = 0
    judge = reference.judge

    def counted(*args: Any, **how: Any) -> Any:
        nonlocal judged
        judged += 1
        return judge(*args, **how)

    monkeypatch.setattr(reference, "judge", counted)
    asked: dict[str, Any] = {"ledger": story_path, "task": "checkout-refactor", "at": at}
    decision = interlock.evaluate("smoke", **asked)
    assert judged == 2, "once for the decision, once for how long it holds"
    assert interlock.explain("smoke", **asked).state == decision.state
    assert judged == 4


@pytest.mark.parametrize("ask", [interlock.evaluate, interlock.explain, interlock.unblock])
@pytest.mark.parametrize("engine", ["fast", "", "Both", None])
def test_an_unknown_engine_is_an_error(ask: Callable[..., Any], engine: Any, story_path: Path) -> None:
    with pytest.raises(interlock.UsageError, match="not one of"):
        ask("smoke", ledger=story_path, task="checkout-refactor", engine=engine)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"policies": []}, "^no policy is named: there is nothing to decide$"),
        ({"tasks": ()}, "^no task is named: there is nothing to decide$"),
        ({"policies": "loop"}, r"^`policies` is a list; give `\['loop'\]`$"),
        ({"tasks": "demo"}, "^`tasks` is a list"),
        ({"policy_dirs": ""}, "^`policy_dirs` is a list"),
        ({"schema_dirs": Path("kinds")}, r"^`schema_dirs` is a list; give `\['kinds'\]`$"),
        ({"sources": ""}, "^cannot read ``"),
    ],
)
def test_what_would_decide_nothing_is_an_error(asked: dict[str, Any], message: str, story_path: Path) -> None:
    """`all(each.allow for each in judge(...))` is true of no decision."""
    question: dict[str, Any] = {"policies": ["loop"], "tasks": ["checkout-refactor"], "ledger": story_path, **asked}
    with pytest.raises(interlock.UsageError, match=message):
        interlock.judge(**question)


def test_a_ledger_without_a_task_is_an_error(tmp_path: Path) -> None:
    LedgerBuilder(tmp_path / "ledger.db").write()
    with pytest.raises(interlock.UsageError, match=r"holds no task: nothing was judged$"):
        interlock.judge(["loop"], ledger=tmp_path / "ledger.db", tasks=None)


def test_an_unknown_argument_is_an_error(story_path: Path) -> None:
    with pytest.raises(TypeError):
        interlock.judge(["smoke"], ledger=story_path, tasks=None, locked=True)  # type: ignore[call-arg]
