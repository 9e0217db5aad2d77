"""Expression text → lark's tree, or the one place where it stops being an expression.

The only importer of the parser library; nothing on the path of a decision imports this module.
"""

from __future__ import annotations

import os
from typing import cast

import lark
import msgspec

from interlock.language.scope import OPERATORS


class ExpressionSyntaxError(msgspec.Struct, frozen=True):
    """What is wrong with an expression's text: offsets into it, a message, and a hint."""

    start: int
    end: int
    message: str
    hint: str | None = None


_GRAMMAR = os.path.join(os.path.dirname(__file__), "grammar.lark")
_UNTOLD = {"*": "multiplication", "/": "division", "%": "the remainder", "{": "a map or message", "=": "assignment"}
_parser: lark.Lark | None = None


def parse(text: str) -> lark.Tree[lark.Token] | ExpressionSyntaxError:
    """The syntax tree of an expression, with offsets into `text`, or what is wrong with it."""
    try:
        return _lark().parse(text)
    except lark.UnexpectedToken as error:
        return _unexpected(text, error)
    except lark.UnexpectedCharacters as error:
        return _character(text, cast(int, error.pos_in_stream))


def _lark() -> lark.Lark:
    global _parser
    if _parser is None:
        with open(_GRAMMAR, encoding="utf-8") as file:
            _parser = lark.Lark(file.read(), parser="lalr", propagate_positions=True, maybe_placeholders=True)
    return _parser


def _unexpected(text: str, error: lark.UnexpectedToken) -> ExpressionSyntaxError:
    token = error.token
    if token.type == "$END":
        end = len(text.rstrip())
        return ExpressionSyntaxError(
            max(0, end - 1), end, "the expression ends too early" if text.strip() else "no expression"
        )
    start = token.start_pos or 0
    hint = "join comparisons with &&" if token.type == "RELATION" else None
    return ExpressionSyntaxError(start, start + len(token), f"`{token}` is not expected here", hint)


def _character(text: str, at: int) -> ExpressionSyntaxError:
    char = text[at]
    if char in "\"'":
        return ExpressionSyntaxError(at, len(text), "the text is not closed", f"end it with {char}")
    if char.isdigit():
        end = at + next((i for i, c in enumerate(text[at:]) if not (c.isalnum() or c in "._")), len(text) - at)
        return ExpressionSyntaxError(
            at, end, f"`{text[at:end]}` is not a whole number", 'durations are written duration("3m")'
        )
    label = f"`{char}` ({_UNTOLD[char]})" if char in _UNTOLD else f"`{char}`"
    single = {"&": "write &&", "|": "write ||", "=": "write =="}.get(char)
    return ExpressionSyntaxError(at, at + 1, f"{label} is not part of the language", single or f"there is {OPERATORS}")
