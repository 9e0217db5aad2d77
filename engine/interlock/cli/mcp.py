"""`interlock mcp`: the gates as tools for coding agents."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

import click

from interlock.cli import exit_codes, options, progress
from interlock.cli.skew import max_skew_option
from interlock.diagnostics import UsageError

_EXAMPLES = """\b
Examples:
  interlock mcp --ledger .codex-workers/workerctl.db
"""


@click.command("mcp", short_help="Serve the gates to coding agents.", epilog=_EXAMPLES)
@options.judged_ledger
@max_skew_option
@options.policy_dirs
def command(ledger: str | None, max_skew: str, policy_dirs: Sequence[str]) -> int:
    """Serve the gates to coding agents, as tools of the Model Context Protocol over standard input and output.

    The tools are `evaluate`, `explain` and `unblock`. They only read: this ledger, and policies by their ids, the
    shipped ones and those of --policy-dir. It ends when its input does.

    It needs the extra `mcp`: pip install 'interlock[mcp]'

    Exit code: 0 served, 6 the ledger cannot be read, 2 a wrong question, 1 a bug in interlock.
    """
    try:
        import anyio

        from interlock import mcp_server
    except ImportError as error:
        raise UsageError(f"`interlock mcp` needs the package `{error.name}`: pip install 'interlock[mcp]'") from None
    if ledger == "-":
        raise UsageError("a feed cannot come over standard input here: that is where the agent's questions come from")
    with closing(progress.opened(ledger)) as opened:
        anyio.run(mcp_server.serve, opened, policy_dirs, max_skew)
    return exit_codes.ALLOWED
