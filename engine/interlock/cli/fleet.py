"""`interlock fleet`: decide policies for every task of many ledgers, at one instant."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from time import monotonic
from typing import TYPE_CHECKING

import click

from interlock.cli import exit_codes, options
from interlock.cli import output as terminal
from interlock.cli.fleet_output import Sink, sink
from interlock.cli.request import OF_A_DECISION, asking, named, progress_bar, session_of
from interlock.diagnostics import UsageError
from interlock.reporting.style import counted

if TYPE_CHECKING:
    from interlock.analysis.fleet import Fleet, Lines
    from interlock.analysis.fleet.crew import Crew
    from interlock.model.fleet import Summary
    from interlock.request import Request

_EXAMPLES = """\b
Examples:
  interlock fleet smoke loop --ledgers 'projects/*/*/workerctl.db'
  interlock fleet smoke --ledgers @ledgers.txt --at -1h --workers 4
  interlock fleet smoke --ledgers '*.db' --format json --output fleet.jsonl
"""


@click.command("fleet", short_help="Decide policies for every task of many ledgers.", epilog=_EXAMPLES)
@click.argument("policies", metavar="POLICY...", nargs=-1, required=True, shell_complete=options.completes("policies"))
@click.option(
    "--ledgers",
    metavar="GLOB|@FILE",
    multiple=True,
    required=True,
    help="The ledgers and feeds of a pattern (quoted, ** for folders at any depth), or those that FILE lists, a path a "
    "line; may be repeated.",
)
@asking(*(name for name in OF_A_DECISION if name != "ledger"), "sources")
@click.option(
    "--workers", metavar="N", type=click.IntRange(1), help="How many processes judge; one a processor unless given."
)
@click.option(
    "--dask",
    metavar="ADDRESS",
    help="Have the workers of a Dask cluster judge, which see the same files; the address of its scheduler.",
)
@click.option(
    "--retries",
    metavar="N",
    type=click.IntRange(0),
    default=2,
    help="How often a ledger is tried again, alone, whose worker died; 2 unless given.",
)
@options.timeout("for each ledger, 60s unless given", default="60s")
@click.option(
    "--since",
    metavar="FILE",
    shell_complete=options.completes("files"),
    help="Take over from FILE, the JSON of an earlier run, what still holds of ledgers that were not written to.",
)
@click.option(
    "--no-validity",
    is_flag=True,
    help="Do not look ahead; until when a decision holds is then not known, and no later run takes it over.",
)
@options.form
@options.written("; as Parquet where its name ends in .parquet")
@options.quiet
def command(
    request: Request,
    policies: Sequence[str],
    ledgers: Sequence[str],
    workers: int | None,
    dask: str | None,
    retries: int,
    timeout: str,
    since: str | None,
    no_validity: bool,
    form: str,
    output: str | None,
) -> int:
    """Decide policies for every task of many ledgers, at one instant for all, as `interlock eval --all-tasks` decides
    for each. An INSTANT is the same for all: not head, feed or the id of a receipt.

    Every undecided decision is listed, and every ledger that cannot be judged. As JSON there is a line for each
    decision, one before those of each ledger, and one after all: a file without the last is not complete.

    Exit code: 0 all allowed, 3 some denied, 4 some undecided and none denied, 5 a policy or the waivers are invalid, 6
    some ledger could not be judged, whatever the others are, 2 usage error, 1 a bug.
    """
    from interlock.analysis.fleet import Fleet, find_ledgers, from_root, positive

    limit = positive("--timeout", timeout)
    if named("dask", dask) and workers is not None:
        raise UsageError("give one of `--workers` and `--dask`: a cluster has workers of its own")
    _refuse_files(policies)
    members = find_ledgers(ledgers)
    request = request.about(policies, None, validity=not no_validity)
    read = [path for each in members for path in (each.path, f"{each.path}-wal", f"{each.path}-shm")]
    read += [each[1:] for each in ledgers if each.startswith("@")] + ([since] if since else [])
    if dask is not None:
        with session_of(request, opens=False) as session:
            request, members = from_root(request, session.tables, members)
    with session_of(request, opens=False) as session, sink(request, form, output, read) as out:
        fleet = Fleet(session, members, named("since", since))
        found = _judged(fleet, _crew(fleet, workers, dask), limit, retries, out)
        out.end(found)
    return _code(found)


def _refuse_files(policies: Iterable[str]) -> None:
    """Raises UsageError for a ledger among the policies: a shell put it there that expanded a pattern."""
    for each in policies:
        if not each.endswith((".yaml", ".yml")) and os.path.isfile(each):
            raise UsageError(f"`{each}` is not a policy; quote the pattern of `--ledgers`, so that no shell expands it")


def _crew(fleet: Fleet, workers: int | None, dask: str | None) -> Crew:
    """Those who judge. Raises UsageError where there is no such cluster, or it cannot judge as it is done here."""
    if dask is not None:
        from interlock.analysis.fleet.cluster import Cluster

        return Cluster(dask, fleet.request, fleet.terms)
    from interlock.analysis.fleet.processes import Processes

    return Processes(min(workers or _processors(), len(fleet.members)))


def _judged(fleet: Fleet, crew: Crew, limit: int, retries: int, out: Sink) -> Summary:
    """Judge all ledgers, and put what is known of each as it comes."""
    from interlock.analysis.fleet import Lines, summary_of

    lines = Lines(fleet.terms, fleet.now, live=fleet.moment.live)
    sizes = iter([each.size for each in fleet.members])
    total = sum(each.size for each in fleet.members)
    with closing(fleet.outcomes(crew, limit, retries)) as outcomes:
        for outcome in progress_bar(outcomes, total, "judging", weigh=lambda _: next(sizes), rate=_rate(lines)):
            out.add(outcome, lines.add(outcome))
    return summary_of(lines)


def _rate(lines: Lines) -> Callable[[], str]:
    begun = monotonic()
    return lambda: f"{lines.decisions / max(monotonic() - begun, 0.001):,.0f} decisions/s"


def _processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _code(found: Summary) -> int:
    if found.faults:
        terminal.say(f"{counted(len(found.faults), 'ledger')} of {found.end.ledgers:,} could not be judged", "error")
        return exit_codes.UNREADABLE_LEDGER
    return exit_codes.of_verdict(found.verdict)
