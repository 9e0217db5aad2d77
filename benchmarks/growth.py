"""The same question on a ledger of a thousand receipts and on one of a million.

The million: 100 tasks that have each been running for days (10,000 receipts a task: heartbeats of both seats, pulses of
the dispatcher that it shares with nine others, now and then a routed message, one smoke session and one start of the
autopilot). With a dispatcher for each task (DISPATCHERS = 100) its newest pulse lies behind those of all others. The
thousand: the asked task's newest thousand receipts, and nobody else.
"""

from __future__ import annotations

import sqlite3
import statistics
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from timing import interleaved, ratio, unpack

import interlock

START = datetime(2026, 6, 1, tzinfo=UTC)
TASKS, ROUNDS, DISPATCHERS = 100, 2_400, 10
"""Each round of a task, two minutes: two heartbeats, two pulses, and every 40th a message of 8 receipts."""
POLICIES = ("loop", "smoke", "readiness", "quiescence")
MESSAGE = (
    "command_created",
    "dispatch_command_claimed",
    "dispatch_command_attempted",
    "dispatch_signal_pull_required",
    "dispatch_command_succeeded",
    "dispatch_inbox_consumed",
    "dispatch_inbox_ack_recorded",
    "dispatch_inbox_ack_recorded",
)
Row = tuple[str, str | None, str, str, str, str, str]


def text(moment: datetime) -> str:
    """An instant as the ledger writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def dumps(value: object) -> str:
    """JSON text."""
    return msgspec.json.encode(value).decode()


def dispatcher(task: int) -> str:
    """The dispatcher that a task shares with others."""
    return f"dispatch-{task % DISPATCHERS}"


def opening(task: int) -> Iterator[tuple[str, str, dict[str, object], dict[str, object]]]:
    """Actor, kind, correlation and attributes of what a task begins with."""
    smoke = {"smoke_id": f"smoke-{task}", "nonce": f"nonce-{task}"}
    session = {**smoke, "mode": "required", "scope": "pair", "worker_count": 1, "binding_id": f"binding-{task}"}
    yield "operator", "app_smoke_started", {"smoke_id": smoke["smoke_id"]}, session
    for role, status in (
        ("worker", "sent"),
        ("worker", "received"),
        ("worker", "accepted"),
        ("manager", "sent"),
        ("manager", "accepted"),
    ):
        receipt = {**smoke, "role": role, "status": status, "thread_id": None, "payload": {}, "payload_keys": []}
        yield role, "app_smoke_receipt_recorded", {**smoke, "role": role}, {**receipt, "notification_id": None}
    route = {"dispatcher_id": dispatcher(task), "command": "app-autopilot"}
    started = {"dispatcher_id": dispatcher(task), "desired_state": "active", "interval_minutes": 2}
    yield "operator", "app_autopilot_started", {**route, "action": "start"}, started
    for role in ("manager", "worker"):
        applied = {"role": role, "automation_id": f"auto-{role}-{task}"}
        yield "operator", "app_autopilot_automation_applied", {**route, "role": role}, applied


def round_of(task: int, number: int) -> Iterator[tuple[str, str | None, str, dict[str, object], dict[str, object]]]:
    """Actor, task, kind, correlation and attributes of one round."""
    own = f"task-{task}"
    for role in ("manager", "worker"):
        beat = {"role": role, "session_id": f"{role}-{task}", "task": own, "direct_inbox_command": "conveyor inbox"}
        yield role, own, "app_heartbeat", {"command": "app-heartbeat"}, beat
    for _ in range(2):
        pulse = {"dispatcher_id": dispatcher(task), "iteration": number}
        yield "dispatch", None, "dispatch_watch_heartbeat", pulse, {"dry_run": False, "processed_count": 0}
    if number % 40 == 0:
        for kind in MESSAGE:
            known = {"correlation_id": f"corr-{task}-{number}", "notification_id": number}
            message = {"delivery_mode": "pull_required", "state": "pending", "notification_id": number}
            yield "dispatch", own, kind, known, message | {"role": "worker", "status": "received"}


def rows(tasks: range, rounds: range) -> Iterator[Row]:
    """The receipts of all tasks, in the order in which they were written."""
    count = 0
    for task in tasks:
        for actor, kind, correlation, attributes in opening(task):
            count += 1
            at = text(START + timedelta(minutes=2 * rounds.start, seconds=task % 50))
            yield f"telemetry-{task}-{count}", f"task-{task}", at, actor, kind, dumps(correlation), dumps(attributes)
    for number in rounds:
        for task in tasks:
            at = text(START + timedelta(minutes=2 * number, seconds=60 + task % 50))
            for actor, own, kind, correlation, attributes in round_of(task, number):
                count += 1
                yield f"telemetry-{task}-{count}", own, at, actor, kind, dumps(correlation), dumps(attributes)


def grow(path: Path, schema: list[str], tasks: range, rounds: range) -> int:
    """Write a ledger; how many receipts it has."""
    database = sqlite3.connect(path)
    database.execute("pragma synchronous = off")
    for statement in schema:
        database.execute(statement)
    last = text(START + timedelta(minutes=2 * rounds.stop))
    for task in tasks:
        first = text(START)
        database.execute(
            "insert into tasks values (?,?,'','','managed',?,?)", (f"task-{task}", f"task-{task}", first, first)
        )
        for role in ("manager", "worker"):
            database.execute(
                "insert into sessions(id,name,role,identity_token,codex_app_thread_id,cwd,registered_at,"
                "last_heartbeat_at,state) values (?,?,?,?,?,'/project',?,?,'active')",
                (
                    f"{role}-{task}",
                    f"{task}-{role}",
                    role,
                    f"token-{role}-{task}",
                    f"thread-{role}-{task}",
                    first,
                    last,
                ),
            )
        database.execute(
            "insert into bindings(id,task_id,worker_session_id,manager_session_id,state,created_at)"
            " values (?,?,?,?,'active',?)",
            (f"binding-{task}", f"task-{task}", f"worker-{task}", f"manager-{task}", first),
        )
    database.executemany(
        "insert into telemetry_events(id,task_id,timestamp,actor,event_type,severity,summary,correlation_json,"
        "attributes_json) values (?,?,?,?,?,'info','a receipt',?,?)",
        rows(tasks, rounds),
    )
    database.commit()
    count: int = database.execute("select count(*) from telemetry_events").fetchone()[0]
    database.close()
    return count


def tables(folder: Path) -> list[str]:
    """The statements that make a real ledger's tables and indexes."""
    names = ("tasks", "sessions", "bindings", "telemetry_events", "routed_notifications")
    names += ("notification_acknowledgements", "worker_handoffs")
    source = sqlite3.connect(unpack("story.db", folder))
    found = source.execute(
        "select sql, tbl_name from sqlite_master where sql is not null and type in ('table', 'index')"
    ).fetchall()
    source.close()
    return [sql for sql, table in found if table in names]


def main(runs: int = 200) -> None:
    """Print, for each gate, the ratio of a decision on the large ledger to one on the small."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        schema = tables(folder)
        large = grow(folder / "large.db", schema, range(TASKS), range(ROUNDS))
        small = grow(folder / "small.db", schema, range(7, 8), range(ROUNDS - 245, ROUNDS))
        print(
            f"large: {large:,} receipts, {(folder / 'large.db').stat().st_size >> 20:,} MiB; small: {small:,} receipts"
        )
        now = text(START + timedelta(minutes=2 * ROUNDS))
        ledgers = [interlock.open_ledger(folder / "large.db"), interlock.open_ledger(folder / "small.db")]
        for policy in POLICIES:
            params = {} if policy == "smoke" else {"dispatcher_id": "dispatch-7"}

            def decide(ledger: interlock.Ledger, policy: str = policy, params: dict[str, str] = params) -> object:
                return interlock.evaluate(policy, ledger=ledger, task="task-7", at=now, params=params)

            on_large, on_small = interleaved(runs, lambda: decide(ledgers[0]), lambda: decide(ledgers[1]))
            each = statistics.median(on_large) * 1e3
            print(f"{policy:12} {each:5.2f} ms on the large ledger = {ratio(on_large, on_small)} x the small one")


if __name__ == "__main__":
    main()
