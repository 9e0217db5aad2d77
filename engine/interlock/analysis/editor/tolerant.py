"""The YAML of a text that is being written: what can be read of it, and what of that is at a place or at the caret.

What is read has the offsets of the text: a line that stops the reading is blanked, not taken out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from interlock.diagnostics import Source
from interlock.policy.parse import Document, parse_yaml
from interlock.schemas.wording import Path

MARK = "\ue000"
"""What stands for the caret: a character for private use, which YAML takes as any letter."""
_MOST_BLANKED = 24
"""The most lines that are left out to read the others."""
_CLOSING = {"{": "}", "[": "]"}
_KEY = {False: re.compile(r"^\s*(- +)*[\w.-]*$"), True: re.compile(r"[{,]\s*[\w.-]*$")}
"""What a line ends with where a key may be written, by whether that is in braces."""


class Place(msgspec.Struct, frozen=True):
    """A key or a value: the path of it, and the offsets of its text."""

    path: Path
    is_key: bool
    start: int
    end: int


def place_at(document: Document, offset: int) -> Place | None:
    """The smallest key or value that an offset is in, or just after."""
    keys = (Place(path, True, each.start, each.end) for path, each in document.keys.items())
    values = (Place(path, False, each.start, each.end) for path, each in document.places.items())
    found = [each for each in (*keys, *values) if each.start <= offset <= each.end]
    return min(found, key=lambda each: (each.end - each.start, not each.is_key), default=None)


def of_path(document: Document, path: Path, *, is_key: bool) -> Place | None:
    """The place of the key that a path ends with, or of the value there."""
    place = (document.keys if is_key else document.places).get(path)
    return None if place is None else Place(path, is_key, place.start, place.end)


def read(name: str, text: str) -> Document | None:
    """The document of a text, without the lines that stop the reading; None where nothing is left."""
    for _ in range(_MOST_BLANKED):
        document, issues = parse_yaml(Source(name, text), days=True)
        if document is not None:
            return document
        fewer = _without(text, issues[-1].location.line) if issues and issues[-1].code != "E001" else text
        if fewer == text:
            return None
        text = fewer
    return None


def marked(name: str, text: str, at: int) -> tuple[Document, Path, bool] | None:
    """The document with the mark at an offset, the path of what holds the mark, and whether that is a key.

    Of what is being written in the mark's line, as much is completed as it takes to read it. None where the offset is
    in nothing that can be completed, such as a comment.
    """
    variants = list(dict.fromkeys(_variants(text, at)))
    for variant in variants:
        document, _ = parse_yaml(Source(name, variant), days=True)
        if document is not None:
            return _found(document)  # it is in no key and no value of a comment
    for variant in variants:
        document = read(name, variant)
        found = None if document is None else _found(document)
        if found is not None:
            return found
    return None


def _found(document: Document) -> tuple[Document, Path, bool] | None:
    for path in document.keys:
        if MARK in str(path[-1]):
            return document, path, True
    found = _within(document.data, ())
    return None if found is None else (document, found, False)


def _within(data: Any, path: Path) -> Path | None:
    """The path of the text that has the mark."""
    if isinstance(data, str):
        return path if MARK in data else None
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return next((found for step, each in items if (found := _within(each, (*path, step))) is not None), None)


def _variants(text: str, at: int) -> Iterator[str]:
    """The text with the mark: as it is, then with what completes its line."""
    start = max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1
    end = min((found for mark in "\r\n" if (found := text.find(mark, at)) >= 0), default=len(text))
    line, rest, before, after = text[start:at], text[at:end], text[:at] + MARK, text[end:]
    quote, opened, comment = _opened(line)
    word = re.match(r"[\w.-]*", rest)
    length = word.end() if word else 0
    yield before + rest + after
    if comment:
        return
    if not quote and _KEY[bool(opened)].search(line) and opened[-1:] != "]":
        yield f"{before}{rest[:length]}: {rest[length:]}{after}"
        yield f"{before}: {opened[::-1]}{after}"
    quote_after, opened_after, _ = _opened(line + rest)
    yield f"{before}{rest}{quote_after}{opened_after[::-1]}{after}"
    yield f"{before}{rest[:length]}{quote}{opened[::-1]}{after}"
    yield f"{before}{quote}{opened[::-1]}{after}"


def _opened(line: str) -> tuple[str, str, bool]:
    """The quote, and what closes the braces and brackets, that a line leaves open; and whether it ends in a comment."""
    opened, quote, token = "", "", True
    for at, char in enumerate(line):
        if quote:
            escaped = quote == '"' and line[at - 1] == "\\"
            quote = "" if char == quote and not escaped else quote
        elif char in "\"'" and token:
            quote = char
        elif char in _CLOSING and (token or opened):
            opened += _CLOSING[char]
        elif opened and char == opened[-1]:
            opened = opened[:-1]
        elif char == "#" and line[:at][-1:] in ("", " ", "\t"):
            return "", "", True
        token = char in "{[," or (char in " \t" and (token or line[:at].rstrip()[-1:] in (":", "-")))
    return quote, opened, False


def _without(text: str, line: int) -> str:
    """The text with a line blanked, or the nearest before it that is not blank already."""
    lines = text.split("\n")
    for at in range(min(line, len(lines)) - 1, -1, -1):
        if lines[at].strip():
            lines[at] = " " * len(lines[at].rstrip("\r")) + ("\r" if lines[at].endswith("\r") else "")
            break
    return "\n".join(lines)
