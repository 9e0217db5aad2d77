"""What a policy reads of a task, and when a time that cannot be read comes into sight."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from interlock import instant
from interlock.evaluation.judged import passed
from interlock.language.evaluate import Environment, evaluate
from interlock.model.facts import Value

if TYPE_CHECKING:
    from interlock.evaluation.judge import Loaded

BEHIND = {
    "seat": ("app_heartbeat", "codex_events_ingested", "app_worker_rotation_recorded"),
    "wake_action": ("app_wakeup_dispatch_planned",),
    "smoke_seat": ("app_smoke_receipt_recorded",),
}
"""The receipts that entities are made of."""
_DAY = 86_400


Reads = dict[str, dict[str, bool]]
"""The kinds that are read of a task (by name), and whether those of every task are."""


def reads(loaded: Loaded, task: str, params: Mapping[str, Value]) -> Reads:
    """What a policy and those that it needs read, task by task."""
    found: Reads = {}
    waiting = [(loaded, task, params)]
    seen = set[tuple[object, ...]]()
    while waiting:
        each, name, given = waiting.pop()
        key = (each, name, tuple(sorted(given.items())))
        if key in seen:
            continue
        seen.add(key)
        kinds = found.setdefault(name, {})
        kinds.update({kind: kinds.get(kind, False) or every for kind, every in each.policy.kinds().items()})
        known = Environment(0, name, given, {})
        for need in each.policy.needs:
            listed = (name,) if need.tasks is None else evaluate(need.tasks, known)
            needed = each.needs[need.policy]
            passing = passed(need, needed.policy, known)
            waiting += [(needed, of, passing) for of in (listed if isinstance(listed, tuple) else ())]
    return found


def seconds(text: str, since: int, until: int) -> list[int]:
    """When a time that is none comes into sight: ranges of time are taken on texts (`policy.compile.undated`)."""
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
