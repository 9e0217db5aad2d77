"""The command `interlock`. Each subcommand is a module of its own, imported when it is run."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any, NoReturn

import click

from interlock import __version__
from interlock.cli import exit_codes, options
from interlock.cli.output import forget, say
from interlock.diagnostics import InterlockError, LockError, PolicyError, UsageError, did_you_mean, nearest

_COMMANDS = (
    "eval",
    "watch",
    "check",
    "explain",
    "test",
    "unblock",
    "explain-code",
    "policies",
    "show",
    "docs",
    "new",
    "kinds",
    "new-kind",
    "capture",
    "diff",
    "fleet",
    "fleet-diff",
    "tasks",
    "facts",
    "replay",
    "export",
    "verify-ledger",
    "verify-decision",
    "config",
    "lock",
    "mcp",
    "lsp",
    "demo",
    "completion",
)
_REPORTING = ("eval", "fleet", "fleet-diff", "replay")
_WRITTEN = ("--report", "--output")
_ONCE = frozenset(["--task", "--lock", "--waivers", "--engine", "--max-skew", "--fail-on", "--dask"])
"""What is judged, and by what: of two values, one would be dropped unnoticed."""
_COMPLETE = "_INTERLOCK_COMPLETE"
"""The variable in which a shell requests completions."""


class _Interlock(click.Group):
    """Finds the subcommands, and turns whatever happens into a message and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The subcommands, as help shows them."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The subcommand of that name. Raises UsageError."""
        if cmd_name not in _COMMANDS:
            hint = did_you_mean(cmd_name, _COMMANDS) or "`interlock --help` lists the commands"
            raise UsageError(f"unknown command `{cmd_name}`; {hint}")
        if cmd_name != "eval":  # any other may run for long, or serve, and leave cycles behind
            gc.enable()
        command: click.Command = import_module(f"{__name__}.{cmd_name.replace('-', '_')}").command
        if options.color not in command.params:  # every command takes it, for where it is typed is a matter of taste
            _takes_all(command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The subcommand of a line, and what is given to it. Raises UsageError."""
        name, command, given = super().resolve_command(ctx, args)
        if command is not None and not ctx.resilient_parsing:
            _refuse_dropped(command, given, ctx)
        return name, command, given

    def main(self, args: Sequence[str] | None = None, *_: Any, **__: Any) -> NoReturn:
        """Run the command and exit. A user's error is one line; a bug shows all that is known of it."""
        forget()
        if _COMPLETE in os.environ:  # a shell asks what may come next: what is wrong with the line is reported later
            with suppress(Exception):
                super().main(args, "interlock", standalone_mode=False)
            sys.exit(exit_codes.ALLOWED)
        try:
            code = super().main(args, "interlock", standalone_mode=False)
        except click.UsageError as error:
            say(_ours(error), "error")
            _fail_reports(args, _ours(error))
            code = exit_codes.USAGE
        except (click.Abort, KeyboardInterrupt):
            code = exit_codes.INTERRUPTED
        except InterlockError as error:
            say(str(error), "" if isinstance(error, PolicyError | LockError) else "error")
            _fail_reports(args, str(error))
            code = exit_codes.of_error(error)
        except Exception:
            import traceback

            say(f"this is a bug in interlock {__version__}; please report it with all of this", "error")
            say(traceback.format_exc().rstrip())
            code = exit_codes.BUG
        sys.exit(code)


def _takes_all(command: click.Command) -> None:
    """Let a command take the options that every command takes."""
    command.add_help_option = False
    command.params += [options.color, options.help_option]


def _refuse_dropped(command: click.Command, args: Sequence[str], parent: click.Context) -> None:
    """Raises UsageError for what click would drop: the first of two values that guard a gate, or one that is empty.

    Of any other option the last counts, so that a line may end with what overrides its beginning.
    """
    try:
        given, _, order = command.make_parser(click.Context(command, parent=parent)).parse_args(list(args))
    except click.UsageError:  # it is reported where the command is run
        return
    taken = [each for each in order if isinstance(each, click.Option)]
    if options.help_option in taken:
        return
    for each in (each for each in taken if not each.is_flag):
        name, value = each.opts[0], given[each.name]
        if name in _ONCE and not each.multiple and taken.count(each) > 1:
            raise UsageError(f"`{name}` is given {_times(taken.count(each))}; keep one of them")
        if "" in (value if each.multiple else [value]):
            raise UsageError(f"`{name}` is empty; give it a value, or leave it out")


def _times(count: int) -> str:
    return "twice" if count == 2 else f"{count} times"


def _fail_reports(args: Sequence[str] | None, message: str) -> None:
    """Where a command that judges failed, let no report of an earlier run stay. One of an unknown name may be such."""
    words = list(sys.argv[1:] if args is None else args)
    command = next((word for word in words if not word.startswith("-")), "")
    if (command in _REPORTING or command not in _COMMANDS) and any(word.startswith(_WRITTEN) for word in words):
        from interlock.cli.stale import fail_reports

        fail_reports(words, message)


def _ours(error: click.UsageError) -> str:
    """What click says of a command line, in our voice: lower case, words in backticks, what to do next."""
    match error:
        case click.NoSuchOption(ctx=click.Context() as ctx):
            near = nearest(error.option_name, _named(ctx.command))
            message = f"unknown option `{error.option_name}`" + (f"; did you mean `{near}`?" if near else "")
        case click.MissingParameter(param=click.Parameter() as parameter):
            message = f"missing {parameter.param_type_name} {_quoted(parameter.get_error_hint(error.ctx))}"
        case click.BadParameter(param=click.Parameter() as parameter):
            message = f"invalid value for {_quoted(parameter.get_error_hint(error.ctx))}: {_quoted(error.message)}"
        case _:
            message = error.format_message()
            message = _quoted(message[:1].lower() + message[1:])
    message = message.rstrip(".")
    return f"{message}; see `{error.ctx.command_path} --help`" if error.ctx else message


def _named(command: click.Command) -> list[str]:
    """The names of a command's options, as its help shows them."""
    return [name for each in command.params if not getattr(each, "hidden", False) for name in each.opts]


def _quoted(text: str) -> str:
    import re

    return re.sub(r"'([^']*)'", r"`\1`", text)


_EXAMPLES = """\b
Examples:
  interlock demo
  interlock policies
  interlock eval smoke --task checkout
  interlock eval --help
"""


@click.group(
    cls=_Interlock,
    no_args_is_help=False,
    invoke_without_command=True,
    subcommand_metavar="COMMAND [ARGS]...",
    epilog=_EXAMPLES,
)
@options.version
@click.pass_context
def main(ctx: click.Context) -> None:
    """Do the receipts prove it? Policies over receipt ledgers, decided.

    Exit code: 0 all allowed, 3 some denied, 4 some undecided and none denied, 5 a policy is invalid, 6 the ledger
    cannot be read, 2 usage error, 1 a bug in interlock.
    """
    if ctx.invoked_subcommand is None:
        say(ctx.get_help())
        ctx.exit(exit_codes.USAGE)


_takes_all(main)
