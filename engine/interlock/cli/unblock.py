"""`interlock unblock`: what would make a policy allow."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import closing

import click

from interlock.cli import exit_codes, options, output, progress
from interlock.cli.lock_option import locked_option
from interlock.cli.skew import max_skew_option
from interlock.reporting import Look

_EXAMPLES = """\b
Examples:
  interlock unblock smoke --task checkout
  interlock unblock smoke --task checkout --format json
"""


@click.command("unblock", short_help="Tell what would make a policy allow.", epilog=_EXAMPLES)
@click.argument("policy", shell_complete=options.completes("policies"))
@options.task
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
    ledger: str | None,
    at: str | None,
    params: Sequence[str],
    max_skew: str,
    form: str,
    policy_dirs: Sequence[str],
    locked: str | None,
) -> int:
    """Tell the smallest sets of receipts that would make a policy allow a task.

    Each set is proved: the ledger and its receipts are judged with both evaluators, and without any one of them the
    policy does not allow. A finding that no receipt can lift is named, with what takes the place of what it rests on.
    Nothing is written to the ledger. `new-…` stands for a value of one's own.

    Exit code: as for `interlock eval`, about the ledger as it is.
    """
    given = options.given(params)
    from interlock.api import unblock
    from interlock.reporting import unblock as report

    with closing(progress.opened(ledger)) as opened:
        found = unblock(
            policy,
            ledger=opened,
            task=task,
            at=at,
            params=given,
            policy_dirs=policy_dirs,
            lock=locked,
            max_skew=max_skew,
        )
    if form == "json":
        output.put(report.as_json(found), "utf-8")
    else:
        output.put(report.as_text(found, Look(output.painter(sys.stdout))))
    return {True: exit_codes.ALLOWED, False: exit_codes.DENIED, None: exit_codes.UNDECIDED}[found.allow]
