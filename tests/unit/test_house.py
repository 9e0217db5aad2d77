"""The rules of the house that no linter knows: sizes, names, and that the project speaks of itself alone."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "engine" / "interlock"
MODULES = sorted(PACKAGE.rglob("*.py"))
UNITS = ROOT / "tests" / "unit"
UNIT_TESTS = sorted(path.relative_to(UNITS).as_posix() for path in UNITS.rglob("test_*.py"))

ACROSS = {
    "test_citations.py",
    "test_house.py",
    "test_packaging.py",
    "test_tasks.py",
    "test_windows.py",
    "test_words.py",
}
"""Unit tests of the whole repository, not of one module."""

MODULE_LINES = 500
FUNCTION_LINES = 50
FORBIDDEN = re.compile(r"(utils?|commons?|helpers?|managers?|misc)(\.py)?")

# A path under a person's home or a scratch folder: it is true on one machine only.
MACHINE = re.compile(r"(?<![\w./:~-])(?:/(?:home|root|tmp|Users|work|workspace)/|[A-Z]:\\Users\\)[\w.]")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def long_functions(source: str) -> list[str]:
    """The functions of a module that outgrow a screen, each with its length."""
    functions = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef))
    lengths = [(node.name, (node.end_lineno or node.lineno) - node.lineno + 1) for node in functions]
    return [f"{name}: {length} lines" for name, length in lengths if length > FUNCTION_LINES]


def machine_lines(text: str) -> list[str]:
    """The lines that name a place on somebody's machine."""
    return [line.strip() for line in text.splitlines() if MACHINE.search(line)]


def modules_of(test: str) -> list[str]:
    """The files of the package that a unit test is of: those of its own name, or else of the name of its folder."""
    path = PurePosixPath(test)
    name = path.with_name(path.name.removeprefix("test_")).with_suffix("")
    places = (f"{name}.py", f"{name}.sql", f"{name}/__init__.py", f"{path.parent}.py", f"{path.parent}.sql")
    return [place for place in places if (PACKAGE / place).is_file()]


@pytest.fixture(scope="session")
def tracked() -> list[Path]:
    """Every text file that is in the repository, or will be once added."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout: git cannot list the repository")
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    paths = [ROOT / name for name in listed.split("\0") if name]
    return [path for path in paths if path.is_file() and b"\0" not in path.read_bytes()[:8192]]


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_a_module_fits_in_its_room(module: Path) -> None:
    text = module.read_text(encoding="utf-8")
    assert text.count("\n") <= MODULE_LINES, "make it a folder of the same name"
    assert long_functions(text) == []


def test_every_module_has_a_name_that_says_what_lives_there() -> None:
    assert MODULES, "the package is not where this test looks for it"
    assert [named(path) for path in PACKAGE.rglob("*") if FORBIDDEN.fullmatch(path.name)] == []


def test_a_unit_test_is_where_the_path_of_its_module_says() -> None:
    assert set(UNIT_TESTS) >= ACROSS
    assert [test for test in UNIT_TESTS if not modules_of(test) and test not in ACROSS] == []
    assert [test for test in ACROSS if modules_of(test)] == []


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("evaluation/test_select.py", ["evaluation/select.py"]),
        ("test_schemas.py", ["schemas/__init__.py"]),
        ("ledger/test_sessions.py", ["ledger/sessions.sql"]),
        ("ledger/conveyor/test_time.py", ["ledger/conveyor.py", "ledger/conveyor.sql"]),
        ("test_select.py", []),
        ("reporting/test_select.py", []),
    ],
)
def test_a_unit_test_names_its_module(test: str, expected: list[str]) -> None:
    assert modules_of(test) == expected


def test_no_file_names_a_place_on_somebodys_machine(tracked: list[Path]) -> None:
    assert Path(__file__) in tracked
    found = {named(path): machine_lines(path.read_text(encoding="utf-8")) for path in tracked}
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("open('/" + "home/ada/ledger.db')", True),
        ("cd /" + "tmp/x", True),
        ("see `/" + "root/.cache`", True),
        ("C:" + "\\Users\\ada", True),
        ("https://example.org/home/ada", False),
        ("docs/home/ada", False),
        ("#!/usr/bin/env bash", False),
        ("the folders home/, root/ and tmp/", False),
    ],
)
def test_a_place_on_a_machine_is_told_from_other_paths(line: str, told: bool) -> None:
    assert bool(machine_lines(line)) is told


@pytest.mark.parametrize(("lines", "expected"), [(FUNCTION_LINES, []), (FUNCTION_LINES + 1, ["long: 51 lines"])])
def test_a_function_is_measured_from_its_name_to_its_end(lines: int, expected: list[str]) -> None:
    assert long_functions("def long():\n" + "    pass\n" * (lines - 1)) == expected


@pytest.mark.parametrize(
    ("name", "forbidden"),
    [("utils.py", True), ("helper.py", True), ("managers", True), ("common", True), ("library.py", False)],
)
def test_a_name_that_says_nothing_is_told_from_one_that_does(name: str, forbidden: bool) -> None:
    assert bool(FORBIDDEN.fullmatch(name)) is forbidden
