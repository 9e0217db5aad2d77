"""Where in a JSON text a value is, for what is wrong with it. Slow to import: not for a schema that is right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from json import JSONDecodeError, JSONDecoder
from json.decoder import scanstring  # type: ignore[attr-defined]  # which the decoder is made of
from typing import Any

from interlock.diagnostics import Location, Source
from interlock.schemas.wording import Path

_BLANKS = re.compile(r"[ \t\n\r]*")
_decode = JSONDecoder(strict=False).raw_decode


def place_of(source: Source, path: Path, *, key: bool = False) -> Location:
    """The place of the value at a path in a text that is JSON, or of its `key`; the nearest one above that is there."""
    start, at = 0, _value(source.text, 0)
    for step in path:
        found = next((each for each in _members(source.text, at) if each[0] == step), None)
        if found is None:
            break
        _, start, at = found
    begin = start if key and path else at
    return source.location(begin, _end(source.text, begin))


def broken(source: Source, error: JSONDecodeError) -> tuple[Location, str | None]:
    """Where a text ceases to be JSON, and what to do about it, in words and at a place of ours: Python's differ."""
    text = source.text
    at = min(error.pos, max(0, len(text.rstrip()) - 1))
    comma = at if text[at : at + 1] == "," else len(text[:at].rstrip()) - 1
    if text[comma : comma + 1] == "," and text[_value(text, comma + 1) :][:1] in ("}", "]"):
        return source.location(comma), "remove the comma after the last item"
    if text[at:].startswith(("//", "/*", "#")):
        return source.location(at), "JSON has no comments: write a `description`"
    return source.location(at), "write names and texts in double quotes" if text[at : at + 1] == "'" else None


def twice(text: str) -> Path | None:
    """The path of the first key that an object of a JSON text has twice; None where there is none."""
    todo: list[tuple[Path, int]] = [((), _value(text, 0))]
    while todo:
        path, at = todo.pop(0)
        seen: set[Any] = set()
        for step, _, inner in _members(text, at):
            if step in seen:
                return (*path, step)
            seen.add(step)
            todo.append(((*path, step), inner))
    return None


def second_key(source: Source, path: Path) -> Location:
    """Where the last key of a path is written for the second time."""
    *above, last = path
    at = _value(source.text, 0)
    for step in above:
        at = next(inner for each, _, inner in _members(source.text, at) if each == step)
    _, start, _ = [each for each in _members(source.text, at) if each[0] == last][1]
    return source.location(start, _end(source.text, start))


def _members(text: str, at: int) -> Iterator[tuple[str | int, int, int]]:
    """The members of what begins at an offset: each name or index, where that is written, and where its value is."""
    opened, number = text[at : at + 1], 0
    if opened not in ("{", "["):
        return
    at = _value(text, at + 1)
    while text[at] not in "}]":
        step: str | int = number
        start = at
        if opened == "{":
            step, at = scanstring(text, at + 1, False)
            at = _value(text, _value(text, at) + 1)  # past the colon
        yield step, start, at
        at = _value(text, _decode(text, at)[1])
        at = _value(text, at + 1) if text[at] == "," else at
        number += 1


def _value(text: str, at: int) -> int:
    """The offset of what comes next, blanks passed over."""
    found = _BLANKS.match(text, at)
    return at if found is None else found.end()


def _end(text: str, at: int) -> int:
    """The offset after the value at an offset, on its first line."""
    try:
        end = _decode(text, at)[1]
    except (JSONDecodeError, RecursionError):
        return at + 1
    line = text.find("\n", at)
    return min(end, line) if line >= 0 else end
