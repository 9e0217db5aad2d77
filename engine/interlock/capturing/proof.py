"""A test file is run before it is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interlock.analysis.testing import run
from interlock.analysis.testing.parse import suite_of
from interlock.errors import UsageError
from interlock.model.policy import Policy
from interlock.policy.library import Library
from interlock.source import Source


def refuse_other(source: Source, policy: Policy, library: Library) -> None:
    """Raise UsageError where a test file tests another policy, PolicyError where it is invalid."""
    suite, loaded = suite_of(source, library)
    if loaded.policy.digest != policy.digest:
        raise UsageError(f"`{source.name}` tests another policy, `{suite.policy}`; write to another file")


def prove(source: Source, case: Mapping[str, Any], library: Library) -> None:
    """Run a case where it is written: what the file says of every case holds for it too.

    Raises UsageError where it fails there.
    """
    suite, loaded = suite_of(source, library)
    trial = run(suite, loaded, lambda name: name == f"{suite.id}/{case['case']}")
    if not trial.cases or not trial.passed:
        raise UsageError(
            f"the case does not pass in `{source.name}`, for what that file says of every case; write to another file"
        )
