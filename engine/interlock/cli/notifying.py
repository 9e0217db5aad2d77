"""A person's own command that is told of each change."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress

from interlock.cli.terminal import say
from interlock.decision import Decision
from interlock.reporting import render

SECONDS = 10.0
"""How long the command may take."""


def notify(command: str, decision: Decision, seconds: float = SECONDS) -> None:
    """Run a command by the shell, with the decision as a line of JSON on its standard input, and wait for it.

    What it prints goes to standard error. That it fails, or takes too long and is ended, is told there too.
    """
    try:
        running = subprocess.Popen(
            ["sh", "-c", command], stdin=subprocess.PIPE, stdout=2, start_new_session=True, close_fds=True
        )
    except OSError as error:
        say(f"cannot run `{command}`: {(error.strerror or str(error)).lower()}", "note")
        return
    try:
        running.communicate(render("json", [decision]).encode(errors="backslashreplace"), seconds)
    except subprocess.TimeoutExpired:
        say(f"`{command}` took longer than {seconds:g} s and was ended", "note")
    finally:
        if running.poll() is None:
            _end(running)
    if running.returncode > 0:
        say(f"`{command}` failed: exit code {running.returncode}", "note")


def _end(running: subprocess.Popen[bytes]) -> None:
    """End the command, and all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    if running.stdin is not None:
        with suppress(OSError):
            running.stdin.close()
