"""A feed's lines, as they come from a file or from standard input."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator

from interlock.ledger.trouble import refused

Watched = Callable[[Iterable[bytes], int], Iterable[bytes]]
"""Lets the lines of a feed pass, and shows how many bytes of the total did."""
STANDARD_INPUT = "-"


def is_feed(file: str) -> bool:
    """Whether a path names a feed: standard input, or a file whose name says so.

    To look into the file instead would drop the locks that this process may hold on it, if it is a database.
    """
    return file == STANDARD_INPUT or file.endswith((".ndjson", ".jsonl", ".json"))


def feed_lines(path: str, file: str, watched: Watched | None = None) -> Iterator[bytes]:
    """The lines of a feed, from a file or from standard input. Raises LedgerError."""
    try:
        with sys.stdin.buffer if file == STANDARD_INPUT else open(file, "rb") as stream:
            total = 0 if file == STANDARD_INPUT else os.fstat(stream.fileno()).st_size
            yield from watched(stream, total) if watched else stream
    except OSError as error:
        raise refused(path, f"cannot be read: {(error.strerror or str(error)).lower()}") from None
