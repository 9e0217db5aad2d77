"""`interlock export`: the facts of a ledger as a feed, to be judged where the ledger is not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from interlock.cli import exit_codes, options, output
from interlock.cli.renamed import formerly
from interlock.cli.request import asking, session_of
from interlock.diagnostics import UsageError

if TYPE_CHECKING:
    from interlock.request import Request

_EXAMPLES = """\b
Examples:
  interlock export smoke --task checkout > facts.ndjson
  interlock export --all-tasks | interlock eval loop --all-tasks --ledger -
"""


_INSTEAD = "a feed needs no export: export the ledger alone, and judge its feed beside the others"


@click.command("export", short_help="Write facts as a feed.", epilog=_EXAMPLES)
@click.argument("policies", metavar="[POLICY]...", nargs=-1, shell_complete=options.completes("policies"))
@options.tasks
@options.all_tasks
@asking("ledger", "strict-ledger", "at", "policy-dir", "schema-dir", "lock", "locked")
@formerly("--policy", "policies", "the policies as `interlock export POLICY...`", multiple=True)
def command(
    request: Request,
    policies: Sequence[str],
    task: Sequence[str],
    all_tasks: bool,
) -> int:
    """Write the facts of tasks as they are at an instant, one JSON object a line: with policies only what they read.

    `interlock eval --ledger FEED` decides on them as it would on the ledger. A feed says what it holds: a policy that
    reads more is undecided.

    Exit code: 0 written, 3 written but some fact is invalid, so that the feed will be refused, 6 the ledger cannot be
    read, 2 usage error, 5 a policy is invalid, 1 a bug in interlock.
    """
    if bool(task) is all_tasks:
        raise UsageError("give one of `--task NAME` and `--all-tasks`")
    from interlock.analysis.export import answer

    with session_of(request.about(policies, task or None), opens=False) as session:
        session.single("`interlock export`", _INSTEAD)
        session.ledger  # noqa: B018  # a ledger that cannot be read is reported before what else is wrong
        invalid = answer(session, lambda line: output.put(f"{line.decode()}\n", "utf-8"))
    if invalid:
        output.say(
            f"the feed will be refused for {invalid:,} invalid facts; run `interlock verify-ledger` to see what is"
            " wrong with them",
            "note",
        )
    return exit_codes.DENIED if invalid else exit_codes.ALLOWED
