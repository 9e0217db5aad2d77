"""A look at a ledger's file that does not open it: was it written to, or replaced?"""

from __future__ import annotations

import os
import time
from typing import Final

Stamp = tuple[tuple[int, ...] | None, ...]
_TICK: Final = 100_000_000
"""Nanoseconds in which two writes may bear the same time. Clocks of file systems tick every few milliseconds."""


def stamp(file: str) -> Stamp | None:
    """What differs whenever a ledger's content was written to, or another file has taken its place.

    It is None where the last write is so recent that the next one may bear the same time: then nothing can be told.
    """
    try:
        real = os.path.realpath(file)
    except (OSError, ValueError):
        real = file
    found = [_status(real), _status(real + "-wal")]
    written = max((each.st_mtime_ns for each in found if each is not None), default=0)
    if abs(time.time_ns() - written) < _TICK:
        return None
    return tuple(
        None if each is None else (each.st_dev, each.st_ino, each.st_size, each.st_mtime_ns, each.st_ctime_ns)
        for each in found
    )


def _status(file: str) -> os.stat_result | None:
    try:
        return os.stat(file)
    except (OSError, ValueError):
        return None
