"""The attack at the size that every change can afford; `python -m tests.adversarial` goes on as long as is asked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from tests.adversarial import files, model
from tests.adversarial.__main__ import summary
from tests.adversarial.drawing import draw
from tests.adversarial.running import SHARES, attack
from tests.conftest import ROOT

CASES = 2_000
SEED = 1


@pytest.mark.slow
def test_no_gate_allows_what_the_ledger_does_not_prove() -> None:
    tally = attack(SEED, CASES)
    assert not tally.failures, summary(tally, 0, SEED)
    assert tally.cases >= CASES
    assert set(tally.by_part) == set(SHARES)
    assert min(tally.verdicts[name] for name in ("allowed", "denied", "undecided")) > CASES / 10


def test_a_ledger_is_drawn_again_from_its_seed(tmp_path: Path) -> None:
    for name in ("one.db", "other.db"):
        files.write(tmp_path / name, draw(Random("seed")).tables)
    assert (tmp_path / "one.db").read_bytes() == (tmp_path / "other.db").read_bytes()
    assert model.load(tmp_path / "one.db").receipts


def test_the_model_imports_nothing_of_interlock() -> None:
    code = "import sys, tests.adversarial.model; print([n for n in sys.modules if n.split('.')[0] == 'interlock'])"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


def test_a_difference_is_told_with_the_command_that_shows_it_again() -> None:
    command = [sys.executable, "-m", "tests.adversarial", "--seed", "3", "--only", "sound", "--ledger", "2"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.splitlines()[-1] == "0 differences"
