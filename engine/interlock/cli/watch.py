"""`interlock watch`: waits for decisions to change, and reports each change."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal, NoReturn

import click
from msgspec import structs

from interlock.cli import exit_codes, options, output
from interlock.cli.live import LiveTable, is_live
from interlock.cli.notify import notify
from interlock.cli.options import OneOf
from interlock.cli.request import asking, session_of
from interlock.diagnostics import LedgerError, UsageError
from interlock.instant import SECOND, format_instant
from interlock.model.decision import Decision
from interlock.model.watch import Change
from interlock.reporting import render
from interlock.reporting.overview import table
from interlock.reporting.params import params_lines
from interlock.reporting.watch import Columns, line

if TYPE_CHECKING:
    from interlock.analysis.watch import Round
    from interlock.model.decision_log import Record
    from interlock.request import Request, Session


_PATIENCE = 0.2
"""Seconds to wait for a lock: it is tried again, and nobody can interrupt the wait."""
Until = Literal["allow", "deny", "change"]


_EXAMPLES = """\b
Examples:
  interlock watch smoke readiness --task checkout
  interlock watch smoke --task checkout --until allow --timeout 10m
  interlock watch loop smoke --all-tasks
"""


@click.command("watch", short_help="Wait for decisions to change.", epilog=_EXAMPLES)
@click.argument("policies", metavar="POLICY...", nargs=-1, required=True, shell_complete=options.completes("policies"))
@options.maybe_task
@options.all_tasks
@click.option(
    "--until",
    type=OneOf(["allow", "deny", "change"]),
    help="End when all policies allow, when one denies, or when one changes.",
)
@options.timeout("then the exit code is 4")
@click.option("--notify-cmd", metavar="CMD", help="Run CMD on each change, with the decision on its standard input.")
@asking(
    "ledger", "strict-ledger", "params", "waivers", "engine", "max-skew", "policy-dir", "schema-dir", "lock", "locked"
)
@options.form
@options.decision_log
def command(
    request: Request,
    policies: Sequence[str],
    task: str | None,
    all_tasks: bool,
    until: Until | None,
    timeout: str | None,
    notify_cmd: str | None,
    form: str,
    decision_log: str | None,
) -> int:
    """Report the decisions of now, and then each change: what receipts change, and what falls due by time alone.

    A line says what is left to be lifted, until when the decision lasts if nothing is recorded, and what moved it. Over
    all tasks, a terminal shows a table that is kept up to date, with the last changes below it.

    The ledger's file is checked once a second, and judged only when it was written to or something falls due: a time
    limit, a stamp that is no longer too far ahead of the clock, or the end of what was looked ahead. It may be
    replaced, vacuumed, locked or gone for a while: that is reported, and tried again for 30 seconds.

    Without --until it goes on until the time is up, or until Ctrl-C or SIGTERM; started with SIGINT ignored, as a shell
    starts its background jobs, only SIGTERM ends it. CMD is run by `sh -c`, for at most 10 seconds, on every change
    after the first decisions; facts reach it on its standard input only, as the JSON of one decision.

    Exit code: that of `interlock eval` at the end; 4 when the time is up first, with what blocks then; 6
    when the ledger stays unreadable; 130 when interrupted.
    """
    from interlock.analysis.watch import SystemClock, Watch
    from interlock.ledger import STANDARD_INPUT

    signal.signal(signal.SIGTERM, _interrupted)
    seconds = None if timeout is None else options.microseconds(timeout) / SECOND
    if STANDARD_INPUT in (request.ledger if isinstance(request.ledger, tuple) else (request.ledger,)):
        raise UsageError("standard input cannot be watched: it is read once; name a ledger with `--ledger PATH`")
    if (task is not None) is all_tasks:
        raise UsageError("give one of `--task NAME` and `--all-tasks`")
    with session_of(request.about(policies, None if task is None else [task]), _PATIENCE) as session:
        asking = _Asking(session, decision_log)
        live = LiveTable() if all_tasks and form == "text" and is_live() else None
        teller = Teller(form, notify_cmd, asking.change, live, every=all_tasks)
        tick = None if live is None else teller.draw
        watching = Watch(asking.judge, session.ledger.stamp, teller.note, SystemClock(), tick)
        return _followed(watching.rounds(seconds, every=live is not None), asking, teller, until)


def _followed(rounds: Iterator[Round], asking: _Asking, teller: Teller, until: Until | None) -> int:
    """Report what changes, until it is time to end; the exit code."""
    for now in rounds:
        asking.log([after for _, after in now.changed])
        reads = teller.tell(now)
        if not reads or _ended(until, now.decisions, changed=bool(now.changed) and not now.first):
            return exit_codes.of_decisions(now.decisions)
        if now.over:
            teller.end(now.decisions)
    return exit_codes.UNDECIDED


class _Asking:
    """Asks one request again and again, and remembers what the decision log needs.

    Each time in a session of its own, over the same ledger: policies, waivers and the lock are read as they are then.
    """

    def __init__(self, session: Session, log: str | None) -> None:
        self._request = structs.replace(session.request, ledger=session.ledger)
        self._ledger, self._log = session.ledger, log
        self._records: Sequence[Record] = ()
        self._session, self._begun = session, False
        if log is not None:
            from interlock.analysis.decision_log import refuse
            from interlock.cli.reports import inputs

            refuse(log, [*session.ledger.paths, *inputs(session.request)])

    def judge(self) -> tuple[Decision, ...]:
        """The decisions of now. The ledger is let go of: who writes to it is not in the way, nor in ours.

        Raises UsageError where there is no task from the start on.
        """
        from interlock.request import Session

        try:
            self._session = Session(self._request)
            found = self._decided()
        finally:
            self._ledger.close()
        if not found and not self._begun:
            raise UsageError(f"the ledger `{self._ledger.path}` holds no task: nothing was judged")
        self._begun = True
        return found

    def _decided(self) -> tuple[Decision, ...]:
        if self._log is None:
            return self._session.decisions()
        from interlock.analysis.decision_log import answer

        self._records = answer(self._session)
        return tuple(record.decision for record in self._records)

    def change(self, before: Decision | None, after: Decision) -> Change:
        """The change of a decision that was just made, with what moved it where that can be found out."""
        if before is None:
            return Change(before, after)
        from interlock.analysis.causes import moved

        try:
            return Change(before, after, moved(self._session, before, after))
        except LedgerError:  # it is tried again with the next decision
            return Change(before, after)
        finally:
            self._ledger.close()

    def log(self, decisions: Sequence[Decision]) -> None:
        """Append what is reported. Raises UsageError when it cannot be."""
        if self._log is not None:
            from interlock.analysis.decision_log import append

            append(self._log, [each for each in self._records if any(each.decision is one for one in decisions)])


class Teller:
    """Reports changes to a user's command, and on standard output: where it is `live`, as a table kept up to date."""

    def __init__(
        self,
        form: str,
        command: str | None,
        change: Callable[[Decision | None, Decision], Change],
        live: LiveTable | None,
        *,
        every: bool,
    ) -> None:
        self._form, self._command, self._change, self._live, self._every = form, command, change, live, every
        self._decisions: tuple[Decision, ...] = ()
        self._said: dict[tuple[str, str, str], str] = {}

    def note(self, message: str) -> None:
        """Report what a person should know about the ledger."""
        output.say(message, "note")
        if self._live is not None:
            self._live.leave()

    def tell(self, now: Round) -> bool:
        """Report what changed; whether somebody still reads."""
        self._decisions = now.decisions
        wide = Columns.of(now.decisions, tasks=self._every)
        reads = True
        if self._form == "text" and now.first and self._live is None:
            for each in params_lines(now.decisions):
                reads &= output.put(f"params {each}\n")
        for before, after in now.changed:
            reads &= self._report(before, after, wide)
        if self._live is not None:
            reads &= self._live.draw(self._table(now.decisions))
        for _, after in () if now.first or self._command is None else now.changed:
            notify(str(self._command), after)
            if self._live is not None:
                self._live.leave()
        return reads

    def _report(self, before: Decision | None, after: Decision, wide: Columns) -> bool:
        if self._form == "json":
            return output.put(render("json", [after]), "utf-8")
        if before is None and self._live is not None:
            return True
        shown = line(self._change(before, after), output.look(), wide)
        question, said = (after.task, after.policy, after.policy_digest), shown.partition("  ")[2]
        if self._said.get(question) == said:
            return True
        self._said[question] = said
        if self._live is None:
            return output.put(f"{shown}\n")
        self._live.note(shown)
        return True

    def draw(self) -> None:
        """Draw the table as it is by now: nothing has changed but the clock."""
        from interlock.moment import wall

        now = format_instant(wall() // SECOND * SECOND)
        if self._live is not None:
            self._live.draw(self._table([structs.replace(each, now=now) for each in self._decisions]))

    def _table(self, decisions: Sequence[Decision]) -> list[str]:
        return table(decisions, output.look()) if decisions else ["the ledger holds no task"]

    def end(self, decisions: Sequence[Decision]) -> None:
        """Report the last decisions when the time is up: what blocks."""
        output.say("the time is up", "note")
        if self._form == "json":
            output.put(render("json", decisions), "utf-8")
        elif self._live is None:
            shown = "".join(f"{line}\n" for line in self._table(decisions)) if self._every else None
            output.put("\n" + (shown or render("text", decisions, output.look())))


def _ended(until: Until | None, decisions: Sequence[Decision], *, changed: bool) -> bool:
    verdicts = {decision.allow for decision in decisions}
    return {"allow": verdicts == {True}, "deny": False in verdicts, "change": changed, None: False}[until]


def _interrupted(*_: object) -> NoReturn:
    raise KeyboardInterrupt
