"""Text that other people wrote, made harmless to a terminal.

Facts are hostile: a receipt's summary may hold escape sequences, line ends that forge a further line of the report, or
marks that turn the order of what is read. All of these are shown, never sent.
"""

from __future__ import annotations

import re

_HOSTILE = "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
"""What a terminal may obey or a line ends at: C0, C1 and bidirectional controls, separators. And what XML and YAML
cannot hold: unpaired surrogates, and the two that are not characters."""

_SHORT = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}


def harmless(text: str, keep: str = "") -> str:
    """The text with every hostile character but those of `keep` spelled out, such as `\\n` or `\\u001b`.

    What comes out is one line, unless line ends are kept. In JSON text it is the same text still.
    """
    if text.isprintable():  # nothing hostile is, so that the pattern is seldom needed
        return text
    return re.sub(_HOSTILE, lambda match: match[0] if match[0] in keep else _spelled(match[0]), text)


def printable(text: str) -> str:
    """The text with what UTF-8 cannot encode, such as the undecodable bytes of a file's name, spelled out."""
    return text.encode(errors="backslashreplace").decode()


def _spelled(char: str) -> str:
    return _SHORT.get(char) or f"\\u{ord(char):04x}"
