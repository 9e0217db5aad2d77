"""Read-only connections to a ledger's file."""

from __future__ import annotations

import sqlite3

from interlock.ledger.place import quoted

BUSY_SECONDS = 5.0
"""How long to wait for a writer that holds the ledger locked."""


def connect(file: str, option: str, patience: float = BUSY_SECONDS) -> sqlite3.Connection:
    """A connection that cannot write. `option` is added to the URI. Raises sqlite3.Error."""
    uri = f"file://{quoted(file)}?mode=ro{option}"
    return sqlite3.connect(uri, uri=True, timeout=patience, isolation_level=None, check_same_thread=False)


def in_wal_mode(file: str) -> bool:
    """Whether the header of a ledger without a log says that it has one.

    To look into the file by other means than SQLite's would drop the locks that this process holds on it.
    """
    probe = connect(file, "&nolock=1")
    try:
        probe.execute("PRAGMA schema_version")
    except sqlite3.OperationalError as error:
        # Without locks there is no WAL: that is how SQLite says that the ledger needs it.
        return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_CANTOPEN
    finally:
        probe.close()
    return False
