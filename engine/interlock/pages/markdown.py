"""Texts of a policy, written so that Markdown shows them as they are."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"[\\`*\[\]<>&~|#!]|(?<![^\W_])_|_(?![^\W_])")
_STARTS = re.compile(r"^(\d+)([.)])|^([-+=])")
_TICKS = re.compile("`+")


def prose(text: str) -> str:
    """Text in one line that Markdown takes for nothing but text."""
    plain = _SPECIAL.sub(r"\\\g<0>", " ".join(text.split()))
    return _STARTS.sub(lambda match: f"{match[1]}\\{match[2]}" if match[1] else f"\\{match[3]}", plain)


def paragraphs(text: str) -> str:
    """Text whose empty lines part paragraphs."""
    return "\n\n".join(prose(part) for part in re.split(r"\n\s*\n", text.strip()))


def code(text: str) -> str:
    """Text as a code span: on one line, with more ticks around it than are in it."""
    line = " ".join(text.splitlines())
    fence = "`" * (1 + max(map(len, _TICKS.findall(line)), default=0))
    pad = " " if line.startswith("`") or line.endswith("`") or not line.strip() else ""
    return f"{fence}{pad}{line}{pad}{fence}"
