"""`interlock tasks`: which tasks a ledger holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from interlock.cli import exit_codes, options, output
from interlock.cli.request import asking, session_of

if TYPE_CHECKING:
    from interlock.request import Request

_EXAMPLES = """\b
Examples:
  interlock tasks
  interlock tasks --format json
  interlock tasks --ledger .codex-workers/workerctl.db --at -1h
"""


@click.command("tasks", short_help="List the tasks of a ledger.", epilog=_EXAMPLES)
@asking("ledger", "strict-ledger", "at", "schema-dir")
@options.form
def command(request: Request, form: str) -> int:
    """List each task of the ledger, and when and by what it was active last.

    A task is listed by its label: its name, or its id where the name is ambiguous.

    Without --ledger, the ledger is $INTERLOCK_LEDGER, else the nearest .codex-workers/workerctl.db in this folder or
    above it.
    """
    from interlock.analysis.tasks import answer
    from interlock.reporting.style import json_lines
    from interlock.reporting.tasks import as_text

    with session_of(request) as session:
        found = answer(session)
    if form == "json":
        output.put(json_lines(found), "utf-8")
    else:
        output.put(as_text(found, output.look()))
    return exit_codes.ALLOWED
