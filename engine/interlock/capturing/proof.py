"""A test file is run before it is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interlock.errors import UsageError
from interlock.library import Library
from interlock.source import Source
from interlock.testing.reading import suite_of
from interlock.testing.running import run


def prove(source: Source, case: Mapping[str, Any], digest: str, library: Library) -> None:
    """Run the case where it is written: what the file says of every case holds for it too.

    `digest` is that of the policy that decided. Raises UsageError where the case fails there, PolicyError where the
    file is invalid.
    """
    suite, loaded = suite_of(source, library)
    if loaded.policy.digest != digest:
        raise UsageError(f"`{source.name}` tests another policy, `{suite.policy}`; write to another file")
    trial = run(suite, loaded, library, lambda name: name == f"{suite.id}/{case['case']}")
    if not trial.cases or not trial.passed:
        raise UsageError(
            f"the case does not pass in `{source.name}`, for what that file says of every case; write to another file"
        )
