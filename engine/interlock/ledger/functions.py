"""The functions of ours that queries call, whatever the source."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, Final

from interlock.instant import parse_instant
from interlock.ledger.rows import Row, document
from interlock.schemas import Catalog, is_valid

_LONGEST: Final = 2_000
"""Characters of a document up to which its answer is kept: most receipts of a kind differ in id and time only, and each
task's queries read again what concerns every task."""
_AT: Final = "2026-06-11T12:00:05Z"


def define(connection: sqlite3.Connection) -> None:
    """Make the functions known to a connection, all but that which takes a catalog."""
    connection.create_function("instant_of", 1, instant_of, deterministic=True)
    connection.create_function("is_plain", -1, is_plain, deterministic=True)


def define_valid(connection: sqlite3.Connection, catalog: Catalog) -> None:
    """Have `is_valid` say what the schemas of a catalog accept."""
    connection.create_function("is_valid", 7, _validity(catalog), deterministic=True)


@lru_cache(4_096)
def instant_of(text: object) -> int | None:
    """Microseconds of a time in the ledger; None for anything but an instant in UTC. A plan asks for one repeatedly."""
    if not isinstance(text, str):
        return None
    try:
        return parse_instant(text)
    except ValueError:
        return None


_TELLING: Final = r"\\u00(?:00|[2-7])"
"""An escape of NUL, or of a character that a field's name may hold."""
_TEXT: Final = r'"((?:[^"\\]|\\.)*)"(\s*:)?'


def is_plain(document: object, *paths: str) -> bool:
    """Whether each name on the dotted paths is there once at most, is written without escapes, and leads to no NUL.

    Of a duplicate name SQLite reads the first value, where others read the last; a name with an escape it
    may not recognize, and a text it cuts off at NUL. What is not the text of a JSON object is not plain.
    """
    if not isinstance(document, str):
        return False
    return (_is_plain if len(document) <= _LONGEST else _is_plain.__wrapped__)(document, *paths)


@lru_cache(4_096)
def _is_plain(text: str, *paths: str) -> bool:
    if not text.lstrip(" \t\n\r").startswith("{"):
        return False
    if ("\\u00" not in text or not re.search(_TELLING, text)) and all(text.count(word) < 2 for word in _words(paths)):
        return True
    from json import loads

    try:
        whole = loads(text, object_pairs_hook=tuple)
    except (ValueError, RecursionError):
        return False
    names = {name for path in paths for name in path.split(".")}
    escaped = any(key and "\\" in word and loads(f'"{word}"') in names for word, key in re.findall(_TEXT, text))
    return not escaped and all(_leads_plainly(whole, path.split(".")) for path in paths)


@lru_cache(1_024)
def _words(paths: tuple[str, ...]) -> tuple[str, ...]:
    """The names on the paths, as a document holds them."""
    return tuple(f'"{name}"' for path in paths for name in path.split("."))


def _leads_plainly(node: Any, names: list[str]) -> bool:
    """Whether the path leads to one value at most, which is not text with NUL. Objects are tuples of pairs."""
    for name in names:
        members = [value for key, value in node if key == name] if isinstance(node, tuple) else []
        if len(members) != 1:
            return not members
        node = members[0]
    return not (isinstance(node, str) and "\0" in node)


@lru_cache(8)
def _validity(catalog: Catalog) -> Callable[..., bool]:
    """Whether a row of the canonical relation is a fact that its schema accepts, whatever its `id`, `seq` and `at`.

    Facts that are counted are validated where they lie, so that not all of them need be taken out of the ledger.
    """
    whole = partial(_is_valid, catalog)
    kept = lru_cache(4_096)(whole)

    def valid(kind: str, task: Any, actor: Any, severity: Any, summary: Any, correlation: Any, attributes: Any) -> bool:
        try:
            size = len(correlation) + len(attributes)
        except TypeError:  # neither text nor BLOB
            return False
        size += len(summary) if isinstance(summary, str | bytes) else 0
        return (kept if size <= _LONGEST else whole)(kind, task, actor, severity, summary, correlation, attributes)

    return valid


def _is_valid(
    catalog: Catalog, kind: str, task: Any, actor: Any, severity: Any, summary: Any, correlation: Any, attributes: Any
) -> bool:
    made, errors = document(Row(kind, "id", 0, task, _AT, None, actor, severity, summary, correlation, attributes))
    return not errors and is_valid(catalog, kind, made)
