"""`interlock eval`: decide policies for a task, or for every task, over one snapshot of the ledger at one instant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
from msgspec import structs

from interlock.cli import exit_codes, options
from interlock.cli import output as terminal
from interlock.cli.request import EVERY, asking, session_of
from interlock.diagnostics import UsageError
from interlock.model.decision import Decision, FailOn
from interlock.reporting import RenderContext, render
from interlock.reporting.style import counted

if TYPE_CHECKING:
    from interlock.policy.library import Library
    from interlock.request import Name, Request


_EXAMPLES = """\b
Examples:
  interlock eval smoke --task checkout
  interlock eval smoke loop --all-tasks --format json
  interlock eval ./awake.yaml --task checkout --param stale_after=5m --at -10m
  interlock eval smoke --task checkout --waivers waivers.yaml --fail-on warn
  interlock eval smoke --task checkout --report junit:smoke.xml --summary
"""


@click.command("eval", short_help="Decide policies for a task.", epilog=_EXAMPLES)
@click.argument("policies", metavar="POLICY...", nargs=-1, required=True, shell_complete=options.completes("policies"))
@options.maybe_task
@options.all_tasks
@click.option("--details", is_flag=True, help="All details; every finding and its fix, also over all tasks.")
@asking(*EVERY)
@options.fail_on
@options.report_form
@options.written()
@options.reports
@options.decision_log
@options.quiet
@options.verbose
@click.option("--summary", is_flag=True, help="Append markdown to the file that $GITHUB_STEP_SUMMARY names.")
def command(
    request: Request,
    policies: Sequence[str],
    task: str | None,
    all_tasks: bool,
    details: bool,
    fail_on: FailOn,
    form: str,
    output: str | None,
    reports: Sequence[tuple[str, str]],
    decision_log: str | None,
    summary: bool,
) -> int:
    """Decide policies over one snapshot of the ledger, at one instant.

    A POLICY is the id of one that `interlock policies` lists, or the path of a file.

    Over all tasks, text is a table: a row a task, a column a policy, its verdict and how long that lasts if nothing is
    recorded; --details shows why.

    Where `interlock config` shows no ledger, give --ledger. With --locked, policies that have changed do not judge.

    Exit code: 0 all allowed, 3 some denied (with --fail-on warn: or allowed with a warning), 4 some undecided and none
    denied, 5 a policy or the waivers are invalid, 6 the ledger cannot be read, 2 usage error, 1 a bug.
    """
    if (task is not None) is all_tasks:
        raise UsageError("give one of `--task NAME` and `--all-tasks`")
    request = request.about(policies, None if task is None else [task])
    overview = all_tasks and not details
    written = [*(path for _, path in reports), *filter(None, [output])]
    if not written and not summary:
        decisions, library = _decided(request, decision_log, written)
    else:
        from interlock.cli.reports import failing, informed, inputs, targets, write

        wanted = targets(form, output, reports, summary, [*inputs(request), *filter(None, [decision_log])])
        with failing(wanted):
            decisions, library = _decided(request, decision_log, written)
        write(wanted, decisions, structs.replace(informed(policies, library, fail_on), overview=overview))
    if output is None and not terminal.quiet():
        look = structs.replace(_look(form, policies, library, fail_on), overview=overview)
        terminal.put(render(form, decisions, look), None if form == "text" else "utf-8")
    return exit_codes.of_decisions(decisions, fail_on)


def _decided(request: Request, log: str | None, written: Sequence[str]) -> tuple[Sequence[Decision], Library]:
    """The decisions of at least one task, and the library. `written` are the reports, none of which may be the log."""
    with session_of(request) as session:
        if log is None:
            decisions = session.decisions()
        else:  # they are in the log before anything is printed
            from interlock.analysis.decision_log import logged
            from interlock.cli.reports import inputs

            decisions = logged(session, log, [*inputs(request), *written])
    if not decisions:
        raise UsageError(f"the ledger `{session.ledger.path}` holds no task: nothing was judged")
    _detailed(decisions, request.policies, session.library)
    return decisions, session.library


def _detailed(decisions: Sequence[Decision], policies: Sequence[Name], library: Library) -> None:
    """What was read, for `--verbose`."""
    if not terminal.verbose():
        return
    first = decisions[0]
    terminal.detail(f"ledger {first.ledger.path}, up to receipt {first.ledger.seq:,}, at {first.now}")
    for name in policies:
        terminal.detail(f"policy {library.path(name)}, {library.load(name).policy.digest}")
    terminal.detail(f"judged by {first.engine}: {counted(len(decisions), 'decision')}")


def _look(form: str, policies: Sequence[str], library: Library, fail_on: FailOn) -> RenderContext:
    if form == "json":  # a decision says all of itself
        return RenderContext()
    if form != "text":
        from interlock.cli.reports import informed

        return informed(policies, library, fail_on)
    asked = [library.load(name).policy for name in policies]
    return terminal.look({policy.digest: policy.question for policy in asked}, fail_on)
