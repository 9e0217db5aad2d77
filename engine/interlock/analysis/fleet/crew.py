"""Who works on the ledgers of a fleet, and what is done where one of them never answers.

The work is handed to executors of `concurrent.futures`. Each process has one ledger at a time, so that one that dies,
or takes too long, is known by its ledger, and no other ledger suffers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from time import monotonic
from typing import Generic, Protocol, TypeAlias

from interlock.analysis.fleet.work import Done, Job, Refused
from interlock.diagnostics import UsageError
from interlock.instant import SECOND, format_duration
from interlock.model.fleet import Fault

_CHECK = 0.2
"""Seconds between two checks of who takes too long."""

Answer: TypeAlias = Future[Done | Fault | Refused]


class Crew(Protocol):
    """Those who work, by numbers from 0 up to `count`."""

    count: int

    @property
    def died(self) -> tuple[type[BaseException], ...]:
        """What the answer raises of one who died."""

    def submit(self, number: int, job: Job[Done]) -> Answer[Done]:
        """Have one do a job. Raises UsageError where nobody can any more."""

    def began(self, number: int) -> float:
        """When one began with what it was given last, by `monotonic`; later than now where it has not yet."""

    def replace(self, number: int) -> None:
        """End one who died or takes too long; another takes its place."""

    def close(self, *, at_once: bool) -> None:
        """End all of them, `at_once` whatever they do."""


class Run(Generic[Done]):
    """Has every job done once; `timeout` is in microseconds, for each.

    A ledger whose worker dies is tried again when all others are done, alone, up to `retries` times.
    """

    def __init__(self, jobs: Sequence[Job[Done]], crew: Crew, timeout: int, retries: int) -> None:
        self._jobs, self._crew, self._timeout, self._retries = jobs, crew, timeout, retries
        self._running: dict[Answer[Done], tuple[int, int]] = {}

    def outcomes(self) -> Iterator[Done | Fault]:
        """The outcome of each job, in their order; of those whose worker died, at the end.

        Raises UsageError where the terms do not hold.
        """
        finished = False
        try:
            suspects: list[int] = []
            yield from self._together(suspects)
            for index in suspects:
                yield self._alone(index)
            finished = True
        finally:
            self._crew.close(at_once=not finished)

    def _together(self, suspects: list[int]) -> Iterator[Done | Fault]:
        """Do all of them once; those whose worker dies become suspects."""
        waiting, order = deque(range(len(self._jobs))), deque(range(len(self._jobs)))
        done: dict[int, Done | Fault | None] = {}
        idle = list(range(self._crew.count))
        while order:
            while waiting and idle:
                self._submit(idle.pop(), waiting.popleft())
            for number, index, outcome in self._settled():
                idle.append(number)
                done[index] = outcome
            while order and order[0] in done:
                index = order.popleft()
                outcome = done.pop(index)
                if outcome is None:
                    suspects.append(index)
                else:
                    yield outcome

    def _alone(self, index: int) -> Done | Fault:
        """The outcome of one whose worker died once."""
        for _ in range(self._retries):
            self._submit(0, index)
            while self._running:
                for *_, outcome in self._settled():
                    if outcome is not None:
                        return outcome
        times = f"{1 + self._retries} times" if self._retries else "once"
        return Fault(self._jobs[index].path, f"the process that judged it died, {times}")

    def _submit(self, number: int, index: int) -> None:
        self._running[self._crew.submit(number, self._jobs[index])] = number, index

    def _settled(self) -> list[tuple[int, int, Done | Fault | None]]:
        """Wait for those that answer, or take too long: each worker, its job, and the outcome; None where it died."""
        answered, _ = wait(self._running, _CHECK, FIRST_COMPLETED)
        found: list[tuple[int, int, Done | Fault | None]] = []
        for answer in answered:
            number, index = self._running.pop(answer)
            found.append((number, index, self._answer(answer, number)))
        for answer, (number, index) in list(self._running.items()):
            if (monotonic() - self._crew.began(number)) * SECOND > self._timeout:
                del self._running[answer]
                self._crew.replace(number)
                why = f"it took longer than {format_duration(self._timeout)}; give it longer with `--timeout`"
                found.append((number, index, Fault(self._jobs[index].path, why)))
        return found

    def _answer(self, answer: Answer[Done], number: int) -> Done | Fault | None:
        try:
            outcome = answer.result()
        except self._crew.died:
            self._crew.replace(number)
            return None
        if isinstance(outcome, Refused):
            raise UsageError(f"a worker cannot judge as it must: {outcome.why}; run it again")
        return outcome
