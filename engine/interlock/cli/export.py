"""`interlock export`: the facts of a ledger as a feed, to be judged where the ledger is not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from interlock.cli import exit_codes, options, output
from interlock.cli.request import asking, session_of
from interlock.diagnostics import UsageError

if TYPE_CHECKING:
    from interlock.request import Request

_EXAMPLES = """\b
Examples:
  interlock export --task checkout --policy smoke > facts.ndjson
  interlock export --all-tasks | interlock eval loop --all-tasks --ledger -
"""


@click.command("export", short_help="Write facts as a feed.", epilog=_EXAMPLES)
@click.option(
    "--task",
    "tasks",
    metavar="NAME",
    multiple=True,
    shell_complete=options.completes("tasks"),
    help="A task, by its name or id; may be repeated.",
)
@click.option("--all-tasks", is_flag=True, help="Every task of the ledger.")
@click.option(
    "--policy",
    "policies",
    metavar="POLICY",
    multiple=True,
    shell_complete=options.completes("policies"),
    help="Only what it reads; may be repeated.",
)
@asking("ledger", "strict-ledger", "at", "policy-dir", "schema-dir", "lock", "locked")
def command(
    request: Request,
    tasks: Sequence[str],
    all_tasks: bool,
    policies: Sequence[str],
) -> int:
    """Write the facts of tasks as they are at an instant, one JSON object a line.

    `interlock eval --ledger FEED` decides on them as it would on the ledger. A feed says what it holds: a policy that
    reads more is undecided.

    Exit code: 0 written, 3 written but some fact is invalid, so that the feed will be refused, 6 the ledger cannot be
    read, 2 usage error, 5 a policy is invalid, 1 a bug in interlock.
    """
    if bool(tasks) is all_tasks:
        raise UsageError("give one of `--task NAME` and `--all-tasks`")
    from interlock.analysis.export import answer

    with session_of(request.about(policies, tasks or None), opens=False) as session:
        session.single("`interlock export`")
        session.ledger  # noqa: B018  # a ledger that cannot be read is reported before what else is wrong
        invalid = answer(session, lambda line: output.put(f"{line.decode()}\n", "utf-8"))
    if invalid:
        output.say(
            f"the feed will be refused for {invalid:,} invalid facts; run `interlock verify-ledger` to see what is"
            " wrong with them",
            "note",
        )
    return exit_codes.DENIED if invalid else exit_codes.ALLOWED
