"""Where two versions of a policy decide differently: for a person, and for a program."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from interlock.escape import harmless
from interlock.model.diff import Comparison, Difference, Direction, Side, Version

Paint = Callable[[str, str], str]
_HEADS: dict[Direction, tuple[str, str]] = {
    "softer": ("newly allowed", "red"),
    "stricter": ("no longer allowed", "yellow"),
    "other": ("same verdict, different state or findings", "cyan"),
}
"""The heading and colour of each sort of difference, the worst first."""


def as_json(found: Comparison) -> str:
    """One JSON object on a line, as `schemas/diff.schema.json` states it."""
    return f"{harmless(msgspec.json.encode(found).decode())}\n"


def as_text(found: Comparison, paint: Paint) -> str:
    """The two versions; the differences, what became allowed first; at the end the sum."""
    lines = [f"old  {_version(found.old)}", f"new  {_version(found.new)}", ""]
    wide = max((len(harmless(each.task)) for each in found.differences), default=0)
    for change, (head, colour) in _HEADS.items():
        those = found.of(change)
        if those:
            lines += [paint(f"{head}: {_times(those)}", colour)]
            lines += [line for each in those for line in _difference(each, wide)]
            lines.append("")
    return "".join(f"{line}\n" for line in (*lines, _sum(found, paint)))


def _version(version: Version) -> str:
    return f"{version.policy}  {harmless(version.path)}  {version.digest[:15]}"


def _times(those: tuple[Difference, ...]) -> str:
    count, tasks = len(those), len({each.task for each in those})

    return f"{count:,} interval{'' if count == 1 else 's'} in {_tasks(tasks)}"


def _tasks(count: int) -> str:
    return f"{count:,} task{'' if count == 1 else 's'}"


def _difference(each: Difference, wide: int) -> Iterator[str]:
    until = f"to {each.until}" if each.until else "on"
    when = f"from {each.since} {until}"
    yield f"  {harmless(each.task):{wide}}  {when}: {_side(each.old)} -> {_side(each.new)}"
    for message, rules in (("no longer", each.vanished), ("new", each.appeared)):
        if rules:
            yield f"  {'':{wide}}  {message}: {', '.join(rules)}"
    for why, side, other in (("was undecided", each.old, each.new), ("undecided", each.new, each.old)):
        if side.reason is not None and side.reason != other.reason:
            yield f"  {'':{wide}}  {why}: {harmless(side.reason)}"


def _side(side: Side) -> str:
    if side.allow is None:
        return "undecided"
    return f"{'allowed' if side.allow else 'denied'} ({harmless(side.state)})"


def _sum(found: Comparison, paint: Paint) -> str:
    over = f"over the history of {_tasks(len(found.tasks))}"
    skipped = f"; nothing was recorded of {len(found.skipped):,} more" if found.skipped else ""
    if not found.differences:
        return f"{paint('no difference', 'green')} {over}{skipped}"
    counts = ", ".join(f"{len(found.of(change))} {change}" for change in _HEADS)
    count = len(found.differences)
    return f"{count:,} difference{'' if count == 1 else 's'} {over}: {counts}{skipped}"
