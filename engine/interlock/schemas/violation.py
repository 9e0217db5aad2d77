"""One thing that is wrong with a document."""

from __future__ import annotations

import msgspec

Path = tuple[str | int, ...]
"""Where in a document: keys and list indexes."""


class Violation(msgspec.Struct, frozen=True):
    """What is wrong at `path` (that of an unknown key ends with the key), and what may mend it.

    `message` and `hint` are for people: lower case, no full stop, on one line.
    """

    path: Path
    message: str
    hint: str | None = None

    @property
    def told(self) -> str:
        """The message, and what may mend it."""
        return f"{self.message}; {self.hint}" if self.hint else self.message
