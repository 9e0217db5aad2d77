"""The facts of a ledger as the lines of a feed (`docs/design/ledger.md`, "Feeds")."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

import msgspec

from interlock import instant, schemas
from interlock.diagnostics import FactError, UsageError
from interlock.ledger import Snapshot
from interlock.ledger.rows import document


class Extent(msgspec.Struct, frozen=True):
    """What is exported: the facts of `tasks` (by name or id; of every task when None) that are of `kinds` (of any kind
    when None), and of the kinds `everywhere` those of every task and of none."""

    tasks: Sequence[str] | None
    kinds: Sequence[str] | None
    everywhere: Sequence[str]


class Export:
    """An export under way; `invalid` counts the facts that their schemas refuse, for which a feed is refused."""

    def __init__(self, snapshot: Snapshot, now: int, extent: Extent) -> None:
        """Export from a snapshot at `now`. Raises UsageError for an unknown task, LedgerError."""
        self.snapshot, self.now, self.extent, self.invalid = snapshot, now, extent, 0
        tasks = extent.tasks
        self.ids = None if tasks is None else list(dict.fromkeys(map(snapshot.task_id, tasks)))
        self.names = None if self.ids is None else [name_of(snapshot, identity) for identity in self.ids]
        if tasks is None:
            _distinct(snapshot.task_labels(), snapshot)

    def lines(self) -> Iterator[bytes]:
        """The feed's lines: what it holds, every fact, and how many they were. Raises LedgerError."""
        extent, encode = self.extent, msgspec.json.Encoder().encode
        head = {"kind": "feed", "version": 1, "at": instant.format_instant(self.now), "head": self.snapshot.head}
        head["newest"] = self.snapshot.newest()
        notes = {"notes": self.snapshot.notes} if self.snapshot.notes else {}
        yield encode({**head, "tasks": self.names, "kinds": extent.kinds, "everywhere": extent.everywhere, **notes})
        count, catalog = 0, self.snapshot.catalog
        for row in self.snapshot.facts(self.ids, extent.kinds, extent.everywhere):
            made, unread = document(row)
            if unread:
                why = "; ".join(each.message for each in unread)
                raise FactError(f"{row.kind} `{row.id}` is invalid: {why}; fix it, then export again")
            self.invalid += bool(schemas.faults(catalog, row.kind if row.kind in catalog.kinds else None, made))
            yield encode(made)
            count += 1
        yield encode({"kind": "feed_end", "facts": count})


def name_of(snapshot: Snapshot, identity: str) -> str:
    """The name of the task of that id. Raises UsageError where it may mean another task too."""
    name = snapshot.task_name(identity)
    with suppress(UsageError):
        if snapshot.task_id(name) == identity:
            return name
    raise UsageError(f"several tasks are known as `{name}`, and a feed distinguishes tasks by their names")


def _distinct(asked: Sequence[str], snapshot: Snapshot) -> None:
    for task in asked:
        name_of(snapshot, snapshot.task_id(task))
