"""`interlock demo`: a real pair's hour, as three gates saw it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import click
from msgspec import structs

from interlock.cli import exit_codes, options, output
from interlock.diagnostics import UsageError
from interlock.escape import harmless
from interlock.files import reason
from interlock.instant import SECOND, format_instant, parse_instant
from interlock.model.decision import Decision
from interlock.reporting import render
from interlock.reporting import text as reported

if TYPE_CHECKING:
    from interlock.model.history import Lane

_TASK = "checkout-refactor"
_GATES = ("smoke", "readiness", "quiescence")
_HOUR = ("2026-06-22T09:00:30Z", "2026-06-22T09:59:30Z")
"""From the ledger's first receipt to its last."""
_ASLEEP = "2026-06-22T09:20:00Z"
"""An instant of the story at which there is something to fix."""
_PACKED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "stories", "story.db.xz")


class _Change(NamedTuple):
    """A decision of another verdict or state than the one before it, which is None for a gate's first."""

    before: Decision | None
    after: Decision


_EXAMPLES = """\b
Examples:
  interlock demo
  interlock demo --write story.db
"""


@click.command("demo", short_help="Watch three gates over the hour of a real pair.", epilog=_EXAMPLES)
@click.option("--write", metavar="PATH", help="Leave the ledger at PATH, to try the other commands on.")
@options.form
def command(write: str | None, form: str) -> int:
    """Play the ledger of one pair's hour, which ships with interlock: a line whenever a gate changes its mind.

    The gates are smoke (may real work start?), readiness (does the pair run by itself?) and quiescence (may its
    autopilot stop?). With --format json, each of these decisions is an object on a line.
    """
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        path = os.path.join(folder, "story.db") if write is None else write
        _unpack(path)
        found = _changes(path, "story.db" if write is None else write)
    if form == "json":
        output.put(render(form, [change.after for change in found]), "utf-8")
    else:
        output.put(_told(found) + _hint(write))
    return exit_codes.ALLOWED


def _unpack(path: str) -> None:
    """Write the story's ledger to a path at which there is nothing yet. Raises UsageError."""
    import lzma

    with lzma.open(_PACKED) as packed:
        content = packed.read()
    try:
        with open(path, "xb") as file:
            file.write(content)
    except OSError as error:
        raise UsageError(f"cannot write `{path}`: {reason(error)}") from None


def _changes(path: str, name: str) -> list[_Change]:
    """The changes in the ledger at `path`, which its reader knows by `name`: in the order of time, then of the gates.

    The first of each gate is its first decision.
    """
    from interlock.api import evaluate, replay
    from interlock.ledger import open_ledger

    found, last = [], dict[str, Decision]()
    with closing(open_ledger(path)) as ledger:
        lanes = replay(_GATES, ledger=ledger, task=_TASK, since=_HOUR[0], until=_HOUR[1]).lanes
        flips = sorted((at, gate, lane.policy) for gate, lane in enumerate(lanes) for at in _flips(lane))
        for at, _, policy in flips:
            decision = evaluate(policy, ledger=ledger, task=_TASK, at=format_instant(at))
            decision = structs.replace(decision, ledger=structs.replace(decision.ledger, path=name))
            found.append(_Change(last.get(policy), decision))
            last[policy] = decision
    return found


def _flips(lane: Lane) -> Iterator[int]:
    """The whole seconds, in microseconds, from which on the verdict or the state of a gate differs from before."""
    before = None
    for each in lane.intervals:
        if before != (before := (each.allow, each.state)):
            yield -(-parse_instant(each.since) // SECOND) * SECOND


def _told(found: list[_Change]) -> str:
    """The timeline: when, which gate, its verdict, the state before and after, and the first blocker."""
    first, last = found[0].after.now, found[-1].after.now
    lines = [f"{_TASK} on {first[:10]}, {first[11:]} to {last[11:]}: three gates, and when each changes its mind", ""]
    paint, wide = output.painter(sys.stdout), max(map(len, _GATES))
    return "\n".join([*lines, *(reported.line(change.before, change.after, paint, wide) for change in found), ""])


def _hint(written: str | None) -> str:
    from shlex import quote

    name = harmless(quote(written or "story.db"))
    lines = [] if written else ["interlock demo --write story.db"]
    lines += [
        f"interlock eval smoke readiness --ledger {name} --task {_TASK} --at {_ASLEEP}",
        f"interlock eval quiescence --ledger {name} --task {_TASK} --at {_ASLEEP} --param quiet_after=2 --format json",
        "interlock show quiescence",
    ]
    return "\n".join(["", "Try it yourself:", *(f"  {line}" for line in lines), ""])
