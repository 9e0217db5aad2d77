"""Whether a document can be written as JSON in UTF-8, and read again: the part of an answer that no schema gives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from interlock.schemas.wording import Path, Violation, path_text, quoted_value, typed, without_indexes

MAX_ENCODABLE_DEPTH = 500
"""The deepest nesting that any reader can be relied on to follow."""

_ENCODER = msgspec.json.Encoder()


def is_writable(document: object) -> bool:
    """Whether `document` holds no text that is none (an unpaired surrogate), and is not nested too deeply."""
    try:
        text = _ENCODER.encode(document)
    except (ValueError, TypeError, RecursionError):
        return False
    # A level takes two characters at least, one of them a bracket: hardly any document has enough to be looked into.
    if len(text) <= 2 * MAX_ENCODABLE_DEPTH or text.count(b"{") + text.count(b"[") <= MAX_ENCODABLE_DEPTH:
        return True

    return not any(unwritable(document, "document"))


def unwritable(document: object, noun: str) -> Iterator[Violation]:
    """Unpaired surrogates, keys that are not text, integers that cannot be printed, and nesting without end."""
    todo: list[tuple[Path, object]] = [((), document)]
    while todo:
        path, value = todo.pop()
        if len(path) > MAX_ENCODABLE_DEPTH:
            yield too_deep(noun)
        elif isinstance(value, dict):
            todo += [((*path, key), inner) for key, inner in value.items()]
            yield from _keys(path, value, noun)
        elif isinstance(value, list):
            todo += [((*path, index), inner) for index, inner in enumerate(value)]
        elif isinstance(value, str) and _is_torn(value):
            yield _violation(path, path_text(path, noun), "holds an unpaired surrogate:", f"`{quoted_value(value)}`")
        elif isinstance(value, int) and not _is_printable(value):
            yield _violation(path, path_text(path, noun), "is", typed(value))


def too_deep(noun: str) -> Violation:
    """That a document is nested more deeply than can be read."""
    return Violation((), f"the {noun} is nested too deeply")


def _keys(path: Path, mapping: dict[object, object], noun: str) -> Iterator[Violation]:
    place = f"a key of {path_text(path, noun)}"
    for key in mapping:
        if not isinstance(key, str):
            yield _violation(path, place, "is", typed(key), ", not text", about="key")
        elif _is_torn(key):
            yield _violation(path, place, "holds an unpaired surrogate:", f"`{quoted_value(key)}`", about="key")


def _violation(
    path: Path, place: str, verb: str, value: str, rest: str = "", about: Literal["key", "value"] = "value"
) -> Violation:
    pattern = f"{without_indexes(place)} {verb} …{rest}"
    return Violation(path, f"{place} {verb} {value}{rest}", about=about, pattern=pattern)


def _is_torn(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _is_printable(number: int) -> bool:
    try:
        str(number)
    except ValueError:  # Python refuses to print integers of thousands of digits
        return False
    return True
