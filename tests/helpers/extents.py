"""What is exported, for tests that read a feed."""

from __future__ import annotations

import os
from collections.abc import Sequence

from interlock.analysis.export import extent
from interlock.ledger.export import Extent
from interlock.request import library


def extent_of(tasks: Sequence[str] | None, policies: Sequence[str | os.PathLike[str]]) -> Extent:
    """What must be exported of tasks for policies; for none in particular, every kind of facts."""
    known = library()
    return extent(tasks, known.loads(policies or known.ids()), every_kind=not policies)
