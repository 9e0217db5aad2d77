"""A bound on the time that SQLite may take for the next row of a statement."""

from __future__ import annotations

import sqlite3
from math import inf
from time import monotonic
from typing import Final

STATEMENT_SECONDS = 30.0
"""How long a statement may run without giving a row. Every query of a decision takes milliseconds."""
STEPS_BETWEEN_CHECKS: Final = 100_000
"""Steps of SQLite's virtual machine between two checks of the clock: a few milliseconds."""


class Watchdog:
    """Interrupts a statement of one connection that gives no row for `seconds`.

    It also lets Ctrl-C through while SQLite is busy: Python handles signals only when it runs, and SQLite turns what is
    raised here into an interrupted statement. `expired` distinguishes the two.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.expired = False
        self.seconds, self._deadline = STATEMENT_SECONDS, inf
        connection.set_progress_handler(self._is_over, STEPS_BETWEEN_CHECKS)

    def start(self) -> None:
        """Give the statement its time, from now on."""
        self.expired, self._deadline = False, monotonic() + self.seconds

    def stop(self) -> None:
        """Bound nothing until the next `start`."""
        self._deadline = inf

    def _is_over(self) -> bool:
        self.expired = monotonic() > self._deadline
        return self.expired
