"""Two versions of a policy over many ledgers for a person: what became allowed, and all that could not be compared."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter

from interlock.escape import harmless
from interlock.model.fleet_diff import ChangeCounts, FleetDiff, FleetDiffEnd
from interlock.reporting.diff import HEADS, difference, versions, widest
from interlock.reporting.fleet import faults_and_notes
from interlock.reporting.style import Paint, RenderContext, counted


def as_text(found: FleetDiff, look: RenderContext) -> str:
    """The two versions; what became allowed, by ledger and task, and how much else differs; every fault and note; at
    the end the sum."""
    lines = list(versions(found.old, found.new, found.one_sided))
    for each in found.end.changes:
        if each.differences:
            head, colour = HEADS[each.change]
            lines += ["", look.paint(f"{head}: {_times(each)}", colour)]
            lines += _softer(found, look) if each.change == "softer" else ["  `--format json` shows where"]
    lines += faults_and_notes("not compared", found.faults, found.notes, look)
    return "".join(f"{line}\n" for line in (*lines, "", _sum(found.end, look.paint)))


def _softer(found: FleetDiff, look: RenderContext) -> Iterator[str]:
    wide = widest(each for _, each in found.softer)
    for path, those in groupby(found.softer, key=itemgetter(0)):
        yield f"  {harmless(path)}"
        for _, each in those:
            yield from difference(each, wide, look, "    ")


def _times(each: ChangeCounts) -> str:
    tasks, ledgers = counted(each.tasks, "task"), counted(each.ledgers, "ledger")
    return f"{counted(each.differences, 'interval')} in {tasks} of {ledgers}"


def _sum(end: FleetDiffEnd, paint: Paint) -> str:
    some = f"{end.ledgers - end.faults:,} of " if end.faults else ""
    over = f"over the history of {counted(end.tasks, 'task')} in {some}{counted(end.ledgers, 'ledger')}"
    skipped = f"; nothing was recorded of {end.skipped:,} more" if end.skipped else ""
    count = sum(each.differences for each in end.changes)
    if not count:
        return f"{'no difference' if end.faults else paint('no difference', 'green')} {over}{skipped}"
    counts = ", ".join(f"{each.differences:,} {each.change}" for each in end.changes)
    return f"{counted(count, 'difference')} {over}: {counts}{skipped}"
