"""A text, a place in it, and what is wrong there.

Everything a person may have to fix is reported as an `Issue`: it names the file, the line, the column, shows the line
with a caret, and says what to do next.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Literal

import msgspec

Level = Literal["error", "warning"]
_WIDEST = 160


class Source(msgspec.Struct, frozen=True):
    """A text and the name it is known by to its reader (a path as given, or `<string>`)."""

    name: str
    text: str

    def line(self, number: int) -> str:
        """The text of line `number`, counted from 1, without its line end; empty past the end."""
        lines = self.text.splitlines()
        return lines[number - 1] if 0 < number <= len(lines) else ""

    def location(self, start: int, end: int | None = None) -> Location:
        """The place from offset `start` up to `end` (one character when not given), as line and column."""
        before = self.text[:start]
        line = before.count("\n") + 1
        column = start - (before.rfind("\n") + 1) + 1
        width = max(1, (end if end is not None else start + 1) - start)
        return Location(self.name, line, column, width)


class Location(msgspec.Struct, frozen=True):
    """A place in a source: line and column are counted from 1; `width` is how many characters it covers."""

    name: str
    line: int
    column: int
    width: int = 1

    def __str__(self) -> str:
        return f"{self.name}:{self.line}:{self.column}"


class Issue(msgspec.Struct, frozen=True):
    """What is wrong at one place: a stable code, a message for a person, and what to do next where we know it."""

    code: str
    message: str
    location: Location
    hint: str | None = None
    level: Level = "error"

    def sort_key(self) -> tuple[str, int, int, str, str]:
        """Issues are shown in the order of their places, whatever stage found them."""
        return (self.location.name, self.location.line, self.location.column, self.code, self.message)


def render(issue: Issue, source: Source | None) -> str:
    """The issue as text: `file:line:col: level[code]: message`, the line, a caret under the place, and the hint."""
    head = f"{issue.location}: {issue.level}[{issue.code}]: {issue.message}"
    shown = [head, *(pointed(issue.location, source) if source is not None else ())]
    if issue.hint:
        shown.append(f"   = {issue.hint}")
    return "\n".join(shown)


def pointed(location: Location, source: Source) -> list[str]:
    """The line of a place and a caret under the place, as two lines of text; none where the line is empty."""
    line = source.line(location.line)
    if not line:
        return []
    number = str(location.line)
    text, column = _window(line, location.column)
    width = max(1, min(location.width, len(text) - column + 1))
    pad = "".join("\t" if c == "\t" else " " for c in text[: column - 1])
    return [f" {number} | {text}", f" {' ' * len(number)} | {pad}{'^' * width}"]


def _window(line: str, column: int) -> tuple[str, int]:
    """The part of a long line around a column, and the column in it."""
    if len(line) <= _WIDEST:
        return line, column
    start = max(0, min(column - 1 - _WIDEST // 2, len(line) - _WIDEST))
    text = ("…" if start else "") + line[start : start + _WIDEST] + ("…" if start + _WIDEST < len(line) else "")
    return text, column - start + bool(start)


def digest(text: str) -> str:
    """The SHA-256 of a text, as `sha256:…`."""
    # CPython's own implementation, as in `random`: `hashlib` loads OpenSSL, which is 8 ms of every cold start.
    try:
        implementation = import_module("_sha2" if sys.version_info >= (3, 12) else "_sha256")
    except ImportError:
        implementation = import_module("hashlib")
    return f"sha256:{implementation.sha256(text.encode()).hexdigest()}"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The word of `known` that `word` most likely was meant to be, or None."""
    from difflib import get_close_matches

    found = get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return found[0] if found else None


def did_you_mean(word: object, known: Iterable[object]) -> str | None:
    """A hint with the word that was likely meant, if any is near."""
    found = nearest(word, [value for value in known if isinstance(value, str)]) if isinstance(word, str) else None
    return f"did you mean `{found}`?" if found else None


def meant_or_all(word: object, known: Iterable[object]) -> str:
    """A hint with the word that was likely meant, else with all that there are."""
    listed = list(dict.fromkeys(known))
    return did_you_mean(word, listed) or f"there is {', '.join(map(str, listed)) or 'none'}"


class InterlockError(Exception):
    """The base of every error a caller can cause."""


class UsageError(InterlockError):
    """The question itself is wrong: an unknown task, policy or parameter, or a value of the wrong type."""


class LedgerError(InterlockError):
    """The ledger cannot be read: absent, no SQLite file, corrupt, not Conveyor's, or without the right to read it."""


class UnsettledError(LedgerError):
    """The ledger was opened, closed or written to while it was read: a retry may succeed."""


class FactError(LedgerError):
    """A row does not make a fact: its text is not UTF-8, or its document is not JSON text."""


class LockError(InterlockError):
    """Policies may not judge: they are not those that were locked, or the lock itself cannot be read."""


class EngineError(InterlockError):
    """The request exceeds what the rules engine can do safely, or the engine broke its contract."""


class PolicyError(InterlockError):
    """A policy cannot be judged by: `issues` says everything that is wrong with it, `sources` holds the texts.

    `blamed` are the messages that only say that a needed policy is invalid, each with the file to blame.
    """

    def __init__(
        self, issues: tuple[Issue, ...], sources: tuple[Source, ...] = (), blamed: Mapping[str, str] | None = None
    ) -> None:
        self.issues = tuple(sorted(issues, key=Issue.sort_key))
        self.sources = sources
        self.blamed = blamed or {}
        texts = {source.name: source for source in sources}
        super().__init__("\n".join(render(issue, texts.get(issue.location.name)) for issue in self.issues))
