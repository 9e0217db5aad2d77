"""`interlock tasks`: which tasks a ledger holds."""

from __future__ import annotations

from contextlib import closing

import click

from interlock.cli import exit_codes, options, output, progress
from interlock.escape import harmless

_EXAMPLES = """\b
Examples:
  interlock tasks
  interlock tasks --ledger .codex-workers/workerctl.db --at -1h
"""


@click.command("tasks", short_help="List the tasks of a ledger.", epilog=_EXAMPLES)
@options.ledger
@options.at
def command(ledger: str | None, at: str | None) -> int:
    """List what each task of the ledger can be asked for by: its name, or its id where others bear the name too.

    Without --ledger, the ledger is $INTERLOCK_LEDGER, else the nearest .codex-workers/workerctl.db in this folder or
    above it.
    """
    from interlock.moment import moment

    with closing(progress.opened(ledger)) as opened:
        asked = moment(at, opened)
        names = opened.ask(asked.now, lambda snapshot: snapshot.task_labels(), live=asked.live)
    output.put("".join(f"{harmless(name)}\n" for name in names))
    return exit_codes.ALLOWED
