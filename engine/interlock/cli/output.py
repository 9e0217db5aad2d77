"""Standard output and standard error: what is written there arrives whole, or the command says so."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TextIO

import click

from interlock.diagnostics import UsageError
from interlock.escape import harmless
from interlock.files import reason
from interlock.model.decision import FailOn
from interlock.reporting import RenderContext, uncoloured
from interlock.reporting.style import json_lines, wrapped

_LINES = "\n\t"
_CHOICE: dict[str, Any] = {}
"""What the command line asks for: when to colour, and how much to report."""
_LABELS = {"error": "red", "warning": "yellow", "note": "cyan"}


def choose(**given: Any) -> None:
    """Apply what the command line asks for: `color` (auto, always or never), `quiet`, `verbose`."""
    _CHOICE.update(given)


def forget() -> None:
    """Forget what an earlier command line set."""
    _CHOICE.clear()


def quiet() -> bool:
    """Whether nothing is to be printed but errors."""
    return bool(_CHOICE.get("quiet"))


def verbose() -> bool:
    """Whether to report what was read."""
    return bool(_CHOICE.get("verbose"))


def detail(message: str) -> None:
    """Report on standard error what only `--verbose` asks for."""
    if verbose():
        say(message)


def put(text: str, encoding: str | None = None) -> bool:
    """Write data to standard output, in the given encoding or else the stream's own; what that lacks is escaped.

    Whether somebody still reads: one who went away early (`| head`) is not an error. Raises UsageError for any other
    failure to write.
    """
    try:
        _write(text, sys.stdout, encoding)
    except BrokenPipeError:
        return False
    except OSError as error:
        raise UsageError(f"cannot write to standard output: {reason(error)}") from None
    return True


def report(text: str, encoding: str | None = None) -> None:
    """Write what `--quiet` leaves out, as `put` does."""
    if not quiet():
        put(text, encoding)


def put_answer(form: str, found: Any, as_text: Callable[[Any, RenderContext], str]) -> None:
    """Write what was found, unless `--quiet` leaves it out: as a line of JSON, or as `as_text` says it to a person."""
    if form == "json":
        report(json_lines([found]), "utf-8")
    else:
        report(as_text(found, look()))


def look(questions: Mapping[str, str] | None = None, fail_on: FailOn = "block") -> RenderContext:
    """How a report looks on this standard output. `questions` and `fail_on` as in `RenderContext`."""
    return RenderContext(painter(sys.stdout), width(sys.stdout), dict(questions or {}), fail_on=fail_on)


def say(message: str, label: str = "") -> None:
    """Report something on standard error, after a label such as `error`.

    Lines of the message stay as they are; everything else that a terminal may obey is spelled out. Where it cannot be
    reported, the exit code still says what matters.
    """
    if label in ("note", "warning") and quiet():
        return
    text = harmless(message, keep=_LINES)
    if label:  # what has none is laid out: a place in a file, or what went wrong in the program
        lines = f"{label}: {text}".split("\n")
        text = "\n".join(line for each in lines for line in wrapped(each, width(sys.stderr), "", "  "))
        text = painter(sys.stderr)(label, _LABELS[label]) + text.removeprefix(label)
    with suppress(OSError):
        _write(f"{text}\n", sys.stderr, None)


def painter(stream: TextIO | None) -> Callable[[str, str], str]:
    """What colours a text that goes to a stream: nothing, unless a person reads it who has not refused colours.

    What `--color` says goes before NO_COLOR, which refuses them (https://no-color.org), that before FORCE_COLOR, which
    wants them anywhere unless it is 0 or false (https://force-color.org), and that before what the stream is.
    """
    return _coloured if stream is not None and _wanted(stream) else uncoloured


def _wanted(stream: TextIO) -> bool:
    chosen = _CHOICE.get("color", "auto")
    if chosen != "auto":
        return bool(chosen == "always")
    if os.environ.get("NO_COLOR"):
        return False
    if forced := os.environ.get("FORCE_COLOR"):
        return forced.lower() not in ("0", "false")
    return os.environ.get("TERM") != "dumb" and stream.isatty()


def _coloured(text: str, colour: str) -> str:
    return click.style(text, fg=colour)


def width(stream: TextIO | None) -> int | None:
    """The columns of the terminal behind a stream; None where there is no terminal, or it does not say.

    Who sets COLUMNS knows better. What goes elsewhere is never cut nor wrapped.
    """
    if stream is None or not stream.isatty():
        return None
    named = os.environ.get("COLUMNS", "")
    if named.isascii() and named.isdigit() and int(named):
        return int(named)
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except OSError:
        return None


def _write(text: str, stream: TextIO | None, encoding: str | None) -> None:
    if stream is None:  # closed by whoever started the command
        return
    try:
        click.echo(text.encode(encoding or stream.encoding or "utf-8", "backslashreplace"), file=stream, nl=False)
    except OSError:
        # What is left in the buffer would fail once more when the interpreter ends, and change the exit code.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        raise
