"""What is said of an invalid policy: the whole text, for each one here. `UPDATE_GOLDEN=1` rewrites it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from interlock.cli import main
from tests.helpers.wording import ours

HERE = Path(__file__).parent
POLICIES = sorted(path.stem for path in HERE.glob("*.yaml"))
CODE = re.compile(r"\"(E\d{3})\"")
PACKAGE = Path(main.main.__code__.co_filename).parents[1]


@pytest.mark.parametrize("name", POLICIES)
def test_an_invalid_policy(name: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(HERE)
    with pytest.raises(SystemExit) as exited:
        main.main(["show", f"{name}.yaml", "--policy-dir", "beside"])
    out, err = capfd.readouterr()
    expected, err = HERE / f"{name}.txt", ours(err)
    if os.environ.get("UPDATE_GOLDEN"):
        expected.write_text(err, "utf-8")
    assert (exited.value.code, out) == (5, "")
    assert err == expected.read_text("utf-8")


def test_every_text_has_its_policy() -> None:
    assert sorted(path.stem for path in HERE.glob("*.txt")) == POLICIES


def test_every_code_is_shown() -> None:
    sources = (path.read_text("utf-8") for path in PACKAGE.rglob("*.py"))
    codes = {code for source in sources for code in CODE.findall(source) if not code.startswith("E7")}
    shown = set(re.findall(r"error\[(E\d{3})\]", "".join(path.read_text("utf-8") for path in HERE.glob("*.txt"))))
    assert len(codes) > 50
    assert sorted(code for code in codes - shown if not code.startswith(("E8", "E9"))) == [], (
        "E8 is of waivers, E9 of schemas, not of policies"
    )
