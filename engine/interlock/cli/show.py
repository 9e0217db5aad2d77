"""`interlock show`: a policy's text, if it is valid."""

from __future__ import annotations

from collections.abc import Sequence

import click

from interlock.cli import exits, options, terminal


@click.command("show", short_help="Print a policy.")
@click.argument("policy")
@options.policy_dirs
def command(policy: str, policy_dirs: Sequence[str]) -> int:
    """Print a policy, as its file has it.

    POLICY is the id of one that `interlock policies` lists, or the path of a file. An invalid policy is not printed:
    what is wrong with it is, and the exit code is 5.
    """
    from interlock.runner import library

    source = library(policy_dirs)
    source.load(policy)
    with open(source.path(policy), encoding="utf-8", newline="") as file:
        terminal.put(file.read())
    return exits.ALLOWED
