"""What may be wrong with one row: a catalogue of corruptions, and their application to a ledger's rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.adversarial.drawing import Drawn, Row
from tests.adversarial.files import Raw
from tests.adversarial.model import stamps

BROKEN_TIMES: tuple[Any, ...] = (
    *("", " ", "~", "yesterday", "null", "0", "-1", "1782118800", "2026", "2026-06-22", "T09:33:00Z", "09:33:00Z"),
    *("2016-12-31T23:59:60Z", "2026-06-22T24:00:00Z", "2026-02-30T09:00:00Z", "2026-13-01T09:00:00Z"),
    *("0000-00-00T00:00:00Z", "10000-01-01T00:00:00Z", "+2026-06-22T09:00:00Z", "2026-W26-1T09:00:00Z"),
    *("2026-173T09:00:00Z", "20260622T093300Z", "\uff12026-06-22T09:33:00Z", "\u0662026-06-22T09:33:00Z"),
    *(None, 0, -1, 1.5, 1 << 62, b"", b"2026-06-22T09:33:00Z", Raw(b"\xff"), Raw(b"2026-06-22T09:33:00\xffZ")),
)
"""Texts that are not instants."""
BREAKING: tuple[Callable[[str], Any], ...] = (
    lambda at: at[:-1],
    lambda at: at[:-1] + "\x7fZ",
    lambda at: at[:-1] + "éZ",
    lambda at: at[:-1] + "\0Z",
    lambda at: at + "\0",
    lambda at: at + "\n",
    lambda at: " " + at,
    lambda at: at + " ",
    lambda at: at + "Z",
    lambda at: at[:17] + "60Z",
    lambda at: at[:17] + "99Z",
    lambda at: at[:14] + "99" + at[16:],
    lambda at: at[:11] + "24:00:00Z",
    lambda at: at[:17] + "59é",
    lambda at: at[:16] + "Z",
    lambda at: at[:19] + ".Z",
    lambda at: at[:19] + ",5Z",
    lambda at: at[:19] + "+0000",
    lambda at: at[:19] + "+00",
    lambda at: at[:19] + " UTC",
    lambda at: at[:19] + "+24:00",
    lambda at: at[:19] + "+00:00Z",
    lambda at: at.replace("-", "/"),
    lambda at: at.replace(":", "."),
    lambda at: at.encode(),
    lambda at: Raw(at.encode("utf-16-le")),
    lambda at: Raw(at.encode() + b"\xc3"),
    json.dumps,
)
"""What makes a sound time none."""
ODD: tuple[Callable[[str], Any], ...] = (
    lambda at: at[:19] + "z",
    lambda at: at.replace("T", "t"),
    lambda at: at.replace("T", " "),
    lambda at: at[:19] + "-00:00",
    lambda at: at[:19] + "+00:00",
    lambda at: at[:19] + "-08:00",
    lambda at: at[:19] + "+14:00",
    lambda at: at[:19] + ".0000000000001Z",
    lambda at: at[:19] + ".999999999Z",
    lambda at: "9999" + at[4:],
    lambda at: "1969" + at[4:],
    lambda at: "2255" + at[4:],
    lambda at: "1970" + at[4:],
)
"""Times that are instants, though Conveyor writes none of them."""
DOCUMENTS: tuple[Any, ...] = (
    *("", " ", "not json", "{", "}", "[]", "[{}]", "[[]]", "null", "true", '"x"', "7", "{}{}", "{} x", "\ufeff{}"),
    *(None, 7, 1.5, b"{}", b"", Raw(b"\xff"), Raw(b'{"role":"\xff"}'), '{"role":"worker",}', "{'role':'worker'}"),
    *("{role:1}", '{"role":NaN}', '{"role":Infinity}', "{/**/}", '{"role":"worker"\0}', '{"a\0b":1}', '{"a":1,"a":1}'),
    *('{"a":' + "[" * 100_000 + "]" * 100_000 + "}", "[" * 100_000, '{"a":01}', '{"a":"\t"}', '{"a":+1}', '{"a":.5}'),
)
"""Texts that are not a JSON object with unique keys."""
VALUES: tuple[Any, ...] = ("", "worker ", "WORKER", "Accepted", None, True, False, 0, 1, -1, 1.5, [], ["worker"], {})
VALUES += ({"role": "worker"}, 10**400, 1e308, 2**63, "\0", "a\0b", "\ud800", "x" * 5_000, "accepted", "$.role")
COLUMNS: dict[str, tuple[Any, ...]] = {
    "actor": (None, "", "DISPATCH", "dispatch ", "Worker", 7, b"worker", "worker\0", Raw(b"worker\xff")),
    "severity": (None, "", "INFO", "fatal", 3, b"info"),
    "summary": (None, b"x", 7, Raw(b"\xff\xfe"), "a\0b"),
    "rowid": (-1, 0, -(1 << 62), 1 << 53, (1 << 63) - 1),
    "task_id": (None, "", "TASK-ID-1", "demo", 7, b"task-id-1", "task-id-1\0", Raw(b"task-id-1\xff")),
    "id": (None, "", b"x", "session-1", "task-id-1", "a\0b", Raw(b"\xff")),
    "name": (None, "", "demo", b"demo", "task-id-1", "demo\0", Raw(b"\xff")),
    "state": (None, "", "ACTIVE", "active ", "ended", "invalid", "ending", "gone", 1, b"active"),
    "codex_app_thread_id": (None, "", "thread-1", 7, b"thread-1", "thread-1\0", Raw(b"\xff")),
    "tmux_session": ("", "x", b"x", 0),
    "role": (None, "", "MANAGER", "worker", b"worker"),
    "manager_session_id": (None, "", "session-404", "session-1", b"session-1"),
    "worker_session_id": (None, "", "session-404", "session-1", b"session-1"),
}
TIMES = ("timestamp", "last_heartbeat_at", "created_at", "ended_at", "registered_at")
JSON = ("attributes_json", "correlation_json")
KINDS = (
    *("app_autopilot_stopped", "app_autopilot_started", "app_smoke_started", "app_smoke_receipt_recorded"),
    *("command_created", "dispatch_inbox_consumed", "app_heartbeat", "dispatch_watch_heartbeat"),
    *("app_worker_rotation_recorded", "codex_events_ingested", "app_autopilot_automation_applied"),
)


@dataclass(frozen=True)
class Corruption:
    """What was done to which row. `invalid` says that no reading of the row is a sound receipt of its kind."""

    table: str
    number: int
    column: str
    value: Any
    added: bool
    invalid: bool
    tables: dict[str, list[Row]]

    @property
    def row(self) -> Row:
        return self.tables[self.table][self.number]

    def without(self) -> dict[str, list[Row]]:
        """The ledger that lacks the row."""
        rows = self.tables[self.table]
        return {**self.tables, self.table: rows[: self.number] + rows[self.number + 1 :]}

    def __str__(self) -> str:
        way = "added" if self.added else "changed"
        text = f"{self.value!r}"
        shown = text if len(text) < 300 else f"{text[:140]} … {text[-140:]}"
        kind = f" ({self.row['event_type']!r})" if self.table == "telemetry_events" else ""
        return f"{self.table}[{self.number}]{kind} {way}, {self.column} = {shown}"


def corrupt(
    random: Random, drawn: Drawn, *, add: bool, invalid: bool = False, kinds: tuple[str, ...] = KINDS
) -> Corruption | None:
    """One row of the ledger corrupted, or, with `add`, a corrupted row put beside it; None where there is none to take.

    With `invalid`, in a way of which no reading is sound. An added receipt is often made one of `kinds`.
    """
    table = "telemetry_events"
    if not add and random.random() < 0.3:
        table = random.choice(("sessions", "bindings", "tasks", "worker_handoffs", "telemetry_events"))
    rows = drawn.tables[table]
    if not rows:
        return None
    number = (
        random.randrange(max(0, len(rows) - 8), len(rows)) if random.random() < 0.6 else random.randrange(len(rows))
    )
    row = dict(rows[number])
    if add:
        number = _added(random, drawn, row, rows, kinds)
    column = random.choice([name for name in row if name in (*TIMES, *JSON, *COLUMNS)])
    if table == "telemetry_events" and (invalid or random.random() < 0.75):
        column = random.choice(("timestamp", *JSON))
    known, value = _corrupted(random, row, column, invalid=invalid)
    row[column] = value
    changed = [*rows[:number], row, *rows[number + (not add) :]]
    return Corruption(table, number, column, value, add, known, {**drawn.tables, table: changed})


def _added(random: Random, drawn: Drawn, row: Row, rows: list[Row], kinds: tuple[str, ...]) -> int:
    """Make the copy a receipt of its own, perhaps of another kind or earlier than others; its place among the rows."""
    seqs = {other["rowid"] for other in rows}
    free = [seq for seq in range(1, max(seqs)) if seq not in seqs]
    early = random.random() < 0.4
    number = random.choice(free) if free and early else max(seqs) + random.choice((1, 1, 1, 1000))
    row |= {"id": "telemetry-added", "rowid": number}
    if random.random() < 0.5:
        row["task_id"] = drawn.tasks[0][0]
    if kinds and random.random() < (0.4 if kinds is KINDS else 0.9):
        row["event_type"] = random.choice(kinds)
    if early:
        known = stamps.read(row["timestamp"])
        row["timestamp"] = stamps.write((known or 0) - random.choice((1, 30, 3_600)) * stamps.SECOND)
    elif random.random() < 0.5:
        row["timestamp"] = stamps.write(random.choice(drawn.instants))
    return len(rows)


def _corrupted(random: Random, row: Row, column: str, *, invalid: bool) -> tuple[bool, Any]:
    """A wrong value of the column, and whether it is wrong in every reading."""
    if column in TIMES:
        at = row[column] if isinstance(row[column], str) else stamps.write(0)
        if not invalid and random.random() < 0.3:
            return False, random.choice(ODD)(at)
        if random.random() < 0.5:
            return column == "timestamp", random.choice(BROKEN_TIMES)
        return column == "timestamp", random.choice(BREAKING)(at)
    if column in JSON:
        if invalid or random.random() < 0.5:
            return True, random.choice(DOCUMENTS + _doubled(random, row[column]))
        return False, _wrong_field(random, row[column])
    return False, random.choice(COLUMNS[column])


def _doubled(random: Random, text: str) -> tuple[str, ...]:
    """The document with one of its keys a second time, plainly or in escapes, before or after."""
    fields = json.loads(text)
    if not fields:
        return ()
    key = random.choice([*fields])
    value = random.choice((fields[key], "x", None, "worker", "accepted", "dispatch-local"))
    escaped = "".join(f"\\u{ord(character):04x}" for character in key)
    more = f"{json.dumps(value)}"
    inner = text.strip()[1:-1]
    return (
        f'{{"{key}":{more},{inner}}}',
        f'{{{inner},"{key}":{more}}}',
        f'{{"{escaped}":{more},{inner}}}',
        f'{{{inner},"{escaped}":{more}}}',
    )


def _wrong_field(random: Random, text: str) -> str:
    """The document with a field left out, renamed, or of a strange value."""
    fields = json.loads(text)
    if not fields:
        return '{"a": {}}'
    key = random.choice([*fields])
    way = random.randrange(4)
    value = fields.pop(key)
    if way == 1:
        fields[key.upper()] = value
    if way > 1:
        fields[key] = random.choice(VALUES)
    return json.dumps(fields)
