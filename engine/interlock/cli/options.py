"""The options that several subcommands take."""

from __future__ import annotations

import os

import click

from interlock.errors import UsageError
from interlock.reporting import FORMATS


def _folders(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    """The folders, if they can be read. Raises UsageError: a misspelt one must not go unnoticed."""
    for folder in given:
        try:
            os.listdir(folder)
        except OSError as error:
            raise UsageError(
                f"cannot read the policies in `{folder}`: {(error.strerror or str(error)).lower()}"
            ) from None
    return given


form = click.option(
    "--format", "form", type=click.Choice(FORMATS), default="text", help="For a person (text) or for a program (json)."
)
policy_dirs = click.option(
    "--policy-dir",
    "policy_dirs",
    metavar="PATH",
    multiple=True,
    callback=_folders,
    help="A folder of further policies; may be repeated.",
)
ledger = click.option("--ledger", metavar="PATH", help="The ledger to read.")
