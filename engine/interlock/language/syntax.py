"""Expression text → lark's tree, or the one place where it stops being an expression.

The only importer of the parser library; nothing on the path of a decision imports this module.
"""

from __future__ import annotations

import os
from typing import cast

import lark
import msgspec

from interlock.language.refused import refused_syntax
from interlock.language.scope import OPERATORS


class ExpressionError(msgspec.Struct, frozen=True):
    """What is wrong in an expression: a code, offsets into its text, a message, and a hint.

    `named` is set where the text is not that of the expression, but that of one of the policy's `variables`.
    """

    code: str
    start: int
    end: int
    message: str
    hint: str | None = None
    named: str | None = None


_GRAMMAR = os.path.join(os.path.dirname(__file__), "grammar.lark")
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_BETWEEN = (
    "RELATION",
    "PLUS",
    "TIMES",
    "_IN",
    "RPAR",
    "RSQB",
    "RBRACE",
    "COMMA",
    "QMARK",
    "COLON",
    "__ANON_0",
    "__ANON_1",
)
_parser: lark.Lark | None = None


def parse(text: str) -> lark.Tree[lark.Token] | tuple[ExpressionError, ...]:
    """The syntax tree of an expression, with offsets into `text`, or everything that is wrong with it."""
    try:
        return _lark().parse(text)
    except lark.UnexpectedToken as error:
        fault = _unexpected(text, error)
        stopped = len(text.rstrip()) if error.token.type == "$END" else fault.start
    except lark.UnexpectedCharacters as error:
        fault = _character(text, cast(int, error.pos_in_stream))
        stopped = fault.start
    named = refused_syntax(text, stopped)
    return tuple(ExpressionError("E303", each.start, each.end, each.message, each.hint) for each in named) or (fault,)


def _lark() -> lark.Lark:
    global _parser
    if _parser is None:
        with open(_GRAMMAR, encoding="utf-8") as file:
            _parser = lark.Lark(file.read(), parser="lalr", propagate_positions=True, maybe_placeholders=True)
    return _parser


def _unexpected(text: str, error: lark.UnexpectedToken) -> ExpressionError:
    token = error.token
    if token.type == "$END":
        end = len(text.rstrip())
        return ExpressionError("E301", max(0, end - 1), end, *_ended(text))
    start = token.start_pos or 0
    message = f"`{token}` is not expected here"
    return ExpressionError("E301", start, start + len(token), message, _missing(token, "NAME" in error.accepts))


def _ended(text: str) -> tuple[str, str | None]:
    """What is said of a text that ends too early."""
    if not text.strip():
        return "no expression", None
    opened = next((mark for mark in "([{" if text.count(mark) > text.count(_CLOSING[mark])), None)
    return "the expression ends too early", f"close the {opened} with {_CLOSING[opened]}" if opened else None


def _missing(token: lark.Token, value: bool) -> str | None:
    """What is missing before a token that is not expected. With `value`, a value is."""
    if token.type == "RELATION" and not value:
        return "join comparisons with &&"
    if token.type in ("NAME", "INT", "DOUBLE", "STRING", "TRUE", "FALSE", "NULL") and not value:
        return "an operator is missing before it"
    if token.type in ("RPAR", "RSQB", "RBRACE") and not value:
        return "it closes nothing that is open here"
    return "a value is missing before it" if value and token.type in _BETWEEN else None


def _character(text: str, at: int) -> ExpressionError:
    char = text[at]
    if char in "\"'":
        return ExpressionError("E301", at, len(text), "the text is not closed", f"end it with {char}")
    return ExpressionError("E301", at, at + 1, f"`{char}` is not part of the language", f"there is {OPERATORS}")
