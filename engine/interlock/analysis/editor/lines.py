"""Offsets into a text, and the positions that editors mean: line, and units of an encoding in the line."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from functools import cached_property
from typing import Literal

from interlock.diagnostics import Location

Encoding = Literal["utf-8", "utf-16", "utf-32"]
Position = tuple[int, int]
"""A line and units in it, both from 0."""
_WIDTHS: dict[Encoding, Callable[[str], int]] = {
    "utf-8": lambda text: len(text.encode("utf-8", "surrogatepass")),
    "utf-16": lambda text: len(text.encode("utf-16-le", "surrogatepass")) // 2,
    "utf-32": len,
}


class Lines:
    """The lines of a text, which end as editors end them: with CR, LF, or both."""

    def __init__(self, text: str, encoding: Encoding = "utf-16") -> None:
        self.text, self._width = text, _WIDTHS[encoding]

    @cached_property
    def starts(self) -> list[int]:
        """The offset of the first character of each line."""
        return [0, *(found.end() for found in re.finditer(r"\r\n|\n|\r", self.text))]

    def bounds(self, line: int) -> tuple[int, int]:
        """The offsets of a line's first character and of its end, without what ends it; the last line's past it."""
        if line >= len(self.starts):
            return len(self.text), len(self.text)
        start = self.starts[line]
        last = line + 1 == len(self.starts)
        return start, len(self.text) if last else start + len(self.text[start : self.starts[line + 1]].rstrip("\r\n"))

    def offset(self, position: Position) -> int:
        """The offset of a position; one past the end of its line is at that end."""
        start, end = self.bounds(max(0, position[0]))
        left, at = position[1], start
        while at < end and left > 0:
            left -= self._width(self.text[at])
            at += left >= 0
        return at

    def position(self, offset: int) -> Position:
        """The position of an offset."""
        offset = max(0, min(offset, len(self.text)))
        line = bisect_right(self.starts, offset) - 1
        return line, self._width(self.text[self.starts[line] : offset])

    def span(self, location: Location) -> tuple[int, int]:
        """The offsets of a place of an issue, which counts lines by LF, up to the end of its line."""
        start = 0
        for _ in range(location.line - 1):
            start = self.text.find("\n", start) + 1 or len(self.text)
        end = self.text.find("\n", start)
        end = len(self.text) if end < 0 else end
        first = min(start + location.column - 1, end)
        return first, min(first + location.width, end)
