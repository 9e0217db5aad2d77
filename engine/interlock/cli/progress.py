"""Sessions for commands, with a bar where reading takes long."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from interlock.cli import output

if TYPE_CHECKING:
    from interlock.ledger import Watched
    from interlock.request import Request, Session

_LONG, _STEP = 5_000_000, 200_000
"""Bytes of a feed from which on a bar is shown, and between two looks at it."""


def session(request: Request, patience: float | None = None, *, opens: bool = True) -> Session:
    """The session of a request, whose ledger is open if it `opens`; a bar shows how far a long feed is read.

    A writer that holds the ledger locked is waited for, `patience` seconds each time, if that is given. Warnings say
    why what was committed last may be missing from it, and what is wrong with waivers. Raises UsageError, LedgerError.
    """
    from interlock.ledger import BUSY_SECONDS
    from interlock.request import Session

    made = Session(request, watched(), BUSY_SECONDS if patience is None else patience, _warn)
    if opens:
        made.ledger  # noqa: B018  # a ledger that cannot be read is reported before what else is wrong
    return made


def _warn(warning: str, label: str) -> None:
    context = click.get_current_context(silent=True)
    if (context is None or not context.resilient_parsing) and not (output.quiet() and not label):
        output.say(warning, label)


def watched() -> Watched | None:
    """What shows how far a feed is read, where a person looks at standard error."""
    return _watched if sys.stderr and sys.stderr.isatty() else None


def _watched(lines: Iterable[bytes], total: int) -> Iterator[bytes]:
    """The lines of a feed, with a bar on standard error that grows as they pass, if they are many."""
    if total < _LONG:
        yield from lines
        return
    with click.progressbar(length=total, label="reading", file=sys.stderr) as bar:
        passed = 0
        for line in lines:
            passed += len(line)
            if passed > _STEP:
                bar.update(passed)
                passed = 0
            yield line
        bar.update(passed)
