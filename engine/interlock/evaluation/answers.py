"""The rows of queries over one snapshot: a query that was run with the same values is not run again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping

from interlock.evaluation.computing import computed
from interlock.ledger import Snapshot
from interlock.ledger.rows import Row
from interlock.model.compiled import Query

Question = tuple[object, ...]
MAX_KEPT = 256
"""The most queries whose rows are kept: those that concern every task, and those of the latest tasks."""
MAX_ROWS = 200
"""The most rows of a query that are kept."""
FEW_ROWS = 20
"""The most rows that are kept of a query that is run for many tasks at once."""
_OF_TASK = ("task", "task_name")


class StoredRows(list[Row]):
    """Rows of which somebody has made sure that the table has them as the index does."""


class Answers:
    """Runs queries over a snapshot, each once with the same values. What the snapshot shows must stay as it is."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._kept: OrderedDict[Question, tuple[list[Row], Query | None]] = OrderedDict()
        self._ready: dict[Question, list[Row]] = {}

    def rows(self, sql: str, binds: Mapping[str, object], query: Query | None, *, numbers: bool = False) -> list[Row]:
        """The rows of a query's SQL. They must not be changed. Raises as `Snapshot.selected`."""
        key = question(sql, binds, query)
        ready = self._ready.get(key)
        if ready is not None:
            if len(ready) > FEW_ROWS:
                del self._ready[key]
            return ready
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key][0]
        run = None if query is None else computed(query)
        found = self.snapshot.selected(sql, binds, numbers=numbers, computed=run)
        if len(found) <= MAX_ROWS:
            self._kept[key] = found, query
            if len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
        return found

    def have(self, key: Question) -> bool:
        """Whether the rows of a query are there already."""
        return key in self._ready or key in self._kept

    def give(self, key: Question, rows: list[Row]) -> None:
        """Take the rows of a query that somebody else ran: few of them until `forget`, more for the next time only."""
        self._ready[key] = rows

    def forget(self) -> None:
        """Let go of the rows that were given."""
        self._ready.clear()


def question(sql: str, binds: Mapping[str, object], query: Query | None) -> Question:
    """What the rows of a query rest on. A number that is 1 is neither the truth nor the double that is."""
    values: Iterable[object] = binds.values()
    if ":task" not in sql:
        values = [value for name, value in binds.items() if name not in _OF_TASK]
    if query is None:
        return (sql, *values)
    return (sql, id(query) if query.conditions else None, *values, *[type(binds[name]) for name in query.binds])
