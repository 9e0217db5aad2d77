"""Decisions in one process on the real ledger of 120 tasks: both evaluators against the reference alone."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

import msgspec
from timing import interleaved, ratio, unpack

import interlock
from interlock.evaluation.judge import Engine

POLICIES = ("loop", "smoke", "readiness", "quiescence")


def main(runs: int = 15) -> None:
    """Print, for each gate, milliseconds a decision over all tasks, and both evaluators against the reference alone."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = interlock.open_ledger(unpack("ledger.db", Path(folder)))
        lines = unpack("expected.jsonl", Path(folder)).read_bytes().splitlines()
        asked = [msgspec.json.decode(line) for line in lines]
        moments = {row["task"]: row["now"] for row in asked if not row["live"]}
        for policy in POLICIES:

            def decide(engine: Engine, policy: str = policy) -> None:
                for task, now in moments.items():
                    interlock.evaluate(policy, ledger=ledger, task=task, at=now, engine=engine)

            both, reference = interleaved(runs, lambda: decide("both"), lambda: decide("reference"))
            each = statistics.median(both) / len(moments) * 1e3
            print(f"{policy:12} {each:5.2f} ms a decision, both = {ratio(both, reference)} x the reference alone")


if __name__ == "__main__":
    main()
