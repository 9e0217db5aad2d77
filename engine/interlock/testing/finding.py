"""Which test files are meant: by their own paths, by folders, or by the policies that they test."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from interlock.errors import UsageError
from interlock.listing import is_meant
from interlock.policy.library import Library

SUFFIXES = (".yaml", ".yml")
TESTS = ("_test.yaml", "_test.yml")


def found(paths: Sequence[str], library: Library) -> tuple[list[str], list[str]]:
    """The test files at the paths, and the policies beside them that have none.

    Without a path, those of all policies of the library. Raises UsageError where a path leads to no test.
    """
    files: dict[str, str] = {}
    untested: dict[str, str] = {}
    for path in paths or [library.path(identity) for identity in library.ids()]:
        if os.path.isdir(path):
            tests, policies = _below(path)
            if not tests:
                raise UsageError(f"no test in `{path}`: no file in it or below it ends in {' or '.join(TESTS)}")
            bare = [policy for policy in policies if _test_of(policy) is None]
        elif path.endswith(TESTS):
            tests, bare = [path], []
        else:
            policy = library.path(path)
            test = _test_of(policy)
            if test is None and paths:
                raise UsageError(f"the policy `{path}` has no test: there is no `{_named(policy)}`")
            tests, bare = ([test], []) if test else ([], [policy])
        files |= {os.path.realpath(test): test for test in tests}
        untested |= {os.path.realpath(policy): policy for policy in bare}
    return list(files.values()), list(untested.values())


def _test_of(policy: str) -> str | None:
    """The test file of a policy, beside it."""
    stem = os.path.splitext(policy)[0]
    return next((stem + end for end in TESTS if os.path.isfile(stem + end)), None)


def _named(policy: str) -> str:
    return os.path.splitext(policy)[0] + TESTS[0]


def _below(folder: str) -> tuple[list[str], list[str]]:
    """The test files and the policies in a folder and below it, sorted."""
    files = list(_files(folder))
    tests = [file for file in files if file.endswith(TESTS)]
    return tests, [file for file in files if file.endswith(SUFFIXES) and not file.endswith(TESTS)]


def _files(folder: str) -> Iterator[str]:
    for place, folders, names in os.walk(folder, onerror=_refuse):
        folders.sort()
        yield from (os.path.join(place, name) for name in sorted(names) if is_meant(place, name))


def _refuse(error: OSError) -> None:
    raise UsageError(f"cannot read the tests in `{error.filename}`: {(error.strerror or str(error)).lower()}") from None
