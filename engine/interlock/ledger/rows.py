"""A fact as one JSON object, made from a row of the canonical relation (`docs/design/ledger.md`)."""

from __future__ import annotations

from typing import Any

import msgspec

from interlock.schemas.wording import shown

Row = tuple[Any, ...]
"""kind, id, seq, task, at, instant, actor, severity, summary, correlation, attributes; what follows is not read."""

ENVELOPE = ("kind", "id", "seq", "task", "at", "actor", "severity", "summary", "correlation")
"""What every fact has, beside its attributes."""
HIDING = frozenset([*ENVELOPE, "attributes"])
"""The names under which no attribute is lifted: such a one stays under `attributes`."""
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def document(row: Row) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The fact as one JSON object, its attributes lifted to the top, and what cannot be read of it."""
    kind, identity, seq, task, at, _, actor, severity, summary, correlation, attributes = row[:11]
    made = {"kind": kind, "id": identity, "seq": seq, "task": task, "at": at}
    try:
        if actor is not None or correlation != "{}":  # an entity has neither
            made["actor"], made["severity"], made["summary"] = actor, severity, summary
            made["correlation"] = read_json(correlation)
        lifted = read_json(attributes)
    except TwiceError as error:
        return made, (str(error),)
    except (ValueError, RecursionError, TypeError) as error:
        return made, ("its document cannot be read as JSON text" + _why(error),)
    if not isinstance(lifted, dict):
        return made, ("its attributes are no JSON object",)
    if not HIDING.isdisjoint(lifted):
        made["attributes"] = {name: value for name, value in lifted.items() if name in HIDING}
    lifted |= made
    return lifted, ()


class TwiceError(ValueError):
    """A key that is there twice: SQLite reads the first, others the last, so that the document says two things."""


def read_json(text: object) -> Any:
    """The value of a JSON text in which no key is twice.

    Raises TypeError, ValueError or RecursionError when it has none, or more than one.
    """
    if not isinstance(text, str):
        raise TypeError(f"it is no text but {_SQLITE.get(type(text), 'NULL')}")
    value = _decode(text)
    # A colon stands between a key and its value, or in a text. So no key was dropped where there are no more colons
    # than keys; nor where as many come out as went in, none of them written as \u003a.
    colons = text.count(":")
    if not (type(value) is dict and colons == len(value)) and (
        "\\u003" in text or colons != _encode(value).count(b":")
    ):
        _refuse_twice(text)
    return value


_SQLITE: dict[type, str] = {bytes: "a BLOB", int: "a number", float: "a number"}


def _refuse_twice(text: str) -> None:
    """Raise for the first key that an object has twice."""
    import json

    def members(pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise TwiceError(f"its document has a key twice: `{shown(key)}`")
            seen.add(key)

    json.loads(text, object_pairs_hook=members, parse_int=str)


def _why(error: Exception) -> str:
    """What is known without the words of a library: recorded decisions are compared across versions of it."""
    match error:
        case UnicodeEncodeError():
            return ": it holds bytes that are no UTF-8"
        case RecursionError():
            return ": it is nested too deep"
        case TypeError():
            return f": {error}"
        case _:
            return ""
