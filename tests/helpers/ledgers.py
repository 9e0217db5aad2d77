"""Small ledgers for tests, in the schema of a real one.

    LedgerBuilder(path).task("demo").bind().receipt("app_smoke_started", at="2026-06-11T12:00:05Z").write()

Everything is about the task that was named last, and its binding. Ids count up: `task-1`, `binding-1`, `receipt-1`.
"""

from __future__ import annotations

import json
import lzma
import os
import sqlite3
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Self

START = "2026-06-11T12:00:00Z"
ROLES = ("manager", "worker")
_REAL = Path(__file__).resolve().parents[1] / "conformance" / "story.db.xz"


@cache
def conveyor_schema() -> str:
    """The statements that make a real ledger's tables and indexes; those of its text search are left out."""
    connection = sqlite3.connect(":memory:")
    connection.deserialize(lzma.decompress(_REAL.read_bytes()))
    wanted = "sql IS NOT NULL AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'telemetry_events_fts%'"
    statements = connection.execute(f"SELECT sql FROM sqlite_master WHERE {wanted} ORDER BY rowid").fetchall()
    connection.close()
    return "".join(f"{sql};\n" for (sql,) in statements)


class LedgerBuilder:
    """A ledger being put together; nothing is on disk before `write`."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._rows: list[tuple[str, dict[str, Any]]] = []
        self._task = self._binding = ""
        self._seats = dict.fromkeys(ROLES, "")

    def task(self, name: str, *, at: str = START, state: str = "managed") -> Self:
        """A task; what follows is about it."""
        self._task = self._next("tasks")
        values = {"id": self._task, "name": name, "goal": "", "state": state, "created_at": at, "updated_at": at}
        return self._add("tasks", values)

    def bind(
        self,
        *,
        at: str = START,
        state: str = "active",
        ended_at: str | None = None,
        manager: Mapping[str, Any] | None = None,
        worker: Mapping[str, Any] | None = None,
    ) -> Self:
        """A binding of the task to two new sessions; `manager` and `worker` set columns of theirs."""
        self._binding = self._next("bindings")
        self._seats = {"manager": self._session("manager", at, manager), "worker": self._session("worker", at, worker)}
        values = {"id": self._binding, "task_id": self._task, "state": state, "created_at": at, "ended_at": ended_at}
        return self._add("bindings", values | {f"{role}_session_id": each for role, each in self._seats.items()})

    def _session(self, role: str, at: str, given: Mapping[str, Any] | None) -> str:
        name = f"{self._binding}-{role}"
        values = {"id": f"session-{name}", "name": name, "role": role, "identity_token": f"token-{name}", "cwd": "/"}
        values |= {"codex_app_thread_id": f"thread-{name}", "registered_at": at, "state": "active", **(given or {})}
        self._add("sessions", values)
        return values["id"]

    def heartbeat(self, role: str, *, at: str) -> Self:
        """The receipt of a heartbeat of the seat's session; the session's own row is left as it is."""
        return self.receipt("app_heartbeat", at=at, actor=role, attributes={"session_id": self._seats[role]})

    def receipt(
        self,
        kind: str,
        *,
        at: str,
        actor: str = "system",
        attributes: Mapping[str, Any] | None = None,
        correlation: Mapping[str, Any] | None = None,
        of_task: bool = True,
        **columns: Any,
    ) -> Self:
        """A receipt, of no task unless `of_task`; `columns` set any column of its row."""
        values = {"id": self._next("telemetry_events", "receipt"), "task_id": self._task if of_task else None}
        values |= {"timestamp": at, "actor": actor, "event_type": kind, "severity": "info", "summary": ""}
        values |= {"correlation_json": json.dumps(correlation or {}), "attributes_json": json.dumps(attributes or {})}
        return self._add("telemetry_events", values | columns)

    def event(self, kind: str, *, at: str, payload: Mapping[str, Any], of_task: bool = False) -> Self:
        """A row of `events`, of no task unless `of_task`."""
        task = self._task if of_task else None
        values = {"created_at": at, "actor": "workerctl", "task_id": task, "type": kind}
        return self._add("events", values | {"payload_json": json.dumps(payload)})

    def registered(self, role: str, *, at: str) -> Self:
        """The event of the seat's session being registered; the session's own row is left as it is."""
        return self.event("session_registered", at=at, payload={"session_id": self._seats[role], "role": role})

    def rotated(self, *, at: str, updated: bool = True, **attributes: Any) -> Self:
        """The receipt of the worker's rotation; the session's own row is left as it is."""
        worker = self._seats["worker"]
        known = {"old_worker_session_id": worker, "old_worker_thread_id": "thread-before", "session_updated": updated}
        return self.receipt("app_worker_rotation_recorded", at=at, actor="manager", attributes=known | attributes)

    def notification(self, role: str, *, at: str, **columns: Any) -> Self:
        """A message to the seat of a role, pending unless `columns` says more."""
        other = ROLES[1 - ROLES.index(role)]
        number = self._next("routed_notifications", "note")
        values = {"task_id": self._task, "binding_id": self._binding, "correlation_id": number, "dedupe_key": number}
        values |= {"source_session_id": self._seats[other], "target_session_id": self._seats[role], "created_at": at}
        values |= {"signal_type": f"notify_{role}", "state": "pending", "payload_json": "{}"}
        return self._add("routed_notifications", values | columns)

    def acknowledgement(self, role: str, status: str, *, of: int, at: str, **columns: Any) -> Self:
        """What a role says of the notification with that number."""
        values = {"task_id": self._task, "binding_id": self._binding, "notification_id": of, "role": role}
        values |= {"status": status, "payload_json": "{}", "created_at": at}
        return self._add("notification_acknowledgements", values | columns)

    def handoff(self, *, at: str, summary: str = "") -> Self:
        """What the bound worker leaves behind."""
        values = {"task_id": self._task, "worker_session_id": self._seats["worker"], "summary": summary}
        return self._add("worker_handoffs", values | {"next_steps_json": "[]", "payload_json": "{}", "created_at": at})

    def write(self, *, journal: str = "delete") -> Path:
        """Write the ledger to its file, in that journal mode."""
        connection = sqlite3.connect(self.path)
        connection.execute(f"PRAGMA journal_mode = {journal}")
        connection.executescript(f"PRAGMA synchronous = off; BEGIN; {conveyor_schema()}")
        for table, values in self._rows:
            slots = ", ".join(f":{column}" for column in values)
            connection.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({slots})", values)
        connection.commit()
        connection.close()
        return self.path

    def _add(self, table: str, values: Mapping[str, Any]) -> Self:
        self._rows.append((table, dict(values)))
        return self

    def _next(self, table: str, name: str | None = None) -> str:
        return f"{name or table.removesuffix('s')}-{sum(known == table for known, _ in self._rows) + 1}"
