"""Columns of a terminal: what a text takes there, and tables that stay in line."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.reporting.style import aligned, display_width, wrapped


@pytest.mark.parametrize(
    ("text", "width"),
    [("", 0), ("abc", 3), ("naïve", 5), ("nai\u0308ve", 5), ("日本", 4), ("\uff48", 2), ("✓", 1), ("🙂", 2), ("→", 1)],
)
def test_a_text_takes_so_many_columns(text: str, width: int) -> None:
    assert display_width(text) == width


@pytest.mark.parametrize(
    ("text", "width"),
    [("👩\u200d💻", 2), ("❤\ufe0f", 2), ("👩\u200d❤\ufe0f\u200d👨", 2), ("\u200b", 0), ("한\u1160", 2)],
)
def test_a_picture_of_several_characters(text: str, width: int) -> None:
    assert display_width(text) == width


@pytest.mark.parametrize(("text", "width"), [("日\t本", 4), ("é\x1b", 1), ("\x9b", 0)])
def test_a_control_character_takes_no_column(text: str, width: int) -> None:
    assert display_width(text) == width


SCRIPTS = [(0x20, 0x7E), (0xC0, 0x24F), (0x410, 0x44F), (0x3041, 0x3096), (0x4E00, 0x9FA5), (0xAC00, 0xD7A3)]
LETTERS = st.one_of(*(st.characters(min_codepoint=a, max_codepoint=b) for a, b in [*SCRIPTS, (0x1F600, 0x1F64F)]))


@given(st.text(LETTERS))
def test_letters_are_as_wide_as_unicode_says(text: str) -> None:
    assert display_width(text) == sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


@given(st.lists(st.tuples(st.sampled_from(["a", "日本", "é", "🙂🙂"]), st.just("|")), min_size=1))
def test_the_columns_of_a_table_stay_in_line(rows: list[tuple[str, str]]) -> None:
    assert len({display_width(line) for line in aligned(rows)}) == 1


def test_a_table_of_nothing() -> None:
    assert aligned([]) == []


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("one two three four", ["> one two", "  three four"]),
        ("run `interlock eval smoke` now", ["> run", "  `interlock eval smoke`", "  now"]),
        ("an ` alone says so", ["> an ` alone", "  says so"]),
        ("averyverylongword a  b", ["> averyverylongword", "  a  b"]),
        ("  indented so", [">   indented", "    so"]),
        ("日本日本 日本", ["> 日本日本", "  日本"]),
    ],
)
def test_a_text_is_never_cut_in_a_word_or_a_command(text: str, lines: list[str]) -> None:
    assert list(wrapped(text, 12, "> ", "  ")) == lines
    assert list(wrapped(text, None, "> ", "  ")) == [f"> {text}"]


def test_the_last_column_is_wrapped_or_has_lines_of_its_own() -> None:
    rows = [("a", "one two three four five six"), ("bbb", "x")]
    assert aligned(rows, width=25) == ["a    one two three four", "     five six", "bbb  x"]
    assert aligned(rows, width=20) == ["a", "    one two three", "    four five six", "bbb  x"]
