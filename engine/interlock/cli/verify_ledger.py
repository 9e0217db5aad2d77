"""`interlock verify-ledger`: is every receipt of a ledger what its schema says it is?"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

import click
from msgspec import structs

from interlock.cli import exit_codes, options, output
from interlock.cli.request import asking, progress_bar, session_of
from interlock.diagnostics import UsageError
from interlock.escape import harmless

if TYPE_CHECKING:
    from interlock.model.verification import Verification
    from interlock.request import Request, Session

_STEP = 1_000
"""Receipts between two updates of the progress bar."""


_EXAMPLES = """\b
Examples:
  interlock verify-ledger
  interlock verify-ledger --ledger facts.ndjson --format json
"""


@click.command("verify-ledger", short_help="Verify every receipt of a ledger.", epilog=_EXAMPLES)
@asking("ledger", "at", "policy-dir", "schema-dir")
@options.form
@options.quiet
def command(request: Request, form: str) -> int:
    """Verify every receipt of a ledger, and every entity as of now, or every line of a feed, against its schema.

    A policy reads only what it asks for, and is undecided when that is invalid. This reads everything: so a broken
    receipt is found before a policy meets it.

    Facts that carry a time later than the clock are listed: a decision that reads one may not be allowed.

    Without --ledger, the ledger is $INTERLOCK_LEDGER, else the nearest .codex-workers/workerctl.db in this folder or
    above it.

    A ledger's file is checked first (SQLite's `PRAGMA integrity_check`): an index that lacks a receipt hides it from
    policies, and no decision can notice that.

    Exit code: 0 all valid, 3 some invalid or the file damaged, 4 the ledger holds no receipt, so that nothing was
    verified, 5 the schema of an own fact kind is invalid, 6 the ledger cannot be read, 2 usage error, 1 a bug in
    interlock.
    """
    from interlock.reporting.verification import as_text

    with session_of(request, opens=False) as session:
        found = _verified(session)
    for index, each in enumerate(found):
        if form != "json" and len(found) > 1:
            output.report(f"{chr(10) if index else ''}{harmless(each.ledger)}\n\n")
        output.put_answer(form, each, as_text)
    verdicts = [each.valid for each in found]
    return exit_codes.of_verdict(False if False in verdicts else None if None in verdicts else True)


def _verified(session: Session) -> list[Verification]:
    """What was found in each source, in their order. Raises LedgerError, UsageError."""
    from interlock.ledger import BUSY_SECONDS
    from interlock.ledger.table import FactTable
    from interlock.ledger.verify import verify, verify_feed, verify_table
    from interlock.moment import wall

    request, places, tables = session.request, session.places, session.tables
    found: dict[int, Verification] = {}
    table = FactTable()
    with closing(table.connection):
        table.places = [(place, "line") for place in (*places, *(each.path for each in tables))]
        for index, place in enumerate(places):
            if (lines := session.lines(place)) is not None:
                if request.at is not None:
                    raise UsageError("`--at` is for ledgers: every line of a feed is verified")
                found[index] = verify_feed(lines, place, wall(), session.catalog, table, index)
        for index, each in enumerate(tables, len(places)):
            found[index] = verify_table(each, wall(), session.catalog, table, index, BUSY_SECONDS)
        watched = partial(progress_bar, label="verifying", step=_STEP)
        for index in [index for index in range(len(places)) if index not in found]:
            alone = structs.replace(request, ledger=places[index], sources=())
            with session_of(alone, opens=False) as own, _ticking() as tick:
                clock = own.moment.now if own.moment.live else None
                path, beside = own.ledger.path, table if len(table.places) > 1 else None
                verifying = partial(verify, ledger=path, watched=watched, clock=clock, tick=tick, beside=beside)
                found[index] = own.over(verifying)
    return [found[index] for index in sorted(found)]


@contextmanager
def _ticking() -> Iterator[Callable[[], None]]:
    """What shows on standard error, where a person looks, for how many seconds the file has been checked."""
    if not (sys.stderr and sys.stderr.isatty()):
        yield lambda: None
        return
    start, shown = monotonic(), 0

    def tick() -> None:
        nonlocal shown
        seconds = int(monotonic() - start)
        if seconds > shown:
            shown = seconds
            sys.stderr.write(f"\rchecking the file: {seconds} s")
            sys.stderr.flush()

    yield tick
    if shown:
        sys.stderr.write("\n")
