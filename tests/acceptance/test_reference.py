"""The language's reference: its generated parts are true, and everything that it shows is a policy.

`UPDATE_GOLDEN=1` writes the generated parts again, for a person to read.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from interlock import codes
from interlock.analysis.testing import run_tests
from interlock.diagnostics import Source
from interlock.language.calls import METHODS
from interlock.language.scope import FUNCTIONS, MACROS, OPERATORS
from interlock.model.policy import Policy
from interlock.policy.library import Library, make
from interlock.schemas import SHIPPED
from tests.helpers import reference

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "policies" / "REFERENCE.md"
TEXT = PAGE.read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)( fragment)?\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
FILES = [block for language, fragment, block in BLOCKS if language == "yaml" and not fragment]
TESTS = [block for block in FILES if "\ncases:" in block]
POLICIES = [block for block in FILES if block not in TESTS]
FRAGMENTS = [block for language, fragment, block in BLOCKS if language == "yaml" and fragment]
FRAME: dict[str, Any] = {
    "policy": "frame",
    "version": 1,
    "question": "Is it so?",
    "facts": {"seat": {"from": "seat", "per": "role", "take": "latest"}},
    "decide": [{"state": "so", "allow": True}],
}


def needed(identity: str) -> Policy:
    return Library().load(identity).policy


def test_the_generated_parts_are_true() -> None:
    assert sorted(reference.marked(TEXT)) == sorted(reference.PARTS)
    again = reference.written(TEXT)
    if os.environ.get("UPDATE_GOLDEN"):
        PAGE.write_text(again, "utf-8")
    else:
        assert again == TEXT


def test_every_code_is_listed() -> None:
    assert re.findall(r"^\| ([EW]\d{3}) \|", TEXT, re.MULTILINE) == codes.every()


def test_every_block_of_yaml_is_looked_at() -> None:
    assert TEXT.count("```yaml") == len(FILES) + len(FRAGMENTS)
    assert TESTS
    assert len(POLICIES) > 2
    assert len(FRAGMENTS) > 4


@pytest.mark.parametrize("block", POLICIES)
def test_a_policy_is_one(block: str, tmp_path: Path) -> None:
    path = tmp_path / "answered.yaml"
    path.write_text(block, "utf-8")
    assert Library().load(path).policy.question
    modeline = re.match(r"# yaml-language-server: \$schema=(\S+)\n", block)
    assert modeline
    assert (ROOT / modeline[1]).is_file()


@pytest.mark.parametrize("block", TESTS)
def test_a_test_passes_and_tries_everything(block: str, tmp_path: Path) -> None:
    (tmp_path / "answered.yaml").write_text(POLICIES[-1], "utf-8")
    path = tmp_path / "answered_test.yaml"
    path.write_text(block, "utf-8")
    [trial], _ = run_tests([str(path)], Library())
    assert (trial.passed, trial.coverage.missing) == (True, ())
    modeline = re.match(r"# yaml-language-server: \$schema=(\S+)\n", block)
    assert modeline
    assert (ROOT / modeline[1]).is_file()


@pytest.mark.parametrize("block", FRAGMENTS)
def test_a_fragment_belongs_into_a_policy(block: str) -> None:
    part = yaml.safe_load(block)
    whole = {**FRAME, **part, "facts": {**FRAME["facts"], **part.get("facts", {})}}
    assert make(Source("frame.yaml", json.dumps(whole, default=str)), needed, SHIPPED).policy.id == "frame"


def expressions() -> list[str]:
    """The expressions in the table of what is written, but for lone operators."""
    table = TEXT.partition("| written | means |\n")[2].partition("\n\n")[0]
    cells = [re.split(r"(?<!\\)\|", line)[1] for line in table.splitlines()[1:]]
    spans = [span.replace("\\|", "|") for cell in cells for span in re.findall("`([^`]+)`", cell)]
    return [span for span in spans if span not in OPERATORS.split()]


@pytest.mark.parametrize("expression", expressions())
def test_an_expression_is_in_the_language(expression: str) -> None:
    written = reference.PLACES["`outputs`"](expression)
    assert make(Source("probe.yaml", json.dumps(written)), needed, SHIPPED).policy.outputs


def test_everything_in_the_language_is_shown() -> None:
    table = TEXT.partition("| written | means |\n")[2].partition("\n\n")[0].replace("\\|", "|")
    assert [word for word in (*FUNCTIONS, *MACROS, *METHODS) if f"{word}(" not in table] == []
    assert [word for word in OPERATORS.split() if word != "?:" and word not in table] == []
    assert re.search(r" \? .* : ", table)
