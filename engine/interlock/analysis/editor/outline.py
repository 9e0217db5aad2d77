"""The parts of a policy or of a test as an outline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from interlock.policy.parse import Document
from interlock.schemas.wording import Path

PartKind = Literal["section", "name", "rule", "state", "case"]
_NAMED: dict[str, tuple[str, PartKind]] = {
    "rules": ("id", "rule"),
    "decide": ("state", "state"),
    "cases": ("case", "case"),
}
"""Lists, each with the key that names an entry, and what it is."""


class Part(msgspec.Struct, frozen=True):
    """A part: its name, the offsets of all of it and of its name, and the parts in it."""

    name: str
    kind: PartKind
    detail: str
    start: int
    end: int
    name_start: int
    name_end: int
    parts: tuple[Part, ...] = ()


def outline(document: Document) -> list[Part]:
    """The sections of a document with what is named in each."""
    data = document.data if isinstance(document.data, dict) else {}
    found = []
    for key, value in data.items():
        inner = tuple(_inner(document, key, value))
        if inner:
            found.append(_part(document, (key,), (key,), str(key), "section", "", inner))
    return found


def _inner(document: Document, key: str, value: Any) -> Iterator[Part]:
    if isinstance(value, dict):
        for name in value:
            yield _part(document, (key, name), (key, name), str(name), "name", _detail(value[name]))
    named = _NAMED.get(key)
    for index, entry in enumerate(value if isinstance(value, list) and named is not None else ()):
        name = entry.get(named[0]) if isinstance(entry, dict) and named is not None else None
        if isinstance(name, str) and name and named is not None:
            yield _part(document, (key, index), (key, index, named[0]), name, named[1], _detail(entry))


def _detail(said: Any) -> str:
    """A few words about a part: where a selection's facts come from, or what a rule makes."""
    if not isinstance(said, dict):
        return said if isinstance(said, str) else ""
    for key in ("from", "policy", "type"):
        if isinstance(said.get(key), str):
            return str(said[key])
    return next((key for key in ("block", "warn", "note", "derive") if key in said), "")


def _part(
    document: Document, whole: Path, named: Path, name: str, kind: PartKind, detail: str, parts: tuple[Part, ...] = ()
) -> Part:
    label = document.keys.get(named) if named == whole else document.places.get(named)
    label = label or document.places[whole]
    place = document.places[whole]
    text = document.source.text[place.start : place.end]
    end = max(place.start + len(text.rstrip()), label.end)
    return Part(name, kind, detail, min(label.start, place.start), end, label.start, label.end, parts)
