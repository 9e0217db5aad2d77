"""Facts that are held in memory: the very queries of a ledger run over them, as over those of a feed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from interlock.errors import UsageError
from interlock.ledger.feed import FeedReader
from interlock.ledger.lines import row
from interlock.ledger.snapshot import Snapshot
from interlock.ledger.views import definitions

_EMPTY: Final = ("BEGIN", "DELETE FROM main.fact", "DELETE FROM main.tasks")
_TASKS: Final = """
INSERT INTO main.tasks
SELECT task, task, min(at) FROM main.fact WHERE task IS NOT NULL GROUP BY task ORDER BY min(rowid)
"""
_ASKED: Final = "INSERT OR IGNORE INTO main.tasks VALUES (?, ?, NULL)"


class HeldFacts(FeedReader):
    """Facts as a caller gives them, not validated: what is wrong with one is found where it is read, as in a ledger."""

    def __init__(self, path: str) -> None:
        """Hold nothing yet. `path` is the file that gives them; bytes of it that are no text are shown as escapes."""
        super().__init__(os.fsencode(path).decode(errors="backslashreplace"), ())
        self._connection.execute("PRAGMA query_only = 0")

    @contextmanager
    def snapshot(
        self, facts: Iterable[dict[str, Any]], task: str, now: int, *, live: bool = True
    ) -> Iterator[Snapshot]:
        """These facts and no others, at `now` (microseconds, UTC). `task` is known even where no fact is of it.

        In a `live` snapshot they count whatever their stamps, else only those that are not later. Raises UsageError for
        two facts of one id, or two of which neither is known to be the later.
        """
        connection = self._connection
        for statement in _EMPTY:
            connection.execute(statement)
        for each in map(row, facts):
            if (clash := self._table.add(each)) is not None:
                connection.execute("ROLLBACK")
                raise UsageError(clash.told)
        connection.execute(_TASKS)
        connection.execute(_ASKED, (task, task))
        connection.execute("COMMIT")
        try:
            snapshot = Snapshot(self, now, live=live)
            yield snapshot
            snapshot.close()
        finally:
            self.end()

    def _define(self, names: frozenset[str]) -> None:
        """Create views. The pragma that a ledger's reader sets around it would have SQLite prepare every query anew."""
        for name in names:
            self._connection.execute(f"CREATE TEMP VIEW {name} AS {definitions(self.source)[name]}")
        self._views |= names

    def _fill(self, lines: Iterable[bytes]) -> None:
        """Nothing is read: facts are given with each snapshot."""
