"""Workers on this machine: each is an executor of one process, which ends with this one, however that ends."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from time import monotonic

import msgspec

from interlock.analysis.fleet.crew import Answer
from interlock.analysis.fleet.work import Done, Job, perform
from interlock.diagnostics import UsageError
from interlock.files import reason

_START_SECONDS = 60.0
"""How long a process may take to start, which counts for no ledger."""


class _Worker(msgspec.Struct):
    """An executor, its process, and since when it could begin with its ledger."""

    executor: ProcessPoolExecutor
    process: BaseProcess
    ready: Future[int]
    began: float = 0.0


class Processes:
    """So many processes. Each is started when it is needed, with nothing of this one's memory."""

    died: tuple[type[BaseException], ...] = (BrokenProcessPool,)

    def __init__(self, count: int) -> None:
        self.count = count
        self._workers: dict[int, _Worker] = {}

    def submit(self, number: int, job: Job[Done]) -> Answer[Done]:
        """Have one do a job."""
        worker = self._workers.get(number) or self._started(number)
        worker.began = monotonic() if worker.ready.done() else monotonic() + _START_SECONDS
        return worker.executor.submit(perform, job)

    def began(self, number: int) -> float:
        """When one began with its ledger, by `monotonic`; later than now where its process has not started."""
        return self._workers[number].began

    def replace(self, number: int) -> None:
        """End one; another takes its place when it is needed."""
        _end(self._workers.pop(number), at_once=True)

    def close(self, *, at_once: bool) -> None:
        """End all of them."""
        while self._workers:
            _, worker = self._workers.popitem()
            _end(worker, at_once=at_once)

    def _started(self, number: int) -> _Worker:
        executor = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _begin, (os.getcwd(),))
        before = multiprocessing.active_children()
        try:
            with _undisturbed():
                ready = executor.submit(os.getpid)
        except OSError as error:
            raise UsageError(f"no process can be started: {reason(error)}") from None
        (process,) = [each for each in multiprocessing.active_children() if each not in before]
        worker = self._workers[number] = _Worker(executor, process, ready)
        ready.add_done_callback(lambda _: setattr(worker, "began", min(worker.began, monotonic())))
        return worker


def _end(worker: _Worker, *, at_once: bool) -> None:
    if at_once:
        worker.process.kill()
    worker.executor.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Ctrl-C waits, and never reaches a process that is started within: the command ends those itself."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(folder: str) -> None:
    """What a process does first: it works where the command runs, and ends when the command does."""
    os.chdir(folder)
    gc.enable()  # it may have imported what the command begins with, which disables it for `eval`
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
