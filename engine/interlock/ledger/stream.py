"""A feed's lines, as they come from a file or from standard input."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

from interlock.files import reason
from interlock.ledger.errors import refused

Watched = Callable[[Iterable[bytes], int], Iterable[bytes]]
"""Lets the lines of a feed pass, and shows how many bytes of the total did."""
STANDARD_INPUT = "-"
LONGEST = 1 << 24
"""Bytes that a line of a feed may have. Conveyor's receipts have a few thousand."""


def is_feed(file: str) -> bool:
    """Whether a path names a feed: standard input, or a file whose name says so.

    To look into the file instead would drop the locks that this process may hold on it, if it is a database.
    """
    return file == STANDARD_INPUT or file.endswith((".ndjson", ".jsonl", ".json"))


def _bounded(path: str, stream: BinaryIO) -> Iterator[bytes]:
    """The lines of a stream. Raises LedgerError for one that is too long to be a fact."""
    number = 0
    while line := stream.readline(LONGEST + 1):
        number += 1
        if len(line) > LONGEST:
            raise refused(path, f"has a line, number {number:,}, of more than {LONGEST:,} bytes: it is not a feed")
        yield line


def feed_lines(path: str, file: str, watched: Watched | None = None) -> Iterator[bytes]:
    """The lines of a feed, from a file or from standard input. Raises LedgerError."""
    try:
        with sys.stdin.buffer if file == STANDARD_INPUT else open(file, "rb") as stream:
            total = 0 if file == STANDARD_INPUT else os.fstat(stream.fileno()).st_size
            lines = _bounded(path, stream)
            yield from watched(lines, total) if watched else lines
    except OSError as error:
        raise refused(path, f"cannot be read: {reason(error)}") from None
