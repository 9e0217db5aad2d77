"""What is said of a valid policy that is most likely mistaken: the whole text. `UPDATE_GOLDEN=1` rewrites it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from interlock import codes
from interlock.cli import main

HERE = Path(__file__).parent
POLICIES = sorted(path.stem for path in HERE.glob("*.yaml"))


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_with_warnings(name: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(HERE)
    with pytest.raises(SystemExit) as exited:
        main.main(["check", f"{name}.yaml"])
    out, err = capfd.readouterr()
    expected = HERE / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        expected.write_text(out, "utf-8")
    assert (exited.value.code, err) == (0, "")
    assert out == expected.read_text("utf-8")


def test_every_text_has_its_policy() -> None:
    assert sorted(path.stem for path in HERE.glob("*.txt")) == POLICIES


def test_every_warning_is_shown() -> None:
    text = "".join(path.read_text("utf-8") for path in HERE.glob("*.txt"))
    shown = sorted(set(re.findall(r"warning\[(W\d{3})\]", text)))
    assert shown == [code for code in codes.every() if code[0] == "W" and code[1] != "8"], "W8 is of waivers"
