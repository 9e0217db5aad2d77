"""Which receipts were recorded: of a task last, and in the order of the ledger."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from interlock.ledger.snapshot import Snapshot

_OF_TASK: Final = "task_id = :task AND instant IS NOT NULL AND (instant > asked_instant()) IS NOT TRUE"
_LAST: Final = (
    f"SELECT id, kind, instant FROM receipt WHERE {_OF_TASK}"
    f" AND at >= (SELECT substr(at, 1, 19) FROM receipt WHERE {_OF_TASK} ORDER BY at DESC LIMIT 1)"
    " ORDER BY instant DESC, seq DESC LIMIT 1"
)
"""Within a second the order of texts is not that of instants."""
_RECEIVED: Final = "SELECT seq, id, kind, at FROM receipt WHERE seq > :since AND seq <= :until ORDER BY seq LIMIT :most"
_SEQS: Final = "SELECT id, seq FROM receipt WHERE id IN (SELECT value FROM json_each(:ids))"


def last_of(snapshot: Snapshot, task: str) -> tuple[str, str, int] | None:
    """Id, kind and instant of the newest receipt of a task (by id), by its time; None where there is none.

    Raises LedgerError.
    """
    found = snapshot.rows(_LAST, {"task": task})
    return (found[0][0], found[0][1], found[0][2]) if found else None


def received(snapshot: Snapshot, since: int, until: int, most: int) -> list[tuple[int, str, str, str]]:
    """Seq, id, kind and `at` of the first receipts after one `seq`, up to another. Raises LedgerError."""
    rows = snapshot.rows(_RECEIVED, {"since": since, "until": until, "most": most})
    return [(seq, identity, kind, at) for seq, identity, kind, at in rows]


def seqs(snapshot: Snapshot, identities: Iterable[str]) -> dict[str, int]:
    """The `seq` of those that are receipts, by id. Raises LedgerError."""
    return dict(snapshot.rows(_SEQS, {"ids": msgspec.json.encode(list(identities)).decode()}))
