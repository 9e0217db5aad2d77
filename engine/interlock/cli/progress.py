"""Sessions for commands, with a bar where reading takes long."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

import click

from interlock.cli import output

if TYPE_CHECKING:
    from interlock.ledger import Watched
    from interlock.request import Request, Session

T = TypeVar("T")
_LONG, _STEP = 5_000_000, 200_000
"""Bytes of a feed from which on a bar is shown, and between two updates of it."""


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
    """What shows how far a feed is read, where standard error is a terminal."""
    if not _is_watched():
        return None
    return lambda lines, total: bar(lines, total, "reading", least=_LONG, step=_STEP, weigh=len)


def bar(
    items: Iterable[T],
    total: int,
    label: str,
    *,
    least: int = 0,
    step: int = 1,
    weigh: Callable[[T], int] = lambda _: 1,
) -> Iterator[T]:
    """The items, with a bar on standard error that grows as they pass, where it is a terminal.

    They weigh about `total` in all; where that is less than `least` there is no bar. It is drawn once for each `step`.
    """
    if total < least or not _is_watched():
        yield from items
        return
    with click.progressbar(length=total, label=label, file=sys.stderr) as shown:
        passed = 0
        for item in items:
            passed += weigh(item)
            if passed >= step:
                shown.update(passed)
                passed = 0
            yield item
        shown.update(max(0, total - shown.pos))


def _is_watched() -> bool:
    return bool(sys.stderr and sys.stderr.isatty())
