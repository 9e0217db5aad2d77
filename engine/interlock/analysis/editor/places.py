"""What of a document is at an offset: a key, or a value, by its path."""

from __future__ import annotations

import msgspec

from interlock.policy.parse import Document
from interlock.schemas.wording import Path


class Place(msgspec.Struct, frozen=True):
    """A key or a value: the path of it, and the offsets of its text."""

    path: Path
    is_key: bool
    start: int
    end: int


def place_at(document: Document, offset: int) -> Place | None:
    """The smallest key or value that an offset is in, or just after."""
    keys = (Place(path, True, each.start, each.end) for path, each in document.keys.items())
    values = (Place(path, False, each.start, each.end) for path, each in document.places.items())
    found = [each for each in (*keys, *values) if each.start <= offset <= each.end]
    return min(found, key=lambda each: (each.end - each.start, not each.is_key), default=None)


def of_path(document: Document, path: Path, *, is_key: bool) -> Place | None:
    """The place of the key that a path ends with, or of the value there."""
    place = (document.keys if is_key else document.places).get(path)
    return None if place is None else Place(path, is_key, place.start, place.end)
