"""The rows of queries over one snapshot: a query that was run with the same values is not run again."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from functools import lru_cache

from interlock.evaluation.computing import computed
from interlock.ledger import Snapshot
from interlock.ledger.rows import Row
from interlock.model.compiled import Query

MAX_KEPT = 256
"""The most queries whose rows are kept: those that concern every task, and those of the latest tasks."""
MAX_ROWS = 200
"""The most rows of a query that are kept."""


class Answers:
    """Runs queries over a snapshot, each once with the same values. What the snapshot shows must stay as it is."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._kept: OrderedDict[tuple[object, ...], tuple[list[Row], Query | None]] = OrderedDict()

    def rows(self, sql: str, binds: Mapping[str, object], query: Query | None, *, numbers: bool = False) -> list[Row]:
        """The rows of a query's SQL. They must not be changed. Raises as `Snapshot.selected`."""
        values = [binds.get(name) for name in placeholders(sql)]
        conditions = id(query) if query is not None and query.conditions else None
        # A number that is 1 is not the truth that is, and not the double.
        key = (sql, conditions, *values, *map(type, values))
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


@lru_cache(1_024)
def placeholders(sql: str) -> tuple[str, ...]:
    """The names after a colon in SQL: all of its placeholders, and what its texts may have that looks like one."""
    return tuple(sorted(set(re.findall(r":([A-Za-z_]\w*)", sql))))
