"""When what a policy reads of a task arrived, or changed, over a stretch of time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import msgspec

from interlock import instant, schemas
from interlock.expression.values import Known, evaluate
from interlock.fact import Value
from interlock.history import Mark
from interlock.ledger import Snapshot

if TYPE_CHECKING:
    from interlock.evaluation import Loaded

_ROLES = ("manager", "worker")
BEHIND = {
    "seat": ("app_heartbeat", "codex_events_ingested", "app_worker_rotation_recorded"),
    "wake_action": ("app_wakeup_dispatch_planned",),
    "smoke_seat": ("app_smoke_receipt_recorded",),
}
"""The receipts that entities are made of."""
_DAY = 86_400


class Arrivals(msgspec.Struct):
    """What arrived at each instant, in microseconds: the kinds of the facts, and how they are cited.

    `dated` is whether every receipt that the policies read bears a time.
    """

    kinds: dict[int, set[str]]
    marks: dict[int, dict[str, Mark]]
    dated: bool = True

    def add(self, at: int, kinds: Iterable[str], mark: Mark | None = None) -> None:
        """Note that facts of these kinds arrived or changed."""
        self.kinds.setdefault(at, set()).update(kinds)
        if mark is not None:
            self.marks.setdefault(at, {})[mark.id] = mark


Reads = dict[str, dict[str, bool]]
"""The kinds that are read of a task (by name), and whether those of every task are."""


def reads(loaded: Loaded, task: str, params: Mapping[str, Value], load: Callable[[str, str], Loaded]) -> Reads:
    """What a policy and those that it needs read, task by task."""
    found: Reads = {task: dict(loaded.policy.kinds())}
    for need in loaded.policy.needs:
        listed = (task,) if need.tasks is None else evaluate(need.tasks, Known(0, task, params, {}))
        for name in listed if isinstance(listed, tuple) else ():
            given = {key: evaluate(node, Known(0, name, params, {})) for key, node in need.given.items()}
            for of, kinds in reads(load(need.policy, loaded.folder), name, {**params, **given}, load).items():
                mine = found.setdefault(of, {})
                mine.update({kind: mine.get(kind, False) or every for kind, every in kinds.items()})
    return found


def arrivals(snapshot: Snapshot, wanted: Reads, since: int, until: int) -> Arrivals:
    """Everything of what is `wanted` that arrived or changed after `since`, up to `until`. Raises LedgerError."""
    found = Arrivals({}, {})
    for at in snapshot.turns():
        found.add(at, ())
    for task, kinds in wanted.items():
        identity = snapshot.task_id(task)
        for kind in schemas.ENTITIES:
            if kind in kinds:
                _note_entities(snapshot, identity, kind, every=kinds[kind], found=found)
        _note_receipts(snapshot, identity, kinds, found, since, until)
    within = {at: each for at, each in found.kinds.items() if since < at <= until}
    return Arrivals(within, {at: marks for at, marks in found.marks.items() if at in within}, found.dated)


def _note_entities(snapshot: Snapshot, task: str, kind: str, *, every: bool, found: Arrivals) -> None:
    for what, identity, at in snapshot.changes(kind, None if every else task):
        known = found.marks.get(at, {}).get(identity)  # an entity's receipt says more than the entity does
        found.add(at, (kind,), known or Mark(identity, what, instant.format_instant(at)))


def _note_receipts(
    snapshot: Snapshot, task: str, kinds: Mapping[str, bool], found: Arrivals, since: int, until: int
) -> None:
    """Receipts of the kinds, and of those that entities are made of."""
    serves: dict[str, set[str]] = {}
    everywhere: set[str] = set()
    for kind in kinds:
        for behind in (kind,) if kind not in schemas.ENTITIES else BEHIND.get(kind, ()):
            serves.setdefault(behind, set()).add(kind)
            everywhere |= {behind} if kinds[kind] else set()
    arrived = snapshot.arrived(task, list(serves), everywhere, since, until)
    arrived += snapshot.elsewhere(task, since, until) if "seat" in kinds else []
    for receipt, kind, text, at, actor, summary, role in arrived:
        if at is None:
            found.dated = False
            for each in seconds(str(text), since, until):
                found.add(each, serves[kind])
        else:
            seat = next((word for word in (role, actor) if word in _ROLES), None)
            found.add(at, serves[kind], Mark(receipt, kind, instant.format_instant(at), seat, actor, summary or None))


def seconds(text: str, since: int, until: int) -> list[int]:
    """When a time that is none comes into sight: ranges of time are taken on texts (`compiler.undated`)."""
    found = []
    for ahead in (0, 1, _DAY + 1):
        low, high = since // instant.SECOND, until // instant.SECOND + 1
        while low < high:
            middle = (low + high) // 2
            if instant.format_instant((middle + ahead) * instant.SECOND)[:19] > text:
                high = middle
            else:
                low = middle + 1
        found.append(low * instant.SECOND)
    return found
