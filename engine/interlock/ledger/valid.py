"""Whether the fact of a row is valid: the answer of its schema, as a function for SQL.

Facts that are counted are validated where they lie, so that not all of them need be taken out of the ledger.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from interlock import schemas
from interlock.ledger.rows import Row, document

_LONGEST: Final = 2_000
"""Characters of a document up to which its answer is kept: most receipts of a kind differ in id and time only."""
_AT: Final = "2026-06-11T12:00:05Z"


def is_valid(
    kind: str, task: object, actor: object, severity: object, summary: object, correlation: object, attributes: object
) -> bool:
    """Whether a row of the canonical relation is a fact that its schema accepts, whatever its `id`, `seq` and `at`."""
    try:
        size = len(correlation) + len(attributes)  # type: ignore[arg-type]
    except TypeError:  # neither text nor BLOB
        return False
    size += len(summary) if isinstance(summary, str | bytes) else 0
    return (_kept if size <= _LONGEST else _is_valid)(kind, task, actor, severity, summary, correlation, attributes)


def _is_valid(kind: str, task: Any, actor: Any, severity: Any, summary: Any, correlation: Any, attributes: Any) -> bool:
    made, errors = document(Row(kind, "id", 0, task, _AT, None, actor, severity, summary, correlation, attributes))
    return not errors and schemas.is_valid(kind, made)


_kept = lru_cache(4_096)(_is_valid)
