"""`interlock eval`: decide policies for a task, or for every task, over one snapshot of the ledger at one instant."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

import click

from interlock.cli import exits, options, terminal
from interlock.errors import UsageError
from interlock.reporting import Look, render

if TYPE_CHECKING:
    from interlock.cli.reports import Target
    from interlock.decision import Decision
    from interlock.library import Library


@click.command("eval", short_help="Decide policies for a task.")
@click.argument("policies", metavar="POLICY...", nargs=-1, required=True)
@click.option("--task", metavar="NAME", help="The task to judge, by its name or id.")
@click.option("--all-tasks", is_flag=True, help="Judge every task of the ledger.")
@options.ledger
@options.at
@options.params
@options.engine
@options.policy_dirs
@options.locked
@options.report_form
@click.option("--output", metavar="FILE", help="Write to FILE, not to standard output.")
@options.reports
@options.decision_log
@click.option("--summary", is_flag=True, help="Append markdown to the file that $GITHUB_STEP_SUMMARY names.")
def command(
    policies: Sequence[str],
    task: str | None,
    all_tasks: bool,
    ledger: str | None,
    at: str | None,
    params: Sequence[str],
    engine: Literal["both", "rete", "reference"],
    policy_dirs: Sequence[str],
    locked: str | None,
    form: str,
    output: str | None,
    reports: Sequence[tuple[str, str]],
    decision_log: str | None,
    summary: bool,
) -> int:
    """Decide policies over one snapshot of the ledger, at one instant.

    A POLICY is the id of one that `interlock policies` lists, or the path of a file.

    Where `interlock config` shows no ledger, give --ledger. With --locked, policies that have changed do not judge.

    Exit code: 0 all allowed, 3 some denied, 4 some undecided and none denied, 5 a policy is invalid, 6 the ledger
    cannot be read, 2 a wrong question, 1 a bug in interlock.
    """
    if (task is not None) is all_tasks:
        raise UsageError("give one of `--task NAME` and `--all-tasks`")
    given = options.given(params)
    from interlock.runner import library

    opened = options.opened(ledger)
    policies_at = library(policy_dirs)
    inputs = [opened.path, *map(policies_at.path, policies)]
    wanted = _targets(form, output, reports, summary, inputs)
    tasks = None if task is None else [task]
    ask = _asking(decision_log, [*inputs, *(path for _, path in reports), *filter(None, [output])])
    decisions = ask(
        policies, ledger=opened, tasks=tasks, at=at, params=given, engine=engine, policy_dirs=policy_dirs, lock=locked
    )
    if not decisions:
        raise UsageError(f"the ledger `{opened.path}` holds no task: nothing was judged")
    if wanted:
        from interlock.cli.reports import write

        write(wanted, decisions, _informed(policies, policies_at))
    if output is None:
        terminal.put(render(form, decisions, _look(form, policies, policies_at)), None if form == "text" else "utf-8")
    return exits.of_decisions(decisions)


def _targets(
    form: str, output: str | None, reports: Sequence[tuple[str, str]], summary: bool, inputs: Sequence[str]
) -> list[Target]:
    """The files to be written, none of which may be an input."""
    if output is None and not reports and not summary:
        return []
    from interlock.cli.reports import targets

    return targets(form, output, reports, summary, inputs)


def _asking(log: str | None, others: Sequence[str]) -> Callable[..., tuple[Decision, ...]]:
    """What judges, and appends to the log, if there is one, before anything is told. `others` are no log."""
    if log is None:
        from interlock.runner import judge

        return judge
    from interlock.logbook import logged

    return logged(log, others)


def _look(form: str, policies: Sequence[str], library: Library) -> Look:
    """How the report looks on this standard output."""
    if form == "json":  # a decision says all of itself
        return Look()
    if form != "text":
        return _informed(policies, library)
    asked = [library.load(name).policy for name in policies]
    questions = {policy.digest: policy.question for policy in asked}
    return Look(terminal.painter(sys.stdout), terminal.width(sys.stdout), questions)


def _informed(policies: Sequence[str], library: Library) -> Look:
    """The look of a report that is read by a program, or later: without colours, with the policies' own lines."""
    from interlock.cli.asked import informed

    return informed(policies, library)
