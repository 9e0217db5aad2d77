"""What authors bring from other languages and conditions do not have: its name, and what to write instead.

All of it stands in `refused.toml`, which is read only where something is wrong. A construct that becomes part of the
language is taken out there, and nothing else changes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import msgspec

_TABLES = os.path.join(os.path.dirname(__file__), "refused.toml")
_WIDEST = 40
_NOT_PART = "`{0}` is not part of the language"
_WORD = r"(?<=[\w)\]\"'])\s*(?<![.\w])(?P<at>(?i:%s))\b(?!\s*\.)"
_STATEMENT = r"(?<![.\w])(?P<at>%s)\b(?!\s*[.\[,)]).*"
_QUOTED = re.compile(
    r'"""(?:[^\\]|\\.)*?(?:"""|\Z)'
    r"|'''(?:[^\\]|\\.)*?(?:'''|\Z)"
    r'|"(?:[^"\\\r\n]|\\.)*"?'
    r"|'(?:[^'\\\r\n]|\\.)*'?",
    re.DOTALL,
)


class Refused(msgspec.Struct, frozen=True):
    """A refused construct in a text: its offsets, what is said of it, and what to write instead.

    `row` is that of the table `syntax`, counted from 0.
    """

    start: int
    end: int
    message: str
    hint: str
    row: int


def refused_syntax(text: str, stopped: int) -> tuple[Refused, ...]:
    """The refused constructs in a text that is an expression only up to the offset `stopped`, in their order.

    None where none of them is at that place: then something else is wrong, and what comes after it follows from that.
    """
    found: list[Refused] = []
    taken: list[tuple[int, int]] = []
    for each, start, end in _matches(_masked(text), text):
        if all(end <= first or start >= last for first, last in taken):
            found.append(each)
            taken.append((start, end))
    left = sorted((each for each in found if _reaches(text, each, stopped)), key=lambda each: each.start)
    return tuple(left) if left and left[0].start <= stopped else ()


def refused_name(word: str) -> str | None:
    """What to write instead of a name that nothing declares, where other languages have it."""
    return _words("names").get(word)


def refused_function(word: str) -> str | None:
    """What to write instead of a function or method, where other languages have it."""
    return _words("functions").get(word)


@cache
def tables() -> dict[str, Any]:
    """The tables of what is refused, as `refused.toml` has them."""
    import tomllib

    with open(_TABLES, "rb") as file:
        return tomllib.load(file)


@cache
def _words(table: str) -> Mapping[str, str]:
    return {name: row["write"].replace("{0}", name) for row in tables()[table] for name in row["names"].split()}


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str, str], ...]:
    return tuple((re.compile(_pattern(row)), row.get("says", _NOT_PART), row["write"]) for row in _syntax())


def _syntax() -> list[dict[str, str]]:
    rows: list[dict[str, str]] = tables()["syntax"]
    return rows


def _pattern(row: Mapping[str, str]) -> str:
    if "symbol" in row:
        return re.escape(row["symbol"])
    if "word" in row:
        return _WORD % row["word"]
    return _STATEMENT % row["statement"] if "statement" in row else row["pattern"]


def _matches(masked: str, text: str) -> Iterator[tuple[Refused, int, int]]:
    """Every construct, with what it covers: of a statement all that is behind it."""
    for row, (pattern, says, write) in enumerate(_patterns()):
        for match in pattern.finditer(masked):
            group = next((name for name, inner in match.groupdict().items() if inner is not None), 0)
            start, end = match.span(group)
            written = " ".join(text[start:end].split())
            shown = written if len(written) <= _WIDEST else written[: _WIDEST - 1] + "…"
            last = max(end, start + 1)
            refused = Refused(start, last, says.replace("{0}", shown), write.replace("{0}", shown), row)
            yield refused, start, max(last, match.end())


def _reaches(text: str, found: Refused, stopped: int) -> bool:
    """Whether the construct is where reading stopped, or after that."""
    behind = text[found.end :]
    return found.end + len(behind) - len(behind.lstrip()) >= stopped


def _masked(text: str) -> str:
    """The text with one character, which nothing searches for, in place of all that is between quotes."""

    def hide(match: re.Match[str]) -> str:
        written = match[0]
        wide = 3 if written[:3] in ('"""', "'''") else 1
        closed = wide if len(written) >= 2 * wide and written.endswith(written[:wide]) else 0
        return written[:wide] + "\x01" * (len(written) - wide - closed) + written[len(written) - closed :]

    return _QUOTED.sub(hide, text)
