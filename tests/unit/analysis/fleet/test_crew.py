"""Who is tried again, who is given up, and that nobody else suffers."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec
import pytest

from interlock.analysis.fleet.crew import Run
from interlock.analysis.fleet.work import Job, Refused
from interlock.diagnostics import UsageError
from interlock.instant import SECOND
from interlock.model.fleet import Fault, Judged
from tests.unit.analysis.fleet.test_work import job


class Died(Exception):
    pass


class Here:
    """Two who judge at once, in this process, what `how` says of a path."""

    count = 2
    died = (Died,)

    def __init__(self, how: Callable[[str], Any]) -> None:
        self.how = how
        self.replaced = 0
        self.tried: list[str] = []
        self.closed: bool | None = None

    def submit(self, number: int, job: Job[Any]) -> Future[Any]:
        self.tried.append(job.path)
        answer: Future[Any] = Future()
        found = self.how(job.path)
        if isinstance(found, BaseException):
            answer.set_exception(found)
        elif found is not None:
            answer.set_result(found)
        return answer

    def began(self, number: int) -> float:
        return monotonic() - 1

    def replace(self, number: int) -> None:
        self.replaced += 1

    def close(self, *, at_once: bool) -> None:
        self.closed = at_once


def jobs(path: Path, *names: str) -> list[Job[Judged]]:
    one, _ = job(path)
    return [msgspec.structs.replace(one, path=name) for name in names]


def done(path: str) -> Judged:
    return Judged(path, "2026-06-22T09:30:00Z", b"", (), (), (), None, False)


def test_one_whose_worker_died_is_tried_again_alone_at_the_end(story_path: Path) -> None:
    lives = {"b": 1}

    def how(path: str) -> Any:
        lives[path] = lives.get(path, 0) - 1
        return Died() if lives[path] >= 0 else done(path)

    crew = Here(how)
    found = list(Run(jobs(story_path, "a", "b", "c"), crew, 60 * SECOND, 2).outcomes())
    assert [each.path for each in found] == ["a", "c", "b"]
    assert (crew.tried[-1], crew.replaced, crew.closed) == ("b", 1, False)


@pytest.mark.parametrize(("retries", "times"), [(0, "once"), (2, "3 times")])
def test_one_that_kills_every_worker_is_a_fault(story_path: Path, retries: int, times: str) -> None:
    crew = Here(lambda path: Died() if path == "b" else done(path))
    *others, fault = Run(jobs(story_path, "a", "b", "c"), crew, 60 * SECOND, retries).outcomes()
    assert [each.path for each in others] == ["a", "c"]
    assert fault == Fault("b", f"the process that judged it died, {times}")


def test_one_that_takes_too_long_is_a_fault(story_path: Path) -> None:
    crew = Here(lambda path: None if path == "a" else done(path))
    fault, other = Run(jobs(story_path, "a", "b"), crew, SECOND // 2, 2).outcomes()
    assert isinstance(fault, Fault)
    assert "longer than" in fault.why
    assert (other.path, crew.replaced) == ("b", 1)


def test_other_terms_end_the_run(story_path: Path) -> None:
    crew = Here(lambda _: Refused("another policy"))
    with pytest.raises(UsageError, match="another policy"):
        list(Run(jobs(story_path, "a"), crew, SECOND, 2).outcomes())
    assert crew.closed is True
