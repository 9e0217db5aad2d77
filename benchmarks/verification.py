"""A ledger of a million receipts, verified whole, against a loop that only reads the rows and decodes their JSON."""

from __future__ import annotations

import resource
import sqlite3
import statistics
import tempfile
from contextlib import closing
from pathlib import Path

import msgspec
from growth import ROUNDS, TASKS, grow, tables
from timing import interleaved, ratio

from interlock.ledger import open_ledger
from interlock.ledger.verify import verify

NOW = 2**52
"""An instant after all receipts."""


def main(runs: int = 5) -> None:
    """Print how many receipts are verified in a second, the ratio to decoding alone, and the memory it takes."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "large.db"
        count = grow(path, tables(Path(name)), range(TASKS), range(ROUNDS))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        decode = msgspec.json.Decoder().decode

        def verified() -> None:
            with closing(open_ledger(path)) as ledger, ledger.snapshot(NOW, live=True) as snapshot:
                found = verify(snapshot, ledger.path, lambda rows, _: rows, clock=NOW)
            assert (found.valid, found.receipts) == (True, count)

        def decoded() -> None:
            with closing(sqlite3.connect(path)) as ledger:
                for correlation, attributes in ledger.execute(
                    "select correlation_json, attributes_json from telemetry_events"
                ):
                    decode(correlation)
                    decode(attributes)

        whole, alone = interleaved(runs, verified, decoded)
        rate = count / statistics.median(whole)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10
        print(f"{rate:,.0f} receipts a second of {count:,}, {ratio(whole, alone)} x decoding alone, {grown} MiB more")


if __name__ == "__main__":
    main()
