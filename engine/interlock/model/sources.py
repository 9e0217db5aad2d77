"""Tables that a question reads beside a ledger and feeds."""

from __future__ import annotations

from typing import Literal

import msgspec

Reading = Literal["text", "boolean", "json", "instant", "seconds", "milliseconds", "microseconds", "datetime"]
"""How a column is read: `text` as it is stored, `boolean` of 0 and 1, `json` of a JSON text, `instant` of an RFC 3339
text, `seconds` and the like of an integer since 1970, `datetime` of the text that SQLite's `datetime()` gives."""


class Column(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, rename={"read": "as"}):
    """A column of a table, and how it is read."""

    column: str
    read: Reading = "text"


class TableSource(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A table or view of a database of SQLite, each row of which is a receipt.

    `kind` is that of all rows, or the column that has it; `id`, `task`, `at` and `seq` are columns, those of `task` and
    `seq` left out where there are none. `json` is a column with a JSON object of fields, `fields` are further ones, by
    their names. A receipt's id is that of the row after `name` and a `#`. `places` say where each key is written.
    """

    database: str
    table: str
    kind: str | Column
    id: str
    at: Column
    task: str | None = None
    seq: str | None = None
    json: str | None = None
    fields: dict[str, Column] = {}
    name: str | None = None
    places: dict[str, str] = {}

    @property
    def called(self) -> str:
        """What ids begin with."""
        return self.name or self.table

    @property
    def path(self) -> str:
        """What people know it as."""
        return f"{self.database}#{self.called}"

    def columns(self) -> dict[str, str]:
        """Every column that is read, by the key that names it."""
        found = {"id": self.id, "at": self.at.column, "task": self.task, "seq": self.seq, "json": self.json}
        found |= {"kind": None if isinstance(self.kind, str) else self.kind.column}
        found |= {f"fields.{name}": each.column for name, each in self.fields.items()}
        return {key: column for key, column in found.items() if column is not None}
