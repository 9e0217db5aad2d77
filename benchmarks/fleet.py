"""All tasks of many ledgers at once, against a loop over the API; and of a large ledger, against those of a small one.

The fleet is made of the ledgers with real answers, each several times. The large ledger is that of `growth.py`: a
million receipts of a thousand tasks; the small one has a thousand receipts of its own.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import growth
from timing import DATA, interleaved, ratio, unpack

import interlock
from interlock.request import Request, Session

POLICIES = ("smoke", "readiness", "quiescence")
COPIES = 5
LARGE = 1_000


def loop(paths: list[Path]) -> int:
    """One question at a time, of each ledger; how many decisions."""
    count = 0
    for path in paths:
        with closing(interlock.open_ledger(path)) as ledger:
            with ledger.snapshot(0, live=True) as snapshot:
                tasks = snapshot.task_labels()
            for task in tasks:
                for policy in POLICIES:
                    interlock.evaluate(policy, ledger=ledger, task=task)
                    count += 1
    return count


def whole(paths: list[Path], *, validity: bool) -> int:
    """All tasks of each ledger; how many decisions."""
    count = 0
    for path in paths:
        with Session(Request(policies=POLICIES, ledger=path, validity=validity)) as session:
            count += len(session.decisions())
    return count


def cpu(work: Callable[[], int]) -> float:
    """Decisions a second of this process's own time."""
    started = time.process_time()
    count = work()
    return count / (time.process_time() - started)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        known = [unpack(each.stem, folder) for each in sorted(DATA.glob("*.db.xz"))]
        fleet = [Path(shutil.copy(path, folder / f"{n}-{path.name}")) for n in range(COPIES) for path in known]
        alone, ahead, now = interleaved(
            5, lambda: loop(fleet), lambda: whole(fleet, validity=True), lambda: whole(fleet, validity=False)
        )
        count = whole(fleet, validity=False)
        print(f"{len(fleet)} ledgers, {count:,} decisions")
        print(f"a loop over the API takes {ratio(alone, ahead)} times as long as all at once")
        print(f"without looking ahead: {ratio(alone, now)}")
        print(f"decisions a second on one core: {cpu(lambda: whole(fleet, validity=False)):,.0f}")
        schema = growth.tables(folder)
        large, small = folder / "large.db", folder / "small.db"
        receipts = growth.grow(large, schema, range(LARGE), range(240))
        few = growth.grow(small, schema, range(10), range(23))
        print(f"{receipts:,} receipts of {LARGE:,} tasks, {few:,} of 10; on {os.cpu_count()} cores")
        big, little = interleaved(
            3, lambda: whole([large], validity=False), lambda: [whole([small], validity=False) for _ in range(100)]
        )
        print(f"a decision on the large takes {ratio(big, little)} times as long as on the small")


if __name__ == "__main__":
    main()
