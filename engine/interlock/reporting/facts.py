"""The facts that a policy sees, as a table for people and as NDJSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from interlock.escape import harmless
from interlock.model.facts import FactView, SelectionView
from interlock.reporting.style import aligned


def as_lines(seen: Sequence[SelectionView]) -> str:
    """One JSON object a fact: its selection, kind, id, seq and fields."""
    return "".join(f"{harmless(msgspec.json.encode(fact).decode())}\n" for each in seen for fact in each.facts)


def as_table(seen: Sequence[SelectionView]) -> str:
    """A table for each selection, with a column for each field; a selection without facts says so."""
    return "\n".join(_table(each) for each in seen)


def _table(each: SelectionView) -> str:
    count = len(each.facts)
    head = f"{each.name} (from {each.of}): {count:,} fact{'' if count == 1 else 's'}\n"
    if not count:
        return head
    columns = ["id", *dict.fromkeys(name for fact in each.facts for name in fact.fields)]
    rows = [columns, *([_shown(_cell(fact, name)) for name in columns] for fact in each.facts)]
    return head + "".join(f"  {line}\n" for line in aligned(rows))


def _cell(fact: FactView, name: str) -> Any:
    return fact.id if name == "id" else fact.fields.get(name)


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, list | dict | tuple):
        return harmless(msgspec.json.encode(value).decode())
    return harmless(str(value).lower() if isinstance(value, bool) else str(value))
