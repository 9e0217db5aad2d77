"""The door: what validating a fact costs, against `jsonschema` on the same facts."""

from __future__ import annotations

import json
import sqlite3
import statistics
import tempfile
from pathlib import Path
from typing import Any

from jsonschema import validators
from referencing import Registry, Resource
from timing import interleaved, ratio, unpack

from interlock import schemas
from interlock.shipped import data_folder

FOLDER = Path(data_folder("schemas"))


def facts(path: Path) -> list[dict[str, Any]]:
    """Smoke receipts as facts."""
    query = (
        "select id, rowid, timestamp, actor, severity, summary, correlation_json, attributes_json from telemetry_events"
    )
    found = []
    for identity, seq, at, actor, severity, summary, correlation, attributes in sqlite3.connect(path).execute(
        f"{query} where event_type = 'app_smoke_receipt_recorded'"
    ):
        own = {"kind": "app_smoke_receipt_recorded", "id": identity, "seq": seq, "task": "t", "at": at, "actor": actor}
        own |= {"severity": severity, "summary": summary, "correlation": json.loads(correlation)}
        found.append({**json.loads(attributes), **own})
    return found


def main(runs: int = 9) -> None:
    """Print microseconds a fact through the door, and how many times longer `jsonschema` takes."""
    with tempfile.TemporaryDirectory() as folder:
        receipts = facts(unpack("ledger.db", Path(folder)))
    documents = [json.loads(path.read_text()) for path in FOLDER.rglob("*.schema.json")]
    registry: Registry[Any] = Registry().with_resources((d["$id"], Resource.from_contents(d)) for d in documents)
    schema = next(d for d in documents if d["$id"].endswith("app_smoke_receipt_recorded.schema.json"))
    slow = validators.validator_for(schema)(schema, registry=registry)

    def door() -> None:
        for fact in receipts:
            assert not schemas.check("app_smoke_receipt_recorded", fact)

    def by_jsonschema() -> None:
        for fact in receipts:
            assert slow.is_valid(fact)

    fast, other = interleaved(runs, door, by_jsonschema)
    print(
        f"{statistics.median(fast) / len(receipts) * 1e6:.2f} microseconds a fact; jsonschema = {ratio(other, fast)} x"
    )


if __name__ == "__main__":
    main()
