"""The options that several subcommands take."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from interlock.cli import output
from interlock.cli.choices import OneOf
from interlock.cli.progress import STRICT
from interlock.diagnostics import UsageError, nearest
from interlock.reporting import FORMATS

Command = TypeVar("Command", bound=Callable[..., Any])
_LISTED = ", ".join(FORMATS)

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def completes(what: str) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    """What offers a shell the names of a kind, such as `tasks`; see `completing`."""

    def offered(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from interlock.cli import completion_items

        return completion_items.offered(what, ctx, incomplete)

    return offered


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


def _known(form: str) -> str:
    """The format, if decisions can be rendered as it. Raises UsageError."""
    if form in FORMATS:
        return form
    near = nearest(form, FORMATS)
    raise UsageError(f"unknown format `{form}`; " + (f"did you mean `{near}`?" if near else f"there is {_LISTED}"))


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
    help=f"How decisions are told: {_LISTED}.",
)
reports = click.option(
    "--report",
    "reports",
    metavar="FORMAT:FILE",
    multiple=True,
    callback=_reports,
    help="Write FILE in a further format; may be repeated.",
)
policy_dirs = click.option(
    "--policy-dir",
    "policy_dirs",
    metavar="PATH",
    type=click.Path(),  # so that the variable holds several, as $PATH does
    multiple=True,
    envvar="INTERLOCK_POLICY_DIR",
    callback=_folders,
    shell_complete=completes("folders"),
    help="A folder of further policies; may be repeated.",
)
ledger = click.option(
    "--ledger",
    metavar="PATH",
    envvar="INTERLOCK_LEDGER",
    shell_complete=completes("files"),
    help="The ledger to read, or a feed (- is standard input).",
)
strict_ledger = click.option(
    "--strict-ledger/--no-strict-ledger",
    "strict_ledger",
    default=False,
    envvar="INTERLOCK_STRICT_LEDGER",
    expose_value=False,
    callback=lambda ctx, _, given: ctx.meta.update({STRICT: given}),
    help="Decide nothing where what was committed last may be missing from the ledger.",
)


def judged_ledger(function: Command) -> Command:
    """The ledger that decisions are made over, and whether they may be where its newest receipts may be missing."""
    return ledger(strict_ledger(function))


engine = click.option(
    "--engine",
    type=OneOf(["both", "rete", "reference"]),
    default="both",
    envvar="INTERLOCK_ENGINE",
    help="Who judges: the rules engine (rete), the reference evaluator, or both, which must agree.",
)
task = click.option(
    "--task",
    metavar="NAME",
    required=True,
    shell_complete=completes("tasks"),
    help="The task, by its name or id.",
)
at = click.option(
    "--at",
    metavar="INSTANT",
    help="Ask about the past: an instant (RFC 3339, UTC), a span of time ago such as -10m, or a receipt's id.",
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
    help="Tell on standard error what was read.",
)
color = click.Option(
    ["--color"],
    type=OneOf(["auto", "always", "never"]),
    expose_value=False,
    callback=lambda _, __, given: output.choose(color=given) if given else None,
    help="When to colour. By default (auto) where a person reads it; $NO_COLOR and $FORCE_COLOR are heeded.",
)
waivers = click.option(
    "--waivers",
    metavar="FILE",
    shell_complete=completes("files"),
    help="Findings that do not count, each for a reason and until a day; all are told.",
)
fail_on = click.option(
    "--fail-on",
    type=OneOf(["block", "warn"]),
    default="block",
    help="What makes the exit code 3: what is denied (block), or what is allowed with a warning too (warn).",
)
params = click.option(
    "--param",
    "params",
    metavar="NAME=VALUE",
    multiple=True,
    shell_complete=completes("params"),
    help="Set a parameter; may be repeated.",
)

decision_log = click.option(
    "--decision-log", metavar="FILE", help="Append each decision to FILE, with all that it takes to judge it again."
)


def given(texts: Sequence[str]) -> dict[str, str]:
    """`NAME=VALUE` texts by name. Raises UsageError."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise UsageError(f"`--param {text}` is not of the form NAME=VALUE")
        if name in found:
            raise UsageError(f"the parameter `{name}` is given twice; keep one of them")
        found[name] = value
    return found
