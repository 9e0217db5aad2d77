"""Every command explains itself: on eighty columns, with examples, each of which it takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from interlock.cli import main
from tests.acceptance.conftest import Interlock

COMMANDS = main.list_commands(click.Context(main))


def examples(shown: str) -> list[str]:
    """The lines below `Examples:`."""
    return [line.strip() for line in shown.partition("  Examples:\n")[2].splitlines()]


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_a_command_tells_what_it_does_and_how_it_is_used(name: str, interlock: Interlock) -> None:
    shown = interlock(*name.split(), "--help").out
    assert shown.startswith(f"Usage: interlock {name}".rstrip())
    assert examples(shown)
    assert [line for line in shown.splitlines() if len(line) > 80] == []
    assert "  --color [auto|always|never]" in shown


@pytest.mark.parametrize("name", COMMANDS)
def test_an_example_is_a_line_that_the_command_takes(name: str, interlock: Interlock) -> None:
    lines = examples(interlock(name, "--help").out)
    assert any(name in line for line in lines)
    Path("gates").mkdir()
    for line in lines:
        for part in re.split(r" [|>] | +# |^eval \"\$\(|\)\"", line):
            first, *words = shlex.split(part) or [""]
            if first != "interlock":
                continue
            command = main.get_command(click.Context(main), words[0])
            assert command is not None
            with command.make_context(words[0], words[1:]) as context:
                assert context.args == []
