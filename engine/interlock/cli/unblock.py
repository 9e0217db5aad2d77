"""`interlock unblock`: what would make a policy allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from interlock.cli import exit_codes, options, output
from interlock.cli.request import OF_A_DECISION, asking, session_of

if TYPE_CHECKING:
    from interlock.request import Request

_EXAMPLES = """\b
Examples:
  interlock unblock smoke --task checkout
  interlock unblock smoke --task checkout --format json
"""


@click.command("unblock", short_help="Find receipts that would make a policy allow.", epilog=_EXAMPLES)
@click.argument("policy", shell_complete=options.completes("policies"))
@options.task
@asking(*OF_A_DECISION)
@options.form
def command(
    request: Request,
    policy: str,
    task: str,
    form: str,
) -> int:
    """Find the smallest sets of receipts that would make a policy allow a task.

    Each set is proved: the ledger and its receipts are judged with both evaluators, and without any one of them the
    policy does not allow. A finding that no receipt can lift is named, with what takes the place of what it rests on.
    Sets that skip or soften what is to be proved come last, under a heading of their own. Nothing is written to the
    ledger. `new-…` stands for a value of one's own.

    Exit code: as for `interlock eval`, about the ledger as it is.
    """
    from interlock.analysis.unblock import answer
    from interlock.reporting.unblock import as_text

    with session_of(request.about([policy], [task])) as session:
        found = answer(session)
    output.put_answer(form, found, as_text)
    return exit_codes.of_verdict(found.allow)
