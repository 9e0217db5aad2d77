"""The option `--max-skew`, which every command takes that judges."""

from __future__ import annotations

import os

import click
from click.core import ParameterSource

from interlock.diagnostics import UsageError

_VARIABLE = "INTERLOCK_MAX_SKEW"


def _skew(ctx: click.Context, parameter: click.Parameter, given: str) -> str:
    """The duration, if it is one. Raises UsageError; so does a variable that is set to nothing, which click ignores."""
    if ctx.resilient_parsing:  # a shell completes a line: nothing is judged, and no default is filled in
        return given
    from interlock.instant import parse_duration

    flagged = ctx.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE
    if not flagged and os.environ.get(_VARIABLE) == "":
        raise UsageError(f"`{_VARIABLE}` is empty; set a duration such as `5s`, or unset it")
    try:
        parse_duration(given)
    except ValueError as error:
        raise UsageError(f"`--max-skew`: {error}") from None
    return given


max_skew_option = click.option(
    "--max-skew",
    metavar="DURATION",
    default="5s",
    envvar=_VARIABLE,
    callback=_skew,
    help="How far ahead of the clock a receipt may be stamped that is read for an allow; 5s unless given.",
)
