"""A line of a feed: a fact as `docs/design/ledger.md` writes it, a CloudEvent, or a word about the feed itself."""

from __future__ import annotations

from typing import Any

import msgspec

from interlock import schemas
from interlock.ledger.rows import ENVELOPE, HIDING, TwiceError, read_json

OPENING, CLOSING = "feed", "feed_end"
"""The kinds of the lines that an export begins and ends with (`schemas/KIND.schema.json`)."""
_encode = msgspec.json.Encoder().encode
_BINDS = ("kind", "id", "seq", "task", "at", "actor", "severity", "summary", "correlation", "attributes", "entity")
INSERT = f"INSERT INTO fact ({', '.join(_BINDS)}) VALUES ({', '.join('?' * len(_BINDS))})"


class Line(msgspec.Struct, frozen=True):
    """What a line says: a fact and its row for `INSERT`, or something `about` the feed; or what is wrong with it."""

    fact: dict[str, Any] | None = None
    row: tuple[Any, ...] | None = None
    about: dict[str, Any] | None = None
    faults: tuple[str, ...] = ()


def read_line(line: bytes, number: int) -> Line:
    """Read and validate the line of that number (from 1), which is the `seq` of an event that brings none."""
    try:
        fact = read_json(line.decode("utf-8-sig" if number == 1 else "utf-8"))
    except UnicodeDecodeError:
        return Line(faults=("it is no UTF-8 text",))
    except TwiceError as error:
        return Line(faults=(str(error),))
    except (ValueError, RecursionError, TypeError) as error:
        return Line(faults=(f"it is no JSON text: {error}",))
    if not isinstance(fact, dict):
        return Line(faults=("it is no JSON object",))
    if "specversion" in fact:
        event = fact
        fact, wrong = _of_event(event, number)
        if wrong:
            return Line({"kind": event.get("type"), **event}, faults=wrong)
    kind = fact.get("kind")
    if kind in (OPENING, CLOSING):
        found = schemas.wrong(str(kind), fact)
        return Line(fact, faults=found) if found else Line(about=fact)
    if not isinstance(kind, str):
        return Line(fact, faults=("it has no `kind`, which says what sort of fact it is",))
    faults = schemas.faults(kind if kind in schemas.kinds() else None, fact)
    if faults:
        return Line(fact, faults=tuple(each.told for each in faults))
    return Line(fact, row(fact))


def _of_event(event: dict[str, Any], number: int) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The fact that a CloudEvent 1.0 brings: type = kind, subject = task, time = at, id = id, data = attributes."""
    data, lacking = event.get("data", {}), [name for name in ("id", "type", "time") if name not in event]
    wrong = [f"a CloudEvent needs `{name}`" for name in lacking]
    if event["specversion"] != "1.0":
        wrong.append("its `specversion` is not `1.0`")
    if not isinstance(data, dict):
        wrong.append("its `data` is no JSON object, which holds the attributes")
    if wrong:
        return {}, tuple(wrong)
    fact = {name: value for name, value in data.items() if name not in HIDING}
    hidden = {name: value for name, value in data.items() if name in HIDING}
    given: dict[str, Any] = {"actor": None, "severity": None, "summary": None, "correlation": {}}
    fact |= {name: event.get(name, value) for name, value in given.items()}
    fact |= {"attributes": hidden} if hidden else {}
    own = {"kind": event["type"], "id": event["id"], "task": event.get("subject"), "at": event["time"]}
    return fact | own | {"seq": event.get("seq", number)}, ()


def row(fact: dict[str, Any]) -> tuple[Any, ...]:
    """The values of a fact for `INSERT`."""
    entity = fact["kind"] in schemas.ENTITIES
    attributes = {name: value for name, value in fact.items() if name not in HIDING} | fact.get("attributes", {})
    correlation = _encode(fact.get("correlation", {})).decode()
    envelope = [fact.get(name) for name in ENVELOPE if name != "correlation"]
    envelope[2] = int(fact["seq"])
    return (*envelope, correlation, _encode(attributes).decode(), entity)
