"""Which index leads to the receipts of a kind and a task.

Conveyor has an index by kind and one by task, each in the order of time, and none by both. Queries are compiled for the
first: a task may have hundreds of thousands of heartbeats, and few receipts of any other kind. Where a ledger has many
tasks, those of one kind may be more than all of the task's own; then the second leads to them.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from interlock.ledger.connection import Connection

FEW: Final = 1_000
"""So many receipts of a kind are looked through whatever the task has: it takes less than a millisecond."""
MANY: Final = 20_000
"""Of so many of a kind and of a task, neither index is known to be the better."""
_READ: Final = r"\breceipt WHERE {}kind = '(?P<receipts>\w+)' AND {}task_id = :task\b"
HOWEVER_LED: Final = _READ.format(r"\+?", r"\+?")
"""Where a query reads the receipts of a kind and a task: the pattern. A `+` keeps SQLite from an index."""
_LED_BY_KIND = re.compile(_READ.format("", r"\+"))
_OF_KIND = "SELECT count(*) FROM (SELECT 1 FROM main.telemetry_events WHERE event_type = :kind LIMIT :most)"
_OF_TASK = "SELECT count(*) FROM (SELECT 1 FROM main.telemetry_events WHERE task_id = :task LIMIT :most)"


def led_by_task(kind: str, task: str = ":task") -> str:
    """How a query reads them led by the index by task. `task` is SQL for the id."""
    return f"receipt WHERE +kind = '{kind}' AND task_id = {task}"


class Leading:
    """Leads queries over one snapshot of a ledger; over any other source, as they are."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._counts: dict[tuple[str, object, int], int] = {}

    def led(self, sql: str, task: object) -> str:
        """The same query, led by the index that fewer rows lie in. Raises LedgerError."""
        kinds = _kinds(sql) if self._connection.layout == "conveyor" else ()
        return _by_task(sql, frozenset(kind for kind in kinds if self._shorter(kind, task))) if kinds else sql

    def _shorter(self, kind: str, task: object) -> bool:
        """Whether the task has fewer receipts of all kinds than there are of this one."""
        if self._count(_OF_KIND, "kind", kind, FEW) < FEW:
            return False
        own = self._count(_OF_TASK, "task", task, MANY)
        return own < MANY and own < self._count(_OF_KIND, "kind", kind, max(own, FEW) + 1)

    def _count(self, sql: str, name: str, value: object, most: int) -> int:
        key = sql, value, most
        if key not in self._counts:
            self._counts[key] = self._connection.rows(sql, {name: value, "most": most})[0][0]
        return self._counts[key]


@lru_cache(1_024)
def _kinds(sql: str) -> frozenset[str]:
    return frozenset(_LED_BY_KIND.findall(sql))


@lru_cache(1_024)
def _by_task(sql: str, kinds: frozenset[str]) -> str:
    def written(found: re.Match[str]) -> str:
        return led_by_task(found["receipts"]) if found["receipts"] in kinds else found[0]

    return _LED_BY_KIND.sub(written, sql) if kinds else sql
