"""Reads text protos as cel-spec's data has them: a message is a list of (name, value), a value text or a message."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Message = list[tuple[str, Any]]
_TOKEN = re.compile(
    r"""\s+|\#[^\n]*|(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
    r"|(?P<word>\[[^\]\n]*\](?=\s*[:{])|[A-Za-z_0-9.+\-/]+)|(?P<sign>[{}:\[\],<>;])"
)
_ESCAPE = re.compile(rb"\\([xX][0-9a-fA-F]{1,2}|[0-7]{1,3}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)
_SIGNS = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v"}


def read(text: str) -> Message:
    """The whole file."""
    return _message(_joined(_tokens(text)))


def _tokens(text: str) -> Iterator[tuple[str, Any]]:
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        assert match, text[place : place + 40]
        place = match.end()
        if match.lastgroup == "text":
            yield "text", _ESCAPE.sub(_unescaped, match[0][1:-1].encode())
        elif match.lastgroup is not None:
            yield match.lastgroup, match[0]


def _unescaped(match: re.Match[bytes]) -> bytes:
    escape = match[1]
    if escape[:1] in b"xX" and len(escape) > 1:
        return bytes([int(escape[1:], 16)])
    if escape[:1] in b"uU" and len(escape) > 1:
        return chr(int(escape[1:], 16)).encode()
    return bytes([int(escape, 8)]) if escape.isdigit() else _SIGNS.get(escape, escape)


def _joined(tokens: Iterator[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Texts that follow one another are one."""
    held: bytes | None = None
    for kind, token in tokens:
        if kind == "text":
            held = (held or b"") + token
            continue
        if held is not None:
            yield "text", held
            held = None
        yield kind, token
    if held is not None:
        yield "text", held


def _message(tokens: Iterator[tuple[str, Any]]) -> Message:
    found: Message = []
    for kind, token in tokens:
        if kind == "sign":
            if token in "}>":
                break
            continue
        kind, value = next(tokens)
        if value == ":":
            kind, value = next(tokens)
        found.append((token, _value(kind, value, tokens)))
    return found


def _value(kind: str, value: Any, tokens: Iterator[tuple[str, Any]]) -> Any:
    if kind != "sign":
        return value
    if value == "[":
        found = []
        for inner, token in tokens:
            if token == "]":
                break
            if token != ",":
                found.append(_value(inner, token, tokens))
        return found
    return _message(tokens)
