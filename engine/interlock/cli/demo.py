"""`interlock demo`: two stories that ship, each as three gates saw it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
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
from interlock.resources import data_folder, with_schema_reference

if TYPE_CHECKING:
    from interlock.model.history import Lane


class _Story(NamedTuple):
    """What is shown: of a task, from one instant to another, by gates in the order of `gates`.

    `write` leaves the story at a path; `gates` are then policies, and `ledger` the file, both below it. `hints` are
    what to try next: `{path}` is where it was left, `{name}` that of the ledger.
    """

    task: str
    gates: tuple[str, ...]
    span: tuple[str, str]
    name: str
    ledger: str
    write: Callable[[str], None]
    hints: tuple[str, ...]


_PACKED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "stories", "story.db.xz")
_RELEASE = ("examples", "release")


class _Change(NamedTuple):
    """A decision of another verdict or state than the one before it, which is None for a gate's first."""

    before: Decision | None
    after: Decision


_EXAMPLES = """\b
Examples:
  interlock demo
  interlock demo --write story.db
  interlock demo --ci
  interlock demo --ci --write release
"""


@click.command("demo", short_help="Watch three gates over an hour of a story.", epilog=_EXAMPLES)
@click.option("--ci", is_flag=True, help="Play a release over CloudEvents, for which nobody needs Agent Conveyor.")
@click.option("--write", metavar="PATH", help="Leave the ledger (with --ci a folder) at PATH, to try the commands on.")
@options.form
def command(ci: bool, write: str | None, form: str) -> int:
    """Play a story that ships with interlock: a line whenever one of three gates changes its mind.

    It is the ledger of one pair's hour, and the gates are smoke (may real work start?), readiness (does the pair run by
    itself?) and quiescence (may its autopilot stop?). With --ci it is a release with test runs, approvals and a freeze,
    which CloudEvents report, and the gates are approved, tested and release, with fact kinds of their own. With
    --format json, each of these decisions is an object on a line.
    """
    from tempfile import TemporaryDirectory

    story = _RELEASE_STORY if ci else _PAIR_STORY
    with TemporaryDirectory() as folder:
        path = os.path.join(folder, story.name) if write is None else write
        story.write(path)
        found = _changes(story, path, write or story.name)
    if form == "json":
        output.put(render(form, [change.after for change in found]), "utf-8")
    else:
        output.put(_told(story, found) + _hint(story, write))
    return exit_codes.ALLOWED


def _unpack(path: str) -> None:
    """Write the ledger of the pair to a path at which there is nothing yet. Raises UsageError."""
    import lzma

    with lzma.open(_PACKED) as packed:
        content = packed.read()
    try:
        with open(path, "xb") as file:
            file.write(content)
    except OSError as error:
        raise UsageError(f"cannot write `{path}`: {reason(error)}") from None


def _copy(path: str) -> None:
    """Write the feed, the gates, their tests and fact kinds to a folder that is not there yet. Raises UsageError."""
    from shutil import copytree

    try:
        copytree(os.path.join(data_folder("policies"), *_RELEASE), path)
        for name in os.listdir(path):
            if name.endswith(".yaml"):
                place = os.path.join(path, name)
                with open(place, "r+", encoding="utf-8") as file:
                    text = with_schema_reference(file.read(), path)
                    file.seek(0)
                    file.truncate()
                    file.write(text)
    except OSError as error:
        raise UsageError(f"cannot write `{path}`: {reason(error)}") from None


def _changes(story: _Story, path: str, name: str) -> list[_Change]:
    """The changes in the story at `path`, which its reader knows by `name`: in the order of time, then of the gates.

    The first of each gate is its first decision.
    """
    from interlock.api import evaluate, replay
    from interlock.ledger import open_ledger

    found, last = [], dict[str, Decision]()
    gates = {os.path.basename(gate).removesuffix(".yaml"): gate.format(path=path) for gate in story.gates}
    with closing(open_ledger(os.path.join(path, story.ledger) if story.ledger else path)) as ledger:
        lanes = replay(gates.values(), ledger=ledger, task=story.task, since=story.span[0], until=story.span[1]).lanes
        flips = sorted((at, gate, lane.policy) for gate, lane in enumerate(lanes) for at in _flips(lane))
        for at, _, policy in flips:
            decision = evaluate(gates[policy], ledger=ledger, task=story.task, at=format_instant(at))
            place = os.path.join(name, story.ledger) if story.ledger else name
            decision = structs.replace(decision, ledger=structs.replace(decision.ledger, path=place))
            found.append(_Change(last.get(policy), decision))
            last[policy] = decision
    return found


def _flips(lane: Lane) -> Iterator[int]:
    """The whole seconds, in microseconds, from which on the verdict or the state of a gate differs from before."""
    before = None
    for each in lane.intervals:
        if before != (before := (each.allow, each.state)):
            yield -(-parse_instant(each.since) // SECOND) * SECOND


def _told(story: _Story, found: list[_Change]) -> str:
    """The timeline: when, which gate, its verdict, the state before and after, and the first blocker."""
    first, last = found[0].after.now, found[-1].after.now
    span = f"{first[:10]}, {first[11:]} to {last[11:]}"
    lines = [f"{story.task} on {span}: three gates, and when each changes its mind", ""]
    paint, wide = output.painter(sys.stdout), max(len(change.after.policy) for change in found)
    return "\n".join([*lines, *(reported.line(change.before, change.after, paint, wide) for change in found), ""])


def _hint(story: _Story, written: str | None) -> str:
    """What to try next."""
    from shlex import quote

    path = harmless(quote(written or story.name))
    lines = [] if written else [f"interlock demo {'--ci ' if story.ledger else ''}--write {story.name}"]
    lines += [hint.format(path=path) for hint in story.hints]
    return "\n".join(["", "Try it yourself:", *(f"  {line}" for line in lines), ""])


_PAIR = "--ledger {path} --task checkout-refactor --at 2026-06-22T09:20:00Z"
"""The pair at an instant at which there is something to fix."""
_PAIR_STORY = _Story(
    task="checkout-refactor",
    gates=("smoke", "readiness", "quiescence"),
    span=("2026-06-22T09:00:30Z", "2026-06-22T09:59:30Z"),
    name="story.db",
    ledger="",
    write=_unpack,
    hints=(
        f"interlock eval smoke readiness {_PAIR}",
        f"interlock eval quiescence {_PAIR} --param quiet_after=2 --format json",
        "interlock show quiescence",
    ),
)
_RELEASE_AT = "--ledger {path}/events.ndjson --task release-2.4 --at 2026-06-22"
_RELEASE_STORY = _Story(
    task="release-2.4",
    gates=("{path}/tested.yaml", "{path}/approved.yaml", "{path}/release.yaml"),
    span=("2026-06-22T08:02:11Z", "2026-06-22T10:30:00Z"),
    name="release",
    ledger="events.ndjson",
    write=_copy,
    hints=(
        f"interlock eval {{path}}/release.yaml {_RELEASE_AT}T09:20:00Z",
        f"interlock explain {{path}}/tested.yaml {_RELEASE_AT}T10:25:00Z",
        "interlock test {path}",
    ),
)
