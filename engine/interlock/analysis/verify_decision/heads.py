"""Where a ledger ended when a decision was made, and which receipts it had then that the decision does not know."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence

import msgspec

from interlock.diagnostics import UsageError
from interlock.instant import SECOND
from interlock.ledger import Ledger, Snapshot
from interlock.ledger.connection import Upto
from interlock.ledger.joined import Joined
from interlock.model.decision_log import Record
from interlock.reporting.style import counted

_LAG = 5 * SECOND
"""A writer stamps a receipt before it commits it, and may cut the stamp to the second: so much later it may appear."""
_UNKNOWN = -(1 << 63)
"""The instant of a receipt that has none: it may have been there at any."""
_TIMES = "SELECT seq, instant FROM receipt ORDER BY seq"
_NAMED = "SELECT kind, id FROM receipt WHERE seq = :seq"
_SHOWN = 3
_PASSED = (
    "the ledger had {names} by then, after the recorded head: that head is older than the ledger was, or they were"
    " written later with earlier times"
)


class RecordedHead(msgspec.Struct, frozen=True):
    """The `seq` up to which receipts are judged by, and what there was beyond it at the decision's instant.

    `passed` is the id of the newest receipt that was there and is passed over; None where there is none. `possible` is
    the `seq` of the newest receipt that may have been there; `doubtful` names those that may. `notes` are for people.
    """

    seq: Upto
    passed: str | None = None
    possible: Upto | None = None
    doubtful: str = ""
    notes: tuple[str, ...] = ()


class _Times:
    """The `seq` and the instant of every receipt, and the earliest instant of it and all after it."""

    def __init__(self, snapshot: Snapshot) -> None:
        rows = snapshot.rows(_TIMES, {})
        self.seqs = array("q", (seq for seq, _ in rows))
        self.instants = array("q", (_UNKNOWN if instant is None else instant for _, instant in rows))
        self.earliest = array("q", self.instants)
        for index in range(len(rows) - 2, -1, -1):
            self.earliest[index] = min(self.earliest[index], self.earliest[index + 1])

    def since(self, head: int, now: int) -> list[tuple[int, int]]:
        """The receipts after `head` that are not known to be later than `now`: each one's `seq` and instant."""
        first = bisect_right(self.seqs, head)
        if first == len(self.seqs) or self.earliest[first] > now:
            return []
        rest = range(first, len(self.seqs))
        return [(self.seqs[index], self.instants[index]) for index in rest if self.instants[index] <= now]


class Heads:
    """Finds the heads of ledgers. The times of a ledger's receipts are read once."""

    def __init__(self) -> None:
        self._times: dict[Ledger, _Times] = {}

    def find(self, ledger: Ledger, before: Record, now: int) -> RecordedHead:
        """The head of a ledger when a decision was made at `now`, in microseconds, UTC.

        A receipt is known by its id: a VACUUM may renumber receipts. One that took the place of another came later.
        """
        return ledger.ask(now, lambda snapshot: self._found(ledger, snapshot, before, now))

    def _found(self, ledger: Ledger, snapshot: Snapshot, before: Record, now: int) -> RecordedHead:
        if snapshot.joined is not None:
            return _found_of_several(snapshot.joined, before, now)
        head, notes = _recorded_head(before, snapshot)
        if ledger not in self._times:
            self._times[ledger] = _Times(snapshot)
        late = self._times[ledger].since(head, now)
        if not late:
            return RecordedHead(head, notes=notes)
        passed = [seq for seq, instant in late if _UNKNOWN < instant <= now - _LAG]
        if not passed:
            return RecordedHead(head, None, late[-1][0], _named([seq for seq, _ in late], snapshot), notes)
        message = _PASSED.format(names=_named(passed, snapshot))
        ((_, newest),) = snapshot.rows(_NAMED, {"seq": passed[-1]})
        return RecordedHead(head, newest, notes=(*notes, message))


def _found_of_several(joined: Joined, before: Record, now: int) -> RecordedHead:
    """The head of each of several sources. Raises UsageError where they are not as many as there were."""
    recorded = before.decision.ledger.sources
    if len(recorded) != len(joined.paths):
        were, are = max(1, len(recorded)), len(joined.paths)
        raise UsageError(f"it was judged on {counted(were, 'source')}, and there are {are:,}")
    ends, heads, notes = joined.heads(), list[int](), list[str]()
    for index, each in enumerate(recorded):
        found = each.seq if each.newest is None else joined.seq_of(index, each.newest)
        if found is None and each.newest == ends[index].newest:  # an export may name its newest and leave it out
            found = ends[index].seq
        if found is None:
            notes.append(f"the receipt that was the newest of `{joined.paths[index]}`, `{each.newest}`, is gone")
        heads.append(max(0, each.seq - 1) if found is None else found)
    late = [row for row in joined.since(heads) if row[4] is None or row[4] <= now]
    passed = [row for row in late if row[4] is not None and row[4] <= now - _LAG]
    if not late:
        return RecordedHead(heads, notes=tuple(notes))
    if not passed:
        possible = [max([head, *(row[3] for row in late if row[0] == index)]) for index, head in enumerate(heads)]
        return RecordedHead(heads, None, possible, _counted([(row[1], row[2]) for row in late]), tuple(notes))
    names = _counted([(row[1], row[2]) for row in passed])
    return RecordedHead(heads, passed[-1][2], notes=(*notes, _PASSED.format(names=names)))


def _recorded_head(before: Record, snapshot: Snapshot) -> tuple[int, tuple[str, ...]]:
    """The `seq` that the recorded head has now, and a note where it is gone."""
    seq = before.decision.ledger.seq
    if before.head is None:
        return seq, ()
    found = snapshot.fact("receipt", before.head)
    if found is not None:
        message = f"the head `{before.head}` is numbered {found.seq} now, and was {seq}: a VACUUM may renumber receipts"
        return found.seq, () if found.seq == seq else (message,)
    if snapshot.newest() == before.head:  # a feed may name its newest and leave it out
        return snapshot.head, ()
    if snapshot.head < seq:
        why = f"the ledger ends at {snapshot.head}, before the decision's {seq}"
        return max(0, seq - 1), (f"{why}: it is an older copy, or receipts were deleted",)
    return max(0, seq - 1), (f"the receipt that was the newest, `{before.head}`, is gone",)


def _named(seqs: Sequence[int], snapshot: Snapshot) -> str:
    rows = [row for seq in seqs[:_SHOWN] for row in snapshot.rows(_NAMED, {"seq": seq})]
    return _counted(rows, len(seqs))


def _counted(rows: Sequence[Sequence[str]], count: int | None = None) -> str:
    """How many receipts these are, and the first of them: each one's kind and id."""
    count = len(rows) if count is None else count
    names = ", ".join(f"{kind} `{identity}`" for kind, identity in rows[:_SHOWN]) + (", …" if count > _SHOWN else "")
    return f"{counted(count, 'receipt')} ({names})"
