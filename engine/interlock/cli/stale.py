"""Reports that a failed command line names: none of an earlier run stays there, though the line cannot be understood.

What is named is found by its look alone. A file that is there is replaced only if it is a report itself: it may be
anything, where the line is wrong.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress

from interlock.files import UnreadableError, read_file
from interlock.reporting import FORMATS as REPORTS
from interlock.reporting.timeline import FORMATS as TIMELINES
from interlock.reporting.timeline import render_failure

_LARGEST = 64 << 20
_BESIDE = ("-wal", "-shm", "-journal")
"""How the names of the files end that SQLite keeps beside a database: one that is made there is taken for its log."""
_BEGINNINGS = {
    "junit": (b"<?xml", b"<testsuites"),
    "sarif": (b'{"$schema"', b"sarif"),
    "tap": (b"TAP version 13", b""),
    "markdown": (b"### interlock: ", b""),
    "github": (b"::", b"::"),
    "html": (b"<!doctype html>", b"Content-Security-Policy"),
    "svg": (b"<?xml", b"<svg"),
    "json": (b'{"task":', b'"lanes":['),
}
"""What a report of a format begins with, and what else it has near its beginning."""
_TEXTS = (b"allowed ", b"denied ", b"undecided ", b"error: ")
_JSON = (b'{"policy":', b'{"allow":null,"error":', b'{"kind":"fleet_ledger"', b'{"kind":"fleet_diff_ledger"', b"PAR1")
_FORMATS = {*REPORTS, *TIMELINES}


def fail_reports(args: Sequence[str], message: str) -> None:
    """Write each report that a command line names as one that fails, and says why; what cannot be written is left."""
    from interlock.cli.reports import SUMMARY, write_file
    from interlock.diagnostics import UsageError

    for form, path in named(args):
        if (
            path.endswith(_BESIDE)
            or _elsewhere(args, path)
            or os.path.realpath(path) == os.path.realpath(os.environ.get(SUMMARY, ""))
        ):
            continue
        with suppress(UsageError):
            if os.path.lexists(path):
                found = _form(path, form)
                if found is None:
                    continue
                form = form if form in _FORMATS else found
            if form in _FORMATS:
                write_file(path, render_failure(form, message))


def named(args: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The formats and files of the reports that a command line seems to name."""
    words = list(args[: args.index("--")] if "--" in args else args)
    given = [(option, value) for option in ("--report", "--output", "--format") for value in _values(words, option)]
    form = next((value for option, value in given if option == "--format"), "text")
    for option, value in given:
        before, colon, path = value.partition(":")
        if option == "--report" and colon and path:
            yield before, path
        elif option == "--output" and value and value != "-":
            yield form, value


def _values(words: Sequence[str], option: str) -> Iterator[str]:
    for number, word in enumerate(words):
        if word == option and number + 1 < len(words):
            yield words[number + 1]
        elif word.startswith(f"{option}="):
            yield word.partition("=")[2]


def _elsewhere(args: Sequence[str], path: str) -> bool:
    """Whether the line names a file otherwise too, as what it reads."""
    words = [
        word for number, word in enumerate(args) if number == 0 or args[number - 1] not in ("--report", "--output")
    ]
    return any(path in (word, word.partition("=")[2]) for word in words if not word.startswith("--output="))


def _form(path: str, named_form: str) -> str | None:
    """The format of a report that is there; None where the file is something else.

    An empty one may be one of GitHub's, which says nothing of what passed.
    """
    try:
        content = read_file(path, _LARGEST)
    except UnreadableError:
        return None
    if not content:
        return "github" if named_form == "github" else None
    for form, (first, then) in _BEGINNINGS.items():
        if content.startswith(first) and then in content[:400]:
            return form
    if content.startswith(_JSON):
        return "json"
    return "text" if content.startswith(_TEXTS) else None
