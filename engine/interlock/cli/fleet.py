"""`interlock fleet`: decide policies for every task of many ledgers, at one instant."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

import click

from interlock.cli import exit_codes, fleet_run, options
from interlock.cli.fleet_output import Output
from interlock.cli.request import OF_A_DECISION, asking
from interlock.diagnostics import UsageError

if TYPE_CHECKING:
    from interlock.reporting.parquet import Parquet
    from interlock.request import Request

_EXAMPLES = """\b
Examples:
  interlock fleet smoke loop --ledgers 'projects/*/*/workerctl.db'
  interlock fleet smoke --ledgers @ledgers.txt --at -1h --workers 4
  interlock fleet smoke --ledgers '*.db' --format json --output fleet.jsonl
"""


@click.command("fleet", short_help="Decide policies for every task of many ledgers.", epilog=_EXAMPLES)
@click.argument("policies", metavar="POLICY...", nargs=-1, required=True, shell_complete=options.completes("policies"))
@fleet_run.ledgers
@asking(*(name for name in OF_A_DECISION if name != "ledger"), "sources")
@fleet_run.working("60s")
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
    how: fleet_run.How,
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
    _refuse_files(policies)
    from interlock.analysis.fleet.judging import JudgedFleet
    from interlock.reporting.fleet import as_text

    request = request.about(policies, None, validity=not no_validity)
    made = partial(JudgedFleet, since=since)
    found = fleet_run.run(request, ledgers, how, Output(form, output, as_text, _table), made, [since] if since else [])
    return fleet_run.code(found, "judged", exit_codes.of_verdict(found.verdict))


def _refuse_files(policies: Iterable[str]) -> None:
    """Raises UsageError for a ledger among the policies: a shell put it there that expanded a pattern."""
    for each in policies:
        if not each.endswith((".yaml", ".yml")) and os.path.isfile(each):
            raise UsageError(f"`{each}` is not a policy; quote the pattern of `--ledgers`, so that no shell expands it")


def _table(file: BinaryIO) -> Parquet:
    try:
        from interlock.reporting.parquet import Parquet
    except ImportError:
        raise UsageError("Parquet needs pyarrow; install it with `pip install 'interlock[fleet]'`") from None
    return Parquet(file)
