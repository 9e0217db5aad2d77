"""`interlock eval`: decide policies for a task, or for every task, over one snapshot of the ledger at one instant."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import click

from interlock.cli import exits, options, terminal
from interlock.errors import UsageError
from interlock.reporting import Look, render

if TYPE_CHECKING:
    from interlock.library import Library


@click.command("eval", short_help="Decide policies for a task.")
@click.argument("policies", metavar="POLICY...", nargs=-1, required=True)
@click.option("--task", metavar="NAME", help="The task to judge, by its name or id.")
@click.option("--all-tasks", is_flag=True, help="Judge every task of the ledger.")
@options.ledger
@options.at
@options.params
@click.option(
    "--engine",
    type=click.Choice(["both", "rete", "reference"]),
    default="both",
    help="Who judges: the rules engine (rete), the reference evaluator, or both, which must agree.",
)
@options.policy_dirs
@options.form
def command(
    policies: Sequence[str],
    task: str | None,
    all_tasks: bool,
    ledger: str | None,
    at: str | None,
    params: Sequence[str],
    engine: Literal["both", "rete", "reference"],
    policy_dirs: Sequence[str],
    form: str,
) -> int:
    """Decide policies over one snapshot of the ledger, at one instant.

    A POLICY is the id of one that `interlock policies` lists, or the path of a file.

    Without --ledger, the ledger is $INTERLOCK_LEDGER, else the nearest .codex-workers/workerctl.db in this folder or
    above it.

    Exit code: 0 all allowed, 3 some denied, 4 some undecided and none denied, 5 a policy is invalid, 6 the ledger
    cannot be read, 2 a wrong question, 1 a bug in interlock.
    """
    if (task is not None) is all_tasks:
        raise UsageError("give one of `--task NAME` and `--all-tasks`")
    given = options.given(params)
    from interlock.runner import judge, library

    opened = options.opened(ledger)
    tasks = None if task is None else [task]
    decisions = judge(policies, ledger=opened, tasks=tasks, at=at, params=given, engine=engine, policy_dirs=policy_dirs)
    if not decisions:
        raise UsageError(f"the ledger `{opened.path}` holds no task: nothing was judged")
    if form == "json":
        terminal.put(render(form, decisions), "utf-8")
    else:
        terminal.put(render(form, decisions, _look(policies, library(policy_dirs))))
    return exits.of_decisions(decisions)


def _look(policies: Sequence[str], library: Library) -> Look:
    """How the report looks on this standard output."""
    asked = [library.load(name).policy for name in policies]
    questions = {policy.digest: policy.question for policy in asked}
    return Look(terminal.painter(sys.stdout), terminal.width(sys.stdout), questions)
