"""A line of a feed: a fact as `docs/design/ledger.md` writes it, a CloudEvent, or a word about the feed itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Final, Literal

import msgspec

from interlock import schemas
from interlock.instant import in_utc
from interlock.ledger.errors import refused
from interlock.ledger.rows import HIDING, Row, TwiceError, read_json

OPENING, CLOSING = "feed", "feed_end"
"""The kinds of the lines that an export begins and ends with (`schemas/KIND.schema.json`)."""
_encode = msgspec.json.Encoder().encode
_MARK: Final = b"\xef\xbb\xbf"
"""What some editors begin a text with (the byte order mark)."""
_LARGEST: Final = 1 << 26
"""Bytes of a feed that is one JSON text: it is in memory as a whole."""


class Line(msgspec.Struct, frozen=True):
    """What a line says: a fact and its row, or something `about` the feed; or what is wrong with it.

    `repeats` says that it is an event, which may come more than once; one is `unnumbered` where it brings no `seq`.
    """

    fact: dict[str, Any] | None = None
    row: Row | None = None
    about: dict[str, Any] | None = None
    faults: tuple[schemas.Violation, ...] = ()
    repeats: bool = False
    unnumbered: bool = False


class Entries:
    """The JSON texts of a feed and their numbers, from 1: its lines, or the elements of the one array that it is.

    `noun` is what one of them is called, once the first has been read.
    """

    noun: Literal["line", "event"] = "line"

    def __init__(self, path: str, lines: Iterable[bytes]) -> None:
        """Read the lines of the file that people know as `path`."""
        self._path, self._lines = path, lines

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Raises LedgerError for one JSON text over several lines that is too large, or is not JSON."""
        lines, begun = iter(self._lines), False
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            if not begun and _is_whole(line):
                self.noun = "event"
                yield from enumerate(self._elements(chain([line], lines)), 1)
                return
            begun = True
            yield number, line

    def _elements(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        content = bytearray()
        for line in lines:
            content += line
            if len(content) > _LARGEST:
                raise refused(self._path, f"is one JSON text of more than {_LARGEST:,} bytes; write one event a line")
        text = bytes(content).removeprefix(_MARK).strip()
        try:
            if text.startswith(b"["):
                yield from map(bytes, msgspec.json.decode(text, type=list[msgspec.Raw]))
            else:
                yield bytes(msgspec.json.decode(text, type=msgspec.Raw))
        except (ValueError, RecursionError) as error:
            raise refused(self._path, f"is not JSON, neither as one text nor line by line: {error}") from None


def _is_whole(first: bytes) -> bool:
    """Whether a feed is one JSON text, by its first line: an array, or one object over several lines."""
    text = first.removeprefix(_MARK).strip()
    return text.startswith(b"[") or text == b"{"


def read_line(line: bytes, number: int, catalog: schemas.Catalog) -> Line:
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
        return _read_event(fact, number, catalog)
    kind = fact.get("kind")
    if kind in (OPENING, CLOSING):
        found = schemas.wrong(str(kind), fact)
        return Line(fact, faults=_faults(*found)) if found else Line(about=fact)
    if not isinstance(kind, str):
        meant = {"type", "source"} <= fact.keys() and "kind" not in fact
        what = "a CloudEvent needs `specversion`" if meant else "it has no `kind`, which says what sort of fact it is"
        return Line(fact, faults=_faults(what))
    return validated(fact, catalog)


def validated(
    fact: dict[str, Any], catalog: schemas.Catalog, *, repeats: bool = False, unnumbered: bool = False
) -> Line:
    """The fact, if its schema accepts it."""
    kind = fact["kind"]
    if kind in catalog.own:
        for path in catalog.instants(kind):
            fact = _in_utc(fact, path)
    faults = schemas.faults(catalog, kind if kind in catalog.kinds else None, fact)
    return Line(fact, faults=faults) if faults else Line(fact, row_of(fact), repeats=repeats, unnumbered=unnumbered)


def _in_utc(node: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """The same with the instant at a path in UTC, as every instant of a fact is: other programs write other offsets."""
    name, *rest = path
    value = node.get(name)
    if rest:
        return {**node, name: _in_utc(value, tuple(rest))} if isinstance(value, dict) else node
    moment = in_utc(value) if isinstance(value, str) and not value.endswith("Z") else None
    return node if moment is None else {**node, name: moment}


def _read_event(event: dict[str, Any], number: int, catalog: schemas.Catalog) -> Line:
    from interlock.ledger.events import fact_of, lacks_data

    means = catalog.kind_of(event["type"]) if isinstance(event.get("type"), str) else None
    fact, wrong = fact_of(event, number, means)
    kind = fact.get("kind", means)
    if not wrong and "data" not in event and isinstance(kind, str) and kind in catalog.kinds:
        lacking = lacks_data(kind, catalog.demanded(kind))
        wrong = () if lacking is None else (lacking,)
    if wrong:
        return Line({**event, "kind": kind or event.get("type")}, faults=_faults(*wrong))
    return validated(fact, catalog, repeats=True, unnumbered="seq" not in event)


def _faults(*messages: str) -> tuple[schemas.Violation, ...]:
    return tuple(schemas.Violation((), message) for message in messages)


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
