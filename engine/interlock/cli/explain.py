"""`interlock explain`: why a policy decides as it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from interlock.cli import exit_codes, options, output
from interlock.cli.request import OF_A_DECISION, asking, session_of
from interlock.diagnostics import UsageError

if TYPE_CHECKING:
    from interlock.request import Request

_EXAMPLES = """\b
Examples:
  interlock explain smoke --task checkout
  interlock explain smoke --task checkout --rule not-sent
"""


@click.command("explain", short_help="Explain a decision.", epilog=_EXAMPLES)
@click.argument("policy", shell_complete=options.completes("policies"))
@options.task
@click.option("--rule", metavar="ID", help="This rule alone, also where it did not fire.")
@click.option("--all", "every", is_flag=True, help="Every rule, also where it did not fire.")
@click.option("--details", is_flag=True, help="All details; every part of each condition.")
@asking(*OF_A_DECISION)
@options.form
def command(
    request: Request,
    policy: str,
    task: str,
    rule: str | None,
    every: bool,
    details: bool,
    form: str,
) -> int:
    """Explain a policy's decision about a task.

    For each rule that fired, blockers first: its condition as written, each part with the values that it met and
    whether it holds, the receipts that it rests on, and what was looked for and not found. Then the lines of `decide`.
    Where that is more than a screen, text is a summary of it, unless --details, --rule or --all is given.

    Exit code: as for `interlock eval`.
    """
    if rule is not None and every:
        raise UsageError("give one of `--rule ID` and `--all`")
    from interlock.analysis.explain import answer
    from interlock.reporting import explain, explain_summary

    with session_of(request.about([policy], [task])) as session:
        found = answer(session, rule, every=every)
    whole = details or every or rule is not None
    output.put_answer(form, found, explain.as_text if whole else explain_summary.as_text)
    return exit_codes.of_verdict(found.allow)
