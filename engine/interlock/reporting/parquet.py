"""Decisions of many ledgers as a Parquet file, a row each. The only module that imports pyarrow."""

from __future__ import annotations

from typing import Any, BinaryIO

import msgspec
import pyarrow
import pyarrow.parquet

from interlock.instant import parse_instant
from interlock.model.fleet import Fault, FleetEnd, Judged

_ROWS = 20_000
"""That many rows are held before they are written."""
_TIME = pyarrow.timestamp("us", "UTC")
_JSON = ("findings", "outputs", "next_change")
"""What is written as JSON, for it differs from policy to policy."""
_SCHEMA = pyarrow.schema(
    [
        pyarrow.field("ledger", pyarrow.string(), nullable=False),
        ("fault", pyarrow.string()),
        ("taken_over", pyarrow.bool_()),
        ("policy", pyarrow.string()),
        ("version", pyarrow.int64()),
        ("task", pyarrow.string()),
        ("now", _TIME),
        ("allow", pyarrow.bool_()),
        ("state", pyarrow.string()),
        ("reason", pyarrow.string()),
        ("findings", pyarrow.string()),
        ("outputs", pyarrow.string()),
        ("evidence", pyarrow.list_(pyarrow.string())),
        ("engine", pyarrow.string()),
        ("policy_digest", pyarrow.string()),
        ("seq", pyarrow.int64()),
        ("valid_until", _TIME),
        ("next_change", pyarrow.string()),
        ("validity", pyarrow.string()),
    ]
)
END = b"interlock.fleet_end"
"""The key under which the file's metadata have the last line of the JSON form: without it the file is not complete."""


class Parquet:
    """Writes the decisions of ledgers to an open file; a ledger that could not be judged has one row, its fault."""

    def __init__(self, file: BinaryIO) -> None:
        self._writer = pyarrow.parquet.ParquetWriter(file, _SCHEMA, compression="zstd")
        self._rows: list[dict[str, Any]] = []

    def add(self, outcome: Judged | Fault) -> None:
        """The rows of a ledger."""
        if isinstance(outcome, Fault):
            self._rows.append({"ledger": outcome.path, "fault": outcome.why})
        else:
            self._rows += (_row(line, taken_over=outcome.taken_over) for line in outcome.lines.splitlines())
        if len(self._rows) >= _ROWS:
            self._write()

    def end(self, end: FleetEnd) -> None:
        """Write what is left, and that this is all."""
        self._write()
        self._writer.add_key_value_metadata({END: msgspec.json.encode(end)})
        self.close()

    def close(self) -> None:
        """Let go of the file, while it is open; what was written without `end` is not complete."""
        try:
            self._writer.close()
        finally:
            self._writer.is_open = False  # one that failed is not closed again when nobody knows of it

    def _write(self) -> None:
        if self._rows:
            self._writer.write_table(pyarrow.Table.from_pylist(self._rows, _SCHEMA))
            self._rows = []


def _row(line: bytes, *, taken_over: bool) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(line)
    head = found.pop("ledger")
    for name in _JSON:
        found[name] = None if found[name] is None else msgspec.json.encode(found[name]).decode()
    for name in ("now", "valid_until"):
        found[name] = None if found[name] is None else parse_instant(found[name])
    return {**found, "ledger": head["path"], "seq": head["seq"], "taken_over": taken_over}
