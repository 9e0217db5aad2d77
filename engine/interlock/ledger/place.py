"""Where a ledger's file really is. SQLite keeps a log beside the real file, not beside a link to it."""

from __future__ import annotations

import os
import time
from typing import Final

from interlock.ledger.errors import examine, refused

FileState = tuple[tuple[int, ...] | None, ...]
_CLOCK_TICK: Final = 100_000_000
"""Nanoseconds in which two writes may have the same time. Clocks of file systems tick every few milliseconds."""
_PLAIN: Final = frozenset(b"/-._~abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")


def resolve(path: str, file: str) -> str:
    """The path of a ledger's file with every symbolic link followed.

    `path` is what people know the file as. Raises LedgerError when there is no such file, or its real path is unknown.
    """
    found = examine(path, file)
    real = os.path.realpath(file)
    try:
        same = os.path.samestat(found, os.stat(real))
    except OSError:
        same = False
    if not same:
        raise refused(path, "is a link whose target has no path of its own; name the file itself")
    return real


def detached(file: str) -> str | None:
    """Why the log of a file may lie elsewhere than beside it, in words; None when it can only lie there."""
    names = os.stat(file).st_nlink
    if names > 1:
        return f"has {names} names (hard links)"
    if _mount(file) != _mount(os.path.dirname(file)):
        return "is mounted without its folder"
    return None


def size(file: str) -> int | None:
    """The size in bytes of what is at a path, links not followed; None when nothing is there. Raises OSError."""
    try:
        return os.lstat(file).st_size
    except FileNotFoundError:
        return None


def state(file: str) -> tuple[object, ...]:
    """What differs when a ledger's file was written to, or a file beside it came, went or was written to."""
    found: list[object] = []
    for each in (file, f"{file}-wal", f"{file}-shm"):
        try:
            status = os.stat(each)
        except OSError:
            found.append(None)
        else:
            found.append((status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns))
    return tuple(found)


def _mount(path: str) -> object:
    """What is equal for two paths of one mount. A bind mount within one file system differs in nothing else."""
    if hasattr(os, "O_PATH"):
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)  # unlike any other, it drops no lock when it is closed
        try:
            with open(f"/proc/self/fdinfo/{descriptor}", "rb") as file:
                found = [line for line in file if line.startswith(b"mnt_id:")]
            if found:
                return found[0]
        except OSError:  # without /proc
            pass
        finally:
            os.close(descriptor)
    return os.stat(path).st_dev


def quoted(file: str) -> str:
    """The path of a `file:` URI. Bytes that are not text stay what they are.

    Where folders have another separator (Windows), the drive comes after a slash: `/C:/ledger.db`.
    """
    if os.sep != "/":
        file = file.replace(os.sep, "/")
        file = file if file.startswith("/") else f"/{file}"
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in os.fsencode(file))


def stamp(file: str) -> FileState | None:
    """What differs whenever a ledger's content was written to, or another file has taken its place.

    It is None where the last write is so recent that the next one may have the same time: then nothing is known.
    """
    try:
        real = os.path.realpath(file)
    except (OSError, ValueError):
        real = file
    found = [_status(real), _status(real + "-wal")]
    written = max((each.st_mtime_ns for each in found if each is not None), default=0)
    if abs(time.time_ns() - written) < _CLOCK_TICK:
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
