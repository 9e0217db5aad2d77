"""What the file system and SQLite complain of, told to a person: one line, and what to do next."""

from __future__ import annotations

import os
import sqlite3
import stat
from typing import Final

from interlock.errors import FactError, LedgerError
from interlock.ledger.schema import OPTIONAL

NAME_IT: Final = "name Conveyor's ledger with `--ledger PATH`"
PLACE: Final = os.path.join(".codex-workers", "workerctl.db")
"""Where Conveyor keeps the ledger of a project."""
_LONGEST: Final = 300
_SMALLEST: Final = 512
"""Bytes of the smallest page of SQLite: what is smaller would pass for a database without tables."""


def refused(path: str, why: str, error: type[LedgerError] = LedgerError) -> LedgerError:
    """The error that says why the ledger at `path` cannot be read, on one line."""
    text = "\\n".join(f"the ledger `{path}` {why}".splitlines())
    return error(text if len(text) <= _LONGEST + len(path) else text[: _LONGEST + len(path)] + "…")


def examine(path: str, file: str, least: int = _SMALLEST) -> os.stat_result:
    """The state of a file of that many bytes at least. Raises LedgerError for what no ledger can be."""
    try:
        found = os.stat(file)
    except (FileNotFoundError, NotADirectoryError):
        raise refused(path, f"does not exist; {NAME_IT} (a project keeps it in `{PLACE}`)") from None
    except PermissionError:
        raise refused(path, "cannot be reached: permission denied; ask its owner for the right to read it") from None
    except (OSError, ValueError) as error:
        raise refused(path, f"cannot be reached: {getattr(error, 'strerror', None) or error}; {NAME_IT}") from None
    if stat.S_ISDIR(found.st_mode):
        raise refused(path, f"is a folder; name the file in it, such as `{os.path.join(path, PLACE)}`")
    if not stat.S_ISREG(found.st_mode):
        raise refused(path, f"is no regular file; {NAME_IT}")
    if not found.st_size:
        raise refused(path, f"is an empty file; {NAME_IT}")
    if found.st_size < least:
        raise refused(path, f"is no SQLite database; {NAME_IT}")
    return found


def told(path: str, file: str, error: sqlite3.Error) -> LedgerError:
    """SQLite's complaint about the ledger at `path`, whose file is `file`."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return refused(path, _of_the_text(error), FactError)
    return refused(path, _of_the_file(path, file, code, str(error)))


def unreadable(path: str, error: sqlite3.Error) -> LedgerError:
    """What a function of a query complains of that compiles: a value of some row, such as text that is not JSON."""
    what = "text that is no UTF-8" if str(error) == _RAISED else f"a value that SQLite cannot read ({error})"
    return refused(path, f"holds {what}; {_RESTORE}", FactError)


def _of_the_text(error: sqlite3.Error) -> str:
    """A complaint of Python's own: it decodes the text that SQLite hands over."""
    words = str(error)
    if words.startswith("Could not decode to UTF-8"):
        return f"holds text that is no UTF-8, in `{words.split(chr(39))[1]}`; {_RESTORE}"
    return f"cannot be read: {words}"


def _of_the_file(path: str, file: str, code: int, words: str) -> str:
    if code == sqlite3.SQLITE_READONLY_ROLLBACK:
        return "was left in the middle of a transaction, which only a writer can undo; let Conveyor open it once"
    match code & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return "is locked by a process that writes to it; ask again when that is done"
        case sqlite3.SQLITE_NOTADB:
            return f"is no SQLite database; {NAME_IT}"
        case sqlite3.SQLITE_CORRUPT:
            return f"is damaged ({words}); look with `sqlite3 {path} 'PRAGMA integrity_check'`, and {_RESTORE}"
        case sqlite3.SQLITE_ERROR:
            return _of_the_content(words)
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return _of_the_rights(path, file, words)
    return f"cannot be read: {words}"


def _of_the_content(words: str) -> str:
    missing = "is a SQLite database but not Conveyor's ledger: it has no"
    table = words.removeprefix("no such table: main.")
    if table in OPTIONAL.values():
        return f"has no table `{table}`, which is read for what was asked; policies that do not read it can decide"
    if table != words:
        return f"{missing} table `{table}`"
    if words.startswith("no such column: "):
        return f"{missing} column `{words.removeprefix('no such column: ')}`"
    return f"cannot be read: {words}"


def _of_the_rights(path: str, file: str, words: str) -> str:
    if not os.access(file, os.R_OK):
        return "may not be read: permission denied; ask its owner for the right to read it"
    if os.path.exists(file + "-wal"):
        return (
            f"has a write-ahead log that only those can read who may write beside it; copy `{path}` and `{path}-wal` "
            "into a folder of your own"
        )
    return f"cannot be opened: {words}"


_RAISED: Final = "user-defined function raised exception"
"""Python's words for a function of ours that failed. Ours fail only where their text cannot be decoded."""
_RESTORE: Final = "restore a sound copy"
