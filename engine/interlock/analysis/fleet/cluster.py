"""Workers of a Dask cluster, behind the executor that its client gives. The only module that imports Dask."""

from __future__ import annotations

import logging
import re
import socket
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from interlock.analysis.fleet.crew import Answer
from interlock.analysis.fleet.work import Done, Job, perform, unlike
from interlock.diagnostics import UsageError
from interlock.files import reason
from interlock.model.fleet import Terms
from interlock.request import Request

if TYPE_CHECKING:
    from distributed import Client

_ADDRESS = re.compile(r"(?:tcp|tls)://([^/]+):([0-9]+)")
_CONNECT_SECONDS = 10.0
_RESTART_SECONDS = 30


class Cluster:
    """The workers that a scheduler knows when the work begins, each of which has one ledger at a time.

    They must have the same version of interlock and the same policies. Raises UsageError where one has not, where no
    scheduler answers, or Dask is not installed.
    """

    def __init__(self, address: str, request: Request, terms: Terms) -> None:
        self._address = address
        self._client = _connected(address)
        try:
            with suppress(TimeoutError):
                self._client.wait_for_workers(1, timeout=_CONNECT_SECONDS)
            self.count = len(self._client.nthreads())
            if not self.count:
                raise UsageError(f"the cluster at `{address}` has no workers")
            _refuse_unlike(self._client, request, terms)
        except BaseException:
            self._client.close()
            raise
        self._executor = self._client.get_executor(pure=False)
        self._given: dict[int, tuple[Future[Any], str, float]] = {}
        self._keys = 0

    @property
    def died(self) -> tuple[type[BaseException], ...]:
        """What the answer raises of one who died."""
        from distributed import KilledWorker

        return KilledWorker, CancelledError

    def submit(self, number: int, job: Job[Done]) -> Answer[Done]:
        """Have one do a job. Raises UsageError where the scheduler is gone."""
        if self._client.status != "running":
            raise UsageError(f"the scheduler of Dask at `{self._address}` is gone")
        self._keys += 1
        key = f"interlock-{id(self)}-{self._keys}"
        answer: Answer[Done] = self._executor.submit(perform, job, key=key)
        self._given[number] = answer, key, monotonic()
        return answer

    def began(self, number: int) -> float:
        """When a ledger was handed to the cluster, by `monotonic`."""
        return self._given[number][2]

    def replace(self, number: int) -> None:
        """Take back what one was given; the worker that is still at it is started again by its nanny, if it has one."""
        answer, key, _ = self._given.pop(number)
        if answer.done():
            return
        busy = [worker for worker, keys in self._client.processing().items() if key in keys]
        answer.cancel()
        with suppress(ValueError, TimeoutError):
            self._client.restart_workers(busy, timeout=_RESTART_SECONDS, raise_for_error=False)

    def close(self, *, at_once: bool) -> None:  # noqa: ARG002
        """Let go of the cluster, whose workers stay: what is not done is cancelled."""
        self._executor.shutdown(wait=False)
        self._client.close()


def _connected(address: str) -> Client:
    """A client of the scheduler. Raises UsageError."""
    try:
        from distributed import Client
    except ImportError:
        raise UsageError("`--dask` needs Dask; install it with `pip install 'interlock[fleet]'`") from None
    place = _ADDRESS.fullmatch(address)
    if place is None:
        raise UsageError(f"`--dask {address}` is not the address of a scheduler, such as `tcp://127.0.0.1:8786`")
    for name in ("distributed", "distributed.client"):  # each has a level of its own; what matters is said here
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        _reach(place[1].strip("[]"), int(place[2]))
        return Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, OverflowError) as error:
        why = reason(error) if isinstance(error, OSError) else str(error).partition("\n")[0]
        raise UsageError(f"no scheduler of Dask answers at `{address}`: {why}") from None


def _reach(host: str, port: int) -> None:
    """Wait for somebody to listen, who may have been started just now. Raises OSError, OverflowError."""
    until = monotonic() + _CONNECT_SECONDS
    while True:
        try:
            socket.create_connection((host, port), _CONNECT_SECONDS).close()
        except ConnectionRefusedError:
            if monotonic() > until:
                raise
            sleep(0.2)
        else:
            return


def _refuse_unlike(client: Client, request: Request, terms: Terms) -> None:
    """Raises UsageError that names each worker by which nothing may be judged."""
    versions: dict[str, Any] = client.get_versions(packages=["interlock"])["workers"]
    wrong: dict[str, str] = {}
    for worker, known in versions.items():
        version = known["packages"].get("interlock")
        if version is None:
            wrong[worker] = "interlock is not installed"
        elif version != terms.interlock:
            wrong[worker] = f"interlock {version}, not {terms.interlock}"
    same = [worker for worker in versions if worker not in wrong]
    found = client.run(unlike, request, terms, workers=same, on_error="return") if same else {}
    for worker, why in found.items():
        if why is not None:
            wrong[worker] = str(why) or type(why).__name__
    if wrong:
        listed = "".join(f"\n   {worker}: {why}" for worker, why in sorted(wrong.items()))
        raise UsageError(f"workers of `{client.scheduler.address}` cannot judge as it is done here:{listed}")
