"""Where the values in a `fix` stand, to a shell: each is quoted as a word of its own, which quotes around it undo."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

_HINT = "a value is quoted already: take it out of them; prose belongs into `hint`"


class Undone(msgspec.Struct, frozen=True):
    """The offsets of an `{expression}` in a text, what is wrong with where it stands, and what to do."""

    start: int
    end: int
    why: str
    hint: str = _HINT


def undoing(text: str) -> list[Undone]:
    """The values in the text of a `fix` that a shell would not take for one word, whatever they are."""
    found: list[Undone] = []
    quote, at = "", 0
    while at < len(text):
        char = text[at]
        if text[at : at + 2] in ("{{", "}}"):
            at += 2
        elif char == "{":
            end = closing(text, at)
            if end is None:  # which is reported elsewhere
                return found
            why = _undone(text[:at], quote)
            found += [Undone(at, end + 1, *why)] if why else []
            at = end + 1
        elif char == "\\" and quote != "'":
            # What it escapes is text; but an expression that follows is not, and stays what it is.
            at += 2 if text[at + 1 : at + 2] != "{" or text[at + 1 : at + 3] == "{{" else 1
        else:
            quote = _within(char, quote, text[:at])
            at += 1
    return found


def _within(char: str, quote: str, before: str) -> str:
    """The quotes that one is in after a character."""
    if quote:
        return "" if char == quote[-1] else quote
    if char in '"`' or (char == "'" and not before.endswith("$")):
        return char
    return "$'" if char == "'" else ""


def _undone(before: str, quote: str) -> tuple[str, str] | tuple[str] | None:
    if quote:
        return ("inside quotes",)
    if before.endswith(("$", "\\")):
        return (f"after `{before[-1]}`", f"take the `{before[-1]}` out")
    if "<<" in before.replace("<<<", ""):
        return ("inside a here-document", "give the command its input by `printf %s {value} |`")
    return None


def braced(text: str) -> Iterator[tuple[int, int | None]]:
    """The expressions in braces of a message: where each begins, and its closing brace; None where there is none."""
    at = 0
    while at < len(text):
        if text[at : at + 2] in ("{{", "}}"):
            at += 2
        elif text[at] == "{":
            end = closing(text, at)
            yield at + 1, end
            at = len(text) if end is None else end + 1
        else:
            at += 1


def closing(text: str, start: int) -> int | None:
    """The offset of the brace that closes the one at `start`, quotes respected."""
    quote = ""
    for at in range(start + 1, len(text)):
        char = text[at]
        if quote:
            quote = "" if char == quote and text[at - 1] != "\\" else quote
        elif char in "\"'":
            quote = char
        elif char == "}":
            return at
    return None
