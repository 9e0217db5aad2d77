"""What a database must have to be Conveyor's ledger. Other tables are asked for only by those who read them."""

from __future__ import annotations

import sqlite3
from typing import Final

TABLES: Final = "SELECT name FROM main.sqlite_master WHERE type = 'table'"
"""The query for the names of the tables that there are."""

REQUIRED: Final = {
    "tasks": ("id", "name", "state", "created_at"),
    "sessions": (
        "id",
        "name",
        "codex_app_thread_id",
        "codex_app_thread_title",
        "tmux_session",
        "registered_at",
        "last_heartbeat_at",
        "state",
    ),
    "bindings": ("id", "task_id", "worker_session_id", "manager_session_id", "state", "created_at", "ended_at"),
    "telemetry_events": (
        "id",
        "task_id",
        "timestamp",
        "actor",
        "event_type",
        "severity",
        "summary",
        "correlation_json",
        "attributes_json",
    ),
}
"""The tables and columns that every policy stands on."""

OPTIONAL: Final = {
    "notification": "routed_notifications",
    "acknowledgement": "notification_acknowledgements",
    "handoff": "worker_handoffs",
}
"""The tables that a ledger may lack, by the kind of the facts that are read from each."""


def lacking(connection: sqlite3.Connection) -> str | None:
    """What the database lacks to be Conveyor's ledger, in words; None when it has it all. Raises sqlite3.Error."""
    tables = {name for (name,) in connection.execute(TABLES)}
    for table, columns in REQUIRED.items():
        if table not in tables:
            return f"it has no table `{table}`"
        found = {row[1] for row in connection.execute(f"PRAGMA main.table_xinfo({table})")}
        for column in columns:
            if column not in found:
                return f"its table `{table}` has no column `{column}`"
    return None
