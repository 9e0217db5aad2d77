"""Where the ledger is, when nobody says so."""

from __future__ import annotations

import os

from interlock.errors import UsageError

_VARIABLE = "INTERLOCK_LEDGER"
_PLACE = os.path.join(".codex-workers", "workerctl.db")


def find_ledger() -> str:
    """The path in `$INTERLOCK_LEDGER`, or else the nearest `.codex-workers/workerctl.db` in this folder or above it.

    Raises UsageError when there is neither.
    """
    named = os.environ.get(_VARIABLE)
    if named:
        return named
    try:
        folder = os.getcwd()
    except FileNotFoundError:
        folder = ""
    while folder:
        path = os.path.join(folder, _PLACE)
        if os.path.exists(path):
            return path
        above = os.path.dirname(folder)
        folder = above if above != folder else ""
    raise UsageError(
        f"no ledger: give `--ledger PATH`, set `${_VARIABLE}`, or run where `{_PLACE}` is in or above the folder"
    )
