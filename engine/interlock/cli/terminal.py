"""Standard output and standard error: what is written there arrives whole, or the command says so."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

import click

from interlock.errors import UsageError
from interlock.reporting import plain
from interlock.reporting.harmless import harmless

_LINES = "\n\t"
_LABELS = {"error": "red", "note": "cyan"}


def put(text: str, encoding: str | None = None) -> bool:
    """Write data to standard output, in the given encoding or else the stream's own; what that lacks is escaped.

    Whether somebody still reads: one who went away early (`| head`) is no error. Raises UsageError for any other
    failure to write.
    """
    try:
        _write(text, sys.stdout, encoding)
    except BrokenPipeError:
        return False
    except OSError as error:
        raise UsageError(f"cannot write to standard output: {(error.strerror or str(error)).lower()}") from None
    return True


def say(message: str, label: str = "") -> None:
    """Tell the person something on standard error, after a label such as `error`.

    Lines of the message stand as they are; everything else that a terminal may obey is spelled out. Where it cannot be
    told, the exit code still says what matters.
    """
    start = f"{painter(sys.stderr)(label, _LABELS[label])}: " if label else ""
    with suppress(OSError):
        _write(f"{start}{harmless(message, keep=_LINES)}\n", sys.stderr, None)


def painter(stream: TextIO | None) -> Callable[[str, str], str]:
    """What colours a text that goes to a stream: nothing, unless a person reads it who has not refused colours.

    Who sets NO_COLOR refuses (https://no-color.org).
    """
    refused = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return plain if refused or stream is None or not stream.isatty() else _coloured


def _coloured(text: str, colour: str) -> str:
    return click.style(text, fg=colour)


def width(stream: TextIO | None) -> int | None:
    """The columns of the terminal behind a stream; None where there is no terminal, or it does not tell."""
    return os.get_terminal_size(stream.fileno()).columns or None if stream is not None and stream.isatty() else None


def _write(text: str, stream: TextIO | None, encoding: str | None) -> None:
    if stream is None:  # closed by whoever started the command
        return
    try:
        click.echo(text.encode(encoding or stream.encoding or "utf-8", "backslashreplace"), file=stream, nl=False)
    except OSError:
        # What is left in the buffer would fail once more when the interpreter ends, and change the exit code.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        raise
