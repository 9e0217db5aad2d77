"""No statement runs for ever: one that gives no row for too long is given up, and Ctrl-C ends it at once."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from interlock.diagnostics import LedgerError
from interlock.ledger import connection, open_ledger
from tests.acceptance.conftest import Interlock
from tests.helpers.ledgers import LedgerBuilder

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT i FROM n WHERE i = 2"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    ledger = LedgerBuilder(tmp_path / "l.db").task("demo").bind()
    for second in range(4):
        ledger.heartbeat("worker", at=f"2026-06-11T12:00:0{second}Z")
    return ledger.write()


def test_a_query_without_end_is_given_up(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "STATEMENT_SECONDS", 0.1)
    ledger = open_ledger(path)
    with ledger.snapshot(0) as snapshot:
        with pytest.raises(LedgerError, match=r"l\.db` gave no answer to a query within 0\.1 s"):
            snapshot.rows(ENDLESS, {})
        assert snapshot.rows("SELECT count(*) FROM receipt", {}) == [(4,)], "the snapshot goes on"
    with ledger.snapshot(0) as snapshot:
        assert snapshot.rows("SELECT 1", {}) == [(1,)]


def test_a_feed_is_watched_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "STATEMENT_SECONDS", 0.1)
    path = tmp_path / "f.ndjson"
    fact = {"kind": "task", "id": "1", "seq": 1, "task": "demo", "at": "2026-06-11T12:00:00Z"}
    path.write_text(json.dumps(fact | {"name": "demo", "state": "managed"}) + "\n")
    with open_ledger(path).snapshot(0) as snapshot, pytest.raises(LedgerError, match="gave no answer"):
        snapshot.rows(ENDLESS, {})


def test_rows_that_keep_coming_are_not_given_up(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it takes in all, and however long whoever reads them takes for each."""
    monkeypatch.setattr(connection, "STATEMENT_SECONDS", 0.1)
    monkeypatch.setattr(connection, "STEPS_BETWEEN_CHECKS", 1)
    with open_ledger(path).snapshot(1 << 52) as snapshot:
        count = 0
        for _ in snapshot.receipts():
            count += 1
            time.sleep(0.06)
            snapshot.rows("SELECT 1", {})
            time.sleep(0.06)
    assert count == 4


def test_the_command_says_so_with_the_ledgers_exit_code(
    interlock: Interlock, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "STATEMENT_SECONDS", -1.0)
    monkeypatch.setattr(connection, "STEPS_BETWEEN_CHECKS", 1)
    ran = interlock("eval", "smoke", "--task", "demo", "--ledger", str(path), "--at", "2026-06-11T12:01:00Z")
    assert (ran.code, ran.out) == (6, "")
    assert "gave no answer to a query within" in ran.err


INTERRUPTED = """
import os, signal, sys, threading
from interlock.ledger import open_ledger

signal.signal(signal.SIGINT, signal.default_int_handler)
threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    with open_ledger(sys.argv[1]).snapshot(0) as snapshot:
        snapshot.rows(sys.argv[2], {})
except KeyboardInterrupt:
    print("interrupted")
"""


def test_an_interrupt_ends_a_query_without_end(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(path), ENDLESS], capture_output=True, text=True, check=True, timeout=25
    )
    assert (done.stdout, done.stderr) == ("interrupted\n", "")
