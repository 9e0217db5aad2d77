"""Everything that is wrong with some policies: errors and warnings of every file, none of which stops the others."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable
from contextlib import suppress

from interlock.diagnostics import Issue, PolicyError, Source, UsageError
from interlock.files import SUFFIXES, TEST_SUFFIXES, files_below
from interlock.policy.library import Library, Reading


def check_paths(paths: Iterable[str], library: Library) -> tuple[tuple[Issue, ...], tuple[Source, ...]]:
    """The issues of all policies at the paths, and the text of each policy, in the order of the paths.

    A path is a policy's file or id, or a folder: every policy in it and below it. Raises UsageError when a path leads
    to no policy, or to a file that cannot be read.
    """
    files = {os.path.realpath(file): file for path in paths for file in _files(path, library)}
    reading = library.reading()
    issues: list[Issue] = []
    sources: list[Source] = []
    for file in files.values():
        found, source = check_file(file, library, reading, files)
        issues += found
        sources.append(source)
    return tuple(dict.fromkeys(issues)), tuple(sources)  # one schema may be wrong for several policies


def check_file(
    file: str, library: Library, reading: Reading, files: Container[str] = ()
) -> tuple[tuple[Issue, ...], Source]:
    """The issues of a policy or of its test, and its text. What is in one of `files`, real paths, is left to that.

    Raises UsageError when the file cannot be read.
    """
    return _checked_test(file, library) if file.endswith(TEST_SUFFIXES) else _checked(file, reading, files)


def stamps(paths: Iterable[str], library: Library) -> dict[str, tuple[int, int]]:
    """The size and the time of the last change of every file that a check of the paths may read.

    These are the files of policies and schemas in the folders that are named and below them, in those of the library,
    and beside the files that are named, with the schemas of kinds there.
    """
    named = [path for path in paths if os.path.isdir(path)]
    beside = {os.path.realpath(os.path.dirname(path)) for path in paths if not os.path.isdir(path)}
    kinds = [os.path.join(near, "schemas") for folder in beside for near in (folder, os.path.dirname(folder))]
    found = {}
    for folder in {*beside, *map(os.path.realpath, (*named, *kinds, *library.folders, *library.schema_dirs))}:
        for place, inner, names in os.walk(folder):
            inner[:] = [] if folder in beside else [name for name in inner if not name.startswith(".")]
            for name in names:
                path = os.path.join(place, name)
                if name.endswith((*SUFFIXES, ".json")):
                    with suppress(OSError):  # it was removed just now, or leads nowhere
                        status = os.stat(path)
                        found[path] = (status.st_mtime_ns, status.st_size)
    return found


def _checked(file: str, reading: Reading, files: Container[str]) -> tuple[tuple[Issue, ...], Source]:
    """The issues of a policy; those of a needed one are left to its own check, where it is checked too."""
    try:
        loaded = reading.load(file)
    except PolicyError as error:
        causes = {message for message, blamed in error.blamed.items() if os.path.realpath(blamed) in files}
        issues = tuple(issue for issue in error.issues if issue.message not in causes)
        return issues, next(iter(error.sources), Source(file, ""))
    from interlock.policy.lint import warnings
    from interlock.policy.parse import parse_valid

    source = Source(file, loaded.source.text)
    return warnings(parse_valid(source), loaded), source


def _checked_test(file: str, library: Library) -> tuple[tuple[Issue, ...], Source]:
    """The issues of a policy's test; those of the policy itself are reported where that is checked."""
    from interlock.analysis.testing.parse import source_of, suite

    try:
        suite(file, library)
        return (), source_of(file, library)
    except PolicyError as error:
        return tuple(issue for issue in error.issues if issue.location.name == file), error.sources[0]


def _files(path: str, library: Library) -> list[str]:
    if not os.path.isdir(path):
        return [library.path(path)]
    policies = files_below(path, "policies")
    found = [file for file in policies if file.endswith(SUFFIXES) and not file.endswith(TEST_SUFFIXES)]
    if not found:
        raise UsageError(f"no policy in `{path}`: no file in it or below it ends in {' or '.join(SUFFIXES)}")
    return found
