"""The views that make Conveyor's tables the canonical relation of facts; `conveyor.sql` defines them.

To create a view costs more than to ask for a fact, so a connection gets only those that its queries name.
"""

from __future__ import annotations

import os
import re
from functools import cache, lru_cache
from typing import Final

_DEFINITION: Final = re.compile(r"^CREATE TEMP VIEW (\w+) AS\n([^;]+)", re.MULTILINE)


@cache
def definitions() -> dict[str, str]:
    """The query that each view stands for, by the view's name."""
    with open(os.path.join(os.path.dirname(__file__), "conveyor.sql"), encoding="utf-8") as file:
        return dict(_DEFINITION.findall(file.read()))


@lru_cache(1_024)
def needed(sql: str) -> frozenset[str]:
    """The names of the views that a statement reads, directly or through other views."""
    known = definitions()
    found = known.keys() & re.findall(r"\w+", sql)
    return frozenset(found.union(*(needed(known[name]) for name in found)))
