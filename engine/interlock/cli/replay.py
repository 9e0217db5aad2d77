"""`interlock replay`: gates over history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from interlock.cli import exit_codes, options
from interlock.cli import output as terminal
from interlock.cli.request import asking, session_of
from interlock.reporting.timeline import FORMATS, render, render_failure

if TYPE_CHECKING:
    from interlock.request import Request

_EXAMPLES = """\b
Examples:
  interlock replay smoke readiness --task checkout
  interlock replay smoke --task checkout --format html --output smoke.html
"""


@click.command(
    "replay", short_help="Show what policies decided over a stretch of time, and why it changed.", epilog=_EXAMPLES
)
@click.argument("policies", metavar="POLICY...", nargs=-1, required=True, shell_complete=options.completes("policies"))
@options.task
@asking("ledger", "strict-ledger", "params", "waivers", "engine", "policy-dir", "schema-dir", "lock", "locked")
@options.stretch("the task", "now")
@options.printed_as(FORMATS, "; text is for a person, json for a program, html a page of its own, svg its picture")
@options.written()
def command(
    request: Request,
    policies: Sequence[str],
    task: str,
    since: str | None,
    until: str | None,
    form: str,
    output: str | None,
) -> int:
    """Judge every instant that matters of a task's history: every interval over which a decision was the same, and the
    receipts, or the time alone, that ended it. As html it is a page of its own that asks the network for nothing, as
    svg its picture.

    An instant is what `interlock eval --at` takes.
    Each interval reaches up to the next, without it; what is decided at the very end is reported too.

    Exit code: 0 replayed, 5 a policy is invalid, 6 the ledger cannot be read, 2 usage error, 1 a bug in interlock.
    """
    from interlock.analysis.replay import answer

    request = request.about(policies, [task])
    if output is not None:
        from interlock.cli.reports import Target, failing, refuse_read, write_file

        refuse_read(output, request)
        with failing([Target(form, output)], render_failure), session_of(request) as session:
            found = answer(session, since, until)
        write_file(output, render(form, found))
        return exit_codes.ALLOWED
    with session_of(request) as session:
        found = answer(session, since, until)
    terminal.put(render(form, found, terminal.look()), None if form == "text" else "utf-8")
    return exit_codes.ALLOWED
