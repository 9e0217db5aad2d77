"""The views of the canonical relation, over the tables of Conveyor or over the one table that a feed is read into."""

from __future__ import annotations

import os
import re
from functools import cache, lru_cache
from typing import Final, Literal

Layout = Literal["conveyor", "feed"]
"""Which tables there are: those of Conveyor, or a `FactTable`."""
NEWEST_SEQ: Final[dict[Layout, str]] = {
    "conveyor": "SELECT max(rowid) FROM main.telemetry_events",
    "feed": "SELECT max(seq) FROM main.fact WHERE NOT entity",
}
"""The query for the `seq` of the newest receipt."""
WITHOUT_EVENTS: Final = {
    "registered": "SELECT NULL AS seq, NULL AS at, NULL AS instant, NULL AS session_id WHERE 0",
    "registered_pair": "SELECT NULL AS seq, NULL AS at, NULL AS instant, NULL AS task_id,"
    " NULL AS manager_name, NULL AS worker_name WHERE 0",
}
"""What stands for the views of `events` where a ledger has no such table: no registration is known."""
_DEFINITION: Final = re.compile(r"^CREATE TEMP VIEW (\w+) AS\n([^;]+)", re.MULTILINE)


@cache
def definitions(layout: Layout) -> dict[str, str]:
    """The query that each view stands for, by the view's name."""
    found: dict[str, str] = {}
    for name in ("sessions", layout):
        with open(os.path.join(os.path.dirname(__file__), f"{name}.sql"), encoding="utf-8") as file:
            found.update(_DEFINITION.findall(file.read()))
    return found


@lru_cache(1_024)
def needed(sql: str, layout: Layout) -> frozenset[str]:
    """The names of the views that a statement reads, directly or through other views."""
    known = definitions(layout)
    found = known.keys() & re.findall(r"\w+", sql)
    return frozenset(found.union(*(needed(known[name], layout) for name in found)))
