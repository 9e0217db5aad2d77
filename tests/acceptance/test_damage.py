"""A damaged index: `verify-ledger` finds it, and a decision notices what it can."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.acceptance.conftest import Interlock
from tests.helpers.ledgers import START, LedgerBuilder

POLICY = """\
policy: no-stop
version: 1
question: Has nobody stopped the autopilot?
facts:
  stop: {from: app_autopilot_stopped, take: latest}
rules:
  - {id: stopped, for: stop, block: stopped}
decide:
  - {state: stopped, when: blocked, allow: false}
  - {state: free, allow: true}
"""
TYPES = "telemetry_events_type_timestamp"


@pytest.fixture
def ledger(folder: Path) -> Path:
    """A ledger with a receipt that denies, and with another."""
    (folder / "no-stop.yaml").write_text(POLICY, "utf-8")
    named = {"dispatcher_id": "dispatcher-1"}
    builder = LedgerBuilder(folder / "l.db").task("demo").receipt("app_heartbeat", at=START)
    return builder.receipt("app_autopilot_stopped", at=START, attributes=named, correlation=named).write()


def without_entry(ledger: Path, where: str) -> None:
    """Take the index entries of some receipts away, and leave the receipts."""
    with closing(sqlite3.connect(ledger)) as connection:
        sql = f"SELECT sql FROM sqlite_master WHERE name = '{TYPES}'"
        whole = connection.execute(sql).fetchone()[0]
        connection.executescript(f"DROP INDEX {TYPES}; {whole} WHERE NOT ({where}); PRAGMA writable_schema = 1")
        connection.execute("UPDATE sqlite_master SET sql = ? WHERE name = ?", (whole, TYPES))
        connection.commit()


def test_an_index_that_lacks_a_receipt_is_found(ledger: Path, interlock: Interlock) -> None:
    asked = ("eval", "no-stop.yaml", "--task", "demo", "--ledger", str(ledger))
    assert interlock(*asked).code == 3
    without_entry(ledger, "event_type = 'app_autopilot_stopped'")
    ran = interlock("verify-ledger", "--ledger", str(ledger))
    assert ran.code == 3
    assert "damaged  the file itself; restore a sound copy" in ran.out
    assert TYPES in ran.out
    assert ran.out.endswith("the file is damaged\n")
    found = json.loads(interlock("verify-ledger", "--ledger", str(ledger), "--format", "json").out)
    assert (found["valid"], found["invalid"]) == (False, 0)
    assert any(TYPES in each for each in found["damage"])


@pytest.mark.parametrize("take", ["latest", "earliest", "all"])
def test_a_receipt_that_an_index_tells_otherwise_decides_nothing(folder: Path, interlock: Interlock, take: str) -> None:
    """A query takes the kind from the index, and the rest from the table: so a skip is seen that was never recorded."""
    (folder / "skipped.yaml").write_text(
        POLICY.replace("no-stop", "skipped")
        .replace("app_autopilot_stopped", "app_smoke_skipped")
        .replace("take: latest", f"take: {take}")
    )
    builder = LedgerBuilder(folder / "l.db").task("demo")
    ledger = builder.receipt("app_smoke_started", at=START, attributes={"smoke_id": "s"}).write()
    with closing(sqlite3.connect(ledger)) as connection:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (TYPES,)).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    content = ledger.read_bytes()
    page = content[(root - 1) * size : root * size]
    assert page.count(b"app_smoke_started") == 1
    changed = page.replace(b"app_smoke_started", b"app_smoke_skipped")
    ledger.write_bytes(content[: (root - 1) * size] + changed + content[root * size :])
    ran = interlock("eval", "skipped.yaml", "--task", "demo", "--ledger", str(ledger), "--format", "json")
    assert ran.code == 4
    assert "`receipt-1` is not what an index of the ledger says; check it with" in json.loads(ran.out)["reason"]
    assert interlock("verify-ledger", "--ledger", str(ledger)).code == 3
