"""The tasks of a ledger: values only. `schemas/task.schema.json` states the printed form.

Every instant is RFC 3339 text in UTC.
"""

from __future__ import annotations

import msgspec


class LastReceipt(msgspec.Struct, frozen=True):
    """The newest receipt of a task, by its time."""

    id: str
    kind: str
    at: str


class TaskActivity(msgspec.Struct, frozen=True):
    """A task, by its label and its id, and what was recorded of it last up to `now`; None where nothing was."""

    task: str
    id: str
    now: str
    last: LastReceipt | None
