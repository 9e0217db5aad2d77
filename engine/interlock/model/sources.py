"""What several sources of one question were, and where each ended."""

from __future__ import annotations

import msgspec


class SourceHead(msgspec.Struct, frozen=True, omit_defaults=True):
    """One of several sources that were read: its path, and the `seq` and the id of its newest receipt.

    `evidence` are the ids of those facts of the decision's evidence that are from it.
    """

    path: str
    seq: int
    newest: str | None = None
    evidence: tuple[str, ...] = ()
