"""The plugin for pytest: policies' tests are collected as tests, and a fixture asserts a decision.

Nothing of interlock is imported before a test file of a policy is found, or the fixture is used.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from interlock.ledger import Ledger
    from interlock.model.decision import Decision, VerdictName
    from interlock.model.testing import CaseResult
    from interlock.policy.library import Library
    from interlock.request import Request

_SUFFIXES = ("_test.yaml", "_test.yml")
_KEYS = ("policy", "cases")
"""What a policy's test has, and hardly another file that is named like one."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The setting that leaves policies' tests to `interlock test`."""
    parser.addini("interlock_tests", "collect the tests of policies (*_test.yaml)", type="bool", default=True)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """The tests in a file, if it is a policy's test."""
    if not file_path.name.endswith(_SUFFIXES) or not parent.config.getini("interlock_tests"):
        return None
    if not _is_test(file_path):
        return None
    file: pytest.Collector = PolicyTests.from_parent(parent, path=file_path)
    return file


def _is_test(path: Path) -> bool:
    """Whether a file is a policy's test. One that has the words of a test and cannot be parsed is: it is reported."""
    content = path.read_bytes()
    if not all(key.encode() in content for key in _KEYS):
        return False
    from interlock.diagnostics import PolicyError
    from interlock.files import decoded
    from interlock.policy.parse import parse_yaml

    try:
        document, _ = parse_yaml(decoded(str(path), content))
    except PolicyError:
        return True
    return document is None or (isinstance(document.data, dict) and document.data.keys() >= set(_KEYS))


class PolicyTests(pytest.File):
    """A policy's test file: an item a case."""

    def collect(self) -> Iterable[pytest.Item]:
        """The cases. Raises CollectError with everything that is wrong with the file, or with the policy."""
        from interlock.analysis.testing.parse import suite
        from interlock.diagnostics import InterlockError

        try:
            read, loaded = suite(_near(self.path), _library(self.config))
        except InterlockError as error:
            raise self.CollectError(str(error)) from None
        for case in read.cases:
            yield PolicyCase.from_parent(self, name=case.name, case=case, suite=read, loaded=loaded)


class PolicyCase(pytest.Item):
    """A case of a policy's test."""

    def __init__(self, *, case: Any, suite: Any, loaded: Any, **how: Any) -> None:
        super().__init__(**how)
        self.case, self.suite, self.loaded = case, suite, loaded

    def runtest(self) -> None:
        """Judge the case's steps. Raises CaseFailed."""
        from interlock.analysis.testing import run_suite

        wanted = f"{self.suite.id}/{self.case.name}"
        (result,) = run_suite(self.suite, self.loaded, wanted.__eq__).cases
        if not result.passed:
            raise CaseFailed(result)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What `interlock test` reports of a case that failed."""
        if not isinstance(excinfo.value, CaseFailed):
            return super().repr_failure(excinfo, style)
        from interlock.reporting import RenderContext
        from interlock.reporting.tests import failure

        return "\n".join(failure(excinfo.value.result, RenderContext()))

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the case is, the line counted from 0, and what it is called."""
        return self.path, self.case.location.line - 1, f"{self.suite.id}: {self.name}"


class CaseFailed(Exception):
    """A case is not as expected."""

    def __init__(self, result: CaseResult) -> None:
        super().__init__(result.name)
        self.result = result


class Gate:
    """Asserts what a policy decides. What is not given is what the environment or the project's file sets."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config

    def __call__(
        self,
        policy: str | os.PathLike[str],
        *,
        task: str,
        ledger: Ledger | str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
        at: str | datetime | None = None,
        params: Mapping[str, Any] | None = None,
        policy_dirs: Sequence[str | os.PathLike[str]] | None = None,
        schema_dirs: Sequence[str | os.PathLike[str]] | None = None,
        engine: str | None = None,
        lock: str | os.PathLike[str] | None = None,
        locked: bool | None = None,
        waivers: str | os.PathLike[str] | None = None,
        allow_long_waivers: bool | None = None,
        max_skew: str | timedelta | None = None,
        sources: str | os.PathLike[str] | None = None,
        expect: VerdictName = "allowed",
        state: str | None = None,
    ) -> Decision:
        """The decision, if it is as expected: its verdict, and its state where that is given.

        Else the test fails, and shows the decision as `interlock eval` does. Other arguments, and what raises, are
        those of `interlock.evaluate`.
        """
        __tracebackhide__ = True
        from interlock.diagnostics import InterlockError
        from interlock.model.decision import verdict_word
        from interlock.reporting import RenderContext, render
        from interlock.request import Session

        given: dict[str, Any] = {"ledger": ledger, "policy-dir": policy_dirs, "engine": engine, "max-skew": max_skew}
        given |= {"schema-dir": schema_dirs, "sources": sources, "allow-long-waivers": allow_long_waivers}
        try:
            request = _request(self.config, {**given, "lock": lock, "locked": locked, "waivers": waivers})
            with Session(request.about([policy], [task], at=at, params=params or {})) as session:
                (decision,) = session.decisions()
        except InterlockError as error:
            raise error.with_traceback(None) from None  # the message says it all: where it was raised does not matter
        if verdict_word(decision.allow) != expect or state not in (None, decision.state):
            wanted = expect if state is None else f"{expect}, {state}"
            pytest.fail(f"expected {wanted}:\n{render('text', [decision], RenderContext())}", pytrace=False)
        return decision


@pytest.fixture(scope="session")
def interlock_gate(pytestconfig: pytest.Config) -> Gate:
    """Asserts what a policy decides: `interlock_gate("smoke", ledger="ledger.db", task="demo")` fails unless allowed.

    `expect="denied"` or `"undecided"` asserts that instead, `state=` the state too; the decision is returned.
    """
    return Gate(pytestconfig)


def _library(config: pytest.Config) -> Library:
    from interlock.request import Session

    return Session(_request(config, {}, "policy-dir", "schema-dir")).library


def _request(config: pytest.Config, given: Mapping[str, Any], *keys: str) -> Request:
    """The request of what is given, of the environment and of the project's file. Raises UsageError, LockError."""
    from interlock.request import request_of
    from interlock.settings import SETTINGS, settle

    start = str(config.rootpath)
    return request_of(settle(keys or SETTINGS, given, start=start, prefix=""), start)


def _near(path: Path) -> str:
    """The path from here, where that is shorter to read."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
