"""What a decision imports: start-up time is part of what every decision costs."""

from __future__ import annotations

from pathlib import Path

import pytest
from click import Context

from interlock.cli import main
from tests.acceptance.conftest import Interlock

EVAL = ("eval", "smoke", "readiness", "quiescence", "--task", "checkout-refactor", "--at", "2026-06-22T09:30:00Z")
LOADED = """
import sys
before = set(sys.modules)
from interlock.__main__ import main
try:
    main()
finally:
    print(*sorted(set(sys.modules) - before), file=sys.stderr, sep="\\n")
"""
TWICE = """
import gc, sys
import interlock
ledger = interlock.open_ledger(sys.argv[1])
first = len(interlock.judge(["smoke", "loop"], ledger=ledger, tasks=None))
gc.collect()
gc.disable()
second = len(interlock.judge(["smoke", "loop"], ledger=ledger, tasks=None))
print(first, second, gc.collect())
"""
COMPILED = """
import re, sys
compiled, known = [], re.compile
def compile(*args):
    module = sys._getframe(1).f_globals["__name__"]
    if module.startswith("interlock."):
        compiled.append(module)
    return known(*args)
re.compile = compile
from interlock.__main__ import main
try:
    main()
finally:
    print(*compiled, file=sys.stderr, sep="\\n")
"""
ASKED = """
import sys
from interlock.__main__ import main
from interlock.ledger.connection import Connection
asked, known = [], Connection.rows
def rows(self, sql, binds):
    asked.append(sql)
    return known(self, sql, binds)
Connection.rows = rows
try:
    main()
finally:
    odd = [sql for sql in asked if sql.startswith("WITH RECURSIVE hop")]
    print(len(set(asked)), len(set(odd)), len(odd), file=sys.stderr)
"""
ENDED = """
import atexit, gc, interlock.__main__
atexit._run_exitfuncs()
print(gc.isenabled(), gc.get_freeze_count() > 1_000)
"""
UNUSED = {
    "argparse", "attr", "attrs", "click.shell_completion", "concurrent", "dataclasses", "difflib",
    "importlib.metadata", "importlib.resources", "interlock.analysis.check", "interlock.analysis.decision_log",
    "interlock.analysis.facts", "interlock.analysis.fleet", "interlock.analysis.fleet_diff", "interlock.cli.fleet",
    "interlock.cli.fleet_diff", "interlock.cli.fleet_run", "multiprocessing",
    "interlock.analysis.replay", "interlock.analysis.testing.facts",
    "interlock.analysis.verify_decision", "interlock.analysis.watch", "interlock.cli.check",
    "interlock.cli.completion", "interlock.cli.completion_items", "interlock.cli.config", "interlock.cli.demo",
    "interlock.cli.docs", "interlock.cli.explain_code", "interlock.cli.export", "interlock.cli.facts",
    "interlock.cli.lock", "interlock.cli.policies", "interlock.cli.replay", "interlock.cli.reports",
    "interlock.cli.show", "interlock.cli.tasks", "interlock.cli.verify_decision", "interlock.cli.verify_ledger",
    "interlock.cli.watch", "interlock.codes", "interlock.evaluation.waivers", "interlock.ledger.export",
    "interlock.ledger.feed", "interlock.ledger.lines", "interlock.ledger.verify", "interlock.model.decision_log",
    "interlock.model.verification", "interlock.policy.check", "interlock.policy.compile", "interlock.policy.docs",
    "interlock.policy.lint", "interlock.policy.lock", "interlock.policy.parse", "interlock.reporting.facts",
    "interlock.reporting.github", "interlock.reporting.issues", "interlock.reporting.json",
    "interlock.reporting.junit", "interlock.reporting.markdown", "interlock.reporting.outcomes",
    "interlock.reporting.sarif", "interlock.reporting.tap", "interlock.reporting.timeline",
    "interlock.reporting.verification", "json", "jsonschema", "lark", "logging", "pathlib", "pickle", "pprint",
    "referencing", "shutil", "subprocess", "tempfile", "tomllib", "traceback", "typing_extensions", "unicodedata",
    "unittest", "wcwidth", "xml", "yaml",
}  # fmt: skip


def loaded(process: Interlock, *args: str) -> set[str]:
    """The modules that a run has loaded when it ends, besides those that Python starts with."""
    return set(process(*args, program=("-c", LOADED)).err.splitlines())


@pytest.fixture
def warm(process: Interlock, story_path: Path) -> None:
    """From here on the policies are compiled."""
    process(*EVAL, "--ledger", str(story_path))


@pytest.mark.usefixtures("warm")
def test_a_decision_imports_nothing_that_it_does_not_use(process: Interlock, story_path: Path) -> None:
    found = loaded(process, *EVAL, "--ledger", str(story_path))
    assert {"click", "sqlite3", "interlock.evaluation.judge", "interlock.reporting.text"} <= found
    assert sorted(found & UNUSED) == []


@pytest.mark.usefixtures("warm")
def test_a_decision_compiles_the_patterns_that_it_uses_only(process: Interlock, story_path: Path) -> None:
    compiled = process(*EVAL, "--ledger", str(story_path), program=("-c", COMPILED)).err.splitlines()
    assert sorted(compiled) == ["interlock.evaluation.advice"] * 2 + ["interlock.instant"] * 2


@pytest.mark.usefixtures("warm")
def test_a_decision_prepares_few_statements(process: Interlock, story_path: Path) -> None:
    """Receipts without a time are looked for by one statement, twice a policy however far it looks ahead."""
    for at in ((), EVAL[-2:]):
        err = process(*EVAL[:-2], *at, "--ledger", str(story_path), program=("-c", ASKED)).err
        statements, odd, runs = map(int, err.split())
        assert (odd, runs) == (1, 6 if at else 3)
        assert statements <= (22 if at else 16)


def test_help_imports_no_evaluator(process: Interlock) -> None:
    found = loaded(process, "--help")
    assert "click" in found
    assert (
        sorted(
            found
            & {"sqlite3", "jsonschema", "interlock.evaluation.judge", "interlock.ledger", "interlock.policy.library"}
        )
        == []
    )


def test_garbage_is_collected_in_every_command_but_eval(process: Interlock) -> None:
    code = "import gc, sys, interlock.__main__ as it\nit.main.get_command(None, sys.argv[1])\nprint(gc.isenabled())"
    shown = {name: process(name, program=("-c", code)).out for name in main.list_commands(Context(main))}
    assert {name for name, out in shown.items() if out == "False\n"} == {"eval"}
    assert {out for name, out in shown.items() if name != "eval"} == {"True\n"}


def test_a_run_leaves_no_cyclic_garbage_for_it_never_looks_for_any(process: Interlock, ledger_path: Path) -> None:
    shown = process(program=("-c", ENDED))
    assert shown.out == "False True\n"
    left = process(str(ledger_path), program=("-c", TWICE))
    first, second, garbage = map(int, left.out.split())
    assert second == first > 200
    assert garbage < 100
