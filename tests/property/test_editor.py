"""Whatever is open and wherever the caret is, every question has an answer: in policies and tests, cut and altered.

`INTERLOCK_EXAMPLES=20 python -m pytest tests/property/test_editor.py` tries twenty times as many places.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from interlock.analysis.editor.workshop import Workshop
from interlock.resources import data_folder
from tests.conftest import EXAMPLES

FILES = sorted(Path(data_folder("policies")).glob("*.yaml"))
WRITTEN = (
    *(
        '"',
        "'",
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        ".",
        ": ",
        "- ",
        "\n",
        "\t",
        "\r",
        "\r\n",
        "  ",
        "😀",
        "ü",
        "\0",
        "\ufeff",
    ),
    *("&a ", "*a", "!", "%", "|", ">-", "#", "\u2028", "\x85", "\ud800", "==", "&&", "seat", "params.", "exists(x, "),
)
CASES = 6


def altered(text: str, chance: random.Random) -> str:
    """The text as it may be while it is written: cut off, with a part taken out, or with something put in."""
    at = chance.randrange(len(text) + 1)
    match chance.randrange(4):
        case 0:
            text = text[:at]
        case 1:
            text = text[:at] + text[at + chance.randrange(60) :]
        case 2:
            text = text[:at] + chance.choice(WRITTEN) + text[at:]
    return text.replace("\n", "\r\n") if chance.randrange(5) == 0 else text


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_place_has_an_answer(path: Path) -> None:
    chance, whole, name = random.Random(path.stem), path.read_text("utf-8"), str(path)
    workshop = Workshop()
    for _ in range(CASES * EXAMPLES):
        text = altered(whole, chance)
        at = chance.randrange(len(text) + 1)
        workshop.put(name, text)
        for item in workshop.completions(name, at):
            assert 0 <= item.length <= at
        for answer in (workshop.hover(name, at), workshop.renamable(name, at)):
            assert answer is None or 0 <= answer.start <= at <= answer.end <= len(text)
        workshop.definition(name, at)
        for use in workshop.references(name, at):
            assert text[use.start : use.end] == use.symbol.name
        workshop.outline(name)
        workshop.issues(name)
        workshop.actions(name, 0, len(text))
