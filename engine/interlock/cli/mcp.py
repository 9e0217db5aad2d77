"""`interlock mcp`: the gates as tools for coding agents."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

import click
from msgspec import structs

from interlock.cli import exit_codes
from interlock.cli.request import asking, session_of
from interlock.diagnostics import InterlockError, UsageError, meant_or_all

if TYPE_CHECKING:
    from interlock.policy.library import Library
    from interlock.request import Request

_EXAMPLES = """\b
Examples:
  interlock mcp --ledger .codex-workers/workerctl.db
  interlock mcp --ledger .codex-workers/workerctl.db --allow-param max_idle
"""


@click.command("mcp", short_help="Serve the gates to coding agents.", epilog=_EXAMPLES)
@click.option(
    "--allow-param",
    "settable",
    metavar="NAME",
    multiple=True,
    help="Let callers set this parameter; may be repeated. Without it they set none.",
)
@asking("ledger", "strict-ledger", "waivers", "engine", "max-skew", "policy-dir", "schema-dir", "lock", "locked")
def command(request: Request, settable: tuple[str, ...]) -> int:
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
        _refuse_unknown(settable, session.library)
        anyio.run(mcp_server.serve, structs.replace(request, ledger=session.ledger), settable)
    return exit_codes.ALLOWED


def _refuse_unknown(settable: Iterable[str], policies: Library) -> None:
    """Raises UsageError for a parameter that no policy has. A policy that is invalid has none."""
    if not settable:
        return
    known: set[str] = set()
    for identity in policies.ids():
        with suppress(InterlockError):
            known |= {parameter.name for parameter in policies.load(identity).policy.parameters}
    for name in settable:
        if name not in known:
            raise UsageError(
                f"`--allow-param`: no policy has the parameter `{name}`; {meant_or_all(name, sorted(known))}"
            )
