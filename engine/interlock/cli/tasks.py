"""`interlock tasks`: which tasks a ledger holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from interlock.cli import exit_codes, output
from interlock.cli.request import asking, session_of
from interlock.escape import harmless

if TYPE_CHECKING:
    from interlock.request import Request

_EXAMPLES = """\b
Examples:
  interlock tasks
  interlock tasks --ledger .codex-workers/workerctl.db --at -1h
"""


@click.command("tasks", short_help="List the tasks of a ledger.", epilog=_EXAMPLES)
@asking("ledger", "strict-ledger", "at", "schema-dir")
def command(request: Request) -> int:
    """List the label of each task of the ledger: its name, or its id where the name is ambiguous.

    Without --ledger, the ledger is $INTERLOCK_LEDGER, else the nearest .codex-workers/workerctl.db in this folder or
    above it.
    """
    with session_of(request) as session:
        names = session.over(session.tasks)
    output.put("".join(f"{harmless(name)}\n" for name in names))
    return exit_codes.ALLOWED
