"""The door: what validating a fact costs, against `jsonschema` on the same facts."""

from __future__ import annotations

import json
import sqlite3
import statistics
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from jsonschema.validators import validator_for
from timing import interleaved, ratio, unpack

from interlock import schemas
from interlock.schemas.documents import schema

KIND = "app_smoke_receipt_recorded"


def facts(path: Path) -> list[dict[str, Any]]:
    """Smoke receipts as facts."""
    query = (
        "select id, rowid, timestamp, actor, severity, summary, correlation_json, attributes_json from telemetry_events"
    )
    found = []
    with closing(sqlite3.connect(path)) as ledger:
        rows = ledger.execute(f"{query} where event_type = ?", (KIND,)).fetchall()
    for identity, seq, at, actor, severity, summary, correlation, attributes in rows:
        own = {"kind": KIND, "id": identity, "seq": seq, "task": "t", "at": at, "actor": actor}
        own |= {"severity": severity, "summary": summary, "correlation": json.loads(correlation)}
        found.append({**json.loads(attributes), **own})
    return found


def main(runs: int = 9) -> None:
    """Print microseconds a fact through the door, and how many times longer `jsonschema` takes."""
    with tempfile.TemporaryDirectory() as folder:
        receipts = facts(unpack("ledger.db", Path(folder)))
    whole = schema(f"facts/{KIND}")
    slow = validator_for(whole)(whole)

    def door() -> None:
        for fact in receipts:
            assert not schemas.fact_errors(schemas.SHIPPED, KIND, fact)

    def by_jsonschema() -> None:
        for fact in receipts:
            assert slow.is_valid(fact)

    fast, other = interleaved(runs, door, by_jsonschema)
    each = statistics.median(fast) / len(receipts) * 1e6
    print(f"{each:.2f} microseconds a fact of {len(receipts)}; jsonschema takes {ratio(other, fast)} times as long")


if __name__ == "__main__":
    main()
