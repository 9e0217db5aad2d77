"""A line of a feed: a fact as `docs/design/ledger.md` writes it, a CloudEvent, or a word about the feed itself."""

from __future__ import annotations

from typing import Any

import msgspec

from interlock import schemas
from interlock.ledger.rows import HIDING, Row, TwiceError, read_json

OPENING, CLOSING = "feed", "feed_end"
"""The kinds of the lines that an export begins and ends with (`schemas/KIND.schema.json`)."""
_encode = msgspec.json.Encoder().encode


class Line(msgspec.Struct, frozen=True):
    """What a line says: a fact and its row, or something `about` the feed; or what is wrong with it."""

    fact: dict[str, Any] | None = None
    row: Row | None = None
    about: dict[str, Any] | None = None
    faults: tuple[schemas.Violation, ...] = ()


def read_line(line: bytes, number: int) -> Line:
    """Read and validate the line of that number (from 1), which is the `seq` of an event that brings none."""
    try:
        fact = read_json(line.decode("utf-8-sig" if number == 1 else "utf-8"))
    except UnicodeDecodeError:
        return Line(faults=_faults("it is not UTF-8 text"))
    except TwiceError as error:
        return Line(faults=(error.violation,))
    except (ValueError, RecursionError, TypeError) as error:
        fault = "it is not JSON text"
        return Line(faults=(schemas.Violation((), f"{fault}: {error}", pattern=fault),))
    if not isinstance(fact, dict):
        return Line(faults=_faults("it is not a JSON object"))
    if "specversion" in fact:
        event = fact
        fact, wrong = _of_event(event, number)
        if wrong:
            return Line({"kind": event.get("type"), **event}, faults=_faults(*wrong))
    kind = fact.get("kind")
    if kind in (OPENING, CLOSING):
        found = schemas.wrong(str(kind), fact)
        return Line(fact, faults=_faults(*found)) if found else Line(about=fact)
    if not isinstance(kind, str):
        return Line(fact, faults=_faults("it has no `kind`, which says what sort of fact it is"))
    faults = schemas.faults(kind if kind in schemas.kinds() else None, fact)
    if faults:
        return Line(fact, faults=faults)
    return Line(fact, row_of(fact))


def _faults(*messages: str) -> tuple[schemas.Violation, ...]:
    return tuple(schemas.Violation((), message) for message in messages)


def _of_event(event: dict[str, Any], number: int) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The fact that a CloudEvent 1.0 brings: type = kind, subject = task, time = at, id = id, data = attributes."""
    data, lacking = event.get("data", {}), [name for name in ("id", "type", "time") if name not in event]
    wrong = [f"a CloudEvent needs `{name}`" for name in lacking]
    if event["specversion"] != "1.0":
        wrong.append("its `specversion` is not `1.0`")
    if not isinstance(data, dict):
        wrong.append("its `data` is not a JSON object of the attributes")
    if wrong:
        return {}, tuple(wrong)
    fact = {name: value for name, value in data.items() if name not in HIDING}
    hidden = {name: value for name, value in data.items() if name in HIDING}
    given: dict[str, Any] = {"actor": None, "severity": None, "summary": None, "correlation": {}}
    fact |= {name: event.get(name, value) for name, value in given.items()}
    fact |= {"attributes": hidden} if hidden else {}
    own = {"kind": event["type"], "id": event["id"], "task": event.get("subject"), "at": event["time"]}
    return fact | own | {"seq": event.get("seq", number)}, ()


def row_of(fact: dict[str, Any]) -> Row:
    """The row that holds a fact; its `instant` is left out."""
    get = fact.get
    attributes = {name: value for name, value in fact.items() if name not in HIDING} | get("attributes", {})
    return Row(
        kind=fact["kind"],
        id=fact["id"],
        seq=int(fact["seq"]),
        task=get("task"),
        at=fact["at"],
        instant=None,
        actor=get("actor"),
        severity=get("severity"),
        summary=get("summary"),
        correlation=_encode(get("correlation", {})).decode(),
        attributes=_encode(attributes).decode(),
    )
