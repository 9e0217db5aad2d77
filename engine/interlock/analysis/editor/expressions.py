"""Expressions that are being written: what stands around the caret, and what the type checker makes of a part.

What is typed is never the whole, which may not be an expression yet, but the part that counts, within the calls that
bind names around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Literal

import msgspec

from interlock.language.scope import Scope, TypeCheckAborted
from interlock.language.syntax import parse
from interlock.language.typecheck import Checker
from interlock.policy.check.quoting import braced

TokenKind = Literal["string", "open", "name", "number", "mark"]
_TOKEN = re.compile(
    r"""(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<open>["'].*\Z)|(?P<name>[A-Za-z_]\w*)|(?P<number>\d+)"""
    r"""|(?P<mark>==|!=|<=|>=|&&|\|\||\.\?|\[\?|[^\s])""",
    re.DOTALL,
)
_PAIRS = {")": "(", "]": "["}
_OPENING = {"(": ")", "[": "]", "[?": "]"}
_DOTS = (".", ".?")


class Token(msgspec.Struct, frozen=True):
    """A part of an expression's text; an `open` one is a text whose quote is not closed."""

    kind: TokenKind
    text: str
    start: int

    @property
    def end(self) -> int:
        """The offset after it."""
        return self.start + len(self.text)


class Seen(msgspec.Struct, frozen=True):
    """A part of an expression that was typed: its offsets, the names in sight there, and what it is."""

    start: int
    end: int
    scope: Scope
    thing: Any


def tokens(text: str) -> list[Token]:
    """The parts of an expression's text, of whatever kind."""
    return [Token(found.lastgroup, found[0], found.start()) for found in _TOKEN.finditer(text)]  # type: ignore[arg-type]


class _Watcher(Checker):
    """A type checker that notes what it makes of each part."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope)
        self.seen: list[Seen] = []

    def thing(self, tree: Any) -> Any:
        """What a part is, noted."""
        found = super().thing(tree)
        if not tree.meta.empty and not self.reading:  # a variable's own text is another
            self.seen.append(Seen(tree.meta.start_pos, tree.meta.end_pos, self.scope, found))
        return found


def seen(text: str, scope: Scope) -> list[Seen]:
    """All parts of an expression that can be typed; none of what is not an expression."""
    tree = parse(text)
    if isinstance(tree, tuple):
        return []
    watcher = _Watcher(scope)
    with suppress(TypeCheckAborted, RecursionError):  # what is wrong is reported where the policy is checked
        watcher.thing(tree.children[0])
    return watcher.seen


class Before:
    """An expression's text up to the caret, which may not be an expression yet."""

    def __init__(self, text: str, scope: Scope) -> None:
        self.text, self.scope = text, scope
        self.tokens = tokens(text)

    def typed(self, first: int, last: int) -> Seen | None:
        """What the tokens `first` to `last` are together, in the calls around them."""
        return self.typed_as(first, self.text[self.tokens[first].start : self.tokens[last].end])

    def typed_as(self, first: int, part: str) -> Seen | None:
        """What a text would be in place of all from the token `first` on, in the calls around it."""
        calls = list(self._calls(first))
        before = "".join(self.text[start:end] for start, end in calls)
        whole = before + part + ")" * len(calls)
        found = [s for s in seen(whole, self.scope) if (s.start, s.end) == (len(before), len(before) + len(part))]
        return found[-1] if found else None

    def inside(self, index: int) -> Scope:
        """The names in sight at a token, those of the calls around it included."""
        calls = list(self._calls(index))
        before = "".join(self.text[start:end] for start, end in calls)
        found = [s for s in seen(f"{before}null{')' * len(calls)}", self.scope) if s.start == len(before)]
        return found[-1].scope if found else self.scope

    def operand(self, last: int) -> int | None:
        """The first token of the operand that ends with the token `last`; None where none does."""
        at = last
        while at >= 0:
            token = self.tokens[at]
            if token.text in _PAIRS:
                opening = self._opening(at)
                if opening is None:
                    return None
                called = opening > 0 and self.tokens[opening - 1].kind == "name"
                indexed = token.text == "]" and opening > 0 and self._ends_operand(opening - 1)
                if indexed:
                    at = opening - 1
                    continue
                at = opening - 1 if called and token.text == ")" else opening
            elif token.kind not in ("name", "string", "number"):
                return None
            if at > 1 and self.tokens[at - 1].text in _DOTS:
                at -= 2
                continue
            return at
        return None

    def opened(self, count: int) -> list[int]:
        """The brackets that are open before the token `count`, by their indexes, outermost first."""
        found = list[int]()
        for index, token in enumerate(self.tokens[:count]):
            if token.text in _OPENING:
                found.append(index)
            elif token.text in _PAIRS and found:
                found.pop()
        return found

    def _opening(self, closing: int) -> int | None:
        depth = 0
        for at in range(closing, -1, -1):
            depth += (self.tokens[at].text in _PAIRS) - (self.tokens[at].text in _OPENING)
            if depth == 0:
                return at
        return None

    def _ends_operand(self, at: int) -> bool:
        return self.tokens[at].kind == "name" or self.tokens[at].text in _PAIRS

    def _calls(self, index: int) -> Iterator[tuple[int, int]]:
        """The offsets of each method's call around a token, from what it is of up to its argument that is written."""
        opened = self.opened(index)
        for number, at in enumerate(opened):
            inner = opened[number + 1] if number + 1 < len(opened) else index
            first = self._method(at)
            comma = self._comma(at, inner)
            if first is not None and comma is not None:
                yield self.tokens[first].start, self.tokens[comma].end

    def _method(self, opening: int) -> int | None:
        """The first token of what the method is of whose arguments a bracket opens."""
        named = opening > 2 and self.tokens[opening].text == "(" and self.tokens[opening - 1].kind == "name"
        return self.operand(opening - 3) if named and self.tokens[opening - 2].text in _DOTS else None

    def _comma(self, opening: int, before: int) -> int | None:
        """The last comma between the arguments that a bracket opens, before a token."""
        depth, found = 0, None
        for at in range(opening + 1, before):
            depth += (self.tokens[at].text in _OPENING) - (self.tokens[at].text in _PAIRS)
            found = at if depth == 0 and self.tokens[at].text == "," else found
        return found


def message_expression(text: str, at: int) -> tuple[int, int] | None:
    """The offsets of the expression in braces of a message that an offset is in; None in what is text."""
    ends = ((start, len(text) if end is None else end) for start, end in braced(text))
    return next(((start, end) for start, end in ends if start <= at <= end), None)
