"""Why a text is not YAML, in words of its author: which value is meant, and that it needs quotes.

What a YAML library says names its own states, at the place where it gave up. The cause is nearly always a value that
YAML reads as something else than text; it is found by the tokens before that place.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

import msgspec

TokenKind = Literal["value", "open", "close", "quoted", "other"]
_WIDEST = 60
_STARTS = {
    "!": "a tag",
    "&": "an anchor",
    "*": "an alias",
    "|": "the start of a block of text",
    ">": "the start of a block of text",
    "-": "an item of a list",
    "?": "a key",
    "[": "a list",
    "{": "a mapping",
}
_CLOSING = {"{": "}", "[": "]"}
_KEY = re.compile(r":(?:\s|$)")
_QUOTED = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|(?<!\w)'[^'\n]*'|(?:^|(?<=\s))#[^\n]*")
_CANNOT_START = "@`%"
_ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[^xuU])", re.DOTALL)
_ESCAPED = '0abtnvfre "/\\N_LP\t\n'


class Token(msgspec.Struct, frozen=True):
    """A token of YAML, by what matters here: `:` before a value, a bracket, or a quoted text; with its offsets."""

    kind: TokenKind
    start: int
    end: int


class Fault(msgspec.Struct, frozen=True):
    """What is wrong: its offsets, a message, and what to do."""

    start: int
    end: int
    message: str
    hint: str | None = None


def fault(text: str, tokens: Sequence[Token], stopped: int, began: int) -> Fault:
    """Why `text` is YAML only up to the offset `stopped`. `tokens` are those that were read, in order.

    At `began` the construct begins that could not be read; the same offset where that is not known.
    """
    stopped = min(stopped, max(0, len(text) - 1))
    line = text.rfind("\n", 0, stopped) + 1
    if "\t" in text[line : len(text) - len(text[line:].lstrip())] or text[stopped : stopped + 1] == "\t":
        at = text.find("\t", line)
        return Fault(at, at + 1, "a tab is not a space to YAML", "write spaces in its place")
    unclosed = _unclosed(text, tokens, stopped)
    if unclosed is not None:
        return unclosed
    if _opened(text, stopped + 1) < 0:
        return Fault(stopped, stopped + 1, f"`{text[stopped]}` closes nothing", "remove it, or quote the whole value")
    keyless = text.rfind("\n", 0, began) + 1
    if keyless < line and _KEY.search(text[keyless:].split("\n", 1)[0]) is None:
        return _of_line(text, keyless)
    start, nested = _value_start(text, tokens, stopped)
    if start is None or "\n" in text[start:stopped].rstrip() or start > stopped:
        return _of_line(text, line)
    written = written_value(text, start, nested=nested)
    return _of_value(text, start, written, stopped, nested=nested) or _of_line(text, line)


def quoted(written: str) -> str:
    """The hint to put a whole value into quotes, with the value where it is short."""
    if len(written) > _WIDEST:
        return "quote the whole value"
    return "quote the whole value: '" + written.replace("'", "''") + "'"


def written_value(text: str, start: int, *, nested: bool) -> str:
    """The value that begins at an offset as its author meant it: the rest of the line, or `nested` in braces up to the
    next key or the closing brace."""
    rest = text[start:].split("\n", 1)[0]
    if nested:
        following = re.search(r",\s*[\w-]+:(?:\s|$)", rest)
        closing = rest.rstrip().rfind("}")
        rest = rest[: following.start()] if following else rest[:closing] if closing > 0 else rest
    return rest.rstrip()


def _unclosed(text: str, tokens: Sequence[Token], stopped: int) -> Fault | None:
    """A quote that is closed on a later line, or never: nobody meant all that lies between."""
    before = [token for token in tokens if token.start < stopped]
    last = before[-1] if before else None
    if last is not None and last.kind == "quoted" and "\n" in text[last.start : last.end].rstrip():
        return _not_closed(text, last.start)
    start, _ = _value_start(text, tokens, stopped)
    if start is None or text[start] not in "\"'":
        return None
    return _not_closed(text, start) if _closing(text, start) is None else None


def _not_closed(text: str, start: int) -> Fault:
    first = text[start:].split("\n", 1)[0].rstrip()
    hint = f"close it with {text[start]} on the same line"
    return Fault(start, start + max(1, len(first)), "the quote is not closed", hint)


def _closing(text: str, start: int) -> int | None:
    """The offset behind the quote that closes the one at `start`."""
    pattern = r'"(?:[^"\\]|\\.)*"' if text[start] == '"' else r"'(?:[^']|'')*'"
    found = re.compile(pattern, re.DOTALL).match(text, start)
    return found.end() if found else None


def _value_start(text: str, tokens: Sequence[Token], stopped: int) -> tuple[int | None, bool]:
    """Where the value that was being read begins, and whether it is in braces."""
    levels: list[int | None] = [None]
    for token in tokens:
        if token.start >= stopped:
            break
        if token.kind == "open":
            levels.append(None)
        elif token.kind == "close" and len(levels) > 1:
            levels.pop()
        elif token.kind == "value":
            levels[-1] = token.end
    at = levels[-1]
    if at is None:
        return None, len(levels) > 1
    while at < len(text) and text[at] == " ":
        at += 1
    return (at if at < len(text) and text[at] != "\n" else None), len(levels) > 1


def _of_value(text: str, start: int, written: str, stopped: int, *, nested: bool) -> Fault | None:
    first, end = text[start], start + len(written)
    if first in "\"'":
        return _of_quoted(text, start, written)
    if first in _CLOSING and _opened(text[start : stopped + 1], len(text)) > 0:
        return Fault(start, end, f"`{first}` is not closed", f"close it with {_CLOSING[first]}")
    if first in _CANNOT_START:
        mark = "a backtick" if first == "`" else f"`{first}`"
        return Fault(start, end, f"a value does not start with {mark} in YAML", quoted(written))
    if first in _STARTS:
        message = f"a value that starts with `{first}` is {_STARTS[first]} to YAML"
        return Fault(start, end, message, quoted(written))
    char = text[stopped : stopped + 1]
    if nested and char in "[]{},":
        message = f"in braces, a value without quotes ends before `{char}`"
        return Fault(start, end, message, quoted(written))
    if ": " in written + " ":
        return Fault(start, end, "`: ` in a value without quotes starts another value", quoted(written))
    return None


def _of_quoted(text: str, start: int, written: str) -> Fault | None:
    behind = _closing(text, start)
    escape = next(
        (found for found in re.finditer(r"\\.", written, re.DOTALL) if not _is_escape(written[found.start() :])), None
    )
    if text[start] == '"' and escape is not None and (behind is None or start + escape.start() < behind):
        at = start + escape.start()
        hint = "write two backslashes, or put the text into single quotes"
        return Fault(at, at + 2, f"`{escape[0]}` is not an escape sequence in YAML", hint)
    if behind is not None and behind < start + len(written):
        hint = quoted(written)
        return Fault(start, start + len(written), "the value goes on after its closing quote", hint)
    return None


def _is_escape(text: str) -> bool:
    found = _ESCAPE.match(text)
    return found is not None and (len(found[0]) > 2 or found[0][1] in _ESCAPED)


def _of_line(text: str, line: int) -> Fault:
    """What is said of a line that does not belong to what comes before it."""
    opening = _opening(text, line)
    if opening is not None:
        first = text[opening:].split("\n", 1)[0].rstrip()
        end = opening + len(first)
        if "#" in first and "#" not in _bare(first):
            message = f"`{text[opening]}` is not closed before `#`, which begins a comment"
            return Fault(opening, end, message, "quote the value that `#` is a part of")
        return Fault(opening, end, f"`{text[opening]}` is not closed", f"close it with {_CLOSING[text[opening]]}")
    written = text[line:].split("\n", 1)[0].rstrip()
    start, end = line + len(written) - len(written.lstrip()), line + len(written)
    before = re.match(r"\s*(?:- +)?([\w-]+):(?=\S)", written)
    if before:
        return Fault(start, end, f"a space is missing after `{before[1]}:`", "write KEY: VALUE")
    if _KEY.search(written) is None:
        return Fault(start, end, "this line has no key", "write KEY: VALUE, or quote a text of several lines")
    if written.lstrip().startswith("- "):
        return Fault(start, end, "this item does not belong to a list", "put it below its key, aligned with its list")
    hint = "align it with the keys that it belongs to"
    return Fault(start, end, "this line is not aligned with the lines before it", hint)


def _opened(text: str, end: int) -> int:
    """How many braces and brackets outside of quotes are open at an offset."""
    bare = _bare(text[:end])
    return sum(bare.count(mark) for mark in _CLOSING) - sum(bare.count(mark) for mark in _CLOSING.values())


def _opening(text: str, end: int) -> int | None:
    """The offset of the innermost brace or bracket, of those that begin a value, that is open at an offset."""
    opened: list[int] = []
    for found in re.finditer(r"[{}\[\]]", _bare(text[:end])):
        if found[0] in _CLOSING:
            opened.append(found.start())
        elif opened:
            opened.pop()
    return opened[-1] if opened else None


def _bare(text: str) -> str:
    """The text with spaces in place of what is between quotes or in a comment."""
    return _QUOTED.sub(lambda found: " " * len(found[0]), text)
