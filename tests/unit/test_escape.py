"""What a terminal would obey is shown as text."""

from __future__ import annotations

import pytest

from interlock.escape import harmless


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain 'text' with \\n and é 漢 👍", "plain 'text' with \\n and é 漢 👍"),
        ("\t\n\r\x0b\x0c\x1c\x85", "\\t\\n\\r\\u000b\\u000c\\u001c\\u0085"),
        ("\u061c\u200e\u200f\u202a\u202e\u2066\u2069", "\\u061c\\u200e\\u200f\\u202a\\u202e\\u2066\\u2069"),
        ("\u2028\u2029", "\\u2028\\u2029"),
        ("\ud800\udfff", "\\ud800\\udfff"),
    ],
)
def test_harmless(text: str, shown: str) -> None:
    assert harmless(text) == shown


def test_what_is_ours_is_kept() -> None:
    assert harmless("a\tb\n\x1bc", keep="\n\t") == "a\tb\n\\u001bc"
