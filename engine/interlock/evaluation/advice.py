"""What to do about a finding or a verdict: commands that can be pasted into a shell as they are shown, and prose.

A command is shown only if every value in it stays the value that it is: one word of the shell, none of its options, and
on the screen what it is in the ledger. What no quoting makes so is said in prose instead.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from interlock.escape import harmless
from interlock.language.evaluate import Environment, as_display_text, display_text, evaluate
from interlock.model.expression import Node, type_of
from interlock.model.policy import Advice, Template

_PLAIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:/@%+="
_CONTINUED = re.compile(r"\s*\\\n\s*")
_ENDS = re.compile(r"[\s;|&()<>]")
"""What a word of a shell ends at."""


class Advised(msgspec.Struct, frozen=True):
    """Advice with its values filled in: the commands, one a line, and the prose, in lines."""

    fix: str | None = None
    hint: str | None = None


NOTHING = Advised()


class _Withheld(Exception):
    """A value cannot be in a command; the message says which and why."""


def advised(advice: Advice, known: Environment) -> Advised:
    """The advice, filled in by what is known."""
    hints = [] if advice.hint is None else [advice.hint.filled(lambda node: as_display_text(node, known))]
    fix = None
    if advice.fix is not None:
        try:
            fix = _commands(advice.fix, known)
        except _Withheld as withheld:
            hints.append(f"no command is shown: {withheld}")
    return Advised(fix or None, "\n".join(hint.strip() for hint in hints) or None)


def together(several: list[Advised]) -> Advised:
    """All of several pieces of advice, each command and each hint once."""
    fixes = dict.fromkeys(each.fix for each in several if each.fix is not None)
    hints = dict.fromkeys(each.hint for each in several if each.hint is not None)
    return Advised("\n".join(fixes) or None, "\n".join(hints) or None)


def _commands(template: Template, known: Environment) -> str:
    """The commands, their values quoted. Raises _Withheld."""
    found, word = "", ""
    for part in template.parts:
        if isinstance(part, str):
            text, last = _written(part)
            found, word = found + text, word + text if last is None else last
        else:
            value = _value(part, known, starts=not word.strip("'\""))
            found, word = found + _word(value), word + (value and "…")
    return "\n".join(line.strip() for line in found.splitlines() if line.strip())


@lru_cache(1_024)
def _written(text: str) -> tuple[str, str | None]:
    """The text of commands, their lines joined that are continued, and what it begins of a word; None for no end."""
    text = _CONTINUED.sub(" ", text)
    _, *words = _ENDS.split(text)
    return text, words[-1] if words else None


def _value(node: Node, known: Environment, *, starts: bool) -> str:
    """The value as a command has it; `starts` says that it begins a word. Raises _Withheld."""
    value = evaluate(node, known)
    text = display_text(value, type_of(node))
    if value is None:
        raise _withheld(node, "is null")
    if harmless(text) != text:
        raise _withheld(node, f"has characters that cannot be typed: {harmless(text)}")
    if starts and text.startswith("-"):
        raise _withheld(node, f"would be read as an option: {text}")
    return text


def _withheld(node: Node, why: str) -> _Withheld:
    from interlock.language.unparse import notation

    return _Withheld(f"`{notation(node)}` {why}")


def _word(text: str) -> str:
    """The text as one word of a shell; some take `=name` for the path of a command."""
    if text and not text.strip(_PLAIN) and text[0] != "=":
        return text
    from shlex import quote

    quoted = quote(text)
    return f"'{text}'" if quoted.startswith("=") else quoted
