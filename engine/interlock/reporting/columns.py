"""Cells in columns: padded to the places that a terminal gives them, which are not always their characters."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

_JOINER = "\u200d"
_EMOJI = "\ufe0f"
"""What asks for the character before it to be shown as an emoji, which is wide."""


def places(text: str) -> int:
    """How many columns a terminal shows the text in: two for a wide character, none for one that combines."""
    if text.isascii():
        return len(text)
    count, joined, last = 0, False, 0
    for char in text:
        if char == _JOINER:
            joined = True
            continue
        if char == _EMOJI:
            count, last = count + 2 - last if last else count, 2 if last else 0
        elif unicodedata.category(char) not in ("Mn", "Me", "Cf"):
            last = 0 if joined else 2 if unicodedata.east_asian_width(char) in "WF" else 1
            count += last
        joined = False
    return count


def padded(text: str, width: int) -> str:
    """The text, and behind it blanks up to so many columns."""
    return text + " " * (width - places(text))


def aligned(rows: Iterable[Sequence[str]], gap: str = "  ") -> list[str]:
    """A line a row, each column as wide as its widest cell; the last is not padded."""
    listed = [tuple(row) for row in rows]
    widths = [max(map(places, column)) for column in zip(*listed, strict=True)]
    return [gap.join(map(padded, row, widths)).rstrip() for row in listed]
