"""What each shipped policy compiles to. `UPDATE_GOLDEN=1` rewrites the texts, for a person to read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from interlock.policy.library import Library
from tests.helpers.compiled import shown

HERE = Path(__file__).parent


@pytest.mark.parametrize("name", Library().ids())
def test_compiled_policy(name: str) -> None:
    text = shown(Library().load(name).compiled)
    expected = HERE / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        expected.write_text(text)
    assert text == expected.read_text()


def test_every_golden_file_has_its_policy() -> None:
    assert sorted(path.stem for path in HERE.glob("*.txt")) == Library().ids()
