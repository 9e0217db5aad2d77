"""Files that people write: which files of a folder count, and what is in one, or why it cannot be read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import Final

from interlock.diagnostics import Issue, PolicyError, Source, UsageError

SUFFIXES: Final = (".yaml", ".yml")
TEST_SUFFIXES: Final = ("_test.yaml", "_test.yml")
"""How the names of policies' files end, and of their tests'."""

MAX_SOURCE_BYTES: Final = 1 << 20
"""The most bytes of a policy, of its tests, or of a list of waivers."""
_FLAGS: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""With them a pipe is opened, and then refused, though nobody writes to it."""


class UnreadableError(Exception):
    """A file cannot be read. The message is the reason alone: whoever needs the file names it."""


class TooLargeError(UnreadableError):
    """A file of `size` bytes, which is more than are read of it."""

    def __init__(self, size: int, most: int) -> None:
        super().__init__(f"too large: {size:,} bytes; at most {most:,} are read")
        self.size = size


def reason(error: OSError) -> str:
    """Why the system refused something, in lower case."""
    return (error.strerror or str(error)).lower()


def read_file(path: str, most: int) -> bytes:
    """The content of a regular file of at most so many bytes. Raises UnreadableError."""
    try:
        descriptor = os.open(path, _FLAGS)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise UnreadableError("not a regular file")
            if status.st_size > most:
                raise TooLargeError(status.st_size, most)
            with open(descriptor, "rb", closefd=False) as file:
                content = file.read(most + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise UnreadableError(reason(error)) from None
    if len(content) > most:  # it grew meanwhile
        raise TooLargeError(len(content), most)
    return content


def read_source(path: str, noun: str) -> Source:
    """The text of a file, which is a `noun`. Raises UnreadableError, and PolicyError for what cannot be YAML."""
    try:
        return decoded(path, read_file(path, MAX_SOURCE_BYTES))
    except TooLargeError as error:
        message = f"the file has {error.size:,} bytes; a {noun} has at most {MAX_SOURCE_BYTES:,}"
        source = Source(path, "")
        raise PolicyError((Issue("E001", message, source.location(0)),), (source,)) from None


def decoded(path: str, content: bytes) -> Source:
    """The text of a file of that content. Raises PolicyError, with the place, where it is not UTF-8."""
    try:
        return Source(path, content.decode())
    except UnicodeDecodeError as error:
        source = Source(path, content[: error.start].decode())
        issue = Issue("E002", "the file is not UTF-8 text", source.location(len(source.text)))
        raise PolicyError((issue,), (source,)) from None


def files_below(folder: str, noun: str) -> Iterator[str]:
    """The files in a folder and below it that are meant, sorted. Raises UsageError where its `noun` cannot be read."""

    def refuse(error: OSError) -> None:
        raise UsageError(f"cannot read the {noun} in `{error.filename}`: {reason(error)}") from None

    for place, folders, names in os.walk(folder, onerror=refuse):
        folders.sort()
        yield from (os.path.join(place, name) for name in sorted(names) if is_meant(place, name))


def is_meant(folder: str, name: str) -> bool:
    """Whether a name in a folder is one that somebody gave to a file, and not an editor's or a file system's own.

    Hidden files are not meant (Emacs locks `x.yaml` by a link `.#x.yaml`, macOS keeps what it knows of it in
    `._x.yaml`), nor are folders, pipes and devices. A broken link is: reading it is an error.
    """
    if name.startswith("."):
        return False
    try:
        return stat.S_ISREG(os.stat(os.path.join(folder, name)).st_mode)
    except OSError:
        return True
