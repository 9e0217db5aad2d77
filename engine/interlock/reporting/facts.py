"""The facts that a policy sees, as a table for people and as NDJSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from interlock.escape import harmless
from interlock.model.facts import FactView, SelectionView
from interlock.reporting.style import aligned, counted, json_lines, json_text


def as_lines(seen: Sequence[SelectionView]) -> str:
    """One JSON object a fact: its selection, kind, id, seq and fields."""
    return json_lines(fact for each in seen for fact in each.facts)


def as_table(seen: Sequence[SelectionView]) -> str:
    """A table for each selection, with a column for each field; a selection without facts says so."""
    return "\n".join(_table(each) for each in seen)


def _table(each: SelectionView) -> str:
    head = f"{each.name} (from {each.of}): {counted(len(each.facts), 'fact')}\n"
    if not each.facts:
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
        return json_text(value)
    return harmless(str(value).lower() if isinstance(value, bool) else str(value))
