"""A command of the user's that is given a decision."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from interlock.cli.output import say
from interlock.files import reason
from interlock.model.decision import Decision
from interlock.reporting import render

if TYPE_CHECKING:
    import subprocess

COMMAND_SECONDS = 10.0
"""How long a command of the user's may take."""


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
