"""Which ledgers a fleet is: every file that is named, once."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from glob import glob, has_magic

import msgspec

from interlock.diagnostics import UsageError
from interlock.files import UnreadableError, read_file

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|file:")
_BESIDE = ("-wal", "-shm", "-journal")
"""How the names of the files end that SQLite keeps beside a database."""
_LARGEST = 1 << 26


class Member(msgspec.Struct, frozen=True):
    """A ledger by its path as it was named, and the bytes of its files."""

    path: str
    size: int

    @property
    def name(self) -> str:
        """Its path as decisions have it: bytes that are not text are shown as escapes."""
        return os.fsencode(self.path).decode(errors="backslashreplace")


def find_ledgers(named: Iterable[str]) -> tuple[Member, ...]:
    """The ledgers of patterns, and of lists (`@FILE`, a path a line), the largest first.

    Raises UsageError for all that is wrong: a pattern that matches nothing, a URL, one ledger under two names.
    """
    found: list[str] = []
    wrong: list[str] = []
    for each in named:
        try:
            found += _listed(each[1:]) if each.startswith("@") else _matching(each)
        except UsageError as error:
            wrong.append(str(error))
    wrong += _same(found)
    if wrong:
        raise UsageError("\n".join(wrong))
    members = [Member(path, sum(_size(path + end) for end in ("", "-wal"))) for path in found]
    return tuple(sorted(members, key=lambda each: (-each.size, each.path)))


def _matching(pattern: str) -> list[str]:
    """The files of a pattern, or the one of that very name; those that belong to a database come with it."""
    _refuse(pattern)
    if os.path.lexists(pattern):
        return [pattern]
    found = set(glob(pattern, recursive=True, include_hidden=True))
    found = {path for path in found if not any(path.removesuffix(end) in found - {path} for end in _BESIDE)}
    if not found:
        hint = "" if has_magic(pattern) else "; it is not a pattern, and there is no such file"
        raise UsageError(f"`--ledgers {pattern}` matches nothing{hint}")
    return sorted(found)


def _listed(file: str) -> list[str]:
    """The paths in a file, one a line; blank lines are passed over."""
    try:
        text = read_file(file, _LARGEST).decode(errors="surrogateescape")
    except UnreadableError as error:
        raise UsageError(f"cannot read the list of ledgers `{file}`: {error}") from None
    found = [line.removesuffix("\r") for line in text.split("\n") if line.strip()]
    for path in found:
        _refuse(path)
    if not found:
        raise UsageError(f"the list of ledgers `{file}` names none: nothing would be judged")
    return found


def _refuse(path: str) -> None:
    if not path:
        raise UsageError("`--ledgers` is empty; give it a pattern, or `@FILE`")
    if path == "-":
        raise UsageError("a fleet does not read standard input; name files")
    if _URL.match(path):
        raise UsageError(
            f"`{path}` is a URL, and a ledger is read where it lies: copy the database and its `-wal` file together to"
            " a disk, or judge a feed that `interlock export` wrote there"
        )


def _same(paths: Sequence[str]) -> Iterator[str]:
    """What is wrong with paths that lead to one file."""
    seen: dict[object, str] = {}
    for path in paths:
        first = seen.setdefault(_identity(path), path)
        if first is not path:
            how = "is named twice" if first == path else f"and `{first}` are one ledger"
            yield f"`{path}` {how}; name it once"


def _identity(path: str) -> object:
    """What is equal for two names of one file."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return os.path.abspath(path)
    return status.st_dev, status.st_ino


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except (OSError, ValueError):
        return 0
