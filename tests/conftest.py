"""What every test stands on: no trace of the person who runs it, the real ledgers, and how hard Hypothesis tries.

`INTERLOCK_EXAMPLES=20 python -m pytest tests/property` tries twenty times as many examples, `0.1` a tenth.
`HYPOTHESIS_PROFILE=ci`, or CI in the environment, makes the examples the same in every run.
"""

from __future__ import annotations

import lzma
import os
import shutil
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import settings

collect_ignore_glob = ["suites/*_test.yaml"]
"""Test files of policies, some of which are meant to be wrong: `interlock test` is tried on them."""

ROOT = Path(__file__).resolve().parent.parent


class Scale:
    """How many times as many examples as usual: a test tries `1_000 * EXAMPLES` of them, one at least."""

    def __init__(self, times: str) -> None:
        self.times = Fraction(times)

    def __rmul__(self, usual: int) -> int:
        return max(1, int(usual * self.times))


EXAMPLES = Scale(os.environ.get("INTERLOCK_EXAMPLES", "1"))

# No deadline: on a shared machine a slow example says nothing about the code.
settings.register_profile("dev", max_examples=100 * EXAMPLES, deadline=None)
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True, print_blob=True, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


@pytest.fixture(autouse=True)
def _stranger(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test runs as someone with an empty home, an empty cache and no settings of interlock."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / ".cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    for name in [name for name in os.environ if name.startswith("INTERLOCK_") and name != "INTERLOCK_EXAMPLES"]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def conformance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of `ledger.db`, `expected.jsonl`, `story.db` and `story.jsonl`, unpacked once; copy before changing."""
    folder = tmp_path_factory.mktemp("conformance")
    for packed in sorted((ROOT / "tests" / "conformance").glob("*.xz")):
        with lzma.open(packed) as source, (folder / packed.stem).open("wb") as sink:
            shutil.copyfileobj(source, sink)
    unpacked = _state(folder)
    yield folder
    assert _state(folder) == unpacked, "a test wrote into the shared ledgers"


@pytest.fixture
def ledger_path(conformance: Path) -> Path:
    """The real ledger of 120 tasks; read only."""
    return conformance / "ledger.db"


@pytest.fixture
def story_path(conformance: Path) -> Path:
    """The real ledger of one pair's hour; read only."""
    return conformance / "story.db"


def _state(folder: Path) -> dict[str, tuple[int, int]]:
    return {path.name: (path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(folder.iterdir())}
