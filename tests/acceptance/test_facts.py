"""Facts that others wrote: whatever they hold, it is shown and not obeyed, and what cannot be judged is undecided."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import Interlock, Ran
from tests.helpers.ledgers import LedgerBuilder

SMOKE = {"smoke_id": "smoke-1", "nonce": "nonce-1", "mode": "required", "scope": "pair", "worker_count": 1}
ASKED = ("eval", "smoke", "--ledger", "ledger.db", "--at", "2026-06-11T12:05:00Z")


def ledger(folder: Path, *, task: str = "demo", smoke: dict[str, Any] | None = None, **verdict: Any) -> Path:
    """A pair whose worker recorded something, after a smoke session was opened."""
    told = {**{name: SMOKE[name] for name in ("smoke_id", "nonce")}, "role": "worker", "status": "blocked"}
    builder = LedgerBuilder(folder / "ledger.db").task(task).bind()
    builder.receipt("app_smoke_started", at="2026-06-11T12:01:00Z", attributes={**SMOKE, **(smoke or {})})
    builder.receipt("app_smoke_receipt_recorded", at="2026-06-11T12:02:00Z", attributes=told | verdict)
    return builder.write()


def test_the_ledger_of_these_tests_is_denied_by_what_the_worker_says(interlock: Interlock, folder: Path) -> None:
    ledger(folder, payload={"summary": "no disk left"})
    ran = interlock(*ASKED, "--task", "demo")
    assert ran.code == 3
    assert "  block    worker smoke blocked: no disk left\n" in ran.out


@pytest.mark.parametrize(
    ("summary", "shown"),
    [
        ('it\'s "quoted" `so` $(rm) {x}', 'it\'s "quoted" `so` $(rm) {x}'),
        ("a\x00b", "a\\u0000b"),
        ("\x1b[2J\x1b]0;owned\x07", "\\u001b[2J\\u001b]0;owned\\u0007"),
        ("\x9b31m", "\\u009b31m"),
        ("fixed\nallowed    smoke  task demo: proved", "fixed\\nallowed    smoke  task demo: proved"),
        ("fixed\r\tallowed", "fixed\\r\\tallowed"),
        ("\u202edenied\u2028x", "\\u202edenied\\u2028x"),
        ("naïve ✓ 漢字 👩‍🚀", "naïve ✓ 漢字 👩‍🚀"),
    ],
)
def test_what_a_fact_says_is_shown_and_not_obeyed(interlock: Interlock, folder: Path, summary: str, shown: str) -> None:
    ledger(folder, payload={"summary": summary})
    ran = interlock(*ASKED, "--task", "demo")
    assert ran.code == 3
    assert f"  block    worker smoke blocked: {shown}\n" in ran.out
    assert not any(line.startswith("allowed") for line in ran.out.splitlines())
    (line,) = interlock(*ASKED, "--task", "demo", "--format", "json").out.splitlines()
    assert f"worker smoke blocked: {summary}" in [finding["message"] for finding in json.loads(line)["findings"]]


def test_a_long_text_is_not_cut(interlock: Interlock, folder: Path) -> None:
    ledger(folder, payload={"summary": "x" * 10_000_000})
    ran = interlock(*ASKED, "--task", "demo")
    assert ran.code == 3
    assert f"  block    worker smoke blocked: {'x' * 10_000_000}\n" in ran.out


def test_a_tasks_name_is_shown_and_not_obeyed(interlock: Interlock, folder: Path) -> None:
    name = "demo\x1b[31m\nallowed"
    ledger(folder, task=name)
    ran = interlock(*ASKED, "--task", name)
    assert ran.code == 3
    assert ran.out.startswith("denied     smoke  task demo\\u001b[31m\\nallowed at 2026-06-11T12:05:00Z: blocked\n")
    assert interlock("tasks", "--ledger", "ledger.db").out.startswith("demo\\u001b[31m\\nallowed  2026-06-11T12:0")


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"smoke": {"mode": "maybe"}}, id="a value outside its enum"),
        pytest.param({"smoke": {"worker_count": "2"}}, id="a number that is text"),
        pytest.param({"smoke": {"worker_count": 2**64}}, id="a number beyond 64 bits"),
        pytest.param({"smoke": {"nonce": None}}, id="no nonce"),
        pytest.param({"role": 7}, id="a role that is a number"),
    ],
)
def test_a_fact_that_its_schema_refuses(interlock: Interlock, folder: Path, wrong: dict[str, Any]) -> None:
    ledger(folder, **wrong)
    undecided(interlock(*ASKED, "--task", "demo"))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("timestamp", "yesterday"),
        ("timestamp", "2026-02-30T12:02:00Z"),
        ("timestamp", "1969-12-31T23:59:59Z"),
        ("timestamp", b"2026-06-11T12:02:00Z"),
        ("timestamp", 1_781_179_320),
        ("attributes_json", "[1]"),
        ("attributes_json", "null"),
        ("attributes_json", '{"smoke_id": '),
        ("attributes_json", '{"smoke_id": "smoke-1", "nonce": "\\ud800"}'),
        ("attributes_json", '{"smoke_id": "smoke-1", "nonce": "nonce-1", "role": "worker", "status": "accepted"} x'),
        (
            "attributes_json",
            '{"smoke_id": "smoke-1", "nonce": "nonce-1", "role": "worker", "role": "manager", "status": "sent"}',
        ),
        ("attributes_json", b'{"smoke_id": "smoke-1", "nonce": "nonce-1", "role": "worker", "status": "accepted"}'),
        ("attributes_json", b"\xff\xfe"),
        ("attributes_json", "[" * 100_000),
        ("attributes_json", 7),
        ("correlation_json", "7"),
        ("correlation_json", "{"),
    ],
    ids=lambda value: repr(value)[:50],
)
def test_a_row_that_is_no_fact(interlock: Interlock, folder: Path, column: str, value: object) -> None:
    path = ledger(folder)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA ignore_check_constraints = on")
    connection.execute(f"UPDATE telemetry_events SET {column} = ? WHERE id = 'receipt-2'", (value,))
    connection.commit()
    connection.close()
    undecided(interlock(*ASKED, "--task", "demo"))


def undecided(ran: Ran) -> None:
    """It is undecided, or the ledger is refused, in a few lines that say which row or file it is about."""
    assert ran.code in {4, 6}, ran
    told = ran.out if ran.code == 4 else ran.err
    assert "`receipt-" in told or "`ledger.db`" in told
    assert len(told.splitlines()) < 6
    assert len(told) < 2_000
