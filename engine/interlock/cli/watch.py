"""`interlock watch`: waits for decisions to change, and reports each change."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Literal, NoReturn

import click
from msgspec import structs

from interlock.cli import exit_codes, options, output
from interlock.cli.options import OneOf
from interlock.cli.output import say
from interlock.cli.request import asking, session_of
from interlock.diagnostics import UsageError
from interlock.files import reason
from interlock.instant import SECOND, parse_duration
from interlock.model.decision import Decision
from interlock.reporting import render, text

if TYPE_CHECKING:
    import subprocess

    from interlock.analysis.watch import Round
    from interlock.model.decision_log import Record
    from interlock.request import Request, Session


_PATIENCE = 0.2
"""Seconds to wait for a lock: it is tried again, and nobody can interrupt the wait."""
COMMAND_SECONDS = 10.0
"""How long a command of the user's may take."""
Until = Literal["allow", "deny", "change"]


_EXAMPLES = """\b
Examples:
  interlock watch smoke readiness --task checkout
  interlock watch smoke --task checkout --until allow --timeout 10m
"""


@click.command("watch", short_help="Wait for decisions to change.", epilog=_EXAMPLES)
@click.argument("policies", metavar="POLICY...", nargs=-1, required=True, shell_complete=options.completes("policies"))
@options.task
@click.option(
    "--until",
    type=OneOf(["allow", "deny", "change"]),
    help="End when all policies allow, when one denies, or when one changes.",
)
@click.option("--timeout", metavar="DURATION", help="End after a span of time such as 10m, with exit code 4.")
@click.option("--notify-cmd", metavar="CMD", help="Run CMD on each change, with the decision on its standard input.")
@asking(
    "ledger", "strict-ledger", "params", "waivers", "engine", "max-skew", "policy-dir", "schema-dir", "lock", "locked"
)
@options.form
@options.decision_log
def command(
    request: Request,
    policies: Sequence[str],
    task: str,
    until: Until | None,
    timeout: str | None,
    notify_cmd: str | None,
    form: str,
    decision_log: str | None,
) -> int:
    """Report the decisions of now, and then each change: what receipts change, and what falls due by time alone.

    The ledger's file is checked once a second, and judged only when it was written to or something falls due: a time
    limit, a stamp that is no longer too far ahead of the clock, or the end of what was looked ahead. It may be
    replaced, vacuumed, locked or gone for a while: that is reported, and tried again for 30 seconds.

    Without --until it goes on until the time is up, or until Ctrl-C or SIGTERM; started with SIGINT ignored, as a shell
    starts its background jobs, only SIGTERM ends it. CMD is run by `sh -c`, for at most 10 seconds, on every change
    after the first decisions; facts reach it on its standard input only, as the JSON of one decision.

    Exit code: that of `interlock eval` at the end; 4 when the time is up first, with what blocks then; 6
    when the ledger stays unreadable; 130 when interrupted.
    """
    import gc

    from interlock.analysis.watch import SystemClock, Watch
    from interlock.ledger import STANDARD_INPUT

    gc.enable()
    signal.signal(signal.SIGTERM, _interrupted)
    seconds = _seconds(timeout)
    if STANDARD_INPUT in (request.ledger if isinstance(request.ledger, tuple) else (request.ledger,)):
        raise UsageError("standard input cannot be watched: it is read once; name a ledger with `--ledger PATH`")
    with session_of(request.about(policies, [task]), _PATIENCE) as session:
        asking = _Asking(session, decision_log)
        watch = Watch(asking.judge, session.ledger.stamp, partial(output.say, label="note"), SystemClock())
        return _followed(watch.rounds(seconds), asking, _Teller(form, notify_cmd), until)


def _followed(rounds: Iterator[Round], asking: _Asking, teller: _Teller, until: Until | None) -> int:
    """Report what changes, until it is time to end; the exit code."""
    first = True
    for now in rounds:
        asking.log([after for _, after in now.changed])
        reads = teller.tell(now)
        if not reads or _ended(until, now.decisions, changed=bool(now.changed) and not first):
            return exit_codes.of_decisions(now.decisions)
        if now.over:
            teller.end(now.decisions)
        first = False
    return exit_codes.UNDECIDED


class _Asking:
    """Asks one request again and again, and remembers what the decision log needs.

    Each time in a session of its own, over the same ledger: policies, waivers and the lock are read as they are then.
    """

    def __init__(self, session: Session, log: str | None) -> None:
        self._request = structs.replace(session.request, ledger=session.ledger)
        self._ledger, self._log = session.ledger, log
        self._records: Sequence[Record] = ()
        if log is not None:
            from interlock.analysis.decision_log import refuse

            refuse(log, [*session.ledger.paths, *map(session.library.path, session.request.policies)])

    def judge(self) -> tuple[Decision, ...]:
        """The decisions of now. The ledger is let go of: who writes to it is not in the way, nor in ours."""
        from interlock.request import Session

        try:
            session = Session(self._request)
            if self._log is None:
                return session.decisions()
            from interlock.analysis.decision_log import answer

            self._records = answer(session)
        finally:
            self._ledger.close()
        return tuple(record.decision for record in self._records)

    def log(self, decisions: Sequence[Decision]) -> None:
        """Append what is reported. Raises UsageError when it cannot be."""
        if self._log is not None:
            from interlock.analysis.decision_log import append

            append(self._log, [each for each in self._records if any(each.decision is one for one in decisions)])


class _Teller:
    """Reports changes: on standard output, and to a user's command."""

    def __init__(self, form: str, command: str | None) -> None:
        self._form, self._command = form, command

    def tell(self, now: Round) -> bool:
        """Report what changed; whether somebody still reads."""
        reads = True
        wide = max(len(decision.policy) for decision in now.decisions)
        for before, after in now.changed:
            if self._form == "json":
                reads &= output.put(render("json", [after]), "utf-8")
            else:
                line = text.line(before, after, output.painter(sys.stdout), wide)
                reads &= output.put(f"{line}\n")
            if before is not None and self._command is not None:
                notify(self._command, after)
        return reads

    def end(self, decisions: Sequence[Decision]) -> None:
        """Report the last decisions when the time is up: what blocks."""
        output.say("the time is up", "note")
        if self._form == "json":
            output.put(render("json", decisions), "utf-8")
        else:
            output.put("\n" + render("text", decisions, output.look()))


def _ended(until: Until | None, decisions: Sequence[Decision], *, changed: bool) -> bool:
    verdicts = {decision.allow for decision in decisions}
    return {"allow": verdicts == {True}, "deny": False in verdicts, "change": changed, None: False}[until]


def _seconds(timeout: str | None) -> float | None:
    if timeout is None:
        return None
    try:
        return parse_duration(timeout) / SECOND
    except ValueError as error:
        raise UsageError(f"`--timeout`: {error}") from None


def _interrupted(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def notify(command: str, decision: Decision, seconds: float = COMMAND_SECONDS) -> None:
    """Run a command by the shell, with the decision as a line of JSON on its standard input, and wait for it.

    What it prints goes to standard error. That it fails, or takes too long and is ended, is reported there too.
    """
    import subprocess

    running = None
    try:
        with _uninterrupted():
            running = subprocess.Popen(["sh", "-c", command], stdin=subprocess.PIPE, stdout=2, start_new_session=True)
        running.communicate(render("json", [decision]).encode(errors="backslashreplace"), seconds)
        if running.returncode:
            say(f"`{command}` failed: exit code {running.returncode}", "note")
    except OSError as error:
        say(f"cannot run `{command}`: {reason(error)}", "note")
    except subprocess.TimeoutExpired:
        say(f"`{command}` took longer than {seconds:g} s and was ended", "note")
    finally:
        if running is not None and running.poll() is None:
            _end(running)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Put off an interruption to the end of this: who is being started must be known before it can be ended."""
    came: list[int] = []
    handlers = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    heeded = {each: handler for each, handler in handlers.items() if callable(handler)}
    for each in heeded:
        signal.signal(each, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for each, handler in heeded.items():
            signal.signal(each, handler)
    if came:
        raise KeyboardInterrupt


def _end(running: subprocess.Popen[bytes]) -> None:
    """End the command, and all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    if running.stdin is not None:
        with suppress(OSError):
            running.stdin.close()
