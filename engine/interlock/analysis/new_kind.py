"""A first schema for an own fact kind, of what is really there: fields, their types, and which are always there.

No value of a receipt gets into it, but for those of a set that is small, and each of whose texts is there often.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from interlock.instant import in_utc
from interlock.ledger import Snapshot
from interlock.ledger.rows import HIDING, document
from interlock.reporting.style import counted
from interlock.request import Session
from interlock.schemas.words import DIALECT, type_of

MOST = 10_000
"""The most receipts that are examined."""
_SET, _SEEN, _EACH = 6, 50, 5
"""A text has a closed set of values where there are at most that many, of that many receipts, each seen so often."""
_SHORT = re.compile(r"(?<=: )(?:\[[^][{}]*\]|\{[^][{}]*\})")
"""A list or a mapping in JSON that holds neither."""
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}")


class Samples(msgspec.Struct, frozen=True):
    """Receipts of one kind: their data, what they belong to, and the types of the CloudEvents that brought them."""

    data: tuple[dict[str, Any], ...]
    correlations: tuple[dict[str, Any], ...]
    types: tuple[str, ...]
    kinds: tuple[str, ...]


def samples(session: Session, kind: str) -> Samples:
    """The receipts of a kind, or events whose type ends in its name; `kinds` are all that are there without a schema.

    Raises LedgerError.
    """
    data: list[dict[str, Any]] = []
    correlations: list[dict[str, Any]] = []
    types: dict[str, None] = {}
    kinds: dict[str, None] = {}
    for fact, event in _facts(session):
        name = fact["kind"]
        if name not in session.catalog.kinds:
            kinds[name] = None
        if name != kind and not (event and _means(name, kind)):
            continue
        types |= {name: None} if name != kind else {}
        data.append(_data(fact))
        correlation = fact.get("correlation")
        apart = ("source", "id") if event else ()
        if isinstance(correlation, dict):
            correlations.append({key: value for key, value in correlation.items() if key not in apart})
        if len(data) == MOST:
            break
    return Samples(tuple(data), tuple(correlations), tuple(types), tuple(sorted(kinds)))


def _facts(session: Session) -> Iterator[tuple[dict[str, Any], bool]]:
    """Every receipt of the sources, valid or not, and whether a CloudEvent brought it."""
    for place in session.places:
        lines = session.lines(place)
        if lines is None:
            with Session(session.request.about((), None, ledger=place)) as own:
                yield from ((fact, False) for fact in own.over(lambda snapshot: list(_receipts(snapshot))))
            continue
        from interlock.ledger.lines import Entries, read_line

        for number, text in Entries(place, lines):
            fact = read_line(text, number, session.catalog).fact
            if fact is not None and isinstance(fact.get("kind"), str):
                yield fact, b'"specversion"' in text


def _receipts(snapshot: Snapshot) -> Iterator[dict[str, Any]]:
    for row in snapshot.receipts():
        made, wrong = document(row)
        if not wrong and isinstance(row.kind, str):
            yield made


def _means(event_type: str, kind: str) -> bool:
    from interlock.ledger.events import meant

    return meant(event_type, [kind]) == kind


def _data(fact: dict[str, Any]) -> dict[str, Any]:
    hidden = fact.get("attributes")
    own = {name: value for name, value in fact.items() if name not in HIDING}
    return {**own, "attributes": hidden} if isinstance(hidden, dict) and hidden else own


def inferred(kind: str, found: Samples) -> str:
    """The text of a schema that all of the receipts meet; of a kind of which there is none, one to go on from."""
    schema: dict[str, Any] = {"$schema": DIALECT, "title": kind.replace("_", " ")}
    if not found.data:
        schema["description"] = "What happened, in a sentence."
        by = {"description": "Who did it.", "type": "string", "minLength": 1}
        return _text({**schema, "type": "object", "required": ["by"], "properties": {"by": by}})
    schema["description"] = f"What happened, in a sentence. Written from {counted(len(found.data), 'receipt')}."
    if found.types:
        schema["x-cloudevents-type"] = found.types[0] if len(found.types) == 1 else list(found.types)
    said = _object(list(found.data))
    shared = _object([each for each in found.correlations if each])
    if shared.get("properties"):
        said["properties"]["correlation"] = {name: each for name, each in shared.items() if name != "required"}
    return _text({**schema, **said})


def _text(schema: dict[str, Any]) -> str:
    text = json.dumps(schema, indent=2, ensure_ascii=False)
    return _SHORT.sub(lambda match: match[0] if len(joined := _on_one_line(match[0])) > 90 else joined, text) + "\n"


def _on_one_line(text: str) -> str:
    return re.sub(r"\s*\n\s*", " ", text)


def _object(values: list[dict[str, Any]]) -> dict[str, Any]:
    names = list(dict.fromkeys(name for value in values for name in value))
    required = [name for name in names if all(name in value for value in values)]
    properties = {name: _schema([value[name] for value in values if name in value]) for name in names}
    made: dict[str, Any] = {"type": "object"}
    return made | ({"required": required} if required else {}) | {"properties": properties}


def _schema(values: list[Any]) -> dict[str, Any]:
    """What all of the values are."""
    there = [value for value in values if value is not None]
    types = list(dict.fromkeys(map(type_of, there)))
    if {"integer", "number"} <= set(types):
        types.remove("integer")
    types += ["null"] if len(there) < len(values) else []
    if not there:
        return {"$comment": "null in every receipt so far"}
    made: dict[str, Any] = {"type": types[0] if len(types) == 1 else types}
    match [each for each in types if each != "null"]:
        case ["string"]:
            return made | _texts(there)
        case ["object"]:
            return {**_object(there), **made}
        case ["array"]:
            items = [item for value in there for item in value]
            return made | ({"items": _schema(items)} if items else {})
    return made


def _texts(values: list[str]) -> dict[str, Any]:
    """What more can be said of texts: that they are instants, or of a small set."""
    if all(in_utc(value) is not None for value in values):
        return {"format": "date-time"}
    counts = Counter(values)
    often = all(_WORD.fullmatch(text) and count >= _EACH for text, count in counts.items())
    return {"enum": sorted(counts)} if len(values) >= _SEEN and len(counts) <= _SET and often else {}


def suggested(kinds: Iterable[str]) -> str:
    """What to say where no receipt is of the kind."""
    listed = ", ".join(f"`{each}`" for each in kinds)
    return f"there is {listed}" if listed else "no receipt there is of a kind without a schema"
