"""The options that say which lock policies are held to."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from interlock.diagnostics import UsageError

Command = TypeVar("Command", bound=Callable[..., Any])
NAMED = "interlock.lock"


def _named(ctx: click.Context, parameter: click.Parameter, given: str | None) -> None:
    """Note the lock that is named. Who names it does not trust this folder, so what the folder sets is not read."""
    if given == "" or (given is None and os.environ.get("INTERLOCK_LOCK") == "" and not ctx.resilient_parsing):
        raise UsageError("the lock has an empty name; name a file, or leave out `--lock` and `INTERLOCK_LOCK`")
    ctx.meta[NAMED] = given
    if given is not None:
        ctx.default_map = None
    ctx.set_parameter_source("lock", ctx.get_parameter_source(str(parameter.name)) or ParameterSource.DEFAULT)


def _held(ctx: click.Context, _: click.Parameter, given: bool | None) -> str | None:
    """The file of the lock that is held to: the one that is named, or if that is asked for, the nearest."""
    named: str | None = ctx.meta[NAMED]
    sources = [ctx.get_parameter_source(each) for each in ("named", "locked")]
    if sources[0] is ParameterSource.COMMANDLINE and sources[1] is not ParameterSource.COMMANDLINE:
        given = None  # no variable lets go of a lock that is named on the command line
    wanted = given if given is not None else named is not None
    if ctx.default_map is not None and "lock" in ctx.default_map:
        ctx.meta[NAMED] = named = ctx.default_map["lock"]
        ctx.set_parameter_source("lock", ParameterSource.DEFAULT_MAP)
    if not wanted:
        return None
    from interlock.cli.whereabouts import find_lock

    return named or find_lock()


_lock = click.option(
    "--lock",
    "named",  # not by the key that a file sets: no file is read before it is known that none is named
    metavar="FILE",
    envvar="INTERLOCK_LOCK",
    is_eager=True,
    expose_value=False,
    callback=_named,
    help="Judge only by the policies of this lock; no configuration file is read then.",
)
_locked = click.option(
    "--locked/--no-locked",
    default=None,
    envvar="INTERLOCK_LOCKED",
    callback=_held,
    help="Judge only by the policies of the nearest interlock.lock.",
)


def locked_option(function: Command) -> Command:
    """The options that make `locked` the file of the lock that policies are held to, or None."""
    return _lock(_locked(function))
