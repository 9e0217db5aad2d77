"""What `interlock test` says of each test file here: the whole text. `UPDATE_GOLDEN=1` rewrites it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from interlock.cli import main
from tests.helpers.wording import ours

HERE = Path(__file__).parent
NAMES = sorted(path.stem for path in HERE.glob("*_test.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_a_test_file(name: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(HERE)
    with pytest.raises(SystemExit) as exited:
        main.main(["test", f"{name}.yaml", "--coverage"])
    out, err = capfd.readouterr()
    told = f"{out}{ours(err)}exit code {exited.value.code}\n"
    expected = HERE / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        expected.write_text(told, "utf-8")
    assert told == expected.read_text("utf-8")


def test_every_text_has_its_test_file() -> None:
    assert sorted(path.stem for path in HERE.glob("*.txt")) == NAMES


def test_every_code_of_test_files_is_shown() -> None:
    shown = set(re.findall(r"error\[(E7\d\d)\]", "".join(path.read_text("utf-8") for path in HERE.glob("*.txt"))))
    assert sorted(shown) == [f"E7{number:02}" for number in range(15)]
