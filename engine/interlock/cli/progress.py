"""Opening a ledger for a command, with a bar where that takes long."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from interlock.cli import output

if TYPE_CHECKING:
    from interlock.ledger import Ledger, Watched

STRICT = "interlock.strict-ledger"
_LONG, _STEP = 5_000_000, 200_000
"""Bytes of a feed from which on a bar is shown, and between two looks at it."""


def opened(path: str | None, patience: float | None = None) -> Ledger:
    """The ledger, found where nobody names it; a bar shows how far a long feed is read. Raises LedgerError.

    A writer that holds it locked is waited for, `patience` seconds each time, if that is given. A warning says why what
    was committed last may be missing.
    """
    from interlock.cli.whereabouts import find_ledger
    from interlock.ledger import BUSY_SECONDS, open_ledger

    context = click.get_current_context()
    seconds = BUSY_SECONDS if patience is None else patience
    named = find_ledger() if path is None else path
    found = open_ledger(named, watched(), seconds, strict=context.meta.get(STRICT, False))
    if not context.resilient_parsing:
        for note in found.notes:
            output.say(note, "warning")
    return found


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
