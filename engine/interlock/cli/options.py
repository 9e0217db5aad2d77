"""The options that several subcommands take."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from interlock import __version__
from interlock.cli import output
from interlock.diagnostics import UsageError, meant_or_all
from interlock.reporting import FORMATS

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class OneOf(click.Choice):  # type: ignore[type-arg]  # before click 8.2 it takes none
    """One of several texts, refused in the same words by every version of click.

    A `former` one of the last release is accepted with a warning, for that which it is now.
    """

    def __init__(self, choices: Sequence[str], former: Mapping[str, str] = {}) -> None:
        super().__init__(choices)
        self._former = former

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The text. Raises click.BadParameter."""
        if value in self._former:
            now = self._former[value]
            output.say(f"`{value}` is deprecated, and the next release refuses it; give `{now}` instead", "warning")
            value = now
        if value not in self.choices:
            self.fail(f"`{value}` is not one of {', '.join(f'`{each}`' for each in self.choices)}", param, ctx)
        return super().convert(value, param, ctx)


def _shown(ctx: click.Context, text: str) -> None:
    """Print what an option asks for, and nothing else; not where a shell completes the line."""
    if ctx.resilient_parsing:
        return
    output.put(f"{text}\n")
    ctx.exit()


Command = TypeVar("Command", bound=Callable[..., Any])
_LISTED = ", ".join(FORMATS)


def completes(what: str) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    """What offers a shell the names of a kind, such as `tasks`; see `completing`."""

    def offered(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from interlock.cli import completion_items

        return completion_items.offered(what, ctx, incomplete)

    return offered


def _known(form: str) -> str:
    if form in FORMATS:
        return form
    raise UsageError(f"unknown format `{form}`; {meant_or_all(form, FORMATS)}")


def _form(_: click.Context, __: click.Parameter, given: str) -> str:
    return _known(given)


def _file(path: str | None) -> str | None:
    """A file that is written. Raises UsageError for what other commands take for standard output."""
    if path == "-":
        raise UsageError("standard output has what `--format` asks for; give a file, such as `./-`")
    return path


def _reports(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """`FORMAT:FILE` texts as formats and files. Raises UsageError."""
    found = []
    for text in given:
        form, colon, path = text.partition(":")
        if not colon or not path:
            raise UsageError(f"`--report {text}` is not of the form FORMAT:FILE")
        found.append((_known(form), str(_file(path))))
    return tuple(found)


def printed_as(forms: Sequence[str], rest: str = "", **how: Any) -> Callable[[Command], Command]:
    """The option `--format` of a command that has these formats; `rest` ends its help."""
    means = f"The format of the output{rest or '; text is for a person, json for a program'}."
    return click.option("--format", "form", **{"type": OneOf(forms), "default": "text", **how}, help=means)


form = printed_as(["text", "json"])
report_form = click.option(
    "--format",
    "form",
    metavar="FORMAT",
    default="text",
    callback=_form,
    shell_complete=completes("formats"),
    help=f"The format of the output; {_LISTED}.",
)
reports = click.option(
    "--report",
    "reports",
    metavar="FORMAT:FILE",
    multiple=True,
    callback=_reports,
    help="Write FILE in a further format; may be repeated.",
)


def _task(rest: str = "", **how: Any) -> Callable[[Command], Command]:
    means = f"The task, by its name or id{rest}."
    return click.option("--task", metavar="NAME", shell_complete=completes("tasks"), help=means, **how)


task = _task(required=True)
maybe_task = _task()
tasks = _task("; may be repeated", multiple=True)
all_tasks = click.option("--all-tasks", is_flag=True, help="Every task of the ledger.")


def ledger(name: str, rest: str) -> Callable[[Command], Command]:
    """The option `--ledger`, which may be repeated, as `name`; `rest` ends its help."""
    means = f"The ledger to read, or a feed (- is standard input); {rest}."
    how: dict[str, Any] = {"multiple": True, "shell_complete": completes("files")}
    return click.option("--ledger", name, metavar="PATH", **how, help=means)


def lock(rest: str) -> Callable[[Command], Command]:
    """The option `--lock`; `rest` ends its help."""
    return click.option(
        "--lock", metavar="FILE", shell_complete=completes("files"), help=f"Where the lock file is; {rest}."
    )


def folder(default: str, shown: str) -> Callable[[Command], Command]:
    """The option `--dir`, as `folder`."""
    means = f"The folder to write to; by default {shown}."
    return click.option(
        "--dir", "folder", metavar="DIR", default=default, shell_complete=completes("folders"), help=means
    )


def written(rest: str = "") -> Callable[[Command], Command]:
    """The option `--output`; `rest` ends its help."""
    means = f"Write to FILE, not to standard output{rest}."
    return click.option("--output", metavar="FILE", callback=lambda _, __, given: _file(given), help=means)


def stretch(whose: str, end: str) -> Callable[[Command], Command]:
    """The options `--from` and `--to`, as `since` and `until`; `whose` receipts begin it, and `end` is its default."""

    def decorate(command: Command) -> Command:
        begun = f"The beginning of the stretch; by default the first receipt of {whose}."
        ended = f"The end of the stretch, included; by default {end}."
        command = click.option("--to", "until", metavar="INSTANT", help=ended)(command)
        return click.option("--from", "since", metavar="INSTANT", help=begun)(command)

    return decorate


def timeout(rest: str, **how: Any) -> Callable[[Command], Command]:
    """The option `--timeout`; `rest` ends its help."""
    return click.option(
        "--timeout", metavar="DURATION", help=f"The longest time that it may take, such as 10m; {rest}.", **how
    )


def microseconds(timeout: str) -> int:
    """The time that `--timeout` gives, in microseconds. Raises UsageError."""
    from interlock.instant import parse_duration

    try:
        return parse_duration(timeout)
    except ValueError as error:
        raise UsageError(f"`--timeout`: {error}") from None


quiet = click.option(
    "--quiet",
    "-q",
    is_flag=True,
    expose_value=False,
    callback=lambda _, __, given: output.choose(quiet=given),
    help="Print nothing but errors: the exit code says it.",
)
verbose = click.option(
    "--verbose",
    "-v",
    is_flag=True,
    expose_value=False,
    callback=lambda _, __, given: output.choose(verbose=given),
    help="Report on standard error what was read.",
)
color = click.Option(
    ["--color"],
    type=OneOf(["auto", "always", "never"]),
    expose_value=False,
    callback=lambda _, __, given: output.choose(color=given) if given else None,
    help="When to colour. By default (auto) where a person reads it; $NO_COLOR and $FORCE_COLOR are respected.",
)
help_option = click.Option(
    ["--help", "-h"],
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda ctx, _, asked: _shown(ctx, ctx.get_help()) if asked else None,
    help="Show this message and exit.",
)
version = click.option(
    "--version",
    "-V",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda ctx, _, asked: _shown(ctx, f"interlock {__version__}") if asked else None,
    help="Show the version and exit.",
)
fail_on = click.option(
    "--fail-on",
    type=OneOf(["block", "warn"]),
    default="block",
    help="What makes the exit code 3: what is denied (block), or what is allowed with a warning too (warn).",
)
decision_log = click.option(
    "--decision-log", metavar="FILE", help="Append each decision to FILE, with all that it takes to judge it again."
)
