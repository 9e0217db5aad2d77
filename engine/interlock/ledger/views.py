"""The views that make a source's tables the canonical relation of facts: `conveyor.sql` and `feed.sql` define them, and
`sessions.sql` what is alike in both.

To create a view costs more than to ask for a fact, so a connection gets only those that its queries name.
"""

from __future__ import annotations

import os
import re
from functools import cache, lru_cache
from typing import Final, Literal

Source = Literal["conveyor", "feed"]
WITHOUT_EVENTS: Final = {
    "registered": "SELECT NULL AS seq, NULL AS at, NULL AS instant, NULL AS session_id WHERE 0",
    "registered_pair": "SELECT NULL AS seq, NULL AS at, NULL AS instant, NULL AS task_id,"
    " NULL AS manager_name, NULL AS worker_name WHERE 0",
}
"""What stands for the views of `events` where a ledger has no such table: no registration is known."""
_DEFINITION: Final = re.compile(r"^CREATE TEMP VIEW (\w+) AS\n([^;]+)", re.MULTILINE)


@cache
def definitions(source: Source) -> dict[str, str]:
    """The query that each view stands for, by the view's name."""
    found: dict[str, str] = {}
    for name in ("sessions", source):
        with open(os.path.join(os.path.dirname(__file__), f"{name}.sql"), encoding="utf-8") as file:
            found.update(_DEFINITION.findall(file.read()))
    return found


@lru_cache(1_024)
def needed(sql: str, source: Source) -> frozenset[str]:
    """The names of the views that a statement reads, directly or through other views."""
    known = definitions(source)
    found = known.keys() & re.findall(r"\w+", sql)
    return frozenset(found.union(*(needed(known[name], source) for name in found)))
