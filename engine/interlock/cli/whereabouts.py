"""Where the ledger and the lock are, when nobody says so."""

from __future__ import annotations

import os

from interlock.diagnostics import LockError, UsageError

LOCK = "interlock.lock"
_PLACE = os.path.join(".codex-workers", "workerctl.db")


def find_ledger() -> str:
    """The nearest `.codex-workers/workerctl.db` in this folder or above it. Raises UsageError when there is none."""
    found = nearest_ledger()
    if found is None:
        raise UsageError(
            f"no ledger: give `--ledger PATH`, set `$INTERLOCK_LEDGER`, or run where `{_PLACE}` is in "
            "or above the folder"
        )
    return found


def nearest_ledger() -> str | None:
    """The ledger that `find_ledger` finds, or None."""
    try:
        folder = os.getcwd()
    except FileNotFoundError:
        folder = ""
    while folder:
        path = os.path.join(folder, _PLACE)
        if _there(path):
            return path
        above = os.path.dirname(folder)
        folder = above if above != folder else ""
    return None


def _there(path: str) -> bool:
    """Whether something is at a path: a broken link is, and what may not be looked at counts as well."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def find_lock() -> str:
    """The nearest `interlock.lock` in this folder or above it. Raises LockError when there is none."""
    found = nearest_lock()
    if found is None:
        raise LockError(
            f"{LOCK}: error: there is no lock in this folder or above it\n   = `interlock lock POLICY` writes one"
        )
    return found


def nearest_lock() -> str | None:
    """The lock that `find_lock` finds, or None."""
    from interlock.project import above

    paths = (os.path.join(folder, LOCK) for folder in above())
    return next((path for path in paths if os.path.lexists(path)), None)
