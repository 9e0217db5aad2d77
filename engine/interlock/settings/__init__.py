"""What a project sets for the command: `interlock.toml`, or the table `[tool.interlock]` of `pyproject.toml`.

The nearest that is found upwards holds, alone. A project that has neither pays for a look into each folder: a file is
parsed only when it may say something.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from interlock.errors import UsageError

OWN, SHARED = "interlock.toml", "pyproject.toml"
_LARGEST = 1 << 20
_MENTION = rb"""(?m)^[ \t]*(\[.*interlock|["']?(tool|interlock)["']?[ \t]*[.=])"""
"""What a TOML file with a table `tool.interlock` has: a header, or a key outside a list, that may lead to it."""


class Settings(msgspec.Struct, frozen=True):
    """What a file sets, by key; paths lead from where the command runs. `lines` has the line of each key, from 1."""

    path: str
    values: Mapping[str, Any]
    lines: Mapping[str, int]


def find(start: str = "") -> Settings | None:
    """What the nearest file in a folder or above it sets; None when there is no such file.

    Raises UsageError when that file cannot be read, is no TOML, or sets what there is not; or when there are two.
    """
    for folder in above(start):
        found = [each for name in (OWN, SHARED) if (each := _settings(folder, name))]
        if len(found) > 1:
            raise UsageError(f"`{found[0].path}` and `[tool.interlock]` of `{found[1].path}`: keep one of them")
        if found:
            return found[0]
    return None


def above(start: str = "") -> Iterator[str]:
    """A folder and each above it, as paths from where the command runs; none where that has been deleted."""
    try:
        steps = os.path.abspath(start).count(os.sep)
    except FileNotFoundError:
        return
    for number in range(steps + 1):
        yield os.path.join(start, *[os.pardir] * number)


def _settings(folder: str, name: str) -> Settings | None:
    content = _content(os.path.join(folder, name))
    if content is None or (name == SHARED and not re.search(_MENTION, content)):
        return None
    from interlock.settings.toml import read

    return read(folder, name, content)


def _content(path: str) -> bytes | None:
    """The bytes of a file, or None when nobody can see one there. Raises UsageError when it cannot be read."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        raise UsageError(f"cannot read `{path}`: it is no regular file")
    if status.st_size > _LARGEST:
        raise UsageError(f"cannot read `{path}`: it has {status.st_size:,} bytes; at most {_LARGEST:,} are read")
    try:
        with open(path, "rb") as file:
            return file.read(_LARGEST)
    except OSError as error:
        raise UsageError(f"cannot read `{path}`: {(error.strerror or str(error)).lower()}") from None
