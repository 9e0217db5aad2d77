"""`interlock explain`: why a policy decides as it does."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import closing

import click

from interlock.cli import exit_codes, options, output, progress
from interlock.cli.lock_option import locked_option
from interlock.cli.skew import max_skew_option
from interlock.diagnostics import UsageError
from interlock.reporting import Look

_EXAMPLES = """\b
Examples:
  interlock explain smoke --task checkout
  interlock explain smoke --task checkout --rule not-sent
"""


@click.command("explain", short_help="Tell why a policy decides as it does.", epilog=_EXAMPLES)
@click.argument("policy", shell_complete=options.completes("policies"))
@options.task
@click.option("--rule", metavar="ID", help="This rule alone, also where it did not fire.")
@click.option("--all", "every", is_flag=True, help="Every rule, also where it did not fire.")
@options.judged_ledger
@options.at
@options.params
@max_skew_option
@options.form
@options.policy_dirs
@locked_option
def command(
    policy: str,
    task: str,
    rule: str | None,
    every: bool,
    ledger: str | None,
    at: str | None,
    params: Sequence[str],
    max_skew: str,
    form: str,
    policy_dirs: Sequence[str],
    locked: str | None,
) -> int:
    """Tell why a policy decides about a task as it does.

    For each rule that fired: its condition as written, each part with the values that it met and whether it holds, the
    receipts that it rests on, and what was looked for and not found. Then the lines of `decide`.

    Exit code: as for `interlock eval`.
    """
    if rule is not None and every:
        raise UsageError("give one of `--rule ID` and `--all`")
    given = options.given(params)
    from interlock.api import explain
    from interlock.reporting import explain as explanation

    with closing(progress.opened(ledger)) as opened:
        found = explain(
            policy,
            ledger=opened,
            task=task,
            rule=rule,
            every=every,
            at=at,
            params=given,
            policy_dirs=policy_dirs,
            lock=locked,
            max_skew=max_skew,
        )
    if form == "json":
        output.put(explanation.as_json(found), "utf-8")
    else:
        look = Look(output.painter(sys.stdout), output.width(sys.stdout))
        output.put(explanation.as_text(found, look))
    return {True: exit_codes.ALLOWED, False: exit_codes.DENIED, None: exit_codes.UNDECIDED}[found.allow]
