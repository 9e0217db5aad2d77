"""`interlock lsp`: a language server for policies, their tests, waivers and the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from interlock.cli import exit_codes
from interlock.cli.request import giving
from interlock.diagnostics import UsageError

_EXAMPLES = """\b
Examples:
  interlock lsp
  interlock lsp --policy-dir gates
"""


@click.command("lsp", short_help="Serve an editor while policies are written.", epilog=_EXAMPLES)
@giving("policy-dir", "schema-dir", "waivers")
def command(given: Mapping[str, Any]) -> int:
    """Serve an editor while policies are written, by the Language Server Protocol over standard input and output.

    Editors start it. It shows every error and warning while you type, in policies, their tests, waivers and
    interlock.toml; completes keys, fact kinds, fields, parameters, functions and values; explains the word under the
    pointer; goes to declarations, finds uses, and renames. What is open and not saved counts. Settings are those of the
    folder of each file.

    It needs the extra `lsp`: pip install 'interlock[lsp]'

    Exit code: 0 served, 2 usage error, 1 a bug in interlock.
    """
    try:
        from interlock import lsp_server
    except ImportError as error:
        raise UsageError(f"`interlock lsp` needs the package `{error.name}`: pip install 'interlock[lsp]'") from None
    lsp_server.serve({key.replace("_", "-"): value for key, value in given.items()})
    return exit_codes.ALLOWED
