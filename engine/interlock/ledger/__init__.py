"""The ledger: read-only SQLite, one consistent snapshot at a time, seen as the canonical relation of facts.

Nothing is written. What cannot be helped, and is SQLite's doing:

- A ledger in WAL mode whose `-wal` file has content but whose `-shm` file is gone (a crash, an incomplete copy) gets a
  new `-shm` file: the log cannot be read without that index. Without the right to make one, an error says so.
- Readers of a log mark their place in the `-shm` file, which is shared memory and no content. While a ledger in WAL
  mode is held open, its side files stay; a writer finds them as it left them.
- A writer in rollback mode cannot commit while a snapshot is open, for milliseconds: it waits as long as its own busy
  timeout ends it.
"""

from interlock.ledger.connection import NEWEST
from interlock.ledger.conveyor import BUSY_SECONDS
from interlock.ledger.ledger import STANDARD_INPUT, Ledger, Watched, feed_lines, is_feed, open_ledger
from interlock.ledger.snapshot import Snapshot

__all__ = [
    "BUSY_SECONDS",
    "NEWEST",
    "STANDARD_INPUT",
    "Ledger",
    "Snapshot",
    "Watched",
    "feed_lines",
    "is_feed",
    "open_ledger",
]
