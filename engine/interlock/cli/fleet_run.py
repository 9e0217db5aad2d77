"""What the commands share that work on many ledgers: which ledgers, by whom, and how long it may take."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from functools import wraps
from time import monotonic
from typing import TYPE_CHECKING, Any

import click
import msgspec

from interlock.cli import exit_codes, options
from interlock.cli import output as terminal
from interlock.cli.fleet_output import Found, Output, Sink, sink
from interlock.cli.options import Command
from interlock.cli.request import progress_bar, session_of
from interlock.diagnostics import UsageError
from interlock.reporting.style import counted

if TYPE_CHECKING:
    from interlock.analysis.fleet import Done, Fleet, Lines, Member
    from interlock.analysis.fleet.crew import Crew
    from interlock.request import Request, Session

ledgers = click.option(
    "--ledgers",
    metavar="GLOB|@FILE",
    multiple=True,
    required=True,
    help="The ledgers and feeds of a pattern (quoted, ** for folders at any depth), or those that FILE lists, a path a "
    "line; may be repeated.",
)
_workers = click.option(
    "--workers", metavar="N", type=click.IntRange(1), help="How many processes judge; one a processor unless given."
)
_dask = click.option(
    "--dask",
    metavar="ADDRESS",
    help="Have the workers of a Dask cluster judge, which see the same files; the address of its scheduler.",
)
_retries = click.option(
    "--retries",
    metavar="N",
    type=click.IntRange(0),
    default=2,
    help="How often a ledger is tried again, alone, whose worker died; 2 unless given.",
)


class How(msgspec.Struct, frozen=True):
    """Who works, and when a ledger is given up; `timeout` is in microseconds."""

    workers: int | None
    dask: str | None
    retries: int
    timeout: int


def working(longest: str) -> Callable[[Command], Command]:
    """Gives a command the options of who works, as `how`; a ledger takes `longest` unless another time is given."""

    def decorate(command: Command) -> Command:
        @wraps(command)
        def given(workers: int | None, dask: str | None, retries: int, timeout: str, **values: Any) -> Any:
            if dask and workers is not None:
                raise UsageError("give one of `--workers` and `--dask`: a cluster has workers of its own")
            return command(how=How(workers, dask, retries, _positive(timeout)), **values)

        longest_of_each = options.timeout(f"for each ledger, {longest} unless given", default=longest)
        decorated: Any = given
        for each in (longest_of_each, _retries, _dask, _workers):
            decorated = each(decorated)
        return decorated  # type: ignore[no-any-return]

    return decorate


def _positive(timeout: str) -> int:
    """The microseconds of a duration longer than none. Raises UsageError."""
    found = options.microseconds(timeout)
    if not found:
        raise UsageError(f"`--timeout` is `{timeout}`: no ledger can be judged in no time")
    return found


def run(
    request: Request,
    ledgers: Sequence[str],
    how: How,
    output: Output[Found],
    made: Callable[[Session, Sequence[Member]], Fleet[Done, Found]],
    read: Iterable[str] = (),
) -> Found:
    """What is found of all ledgers, which is put to the output as it comes; `read` is what else is read.

    Raises UsageError where there is no such fleet, or the output cannot be written.
    """
    import signal

    from interlock.analysis.fleet import find_ledgers, from_root

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    members = find_ledgers(ledgers)
    read = [*read, *(path for each in members for path in (each.path, f"{each.path}-wal", f"{each.path}-shm"))]
    read += [each[1:] for each in ledgers if each.startswith("@")]
    if how.dask is not None:
        with session_of(request, opens=False) as session:
            request, members = from_root(request, session.tables, members)
    with session_of(request, opens=False) as session, sink(request, output, read) as out:
        fleet = made(session, members)
        found = _worked(fleet, _crew(fleet, how), how, out)
        out.end(found)
    return found


def code(found: Found, done: str, otherwise: int) -> int:
    """The exit code, with an error of those ledgers that were not `done`, such as `judged`."""
    if not found.faults:
        return otherwise
    terminal.say(f"{counted(len(found.faults), 'ledger')} of {found.end.ledgers:,} could not be {done}", "error")
    return exit_codes.UNREADABLE_LEDGER


def _crew(fleet: Fleet[Done, Found], how: How) -> Crew:
    """Those who work. Raises UsageError where there is no such cluster, or it cannot judge as it is done here."""
    if how.dask is not None:
        from interlock.analysis.fleet.cluster import Cluster

        return Cluster(how.dask, fleet.request, fleet.terms)
    from interlock.analysis.fleet.processes import Processes

    return Processes(min(how.workers or _processors(), len(fleet.members)))


def _worked(fleet: Fleet[Done, Found], crew: Crew, how: How, out: Sink[Found]) -> Found:
    """Work on all ledgers, and put what is known of each as it comes."""
    lines = fleet.lines()
    sizes = iter([each.size for each in fleet.members])
    total = sum(each.size for each in fleet.members)
    with closing(fleet.outcomes(crew, how.timeout, how.retries)) as outcomes:
        for outcome in progress_bar(outcomes, total, fleet.doing, weigh=lambda _: next(sizes), rate=_rate(lines)):
            out.add(outcome, lines.add(outcome))
    return lines.summary()


def _rate(lines: Lines[Done, Found]) -> Callable[[], str]:
    begun = monotonic()
    return lambda: f"{lines.count / max(monotonic() - begun, 0.001):,.0f} {lines.unit}/s"


def _processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
