"""A table that stays where it is on a terminal, and is drawn again whenever it changes."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Sequence

import click

from interlock.cli import output
from interlock.reporting.style import display_width

_CHANGES = 5
"""That many of the last changes are shown below the table."""


def is_live() -> bool:
    """Whether standard output is a terminal on which a table can be drawn again."""
    return bool(sys.stdout and sys.stdout.isatty()) and os.environ.get("TERM") != "dumb"


class LiveTable:
    """The table that was drawn last, and the last changes below it."""

    def __init__(self) -> None:
        self._rows = 0
        self._changes: deque[str] = deque(maxlen=_CHANGES)

    def note(self, change: str) -> None:
        """Show a change from the next drawing on."""
        self._changes.append(change)

    def leave(self) -> None:
        """Draw the next one below: something else was printed."""
        self._rows = 0

    def draw(self, table: Sequence[str]) -> bool:
        """Draw a table in place of the last; whether somebody still reads."""
        changes = ["", *(line for each in self._changes for line in each.splitlines())] if self._changes else []
        lines = [*_fitting(table, len(changes)), *changes]
        up = f"\x1b[{self._rows}F\x1b[J" if self._rows else ""
        self._rows = sum(map(_height, lines))
        return output.put(up + "".join(f"{line}\n" for line in lines))


def _fitting(table: Sequence[str], below: int) -> list[str]:
    """The table, cut to what the terminal has room for: what has scrolled away cannot be drawn again."""
    room = max(4, os.get_terminal_size(sys.stdout.fileno()).lines - 1 - below)
    if sum(map(_height, table)) <= room:
        return list(table)
    shown = list(table[: room - 1])
    while len(shown) > 1 and sum(map(_height, shown)) > room - 1:
        shown.pop()
    return [*shown, f"and {len(table) - len(shown):,} more lines; `interlock eval --all-tasks` shows all"]


def _height(line: str) -> int:
    """How many rows of the terminal a line takes."""
    columns = output.width(sys.stdout)
    return max(1, -(-display_width(click.unstyle(line)) // columns)) if columns else 1
