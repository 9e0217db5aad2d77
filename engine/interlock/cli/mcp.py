"""`interlock mcp`: the gates as tools for coding agents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from msgspec import structs

from interlock.cli import exit_codes
from interlock.cli.request import asking, session_of
from interlock.diagnostics import UsageError

if TYPE_CHECKING:
    from interlock.request import Request

_EXAMPLES = """\b
Examples:
  interlock mcp --ledger .codex-workers/workerctl.db
"""


@click.command("mcp", short_help="Serve the gates to coding agents.", epilog=_EXAMPLES)
@asking("ledger", "strict-ledger", "waivers", "engine", "max-skew", "policy-dir", "schema-dir", "lock", "locked")
def command(request: Request) -> int:
    """Serve the gates to coding agents, as tools of the Model Context Protocol over standard input and output.

    The tools are `evaluate`, `explain` and `unblock`. They only read: this ledger, and policies by their ids, the
    shipped ones and those of --policy-dir. It ends when its input does.

    It needs the extra `mcp`: pip install 'interlock[mcp]'

    Exit code: 0 served, 6 the ledger cannot be read, 2 usage error, 1 a bug in interlock.
    """
    try:
        import anyio

        from interlock import mcp_server
    except ImportError as error:
        raise UsageError(f"`interlock mcp` needs the package `{error.name}`: pip install 'interlock[mcp]'") from None
    if "-" in (request.ledger if isinstance(request.ledger, tuple) else (request.ledger,)):
        raise UsageError("a feed cannot come over standard input here: that is where the agent's questions come from")
    with session_of(request) as session:
        anyio.run(mcp_server.serve, structs.replace(request, ledger=session.ledger))
    return exit_codes.ALLOWED
