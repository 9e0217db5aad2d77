"""A private table of facts, which SQLite keeps in a file without a name: each is there once, and in one order."""

from __future__ import annotations

import sqlite3
from typing import Any, Final

import msgspec

from interlock.ledger.functions import instant_of
from interlock.ledger.lines import INSERT

_TABLE: Final = """
PRAGMA journal_mode = off; PRAGMA synchronous = off;
CREATE TABLE fact (kind TEXT, id TEXT, seq INTEGER, task TEXT, at TEXT, actor TEXT, severity TEXT, summary TEXT,
                   correlation TEXT, attributes TEXT, entity INTEGER);
CREATE UNIQUE INDEX receipt_id ON fact (id) WHERE NOT entity;
CREATE UNIQUE INDEX entity_id ON fact (kind, id, seq) WHERE entity;
CREATE UNIQUE INDEX receipt_order ON fact (seq, instant_of(at)) WHERE NOT entity;
CREATE UNIQUE INDEX entity_order ON fact (kind, task, seq, instant_of(at)) WHERE entity;
BEGIN;
"""
_SAME: Final = "SELECT 1 FROM fact WHERE id = ? AND entity = ? AND (NOT entity OR kind = ? AND seq = ?)"
_TIED: Final = (
    "SELECT id FROM fact WHERE seq = ? AND entity = ? AND (NOT entity OR kind = ? AND task = ?)"
    " AND instant_of(at) = instant_of(?)"
)


class Clash(msgspec.Struct, frozen=True):
    """Why a fact cannot be beside those that are there: in general, and told of this one."""

    fault: str
    told: str


class FactTable:
    """The table, and the `connection` that alone sees it. A transaction is open."""

    def __init__(self) -> None:
        self.connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self.connection.create_function("instant_of", 1, instant_of, deterministic=True)
        self.connection.executescript(_TABLE)

    def add(self, row: tuple[Any, ...]) -> Clash | None:
        """Take in a row as `lines.row` makes it; why it cannot be there, or None. Raises sqlite3.Error."""
        try:
            self.connection.execute(INSERT, row)
        except sqlite3.IntegrityError:
            return self._clash(row)
        return None

    def _clash(self, row: tuple[Any, ...]) -> Clash:
        kind, identity, seq, task, at = row[:5]
        entity = row[-1]
        if self.connection.execute(_SAME, (identity, entity, kind, seq)).fetchone():
            return Clash("it is there twice", f"{kind} `{identity}` is there twice")
        (other,) = self.connection.execute(_TIED, (seq, entity, kind, task, at)).fetchone()
        told = f"{kind} `{identity}` has the `at` and the `seq` of `{other}`: neither is known to be the later"
        return Clash("it has the `at` and the `seq` of another", told)
