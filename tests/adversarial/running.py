"""Runs the parts in processes of their own, so that a question that never ends is found, and ends."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path
from random import Random
from typing import Any

PATIENCE = 20.0
"""Seconds after which the questions to one ledger are taken to have no end."""
SHARES = {"sound": 8, "changed": 5, "added": 4, "policies": 6, "feeds": 1}
"""How many ledgers each part draws in its turn."""


@dataclass(frozen=True)
class Failure:
    """What did not hold: its kind in a word, the ledger that shows it, and how."""

    part: str
    ledger: int
    kind: str
    text: str


@dataclass
class Tally:
    """What has been found so far."""

    cases: int = 0
    ledgers: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    by_part: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)


Job = tuple[str, int]
"""A part, and the number of one of its ledgers."""
Report = tuple[str, int, int, dict[str, int], list[tuple[str, str]]]


def attack(
    seed: int,
    cases: int,
    *,
    only: Sequence[str] = (),
    ledger: int | None = None,
    workers: int = 1,
    patience: float = PATIENCE,
    watch: Callable[[Tally], None] = lambda _: None,
) -> Tally:
    """Ask that many questions, drawn from the seed, of the parts named in `only` (of all when empty).

    With `ledger`, of the ledger of that number alone. `watch` is called after each ledger.
    """
    tally = Tally()
    with _crew(seed, workers) as crew:
        todo = _jobs(only or tuple(SHARES), ledger)
        for worker in crew:
            worker.give(next(todo, None))
        while busy := [worker for worker in crew if worker.job is not None]:
            for worker in _answered(busy, patience):
                report = worker.take(patience)
                _count(tally, worker.job, report)
                worker.give(next(todo, None) if tally.cases < cases else None)
                watch(tally)
    return tally


def _jobs(parts: Sequence[str], ledger: int | None) -> Iterator[Job]:
    """Every part's ledgers in turn, in the proportion of their shares; without end, unless only one is wanted."""
    if ledger is not None:
        yield from ((part, ledger) for part in parts)
        return
    turn = [part for at in range(max(SHARES.values())) for part in parts if at < SHARES[part]]
    number = Counter[str]()
    while True:
        for part in turn:
            yield part, number[part]
            number[part] += 1


def _count(tally: Tally, job: Job | None, report: Report | str) -> None:
    assert job is not None
    part, ledger = job
    tally.ledgers += 1
    if isinstance(report, str):
        tally.failures.append(Failure(part, ledger, report.split("\n", 1)[0], report))
        tally.cases += 1
        tally.by_part[part] += 1
        return
    *_, cases, verdicts, failures = report
    tally.cases += cases
    tally.by_part[part] += cases
    tally.verdicts += Counter(verdicts)
    tally.failures += [Failure(part, ledger, kind, text) for kind, text in failures]


# -- the processes


class _Worker:
    """A process that tries one ledger after the other, and is replaced where it does not answer."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.seed, self.folder = seed, folder
        self.job: Job | None = None
        self.since = 0.0
        self._begin()

    def _begin(self) -> None:
        context = get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, self.seed, str(self.folder)), daemon=True)
        self.process.start()
        theirs.close()

    def give(self, job: Job | None) -> None:
        self.job, self.since = job, time.monotonic()
        if job is not None:
            self.pipe.send(job)

    def take(self, patience: float) -> Report | str:
        """What the process says of its ledger; what became of it in words where it says nothing more."""
        if self.pipe.poll():
            with suppress(EOFError, ConnectionError):
                found: Report | str = self.pipe.recv()
                return found
        self.process.kill()
        self.process.join()
        self._begin()
        return f"no end within {patience:.0f} s" if time.monotonic() - self.since >= patience else "the process ended"

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


@contextmanager
def _crew(seed: int, workers: int) -> Iterator[list[_Worker]]:
    memory = Path("/dev/shm")
    top = Path(tempfile.mkdtemp(prefix="adversarial-", dir=memory if os.access(memory, os.W_OK) else None))
    crew: list[_Worker] = []
    try:
        for number in range(workers):
            crew.append(_Worker(seed, top / str(number)))  # noqa: PERF401 - those that began are ended
        yield crew
    finally:
        for worker in crew:
            worker.end()
        shutil.rmtree(top, ignore_errors=True)


def _answered(busy: list[_Worker], patience: float) -> list[_Worker]:
    """The workers that answered, or that have had their time."""
    ready: list[Any] = wait([worker.pipe for worker in busy], timeout=1.0)
    now = time.monotonic()
    return [worker for worker in busy if worker.pipe in ready or now - worker.since >= patience]


def _serve(pipe: Connection, seed: int, folder: str) -> None:
    """Try the requested ledgers until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    home = Path(folder)
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    os.environ["XDG_CACHE_HOME"] = str(home / "cache")
    with suppress(EOFError, ConnectionError):
        while True:
            part, number = pipe.recv()
            pipe.send(_tried(home, seed, part, number))


def _tried(home: Path, seed: int, part: str, number: int) -> Report | str:
    from tests.adversarial.parts import PARTS
    from tests.adversarial.trial import Trial

    scratch = home / "ledgers"
    scratch.mkdir()
    trial = Trial(scratch)
    try:
        PARTS[part](Random(f"{seed}/{part}/{number}"), trial)
    except Exception:
        return f"the attack itself failed\n{traceback.format_exc()}"
    finally:
        shutil.rmtree(scratch)
    return part, number, trial.cases, trial.verdicts, trial.failures
