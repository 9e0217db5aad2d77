"""Random sound ledgers: what pairs do, with steps left out, repeated, and stamped in the same second."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.adversarial.model import stamps
from tests.adversarial.model.stamps import SECOND

BASE = 1_781_179_200 * SECOND  # 2026-06-11T12:00:00Z, as in the random policies
NAMES: tuple[str, ...] = ("demo", "checkout-refactor", "a,b=c", "*glob? t", "🙂 emoji", "e\u0301", "é", "it's", "$.x")
NAMES += ("1e0", "x\ty", "task-id-1")
DISPATCHERS = ("dispatch-local", "dispatch-local", "d-2", " spaced ", "dispatch-local'", "$.x", "DISPATCH-LOCAL")
SMOKES = ("s-1", "s-2", "S-1", "s-1 ", "é", "$.smoke_id")
SUMMARIES: tuple[Any, ...] = (None, "", "red", "ärger 北京 🙂", {}, ["x"], 7, "a: b")
STALE = 180 * SECOND
NEARLY = ("APP_HEARTBEAT", "app_heartbeat ")
"""Kinds that are nearly one that there is."""

Row = dict[str, Any]


@dataclass
class Seat:
    session: str
    row: Row


@dataclass
class Task:
    id: str
    name: str
    dispatcher: str
    seats: dict[str, Seat] = field(default_factory=dict)
    binding: Row | None = None
    smoke: tuple[str, str] = ("s-1", "n-1")
    plan: str = ""


@dataclass
class Drawn:
    """A ledger's rows, and the most useful requests."""

    tables: dict[str, list[Row]]
    tasks: list[tuple[str, str]]
    instants: list[int]
    dispatchers: list[str]
    smokes: list[str]
    threads: list[str]
    spans: list[int]


class Scribe:
    """Writes one history, row by row, in the order of insertion, as Conveyor would."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.now = BASE
        self.digits = random.choice((0, 0, 0, 0, 3, 6))
        self.mixed = random.random() < 0.15
        self.steps = random.choice(((0,), (0, SECOND // 4, SECOND), (SECOND,), (SECOND, 20 * SECOND, 60 * SECOND)))
        self.keep = random.choice((1.0, 1.0, 0.95, 0.85, 0.6))
        names = ("tasks", "sessions", "bindings", "telemetry_events", "events", "worker_handoffs")
        self.tables: dict[str, list[Row]] = {
            name: [] for name in (*names, "routed_notifications", "notification_acknowledgements")
        }
        self.seq = 0
        self.instants: list[int] = []

    # -- values

    def pick(self, *values: Any) -> Any:
        return self.random.choice(values)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def tick(self) -> None:
        self.now += self.random.choice(self.steps)
        if self.chance(0.01):
            self.now -= self.pick(SECOND, 4 * 60 * SECOND)

    def stamp(self, *, fine: bool = False) -> str:
        """The time now, as Conveyor stamps receipts (to the second) or, where it is `fine`, seats and messages."""
        digits = 3 if fine else self.digits
        if self.mixed:
            digits = self.pick(0, 3, 6)
        at = stamps.write(self.now, digits)
        found = stamps.read(at)
        assert found is not None
        self.instants.append(found)
        return at[:-1] + "+00:00" if self.chance(0.02) else at

    def identity(self, table: str, prefix: str) -> str:
        return f"{prefix}-{len(self.tables[table]) + 1}"

    # -- rows

    def add(self, table: str, row: Row) -> Row:
        self.tables[table].append(row)
        return row

    def receipt(
        self, kind: str, actor: str, task: Task | None, attributes: Row, correlation: Row, *, fine: bool = False
    ) -> Row:
        self.seq += 1 if self.chance(0.95) else self.pick(2, 50)
        row = {
            "rowid": self.seq,
            "id": f"telemetry-{self.random.randrange(1 << 32):08x}-{self.seq}",
            "task_id": None if task is None else task.id,
            "timestamp": self.stamp(fine=fine),
            "actor": actor,
            "event_type": kind,
            "severity": self.pick("info", "info", "warning", "debug", "error"),
            "summary": self.pick("", "It happened.", "ünï"),
            "correlation_json": self.json(correlation),
            "attributes_json": self.json(attributes),
        }
        return self.add("telemetry_events", row)

    def json(self, value: Row) -> str:
        return json.dumps(value, ensure_ascii=self.chance(0.5), separators=self.pick((",", ":"), (", ", ": ")))

    def task(self) -> Task:
        taken = {row["name"] for row in self.tables["tasks"]}
        name = self.random.choice([name for name in NAMES if name not in taken])
        number = len(self.tables["tasks"]) + 1
        task = Task(f"task-id-{number}", name, self.random.choice(DISPATCHERS), smoke=self.smoke_ids())
        at = self.stamp(fine=True)
        values = {"id": task.id, "name": name, "goal": "", "state": "managed", "created_at": at, "updated_at": at}
        self.add("tasks", values)
        return task

    def smoke_ids(self) -> tuple[str, str]:
        return self.random.choice(SMOKES), self.pick("n-1", "n-2", "N-1")

    def session(self, role: str) -> Seat:
        number = len(self.tables["sessions"]) + 1
        identity, at = f"session-{number}", self.stamp(fine=True)
        thread = None if self.chance(0.08) else f"thread-{self.pick(number, number, number, 1)}"
        row = {
            "id": identity,
            "name": f"{role}-{number}",
            "role": role,
            "identity_token": f"token-{number}",
            "tmux_session": f"tmux-{number}" if self.chance(0.05) else None,
            "codex_app_thread_id": thread,
            "cwd": "/",
            "registered_at": at,
            "last_heartbeat_at": at if self.chance(0.8) else None,
            "state": "gone" if self.chance(0.05) else "active",
        }
        payload = json.dumps({"name": row["name"], "role": role, "session_id": identity})
        event = {"created_at": at, "actor": "workerctl", "type": "session_registered", "payload_json": payload}
        if row["last_heartbeat_at"] is not None:
            self.add("events", event)
        return Seat(identity, self.add("sessions", row))

    def bind(self, task: Task) -> None:
        self.unbind(task)
        keep = task.seats if self.chance(0.3) else {}
        task.seats = {role: keep.get(role) or self.session(role) for role in ("manager", "worker")}
        self.tick()
        task.binding = {
            "id": self.identity("bindings", "binding"),
            "task_id": task.id,
            **{f"{role}_session_id": seat.session for role, seat in task.seats.items()},
            "state": "active",
            "created_at": self.stamp(fine=True),
            "ended_at": None,
        }
        self.add("bindings", task.binding)

    def unbind(self, task: Task) -> None:
        if task.binding is not None:
            task.binding |= {
                "state": self.pick("ended", "ended", "ended", "invalid"),
                "ended_at": self.stamp(fine=True),
            }
            task.binding = None
            self.tick()

    def seen(self, seat: Seat, at: str) -> None:
        seat.row["last_heartbeat_at"] = at

    # -- what a pair does

    def beat(self, task: Task, role: str | None = None) -> None:
        role = role or self.pick("manager", "worker")
        seat = task.seats[role]
        attributes = {"role": role, "session_id": seat.session, "task": task.name}
        if self.chance(0.02):
            del attributes["session_id"]
        row = self.receipt("app_heartbeat", role, task, attributes, {"command": "app-heartbeat"})
        self.seen(seat, row["timestamp"])

    def pulse(self, task: Task) -> None:
        dispatcher = task.dispatcher if self.chance(0.85) else self.random.choice(DISPATCHERS)
        actor = "dispatch" if self.chance(0.95) else "operator"
        correlation = {"dispatcher_id": dispatcher, "iteration": self.random.randrange(9)}
        where = task if self.chance(0.05) else None
        self.receipt("dispatch_watch_heartbeat", actor, where, {"dry_run": False, "processed_count": 0}, correlation)

    def start(self, task: Task, word: str = "started") -> None:
        dispatcher = task.dispatcher if self.chance(0.9) else self.random.choice(DISPATCHERS)
        attributes = {"dispatcher_id": dispatcher, "desired_state": "active", "interval_minutes": 2}
        correlation = {"action": word, "command": "app-autopilot", "dispatcher_id": dispatcher}
        self.receipt(f"app_autopilot_{word}", "operator", task, attributes, correlation)

    def stop(self, task: Task) -> None:
        self.start(task, "stopped")

    def automate(self, task: Task, role: str | None = None) -> None:
        role = role or self.pick("manager", "worker")
        attributes = {"automation_id": None if self.chance(0.05) else f"auto-{self.seq}", "role": role}
        correlation = {"action": "record-automation", "dispatcher_id": task.dispatcher, "role": role}
        self.receipt("app_autopilot_automation_applied", "operator", task, attributes, correlation)

    def open_smoke(self, task: Task) -> None:
        mode = self.pick("required", "required", "required", "required", "advisory", "skip")
        task.smoke = task.smoke if self.chance(0.3) else self.smoke_ids()
        scope = "worker-set" if self.chance(0.06) else "pair"
        attributes = {"smoke_id": task.smoke[0], "nonce": task.smoke[1], "mode": mode, "scope": scope}
        attributes |= {"worker_count": self.pick(1, 1, 3) if scope == "worker-set" else 1}
        kind = "app_smoke_skipped" if mode == "skip" else "app_smoke_started"
        self.receipt(kind, "operator", task, attributes, {"command": "app-smoke", "smoke_id": task.smoke[0]})

    def prove(self, task: Task, role: str | None = None, status: str | None = None) -> None:
        role = role or self.pick("manager", "worker")
        status = status or self.pick("sent", "received", "accepted", "blocked", "skipped")
        smoke_id, nonce = task.smoke if self.chance(0.98) else self.smoke_ids()
        attributes: Row = {"smoke_id": smoke_id, "nonce": nonce, "role": role, "status": status, "thread_id": None}
        if self.chance(0.4) and role in task.seats:
            attributes["thread_id"] = task.seats[role].row["codex_app_thread_id"]
        if self.chance(0.7):
            attributes["payload"] = {"summary": self.random.choice(SUMMARIES)} if self.chance(0.8) else None
        self.receipt("app_smoke_receipt_recorded", role, task, attributes, {"command": "app-smoke", "role": role})

    def command(self, task: Task) -> None:
        attributes = {"state": "pending", "idempotency_key": f"key-{self.seq}"}
        self.receipt("command_created", "workerctl", task, attributes, {"command_type": "nudge_worker"}, fine=True)

    def consume(self, task: Task) -> None:
        attributes = {"delivery_mode": "pull_required", "poll_count": 1}
        correlation = {"notification_id": self.random.randrange(1, 9), "signal_type": "nudge_worker"}
        self.receipt("dispatch_inbox_consumed", "dispatch", task, attributes, correlation, fine=True)

    def ingest(self, task: Task) -> None:
        seat = task.seats[self.pick("manager", "worker")]
        correlation = {"session": seat.row["name"], "session_id": seat.session}
        where = task if self.chance(0.5) else None
        row = self.receipt("codex_events_ingested", "workerctl", where, {"new_events": 1}, correlation, fine=True)
        self.seen(seat, row["timestamp"])

    def rotate(self, task: Task) -> None:
        seat = task.seats["worker"]
        updated = self.chance(0.8)
        thread = f"thread-r{self.seq}"
        attributes = {"old_worker_session_id": seat.session, "old_worker_thread_id": seat.row["codex_app_thread_id"]}
        attributes |= {"new_worker_thread_id": thread, "session_updated": updated}
        self.receipt("app_worker_rotation_recorded", "manager", task, attributes, {"command": "rotation"})
        if updated:
            seat.row |= {"codex_app_thread_id": thread, "last_heartbeat_at": None}

    def plan(self, task: Task) -> None:
        """A plan to wake both seats, and what was recorded of it."""
        words = {role: self.pick("ready_to_send", "skipped_healthy", "blocked_missing_thread") for role in task.seats}
        actions = [
            {"role": role, "status": word, "send_ready": word == "ready_to_send", "thread_id": f"thread-{role}"}
            for role, word in words.items()
        ]
        attributes: Row = {"actions": actions, "status_ok": True}
        plan = self.receipt("app_wakeup_dispatch_planned", "manager", task, attributes, {"command": "dispatch"})
        for role, word in words.items():
            done = {"ready_to_send": "sent", "skipped_healthy": "skipped", "blocked_missing_thread": "blocked"}[word]
            self.tick()
            if self.chance(0.1):
                done = self.pick("sent", "skipped", "blocked")
            attributes = {"role": role, "delivery_status": done, "dispatch_receipt": plan["id"]}
            attributes |= {"thread_id": f"thread-{role}", "reason": self.pick(None, None, "no tool")}
            if self.chance(0.8):
                self.receipt("app_wakeup_delivery_recorded", "manager", task, attributes, {"role": role})

    def hand_off(self, task: Task) -> None:
        session = task.seats["worker"].session
        row = {"task_id": task.id, "worker_session_id": session, "summary": "done", "created_at": self.stamp(fine=True)}
        self.add("worker_handoffs", row | {"next_steps_json": "[]", "payload_json": "{}"})

    def message(self, task: Task, name: str | None = None) -> None:
        """A message to a seat: routed, perhaps delivered, perhaps read, perhaps acknowledged."""
        role = "manager" if name else self.pick("manager", "worker")
        if task.binding is None:
            return
        number = len(self.tables["routed_notifications"]) + 1
        seats = [task.seats[each].session for each in (("worker", role) if role == "manager" else ("manager", role))]
        row: Row = {
            "id": number,
            "task_id": task.id,
            "binding_id": task.binding["id"],
            "correlation_id": name or self.pick(f"corr-{number}", f"{task.smoke[0]}-worker-report"),
            "source_session_id": seats[0],
            "target_session_id": seats[1],
            "signal_type": f"notify_{role}",
            "dedupe_key": f"key-{number}",
            "created_at": self.stamp(fine=True),
            "state": "pending",
            "payload_json": "{}",
        }
        self.add("routed_notifications", row)
        for column, share in (("delivered_at", 0.95), ("consumed_at", 0.9)):
            self.tick()
            if not self.chance(share):
                return
            row |= {column: self.stamp(fine=True), "state": "delivered"}
        if self.chance(0.9):
            correlation = {"notification_id": number, "signal_type": row["signal_type"]}
            self.receipt("dispatch_inbox_consumed", "dispatch", task, {"poll_count": 1}, correlation, fine=True)
        if self.chance(0.9):
            self.acknowledge(task, number, role)

    def acknowledge(self, task: Task, number: int, role: str) -> None:
        binding = task.binding["id"] if task.binding else "binding-1"
        values = {"task_id": task.id, "binding_id": binding, "notification_id": number, "role": role}
        values |= {"status": self.pick("received", "accepted"), "payload_json": "{}", "created_at": self.stamp()}
        self.add("notification_acknowledgements", values)

    def noise(self, task: Task) -> None:
        kind = self.pick("task_finished", *NEARLY, "app_autopilot_stopped2")
        self.receipt(kind, "workerctl", task, {"role": "worker", "session_id": "session-1"}, {})

    # -- histories

    def days(self, task: Task) -> list[Callable[[], None]]:
        """What a pair does when all goes well, in order."""
        both = ("manager", "worker")
        story: list[Callable[[], None]] = [lambda: self.open_smoke(task)]
        story += [lambda role=role: self.prove(task, role, "sent") for role in both]  # type: ignore[misc]
        story += [lambda role=role: self.beat(task, role) for role in both]  # type: ignore[misc]
        story += [lambda: self.prove(task, "worker", "received")]
        story += [lambda: self.prove(task, "worker", "accepted")]
        if self.chance(0.6):
            story += [lambda: self.message(task, f"{task.smoke[0]}-worker-report")]
        story += [lambda: self.prove(task, "manager", "accepted")]
        story += [lambda: self.start(task), lambda: self.pulse(task)]
        story += [lambda role=role: self.automate(task, role) for role in both]  # type: ignore[misc]
        for _ in range(self.random.randrange(6)):
            story += [lambda role=role: self.beat(task, role) for role in both]  # type: ignore[misc]
            story += [lambda: self.pulse(task)]
        return story

    def aside(self, task: Task) -> None:
        """Something that may happen at any time."""
        common = (self.beat, self.beat, self.pulse, self.prove, self.automate, self.command, self.consume, self.message)
        rare = (self.start, self.stop, self.open_smoke, self.ingest, self.rotate, self.hand_off, self.bind, self.unbind)
        self.random.choice(common if self.chance(0.7) else (*rare, self.noise, self.plan))(task)

    def veto(self, task: Task) -> None:
        """A last receipt that forbids what was allowed."""
        self.tick()
        if self.chance(0.3):
            self.prove(task, None, "blocked")
        else:
            self.pick(self.stop, self.open_smoke, self.command, self.rotate)(task)

    def live(self, task: Task) -> None:
        restless = self.random.choice((0.0, 0.0, 0.02, 0.1, 0.3))
        self.bind(task)
        for _ in range(self.pick(1, 1, 1, 2)):
            for step in self.days(task):
                if self.chance(self.keep):
                    self.tick()
                    step()
                while self.chance(restless):
                    self.tick()
                    self.aside(task)
        if self.chance(0.3):
            self.veto(task)
        end = self.random.random()
        if end < 0.05:
            self.unbind(task)
        elif end < 0.1 and task.binding is not None:
            task.binding["state"] = "ending"
        elif end < 0.3:
            self.hand_off(task)

    def drawn(self) -> Drawn:
        tasks = [(row["id"], row["name"]) for row in self.tables["tasks"]]
        threads = [row["codex_app_thread_id"] or "thread-1" for row in self.tables["sessions"]] or ["thread-1"]
        spans = [SECOND, self.pick(0, 2 * SECOND, 60 * SECOND), STALE]
        return Drawn(self.tables, tasks, self.instants, list(DISPATCHERS), list(SMOKES), threads, spans)


def draw(random: Random) -> Drawn:
    """A sound ledger: of one task, or of a few whose rows come one after the other or mixed."""
    scribe = Scribe(random)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        task = scribe.task()
        scribe.tick()
        if random.random() < 0.96:
            scribe.live(task)
    return scribe.drawn()
