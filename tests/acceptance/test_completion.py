"""What real shells offer when they are asked what may come next: bash always, the others where they are."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from interlock.cli import completion_items, main
from tests.acceptance.conftest import Interlock
from tests.helpers.ledgers import LedgerBuilder

HOSTILE = ("$(touch owned)", "a b", "x;y", "new\nline", "`id`")
BASH = """
eval "$(interlock completion bash)"
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
_interlock_completion interlock 2>/dev/null
printf '%s\\n' "${COMPREPLY[@]}"
"""
ZSH = """
autoload -U compinit; compinit -u -D
compadd() { local last=$@[-1]; print -rl -- ${(P)last} }
_describe() { local each; local name=$3; for each in ${(P)name}; do print -r -- ${each%%:*}; done }
_path_files() { print -r -- FILES }
eval "$(interlock completion zsh)"
words=("$@"); CURRENT=$#
_interlock_completion
"""
FISH = """
interlock completion fish | source
complete -C "$argv"
"""
LINES = [
    ("interlock ver", ["verify-ledger", "verify-decision"]),
    ("interlock eval smoke-", ["smoke-strict"]),
    ("interlock eval smoke --ledger ledger.db --task ch", ["checkout", "chores"]),
    ("interlock eval smoke --ledger gone.db --task ch", []),
    ("interlock eval --policy-dir gone smoke --ledger ledger.db --task chec", ["checkout"]),
    ("interlock facts smoke --param st", ["stale_after="]),
    ("interlock diff smoke-", ["smoke-strict"]),
    ("interlock fleet-diff old.yaml smoke-", ["smoke-strict"]),
    ("interlock fleet-diff smoke smoke-strict --param st", ["stale_after="]),
    ("interlock eval smoke loop --param dis", ["dispatcher_id="]),
    ("interlock eval smoke --format ma", ["markdown"]),
    ("interlock eval smoke --fail-on w", ["warn"]),
    ("interlock explain-code E80", [f"E80{number}" for number in range(1, 9)]),
    ("interlock banana sm", []),
    ("interlock eval --banana smoke-", ["smoke-strict"]),
]


@pytest.fixture
def command(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command `interlock` on the path, in a folder with a ledger."""
    builder = LedgerBuilder(folder / "ledger.db")
    for name in ("checkout", "chores", "other", *HOSTILE):
        builder = builder.task(name)
    builder.write()
    script = tmp_path / "bin" / "interlock"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m interlock "$@"\n', "utf-8")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(script.parent), prepend=":")
    monkeypatch.setenv("PYTHONPATH", str(Path(completion_items.__file__).parents[2]))


def offers(shell: str, line: str) -> list[str]:
    """What a shell offers at the end of a line."""
    if not shutil.which(shell):
        pytest.skip(f"there is no {shell} here")
    script, args = {"bash": (BASH, ["bash", *line.split(" ")]), "zsh": (ZSH, ["zsh", *line.split(" ")])}.get(
        shell, (FISH, [line])
    )
    how = ["--no-config"] if shell == "fish" else ["-f"] if shell == "zsh" else ["--norc"]
    done = subprocess.run([shell, *how, "-c", script, *args], capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr
    return [found.split("\t")[0] for found in done.stdout.splitlines() if found]


@pytest.mark.parametrize(("line", "expected"), LINES, ids=[line for line, _ in LINES])
def test_bash(line: str, expected: list[str], command: None) -> None:
    assert offers("bash", line) == expected


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells(shell: str, command: None) -> None:
    for line, expected in (LINES[1], LINES[2], LINES[5]):
        assert offers(shell, line) == expected


def test_a_name_that_a_shell_would_run_is_not_offered(command: None, folder: Path) -> None:
    assert offers("bash", "interlock eval smoke --ledger ledger.db --task ") == ["checkout", "chores", "other"]
    assert not (folder / "owned").exists()


def test_where_no_policy_begins_so_files_are_offered(command: None) -> None:
    import click

    context = click.Context(main)
    assert [each.type for each in completion_items.offered("policies", context, "./gates/a")] == ["file"]
    assert [each.type for each in completion_items.offered("folders", context, "x")] == ["dir"]
    assert [each.type for each in completion_items.offered("files", context, "x")] == ["file"]
    assert [each.value for each in completion_items.offered("rules", click.Context(main, info_name="x"), "")] == []


def test_an_unknown_shell(interlock: Interlock) -> None:
    ran = interlock("completion", "tcsh")
    assert ran.code == 2
    assert "`tcsh` is not one of" in ran.err
