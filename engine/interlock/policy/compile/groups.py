"""The rows of absent named groups: nulls, but for the group's own field.

Such a row has the `suspect` -1, which no row of the ledger has: whatever else of it is null, it cannot be mistaken.
"""

from __future__ import annotations

from interlock.language.sql import literal
from interlock.model.policy import Selection
from interlock.policy.compile.columns import PLAIN, ROW, document_path

ABSENT = -1
"""The `suspect` of such a row."""
TIES = "kind, id, task, actor, severity, summary, correlation, attributes"
"""In what absent groups differ: they have no time to be ordered by."""


def absent(selection: Selection) -> str:
    """A row for each of the groups that the selection names, with its value."""
    listed = ", ".join(f"({literal(group)})" for group in selection.groups)
    return f"SELECT {_row(selection.per[0])}, {ABSENT}, column1 FROM (VALUES {listed})"


def _row(path: str) -> str:
    """The columns of a row in which only the field at the path is not null: it is `column1`."""
    if path in PLAIN:
        return ", ".join("column1" if name == path else "NULL" for name in ROW.split(", "))
    document, names = document_path(path)
    text = "column1"
    for name in reversed(names):
        text = f"json_object({literal(name)}, {text})"
    return ", ".join(text if name == document else "NULL" for name in ROW.split(", "))
