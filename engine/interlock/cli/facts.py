"""`interlock facts`: what a policy sees."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from interlock.cli import exit_codes, options, output
from interlock.cli.options import OneOf
from interlock.cli.request import asking, session_of

if TYPE_CHECKING:
    from interlock.request import Request

_EXAMPLES = """\b
Examples:
  interlock facts smoke --task checkout
  interlock facts smoke --task checkout --format text | less -S
"""


@click.command("facts", short_help="Show the facts that a policy sees.", epilog=_EXAMPLES)
@click.argument("policy", shell_complete=options.completes("policies"))
@options.task
@options.printed_as(
    ["text", "json"],
    "; by default text for a person at a terminal, in a pipe json for a program",
    type=OneOf(["text", "json"], former={"table": "text", "ndjson": "json"}),
    default=None,
)
@asking("ledger", "strict-ledger", "at", "params", "policy-dir", "schema-dir", "lock", "locked")
def command(
    request: Request,
    policy: str,
    task: str,
    form: str | None,
) -> int:
    """Show the facts that a policy sees of a task, selection by selection, with the fields that it reads.

    The first thing to check when a decision is unexpected. Where the policy would be undecided because a fact is
    missing, or for an invalid one, the facts up to there are shown, and the reason is reported.

    Exit code: 0 shown, 4 the policy is undecided whatever its rules say, 5 it is invalid, 6 the ledger cannot be
    read, 2 usage error, 1 a bug in interlock.
    """
    from interlock.analysis.facts import answer
    from interlock.reporting import facts as report
    from interlock.reporting.params import params_text

    with session_of(request.about([policy], [task])) as session:
        (seen, reasons), (params,) = answer(session), session.params
    if (form or ("text" if sys.stdout and sys.stdout.isatty() else "json")) == "text":
        if text := params_text(params):
            output.put(f"params {text}\n\n")
        output.put(report.as_table(seen))
    else:
        output.put(report.as_lines(seen), "utf-8")
    for reason in reasons:
        output.say(reason, "note")
    return exit_codes.UNDECIDED if reasons else exit_codes.ALLOWED
