"""The functions of ours that queries call, whatever the source."""

from __future__ import annotations

import sqlite3
from functools import lru_cache

from interlock.instant import parse_instant
from interlock.ledger.plain import is_plain
from interlock.ledger.valid import is_valid


def define(connection: sqlite3.Connection) -> None:
    """Make the functions known to a connection."""
    connection.create_function("instant_of", 1, instant_of, deterministic=True)
    connection.create_function("is_plain", -1, is_plain, deterministic=True)
    connection.create_function("is_valid", 7, is_valid, deterministic=True)


@lru_cache(4_096)
def instant_of(text: object) -> int | None:
    """Microseconds of a time in the ledger; None for what is no instant in UTC. Plans ask for one time repeatedly."""
    if not isinstance(text, str):
        return None
    try:
        return parse_instant(text)
    except ValueError:
        return None
