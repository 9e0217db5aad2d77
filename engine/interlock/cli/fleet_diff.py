"""`interlock fleet-diff`: where two versions of a policy decide differently, over the history of many ledgers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import click

from interlock.cli import exit_codes, fleet_run, options
from interlock.cli.diff import ASKED
from interlock.cli.fleet_output import Output
from interlock.cli.request import asking

if TYPE_CHECKING:
    from interlock.request import Request

_EXAMPLES = """\b
Examples:
  interlock fleet-diff old/smoke.yaml smoke --ledgers 'projects/**/*.db'
  interlock fleet-diff smoke new/smoke.yaml --ledgers @ledgers.txt --from -30d
  interlock fleet-diff smoke new/smoke.yaml --ledgers '*.db' --format json
"""


@click.command("fleet-diff", short_help="Compare two versions of a policy over many ledgers.", epilog=_EXAMPLES)
@click.argument("old", metavar="OLD", shell_complete=options.completes("policies"))
@click.argument("new", metavar="NEW", shell_complete=options.completes("policies"))
@fleet_run.ledgers
@asking(*(name for name in ASKED if name != "ledger"), "sources")
@options.stretch("each task", "now")
@fleet_run.working("10m")
@options.form
@options.written()
@options.quiet
def command(
    request: Request,
    old: str,
    new: str,
    ledgers: Sequence[str],
    since: str | None,
    until: str | None,
    how: fleet_run.How,
    form: str,
    output: str | None,
) -> int:
    """Judge the history of every task of many ledgers by two policies, and show where they decide differently, as
    `interlock diff --all-tasks` does for each. An INSTANT is the same for all: not head, feed or the id of a receipt.

    What is newly allowed is listed by ledger and task, and every ledger that cannot be compared. As JSON there is a
    line for each ledger, and one after all: a file without that is not complete.

    Exit code: 0 nothing is allowed that was not, 3 something is allowed that was denied or undecided, 5 a policy or the
    waivers are invalid, 6 some ledger could not be compared, whatever the others are, 2 usage error, 1 a bug.
    """
    from interlock.analysis.fleet_diff import ComparedFleet
    from interlock.reporting.fleet_diff import as_text

    asked = request.about([old, new], None, beside_first=True)
    made = partial(ComparedFleet, since=since, until=until)
    found = fleet_run.run(asked, ledgers, how, Output(form, output, as_text), made)
    return fleet_run.code(found, "compared", exit_codes.DENIED if found.softer else exit_codes.ALLOWED)
