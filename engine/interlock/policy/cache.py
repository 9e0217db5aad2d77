"""Compiled policies kept between runs, so that a decision need not parse, check and compile.

An entry is data, never code, and is believed only if nobody else can have written it: the folder and the file belong
to this user and are writable by no one else, the file is not a link, and it holds the very text and circumstances that
it was compiled from. Anything else is compiled again. Writers do not disturb each other: an entry appears whole,
renamed.

This user can still write an entry that does not follow from its text. So whoever must not trust this user's files, as
under a lock, compiles from the source instead: see `Library`.
"""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import cache

import msgspec

from interlock.model.compiled import CompiledPolicy

_LARGEST = 64 << 20
"""The most bytes that are read of an entry."""
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_decoder: msgspec.json.Decoder[CompiledPolicy] | None = None


def key(*parts: str) -> bytes:
    """Everything that a compiled policy depends on: the given texts, and the code that compiles."""
    return "\0".join((*parts, _code())).encode(errors="surrogateescape")


def load(wanted: bytes) -> CompiledPolicy | None:
    """The entry of that key, or None when there is none that can be believed."""
    global _decoder
    folder = _folder()
    if folder is None or not _ours(folder, stat.S_ISDIR):
        return None
    content = _read(os.path.join(folder, _name(wanted)))
    head = _head(wanted)
    if content is None or not content.startswith(head):
        return None
    body = content[len(head) + 8 :]
    if content[len(head) : len(head) + 8] != _sum(body):
        return None
    if _decoder is None:
        _decoder = msgspec.json.Decoder(CompiledPolicy)
    try:
        return _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def store(wanted: bytes, compiled: CompiledPolicy) -> None:
    """Keep an entry. That it cannot be kept is not an error: the next run compiles again."""
    folder = _folder()
    if folder is None:
        return
    body = msgspec.json.encode(compiled)
    name = _name(wanted)
    temporary = os.path.join(folder, f"{name}.{os.getpid()}.tmp")
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        if not _ours(folder, stat.S_ISDIR):
            return
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        file = os.open(temporary, flags, 0o600)
    except OSError:
        return
    try:
        with open(file, "wb") as opened:
            opened.write(_head(wanted) + _sum(body) + body)
        os.replace(temporary, os.path.join(folder, name))
    except OSError:
        with suppress(OSError):
            os.unlink(temporary)


def _name(wanted: bytes) -> str:
    """The file of an entry. Two keys of one name only take turns: an entry holds its whole key."""
    return f"{zlib.crc32(wanted):08x}-{len(wanted)}"


def _head(wanted: bytes) -> bytes:
    return b"%d\n%b" % (len(wanted), wanted)


def _sum(body: bytes) -> bytes:
    return b"%08x" % zlib.crc32(body)


def _folder() -> str | None:
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    if not base or not os.path.isabs(base):
        home = os.path.expanduser("~")
        if not os.path.isabs(home):
            return None
        base = os.path.join(home, ".cache")
    return os.path.join(base, "interlock")


def _read(path: str) -> bytes | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return None
    try:
        status = os.fstat(descriptor)
        if not _safe(status, stat.S_ISREG) or status.st_size > _LARGEST:
            return None
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(_LARGEST)
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _ours(path: str, is_kind: Callable[[int], bool]) -> bool:
    try:
        return _safe(os.lstat(path), is_kind)
    except OSError:
        return False


def _safe(found: os.stat_result, is_kind: Callable[[int], bool]) -> bool:
    """Whether only this user can have written it. Where there are no owners, the user's own folder must do."""
    if not is_kind(found.st_mode):
        return False
    if not hasattr(os, "geteuid"):
        return True
    return found.st_uid == os.geteuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


@cache
def _code() -> str:
    """A fingerprint of the code that compiles, as this process has it: an entry made by other code is of no use."""
    found = []
    for folder in ("", "model", "policy", "language", "policy/check", "policy/compile", "schemas"):
        with os.scandir(os.path.join(_PACKAGE, folder)) as entries:
            files = [entry for entry in entries if entry.name.endswith((".py", ".lark"))]
        for entry in sorted(files, key=lambda entry: entry.name):
            status = entry.stat()
            found.append(f"{entry.name} {status.st_size} {status.st_mtime_ns}")
    return "\n".join(found)
