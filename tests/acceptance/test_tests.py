"""The tests of the shipped policies: they pass, and try everything."""

from __future__ import annotations

import pytest

from interlock.library import Library
from interlock.testing import tried

TESTED = ["loop"]


@pytest.mark.parametrize("policy", TESTED)
def test_a_shipped_policy_decides_what_its_test_says(policy: str) -> None:
    [trial], untested = tried([policy], Library())
    assert untested == []
    assert [case.name for case in trial.cases if not case.passed] == []
