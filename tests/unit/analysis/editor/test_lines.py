"""Positions of editors and offsets into texts, both ways."""

from __future__ import annotations

import pytest

from interlock.analysis.editor.lines import Encoding, Lines
from interlock.diagnostics import Source

TEXTS = ["", "a", "a\n", "ä😀b\r\nc", "\r\r\n\n", "a\u2028b\x85c\n\x0cd", "😀"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_every_offset_has_a_position_of_its_own(text: str, encoding: Encoding) -> None:
    lines = Lines(text, encoding)
    for offset in range(len(text) + 1):
        inside = text[offset - 1 : offset + 1] == "\r\n"  # which is one line end
        assert inside or lines.offset(lines.position(offset)) == offset


@pytest.mark.parametrize(("encoding", "position"), [("utf-8", (1, 6)), ("utf-16", (1, 3)), ("utf-32", (1, 2))], ids=str)
def test_a_position_counts_the_units_of_its_encoding(encoding: Encoding, position: tuple[int, int]) -> None:
    lines = Lines("x\r\nä😀b", encoding)
    assert lines.position(5) == position
    assert lines.offset(position) == 5


@pytest.mark.parametrize(("position", "offset"), [((0, 9), 1), ((1, 1), 3), ((1, 9), 5), ((9, 0), 5), ((-1, 0), 0)])
def test_a_position_that_there_is_not_is_the_nearest_before_it(position: tuple[int, int], offset: int) -> None:
    assert Lines("x\r\n😀b").offset(position) == offset


def test_the_place_of_an_issue_does_not_leave_its_line() -> None:
    text = "a\r\nbcd\r\n"
    lines, source = Lines(text), Source("x", text)
    assert lines.span(source.location(3, 6)) == (3, 6)
    assert lines.span(source.location(4, 99)) == (4, 7)
    assert lines.span(source.location(8)) == (8, 8)
