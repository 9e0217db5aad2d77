"""The options that several subcommands take."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from interlock.cli import output
from interlock.diagnostics import UsageError, meant_or_all
from interlock.reporting import FORMATS

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class OneOf(click.Choice):  # type: ignore[type-arg]  # before click 8.2 it takes none
    """One of several texts, refused in the same words by every version of click."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The text. Raises click.BadParameter."""
        if value not in self.choices:
            self.fail(f"`{value}` is not one of {', '.join(f'`{each}`' for each in self.choices)}", param, ctx)
        return super().convert(value, param, ctx)


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


def _reports(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """`FORMAT:FILE` texts as formats and files. Raises UsageError."""
    found = []
    for text in given:
        form, colon, path = text.partition(":")
        if not colon or not path:
            raise UsageError(f"`--report {text}` is not of the form FORMAT:FILE")
        found.append((_known(form), path))
    return tuple(found)


form = click.option(
    "--format", "form", type=OneOf(["text", "json"]), default="text", help="For a person (text) or a program (json)."
)
report_form = click.option(
    "--format",
    "form",
    metavar="FORMAT",
    default="text",
    callback=_form,
    shell_complete=completes("formats"),
    help=f"Output format: {_LISTED}.",
)
reports = click.option(
    "--report",
    "reports",
    metavar="FORMAT:FILE",
    multiple=True,
    callback=_reports,
    help="Write FILE in a further format; may be repeated.",
)
task = click.option(
    "--task",
    metavar="NAME",
    required=True,
    shell_complete=completes("tasks"),
    help="The task, by its name or id.",
)
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
fail_on = click.option(
    "--fail-on",
    type=OneOf(["block", "warn"]),
    default="block",
    help="What makes the exit code 3: what is denied (block), or what is allowed with a warning too (warn).",
)
decision_log = click.option(
    "--decision-log", metavar="FILE", help="Append each decision to FILE, with all that it takes to judge it again."
)
