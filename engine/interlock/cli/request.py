"""The options that become a request: each command that asks a question takes them here, and gets a `Request`.

Its session shows a bar where reading takes long.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from interlock.cli import options, output
from interlock.cli.options import Command, completes
from interlock.diagnostics import UsageError

if TYPE_CHECKING:
    from interlock.ledger import Watched
    from interlock.request import Request, Session
    from interlock.settings import Settled


_OPTIONS: dict[str, Callable[[Command], Command]] = {
    "ledger": options.ledger("ledger", "feeds may be several, beside one ledger"),
    "sources": click.option(
        "--sources",
        metavar="FILE",
        shell_complete=completes("files"),
        help="Read the tables that FILE maps (`[[sources]]`) beside the ledger.",
    ),
    "strict-ledger": click.option(
        "--strict-ledger/--no-strict-ledger",
        "strict_ledger",
        default=None,
        help="Decide nothing where what was committed last may be missing from the ledger.",
    ),
    "policy-dir": click.option(
        "--policy-dir",
        "policy_dir",
        metavar="PATH",
        multiple=True,
        shell_complete=completes("folders"),
        help="A folder of further policies; may be repeated.",
    ),
    "schema-dir": click.option(
        "--schema-dir",
        "schema_dir",
        metavar="PATH",
        multiple=True,
        shell_complete=completes("folders"),
        help="A folder of own fact kinds, a JSON Schema each; may be repeated.",
    ),
    "engine": click.option(
        "--engine",
        metavar="[both|rete|reference]",
        shell_complete=completes("engines"),
        help="The evaluator: the rules engine (rete), the reference evaluator, or both, which must agree.",
    ),
    "max-skew": click.option(
        "--max-skew",
        metavar="DURATION",
        help="How far ahead of the clock a receipt may be stamped that is read for an allow; 5s unless given.",
    ),
    "waivers": click.option(
        "--waivers",
        metavar="FILE",
        shell_complete=completes("files"),
        help="Waive the findings listed in FILE until they expire; waived findings are still reported.",
    ),
    "allow-long-waivers": click.option(
        "--allow-long-waivers/--no-allow-long-waivers",
        "allow_long_waivers",
        default=None,
        help="Take waivers too that end more than a year from now.",
    ),
    "lock": options.lock("only its policies judge, and no configuration file is read"),
    "locked": click.option(
        "--locked/--no-locked", default=None, help="Judge only by the policies of the nearest interlock.lock."
    ),
    "at": click.option(
        "--at",
        metavar="INSTANT",
        help="Ask about the past: an instant (RFC 3339), a span of time ago such as -10m, a receipt's id, head (the "
        "newest receipt), feed (when it was taken) or now; by default now, and of a feed when it was taken.",
    ),
    "params": click.option(
        "--param",
        "params",
        metavar="NAME=VALUE",
        multiple=True,
        shell_complete=completes("params"),
        help="Set a parameter; may be repeated.",
    ),
}
EVERY = tuple(_OPTIONS)
OF_A_DECISION = (
    "ledger",
    "strict-ledger",
    "at",
    "params",
    "waivers",
    "allow-long-waivers",
    "engine",
    "max-skew",
    "policy-dir",
    "schema-dir",
    "lock",
    "locked",
)
"""What a command takes that is about one decision, in the order of its help."""


def asking(*names: str) -> Callable[[Command], Command]:
    """Gives a command these options, and as `request` the request that they make."""
    return _giving(names, "request", _request)


def showing(*names: str) -> Callable[[Command], Command]:
    """Gives a command these options, and as `settings` their values."""
    return _giving(names, "settings", _settings)


def giving(*names: str) -> Callable[[Command], Command]:
    """Gives a command these options, and as `given` those of them that are settings, for folders yet unknown."""
    return _giving(names, "given", lambda _, given: given)


def _giving(
    names: Sequence[str], name: str, made: Callable[[Sequence[str], dict[str, Any]], Any]
) -> Callable[[Command], Command]:
    if "ledger" in names and "sources" not in names:
        names = [*names, "sources"]
    if "waivers" in names and "allow-long-waivers" not in names:
        names = [*names, "allow-long-waivers"]

    def decorate(command: Command) -> Command:
        @wraps(command)
        def given(**values: Any) -> Any:
            own = {each: values.pop(each.replace("-", "_")) for each in names}
            return command(**{name: made(names, own)}, **values)

        decorated: Any = given
        for each in reversed(names):
            decorated = _OPTIONS[each](decorated)
        return decorated  # type: ignore[no-any-return]

    return decorate


def _settings(names: Iterable[str], given: Mapping[str, Any]) -> dict[str, Settled]:
    """The settings of these names, of which some were given as flags. Raises UsageError, LockError."""
    from interlock.settings import SETTINGS, settle

    return settle([name for name in names if name in SETTINGS], given)


def _request(names: Sequence[str], given: dict[str, Any]) -> Request:
    from interlock.request import request_of

    asked: dict[str, Any] = {}
    if "at" in names:
        asked["at"] = given["at"]
    if "params" in names:
        asked["params"] = params = _params(given["params"])
        asked["origins"] = dict.fromkeys(params, "flag")
    return request_of(_settings(names, given), **asked)


def _params(texts: Sequence[str]) -> dict[str, str]:
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


T = TypeVar("T")
_LONG, _STEP = 5_000_000, 200_000
"""Bytes of a feed from which on a bar is shown, and between two updates of it."""


def session_of(request: Request, patience: float | None = None, *, opens: bool = True) -> Session:
    """The session of a request, whose ledger is open if it `opens`; a bar shows how far a long feed is read.

    A writer that holds the ledger locked is waited for, `patience` seconds each time, if that is given. Warnings say
    why what was committed last may be missing from it, and what is wrong with waivers. Raises UsageError, LedgerError.
    """
    from interlock.ledger import BUSY_SECONDS
    from interlock.request import Session

    made = Session(request, watched(), BUSY_SECONDS if patience is None else patience, _warn)
    if opens:
        made.ledger  # noqa: B018  # a ledger that cannot be read is reported before what else is wrong
    return made


def _warn(warning: str, label: str) -> None:
    context = click.get_current_context(silent=True)
    if (context is None or not context.resilient_parsing) and not (output.quiet() and not label):
        output.say(warning, label)


def watched() -> Watched | None:
    """What shows how far a feed is read, where standard error is a terminal."""
    if not _is_watched():
        return None
    return lambda lines, total: progress_bar(lines, total, "reading", least=_LONG, step=_STEP, weigh=len)


def progress_bar(
    items: Iterable[T],
    total: int,
    label: str,
    *,
    least: int = 0,
    step: int = 1,
    weigh: Callable[[T], int] = lambda _: 1,
    rate: Callable[[], str] | None = None,
) -> Iterator[T]:
    """The items, with a bar on standard error that grows as they pass, where it is a terminal.

    They weigh about `total` in all; where that is less than `least` there is no bar. It is drawn once for each `step`,
    with the time that is left, and what `rate` says.
    """
    if total < least or not _is_watched():
        yield from items
        return
    said = None if rate is None else lambda _: rate()
    with click.progressbar(length=total, label=label, file=sys.stderr, item_show_func=said) as shown:
        passed = 0
        for item in items:
            passed += weigh(item)
            if passed >= step:
                shown.update(passed)
                passed = 0
            yield item
        shown.update(max(0, total - shown.pos))


def _is_watched() -> bool:
    return bool(sys.stderr and sys.stderr.isatty())
