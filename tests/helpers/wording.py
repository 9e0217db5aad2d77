"""Messages without what they pass on from a library: its words change with its versions."""

from __future__ import annotations

import re

_PASSED_ON = re.compile(
    r"(not TOML: |not a lock: |is not a regular expression: )[^\n]+"
    r"|(is damaged \(|SQLite cannot read \()[^\n]*?(?=\))"
)


def ours(text: str) -> str:
    """The text with `…` in place of the words of TOML's and SQLite's libraries and of `re`."""
    return _PASSED_ON.sub(lambda found: f"{found[1] or found[2]}…", text)
