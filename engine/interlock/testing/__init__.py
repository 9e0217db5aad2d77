"""Tests of policies: read, held against the policy, run, compared. `interlock test` is this."""

from __future__ import annotations

import re
from collections.abc import Sequence

from interlock.errors import PolicyError, UsageError
from interlock.evaluation.judge import Loaded
from interlock.model.testing import Suite, Trial
from interlock.policy.library import Library
from interlock.source import Issue, Source
from interlock.testing.finding import found
from interlock.testing.reading import suite
from interlock.testing.running import run


def tried(paths: Sequence[str], library: Library, pattern: str | None = None) -> tuple[list[Trial], list[str]]:
    """Run the tests at the paths, and tell the policies there that have none.

    Of the cases, those that the regular expression `pattern` is found in, as POLICY/CASE. Raises PolicyError with every
    issue of every test file and policy; UsageError where there is nothing to run.
    """
    wanted = _expression(pattern) if pattern is not None else None
    files, untested = found(paths, library)
    suites = _read(files, library)
    trials = [run(each, loaded, lambda name: not wanted or wanted.search(name)) for each, loaded in suites]
    ran = [trial for trial in trials if trial.cases]
    if not ran:
        raise UsageError(f"no case matches `{pattern}`" if suites else "there is no test: nothing was tried")
    return ran, untested


def _read(files: Sequence[str], library: Library) -> list[tuple[Suite, Loaded]]:
    suites: list[tuple[Suite, Loaded]] = []
    issues: list[Issue] = []
    sources: list[Source] = []
    for file in files:
        try:
            suites.append(suite(file, library))
        except PolicyError as error:
            issues += error.issues
            sources += error.sources
    if issues:
        raise PolicyError(tuple(dict.fromkeys(issues)), tuple(sources))
    return suites


def _expression(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise UsageError(f"`{pattern}` is no regular expression: {error}") from None
