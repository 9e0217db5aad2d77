"""A row of the canonical relation (`docs/design/ledger.md`), the fact in it as one JSON object, and its times."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from interlock import schemas
from interlock.instant import format_duration, format_instant, parse_instant
from interlock.schemas.wording import Violation, quoted_value


class Row(msgspec.Struct, frozen=True, gc=False):
    """A fact as the ledger stores it: nothing is validated, so that a column may hold any value of SQLite's.

    `task` is the task's name, `at` the text of the time, `instant` the same in microseconds, UTC: None where it is not
    a time, or was not requested. `correlation` and `attributes` are JSON texts.

    A selection adds the last three: `suspect` is 1 where the condition cannot be relied upon for this row, and -1 where
    the row stands for an absent named group; `number` is what was counted or summed, and `groups` the values of `per`.
    """

    kind: str
    id: str
    seq: int
    task: str | None
    at: str
    instant: int | None
    actor: str | None
    severity: str | None
    summary: str | None
    correlation: str | None
    attributes: str | None
    suspect: int = 0
    number: int | str | None = None
    groups: tuple[int | str | None, ...] = ()


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """A receipt that arrived: `at` is the text of its time, and `instant` that in microseconds, UTC; None for none."""

    id: str
    kind: str
    at: str
    instant: int | None
    actor: str | None
    summary: str | None
    role: str | None


ENVELOPE = ("kind", "id", "seq", "task", "at", "actor", "severity", "summary", "correlation")
"""What every fact has, beside its attributes."""
HIDING = frozenset([*ENVELOPE, "attributes"])
"""The names under which no attribute is lifted: such a one stays under `attributes`."""
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def document(row: Row) -> tuple[dict[str, Any], tuple[Violation, ...]]:
    """The fact as one JSON object, its attributes lifted to the top, and what cannot be read of it."""
    made: dict[str, Any] = {"kind": row.kind, "id": row.id, "seq": row.seq, "task": row.task, "at": row.at}
    try:
        if row.actor is not None or row.correlation != "{}":  # an entity has neither
            made["actor"], made["severity"], made["summary"] = row.actor, row.severity, row.summary
            made["correlation"] = read_json(row.correlation)
        lifted = read_json(row.attributes)
    except TwiceError as error:
        return made, (error.violation,)
    except (ValueError, RecursionError, TypeError) as error:
        fault = "its document cannot be read as JSON text"
        return made, (Violation((), fault + _why(error), pattern=fault),)
    if not isinstance(lifted, dict):
        return made, (Violation((), "its attributes are not a JSON object"),)
    if not HIDING.isdisjoint(lifted):
        made["attributes"] = {name: value for name, value in lifted.items() if name in HIDING}
    lifted |= made
    return lifted, ()


def value_at(document: dict[str, Any], path: str) -> Any:
    """The value at a dotted path; None where there is none."""
    if "." not in path:
        return document.get(path)
    value: Any = document
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


class TwiceError(ValueError):
    """A duplicate key: SQLite reads the first, others the last, so that the document says two things."""

    def __init__(self, key: str) -> None:
        fault = "its document has a key twice"
        self.violation = Violation((), f"{fault}: `{quoted_value(key)}`", pattern=fault)
        super().__init__(self.violation.message)


def read_json(text: object) -> Any:
    """The value of a JSON text in which no key is twice.

    Raises TypeError, ValueError or RecursionError when it has none, or more than one.
    """
    if not isinstance(text, str):
        raise TypeError(f"it is not text but {_SQLITE.get(type(text), 'NULL')}")
    value = _decode(text)
    # A colon is between a key and its value, or in a text. So no key was dropped where there are no more colons
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
                raise TwiceError(key)
            seen.add(key)

    json.loads(text, object_pairs_hook=members, parse_int=str)


def _why(error: Exception) -> str:
    """What is known without the words of a library: recorded decisions are compared across versions of it."""
    match error:
        case UnicodeEncodeError():
            return ": it contains bytes that are not UTF-8"
        case RecursionError():
            return ": it is nested too deep"
        case TypeError():
            return f": {error}"
        case _:
            return ""


class Stamp(msgspec.Struct, frozen=True):
    """A time that a fact carries, in microseconds, UTC, and the field that has it."""

    at: int
    kind: str
    id: str
    field: str = "at"

    def ahead_of(self, now: int) -> str:
        """How far it lies ahead of an instant, in words."""
        gap = self.at - now
        shown = format_duration(gap - gap % 1_000 if gap >= 1_000 else gap)
        return f"`{self.field}` of {self.kind} `{self.id}` is {shown} ahead of the clock ({format_instant(self.at)})"


def later(*stamps: Stamp | None) -> Stamp | None:
    """The latest of some stamps, the first where several are; None where there is none."""
    found = None
    for stamp in stamps:
        if stamp is not None and (found is None or stamp.at > found.at):
            found = stamp
    return found


def newest(row: Row, made: dict[str, Any]) -> Stamp | None:
    """The latest time that a valid fact carries. `made` is its document."""
    own = None if row.instant is None else Stamp(row.instant, row.kind, row.id)
    times = _times(row.kind)
    if not times:
        return own
    texts = [(field, text) for field in times if (text := made.get(field)) is not None]
    return later(own, *(Stamp(parse_instant(text), row.kind, row.id, field) for field, text in texts))


@cache
def _times(kind: str) -> tuple[str, ...]:
    """The fields of an entity that hold times, beside `at`. Receipts also hold times to come, such as a deadline."""
    fields = schemas.SHIPPED.fields(kind).items() if kind in schemas.ENTITIES else ()
    return tuple(path for path, spec in fields if spec.kind == "timestamp" and path != "at")
