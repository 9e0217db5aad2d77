"""The gates in `policies/examples/gates`: short, without a warning, tested whole, each in the guide for authors."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.acceptance.conftest import Interlock

ROOT = Path(__file__).resolve().parents[2]
GATES = ROOT / "policies" / "examples" / "gates"
POLICIES = sorted(path for path in GATES.glob("*.yaml") if not path.stem.endswith("_test"))
GUIDE = (ROOT / "docs" / "authors.md").read_text("utf-8")
LONGEST = 60
"""The most lines of an example."""


def test_each_is_listed_in_the_guide() -> None:
    table = GUIDE.partition("| gate | what it shows |\n")[2].partition("\n\n")[0]
    assert sorted(re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE)) == [path.stem for path in POLICIES]
    assert len(POLICIES) == 12


def test_none_has_a_warning(interlock: Interlock) -> None:
    checked = interlock("check", "--strict", str(GATES))
    assert (checked.code, checked.out) == (
        0,
        f"{len(POLICIES)} policies: 0 errors, 0 warnings\n",
    )


@pytest.mark.parametrize("path", POLICIES, ids=[path.stem for path in POLICIES])
def test_every_rule_fires_and_does_not_fire(path: Path, interlock: Interlock) -> None:
    ran = interlock("test", str(path), "--min-coverage", "100", "--coverage")
    assert ran.code == 0, ran.out
    assert f"100 %  {path.stem}" in ran.out


@pytest.mark.parametrize("path", POLICIES, ids=[path.stem for path in POLICIES])
def test_it_is_short_and_explains_itself(path: Path) -> None:
    text = path.read_text("utf-8")
    written = yaml.safe_load(text)
    assert len(text.splitlines()) <= LONGEST
    assert {"title", "question", "description"} <= written.keys()
    assert all({"fix", "hint"} & rule.keys() for rule in written["rules"])


def test_every_kind_is_read_by_some_gate() -> None:
    kinds = {path.name.removesuffix(".schema.json") for path in (GATES / "schemas" / "facts").iterdir()}
    read = {
        each["from"] for path in POLICIES for each in yaml.safe_load(path.read_text("utf-8")).get("facts", {}).values()
    }
    assert kinds <= read
