"""Every command line of `commands/*.yaml`, each with its exit code and the whole of what it prints.

`{story}` and `{ledger}` stand for the two real ledgers; what is not said to be printed must not be. Where a text is not
ours alone, `tells` lists what the one line on standard error must contain.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from interlock.evaluation.rete import AVAILABLE
from tests.acceptance.conftest import Interlock
from tests.helpers.engine import as_by_both
from tests.helpers.wording import ours

FILES = sorted((Path(__file__).parent / "commands").glob("*.yaml"))
CASES = [
    pytest.param(case, id=f"{file.stem}:{case['run']}")
    for file in FILES
    for case in yaml.safe_load(file.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize("case", CASES)
def test_command(case: dict[str, Any], interlock: Interlock, story_path: Path, ledger_path: Path) -> None:
    places = {"{story}": str(story_path), "{ledger}": str(ledger_path)}
    words = shlex.split(case["run"])
    if "rete" in words and not AVAILABLE:
        pytest.skip("durable-rules cannot be imported here")
    ran = interlock(*(places.get(word, word) for word in words))
    out, err = (_named(text, places) for text in (ran.out, ran.err))
    assert ran.code == case["exit"], ran
    if "last" in case:
        assert out.splitlines()[-1] == case["last"]
    else:
        assert out == as_by_both(case.get("out", ""))
    if "tells" in case:
        assert err.count("\n") == 1
        assert [piece for piece in case["tells"] if piece not in err] == [], err
    else:
        assert ours(err) == case.get("err", "")


def _named(text: str, places: dict[str, str]) -> str:
    for name, place in places.items():
        text = text.replace(place, name)
    return text
