"""Options that had another name in the last release: hidden, and accepted with a warning until the next one."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from interlock.cli import output
from interlock.cli.options import Command
from interlock.diagnostics import UsageError


def formerly(old: str, name: str, now: str, **how: Any) -> Callable[[Command], Command]:
    """Lets a command take what it calls `name` by its former option too, such as `--since`; `now` is how it is given.

    `how` are further settings of the option. Raises UsageError where both are given.
    """
    hidden = f"former_{name}"

    def decorate(command: Command) -> Command:
        @wraps(command)
        def given(**values: Any) -> Any:
            former = values.pop(hidden)
            if former not in (None, ()):
                if values[name] not in (None, ()):
                    raise UsageError(f"`{old}` is the former name of {now}; give that alone")
                output.say(f"`{old}` is deprecated, and the next release refuses it; give {now} instead", "warning")
                values[name] = former
            return command(**values)

        decorated: Any = click.option(old, hidden, hidden=True, **how)(given)
        return decorated  # type: ignore[no-any-return]

    return decorate


def required(name: str) -> Callable[[Command], Command]:
    """Refuses a command line without an argument that click does not require, since it may be given as an option."""

    def decorate(command: Command) -> Command:
        @wraps(command)
        def given(**values: Any) -> Any:
            if values[name] in (None, ()):
                context = click.get_current_context()
                (missing,) = (each for each in context.command.params if each.name == name)
                raise click.MissingParameter(ctx=context, param=missing)
            return command(**values)

        decorated: Any = given
        return decorated  # type: ignore[no-any-return]

    return decorate
