"""Columns of a terminal: what a text takes there, and tables that stay in line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcswidth

from interlock.reporting.style import aligned, places


@pytest.mark.parametrize(
    ("text", "width"),
    [("", 0), ("abc", 3), ("naïve", 5), ("nai\u0308ve", 5), ("日本", 4), ("\uff48", 2), ("✓", 1), ("🙂", 2), ("→", 1)],
)
def test_a_text_takes_so_many_columns(text: str, width: int) -> None:
    assert places(text) == width


@pytest.mark.parametrize("text", ["👩\u200d💻", "❤\ufe0f", "👩\u200d❤\ufe0f\u200d👨", "\u200b"])
def test_a_picture_of_several_characters(text: str) -> None:
    assert places(text) == wcswidth(text)


SCRIPTS = [(0x20, 0x7E), (0xC0, 0x24F), (0x410, 0x44F), (0x3041, 0x3096), (0x4E00, 0x9FA5), (0xAC00, 0xD7A3)]
LETTERS = st.one_of(*(st.characters(min_codepoint=a, max_codepoint=b) for a, b in [*SCRIPTS, (0x1F600, 0x1F64F)]))


@given(st.text(LETTERS))
def test_it_is_what_a_library_for_terminals_says(text: str) -> None:
    assert places(text) == wcswidth(text)


@given(st.lists(st.tuples(st.sampled_from(["a", "日本", "é", "🙂🙂"]), st.just("|")), min_size=1))
def test_the_columns_of_a_table_stay_in_line(rows: list[tuple[str, str]]) -> None:
    assert len({places(line) for line in aligned(rows)}) == 1


def test_a_table_of_nothing() -> None:
    assert aligned([]) == []
