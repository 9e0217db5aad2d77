"""Tests of policies: read, checked against the policy, run, compared. `interlock test` is this."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Sequence

from interlock.analysis.testing.outcome import CoverageCounter, differences, explain_failure
from interlock.analysis.testing.parse import suite
from interlock.diagnostics import EngineError, Issue, PolicyError, Source, UsageError
from interlock.evaluation.judge import Judge, Loaded
from interlock.files import SUFFIXES, TEST_SUFFIXES, files_below
from interlock.ledger.memory import MemoryFacts
from interlock.model.testing import Case, CaseResult, Step, StepResult, Suite, Trial
from interlock.policy.library import Library


def run_tests(paths: Sequence[str], library: Library, pattern: str | None = None) -> tuple[list[Trial], list[str]]:
    """Run the tests at the paths, and report the policies there that have none.

    Of the cases, those that the regular expression `pattern` is found in, as POLICY/CASE. Raises PolicyError with every
    issue of every test file and policy; UsageError where there is nothing to run.
    """
    wanted = _expression(pattern) if pattern is not None else None
    files, untested = find_tests(paths, library)
    suites = _read(files, library)
    trials = [run_suite(each, loaded, lambda name: not wanted or wanted.search(name)) for each, loaded in suites]
    ran = [trial for trial in trials if trial.cases]
    if not ran:
        raise UsageError(f"no case matches `{pattern}`" if suites else "there contains no test: nothing was tried")
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
        raise UsageError(f"`{pattern}` is not a regular expression: {error}") from None


def find_tests(paths: Sequence[str], library: Library) -> tuple[list[str], list[str]]:
    """The test files at the paths, and the policies beside them that have none.

    Without a path, those of all policies of the library. Raises UsageError where a path leads to no test.
    """
    files: dict[str, str] = {}
    untested: dict[str, str] = {}
    for path in paths or [library.path(identity) for identity in library.ids()]:
        if os.path.isdir(path):
            below = list(files_below(path, "tests"))
            tests = [file for file in below if file.endswith(TEST_SUFFIXES)]
            if not tests:
                raise UsageError(f"no test in `{path}`: no file in it or below it ends in {' or '.join(TEST_SUFFIXES)}")
            policies = [file for file in below if file.endswith(SUFFIXES) and not file.endswith(TEST_SUFFIXES)]
            bare = [policy for policy in policies if _test_of(policy) is None]
        elif path.endswith(TEST_SUFFIXES):
            tests, bare = [path], []
        else:
            policy = library.path(path)
            test = _test_of(policy)
            if test is None and paths:
                expected = os.path.splitext(policy)[0] + TEST_SUFFIXES[0]
                raise UsageError(f"the policy `{path}` has no test: there is no `{expected}`")
            tests, bare = ([test], []) if test else ([], [policy])
        files |= {os.path.realpath(test): test for test in tests}
        untested |= {os.path.realpath(policy): policy for policy in bare}
    return list(files.values()), list(untested.values())


def _test_of(policy: str) -> str | None:
    stem = os.path.splitext(policy)[0]
    return next((stem + end for end in TEST_SUFFIXES if os.path.isfile(stem + end)), None)


def run_suite(suite: Suite, loaded: Loaded, wanted: Callable[[str], object]) -> Trial:
    """Run the cases whose names are wanted, in their order."""
    bench = _Bench(suite, loaded)
    results = tuple(bench.case(case) for case in suite.cases if wanted(f"{suite.id}/{case.name}"))
    bench.held.close()
    return Trial(suite.path, suite.id, results, bench.tally.coverage())


class _Bench:
    """What the cases of a file are judged with: the policy, and facts that are held in memory."""

    def __init__(self, suite: Suite, loaded: Loaded) -> None:
        self.loaded = loaded
        self.held = MemoryFacts(suite.path, loaded.catalog)
        self.tally = CoverageCounter(loaded.policy)

    def case(self, case: Case) -> CaseResult:
        """The steps, up to the first that fails: those after it build on what it was to prove."""
        start = time.perf_counter()
        results: list[StepResult] = []
        for step in case.steps:
            results.append(self.step(case, step))
            if not results[-1].passed:
                break
        return CaseResult(case.name, case.location, tuple(results), time.perf_counter() - start)

    def step(self, case: Case, step: Step) -> StepResult:
        """Judge the facts that there are at a step."""
        with self.held.snapshot(step.facts, case.task, step.now) as snapshot:
            judge = Judge(snapshot, self.held.path, step.now, "both")
            try:
                judged = judge.judged(self.loaded, case.task, case.params)
            except (UsageError, EngineError) as error:
                return StepResult(step.name, step.location, trouble=str(error))
        found = differences(step.expect, judged.decision)
        result = StepResult(step.name, step.location, judged.decision, found)
        if judged.known is None or judged.verdict is None:
            return result
        self.tally.count(judged.known, judged.verdict)
        if not found:
            return result
        return explain_failure(result, self.loaded.policy, judged.known, judged.verdict, judged.holds)
