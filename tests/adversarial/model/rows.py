"""The raw rows of a ledger's file as the model reads them, straight from SQLite."""

from __future__ import annotations

import json
import re
import sqlite3
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.adversarial.model import stamps

ACTORS = ("dispatch", "manager", "worker", "operator", "workerctl", "system")
SEVERITIES = ("debug", "info", "warning", "error")
ROLES = ("manager", "worker")
_SURROGATES = re.compile("[\ud800-\udfff]")
MISSING = object()
"""What stands for a value that cannot be read."""
COLUMNS = {
    "tasks": ("id", "name"),
    "sessions": (
        "id",
        "name",
        "state",
        "codex_app_thread_id",
        "tmux_session",
        "registered_at",
        "last_heartbeat_at",
        "role",
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
    "events": ("created_at", "type", "payload_json"),
    "worker_handoffs": ("id", "task_id", "worker_session_id", "created_at"),
    "routed_notifications": (
        "id",
        "task_id",
        "correlation_id",
        "target_session_id",
        "created_at",
        "delivered_at",
        "consumed_at",
    ),
    "notification_acknowledgements": (
        "id",
        "task_id",
        "binding_id",
        "notification_id",
        "role",
        "status",
        "created_at",
    ),
}

TIMES = ("timestamp", "created_at", "ended_at", "registered_at", "last_heartbeat_at", "delivered_at", "consumed_at")
Row = dict[str, Any]


@dataclass(frozen=True)
class Receipt:
    """A row of `telemetry_events`. `at`, `attributes` and `correlation` are None where they cannot be read."""

    seq: int
    id: str
    task_id: Any
    kind: Any
    actor: Any
    at: stamps.Stamp | None
    attributes: dict[str, Any] | None
    correlation: dict[str, Any] | None
    plain: tuple[dict[str, Any] | None, dict[str, Any] | None]
    """What can be read of attributes and of correlation, where the whole of them cannot."""
    near: tuple[int, int] | None
    """Between which instants it was written, where its time cannot be read but says so much."""
    sound: bool
    """Whether the columns that every receipt has are what they must be."""

    def of(self, name: str, kinds: type | tuple[type, ...] = str, *, correlation: bool = False) -> Any:
        """An attribute; None where it is absent or null, MISSING where it cannot be read or is of another type."""
        known = self.plain[correlation]
        if known is None or (name not in known and (self.correlation if correlation else self.attributes) is None):
            return MISSING
        value = known.get(name)
        if value is None or (isinstance(value, kinds) and not (kinds is int and isinstance(value, bool))):
            return value
        return MISSING


@dataclass(frozen=True)
class Book:
    """A ledger's rows. `wide` says whether times of other forms than Conveyor's were read."""

    wide: bool
    tables: dict[str, list[Row]]
    receipts: list[Receipt] = field(default_factory=list)

    def of_kinds(self, *kinds: str) -> list[Receipt]:
        """The receipts of these kinds, kind by kind."""
        return [receipt for kind in kinds for receipt in self._by_kind.get(kind, ())]

    @cached_property
    def _by_kind(self) -> dict[Any, list[Receipt]]:
        found: dict[Any, list[Receipt]] = {}
        for receipt in self.receipts:
            found.setdefault(receipt.kind, []).append(receipt)
        return found

    @cached_property
    def registrations(self) -> list[tuple[stamps.Stamp, str, dict[str, Any]]]:
        """The registrations of sessions, of one or of a disposable pair: when, how, and of whom."""
        found = []
        for row in self.tables["events"]:
            at = self.time(row["created_at"])
            if at is not None and row["type"] in ("session_registered", "disposable_binding_created"):
                found.append((at, row["type"], document(row["payload_json"]) or {}))
        return found

    @cached_property
    def _sessions(self) -> dict[Any, Row]:
        return {row["id"]: row for row in self.tables["sessions"]}

    @cached_property
    def newest(self) -> int:
        """The newest stamp of any row."""
        rows = (row for table in self.tables.values() for row in table)
        return max((self.time(row[name]) or 0 for row in rows for name in TIMES if name in row), default=0)

    def time(self, text: object) -> stamps.Stamp | None:
        return stamps.read(text, wide=self.wide)

    def session(self, identity: Any) -> Row | None:
        if identity is None:
            return None
        return self._sessions.get(identity)


def load(path: Path, *, wide: bool = False) -> Book:
    """Read the tables of a file. Bytes that are not UTF-8 are read as unpaired surrogates."""
    connection = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    connection.text_factory = lambda raw: raw.decode(errors="surrogateescape")
    connection.row_factory = sqlite3.Row
    tables = {}
    for table, columns in COLUMNS.items():
        listed = ", ".join(columns)
        tables[table] = [dict(row) for row in connection.execute(f"SELECT rowid AS seq, {listed} FROM {table}")]
    connection.close()
    book = Book(wide, tables)
    book.receipts.extend(_receipt(row, book) for row in tables["telemetry_events"])
    return book


def _receipt(row: Row, book: Book) -> Receipt:
    sound = row["actor"] in (None, *ACTORS) and row["severity"] in (None, *SEVERITIES)
    sound = sound and (row["summary"] is None or _text(row["summary"]))
    sound = sound and _text(row["id"]) and _text(row["event_type"]) and row["seq"] >= 0
    return Receipt(
        seq=row["seq"],
        id=row["id"],
        task_id=row["task_id"],
        kind=row["event_type"],
        actor=row["actor"],
        at=book.time(row["timestamp"]),
        attributes=document(row["attributes_json"]),
        correlation=document(row["correlation_json"]),
        plain=(plain(row["attributes_json"]), plain(row["correlation_json"])),
        near=stamps.near(row["timestamp"]),
        sound=sound,
    )


def _text(value: object) -> bool:
    """Whether it is a text of Unicode characters."""
    return isinstance(value, str) and not _SURROGATES.search(value)


def document(text: object) -> dict[str, Any] | None:
    """The JSON object of a text in which no key stands twice; None for anything else."""
    found = _parsed(text)
    return found if found is not None and not _doubled(found) else None


def plain(text: object) -> dict[str, Any] | None:
    """The fields of a JSON object that stand there once, whatever is wrong with the others; None for anything else."""
    found = _parsed(text)
    return None if found is None else {key: value for key, value in found.items() if not isinstance(value, _Twice)}


class _Twice:
    """The value of a key that stands in its object twice."""


def _parsed(text: object) -> dict[str, Any] | None:
    if not isinstance(text, str) or not _text(text):
        return None
    try:
        value = json.loads(text, object_pairs_hook=_members, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in pairs:
        made[key] = _Twice() if key in made else value
    return made


def _doubled(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_doubled, value.values()))
    return isinstance(value, _Twice) or (isinstance(value, list) and any(map(_doubled, value)))


def _refuse(text: str) -> Any:
    raise ValueError(text)
