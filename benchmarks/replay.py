"""A replay of one task's 10,000 receipts, against a decision at the instant of each of them."""

from __future__ import annotations

import tempfile
import time
from itertools import product
from pathlib import Path

from growth import POLICIES, START, grow, tables

import interlock

ROUNDS, SAMPLE = 2_400, 100
"""Of the instants, so many are decided at; the rest is taken to cost as much."""


def main() -> None:
    """Print, for each gate, how long its replay takes, and its ratio to deciding at every receipt's instant.

    With a `stale_after` of 60 s every gate changes its mind with every round of receipts, and again before the next.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        count = grow(folder / "task.db", tables(folder), range(7, 8), range(ROUNDS))
        ledger = interlock.open_ledger(folder / "task.db")
        print(f"one task of {count:,} receipts")
        for policy, stale_after in product(POLICIES, ("180s", "60s")):
            params = {"stale_after": stale_after} | ({} if policy == "smoke" else {"dispatcher_id": "dispatch-7"})
            asked = {"ledger": ledger, "task": "task-7", "params": params}
            start = time.process_time()
            history = interlock.replay([policy], since=START, **asked)
            replayed = time.process_time() - start
            changes = len(history.lanes[0].intervals) - 1
            instants = [mark.at for mark in history.marks][:: max(1, len(history.marks) // SAMPLE)]
            start = time.process_time()
            for at in instants:
                interlock.evaluate(policy, at=at, **asked)
            each = (time.process_time() - start) / len(instants)
            print(f"{policy:12} {replayed:5.1f} s for {changes:,} changes = {replayed / (each * count):.2f} x deciding")


if __name__ == "__main__":
    main()
