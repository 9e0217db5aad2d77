"""What there is in the language, as its messages and its reference name it."""

from __future__ import annotations

OPERATORS = "== != < <= > >= in && || ! + - ?:"
FUNCTIONS = ("duration", "timestamp", "has")
MACROS = ("exists", "all", "size")
EVERYTHING = f'{OPERATORS}, duration("3m"), timestamp("…"), has(x.f), S.exists(x, c), S.all(x, c), S.size()'

ORDERED = ("int", "timestamp", "duration")
"""The kinds that `<` and its kin compare, and that `+` and `-` join."""


def a(kind: str) -> str:
    """The kind with its article, as messages name it."""
    return kind if kind == "null" else f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
