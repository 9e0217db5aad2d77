"""Whether the files of a ledger were written to: what shows it, however clocks and file systems count."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from hashlib import sha256

import msgspec

from interlock.ledger.conveyor import stamp
from interlock.ledger.ledger import is_feed

_HEADER = 100
"""Bytes of the header of a database, in which SQLite counts the changes."""
_PIECE = 1 << 20


def written_state(files: Iterable[str]) -> str | None:
    """A digest that differs whenever one of these files was written to or replaced; None where that is not known.

    It is made of what the file system knows of a database and its log, of the header, in which SQLite counts changes,
    and of the log's content; of a feed, of its whole content. Nothing is known of a file that was written to just now.

    Nobody in this process may hold one of the files open: to close a file drops the locks that the process has on it.
    """
    found = []
    for file in files:
        status = stamp(file)
        if status is None:
            return None
        real = os.path.realpath(file)
        try:
            found.append((status, _content(real, None if is_feed(file) else _HEADER), _content(f"{real}-wal", None)))
        except OSError:
            return None
    return f"sha256:{sha256(msgspec.json.encode(found)).hexdigest()}"


def _content(file: str, most: int | None) -> str | None:
    """The digest of a file's first bytes, or of all; None where there is no such file.

    Raises OSError, and for what is not a file: a pipe may have no writer, and a device no end.
    """
    seen = sha256()
    try:
        if not stat.S_ISREG(os.stat(file).st_mode):
            raise OSError("not a regular file")
        with open(file, "rb") as stream:
            if most is not None:
                seen.update(stream.read(most))
            else:
                while piece := stream.read(_PIECE):
                    seen.update(piece)
    except FileNotFoundError:
        return None
    return seen.hexdigest()
