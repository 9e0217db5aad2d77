"""Rows of a selection's SQL → the facts that the rules see."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from interlock import instant
from interlock.language.structures import structured
from interlock.ledger.rows import Row, document, value_at
from interlock.model.compiled import Query
from interlock.model.facts import Fact, Json, Value
from interlock.model.policy import Selection

NUMBERS: Final = ("count", "min", "max", "sum")
"""What is taken of a selection as a number."""


def selected_fields(document: dict[str, Any], query: Query, *, strict: bool = True) -> dict[str, Value]:
    """The values at the paths that anything reads. A field that is not there, or is of another type, is null.

    So is a broken one where it is not `strict`; otherwise the schema vouches for it, and it raises ValueError.
    """
    found: dict[str, Value] = {}
    for path, kind in query.paths.items():
        try:
            if path in query.latest:
                stamp = value_at(document, query.latest[path])
                found[path] = instant.latest_instant(stamp) if isinstance(stamp, str) else None
            elif path in query.shapes:
                found[path] = structured(value_at(document, path), query.shapes[path])
            else:
                found[path] = _value(value_at(document, path), kind)
        except (ValueError, OverflowError):
            if strict:
                raise
            found[path] = None
    return found


def _value(value: Any, kind: str) -> Value:
    """A JSON value as the language sees it; the schema vouches for its type, or lets it be anything.

    Of an object the language asks only whether it is there.
    """
    match kind:
        case "timestamp":
            return instant.parse_instant(value) if isinstance(value, str) else None
        case "string":
            return value if isinstance(value, str) else None
        case "int":
            return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
        case "bool":
            return value if isinstance(value, bool) else None
        case "double":
            return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    return None if value is None else Json(msgspec.json.encode(value).decode())


def with_previous(facts: list[Fact], selection: Selection, query: Query) -> list[Fact]:
    """The facts, given in order of time, each with what is read of the one before it in its group."""
    if not query.previous:
        return facts
    newest: dict[tuple[Value, ...], Fact] = {}
    found = []
    for fact in facts:
        if fact.absent:
            found.append(fact)
            continue
        group = tuple(fact.fields.get(path) for path in selection.previous or ())
        before, newest[group] = newest.get(group), fact
        found.append(fact if before is None else _after(before, fact, query))
    return found


def _after(before: Fact, fact: Fact, query: Query) -> Fact:
    read: dict[str, Value] = {
        path: before.fields.get(own)
        if own
        else Json(msgspec.json.encode({"kind": before.kind, "id": before.id}).decode())
        for path, own in query.previous.items()
    }
    return msgspec.structs.replace(fact, fields={**fact.fields, **read}, previous=before)


def absent_fact(row: Row, query: Query, selection: Selection) -> Fact:
    """The fact of a named group of which there is nothing, or the number of such facts."""
    if selection.take in NUMBERS:
        return msgspec.structs.replace(number(row, selection), absent=True)
    filled = msgspec.structs.replace(row, correlation=row.correlation or "{}", attributes=row.attributes or "{}")
    made, _ = document(filled)
    correlation = made.get("correlation") if row.correlation else None
    made |= {"severity": row.severity, "summary": row.summary, "correlation": correlation}
    return Fact(selection.name, selected_fields(made, query), absent=True)


def number(row: Row, selection: Selection) -> Fact:
    """A counted (summed, …) fact: its group's fields, and the number."""
    made: dict[str, Value] = {}
    for path, value in zip(selection.per, row.groups, strict=True):
        made[path] = bool(value) if selection.fields[path].kind == "bool" and value is not None else value
    made["count" if selection.take == "count" else "value"] = row.number
    return Fact(selection.name, made)


def completed(facts: list[Fact], selection: Selection) -> tuple[Fact, ...]:
    """With the groups that are always there, in their order; a count of nothing is 0, other numbers of nothing null."""
    if selection.take not in NUMBERS:
        there = [fact for fact in facts if not fact.absent]
        return (*there, *sorted((fact for fact in facts if fact.absent), key=lambda fact: _place(fact, selection)))
    none: dict[str, Value] = {"count": 0} if selection.take == "count" else {"value": None}
    if not selection.per:
        return tuple(facts) or (Fact(selection.name, none),)
    if not selection.groups:
        return tuple(facts)
    field = selection.per[0]
    known = {fact.fields[field]: fact for fact in facts}
    return tuple(known.get(group) or Fact(selection.name, {field: group, **none}) for group in selection.groups)


def _place(fact: Fact, selection: Selection) -> int:
    """The place of an absent group's fact among those that the policy names."""
    return next(n for n, (path, group) in enumerate(selection.absences) if fact.fields.get(path) == group)


def is_empty(facts: tuple[Fact, ...], selection: Selection) -> bool:
    """Whether a required selection lacks what it must have: a fact, or one for each group that the policy names."""
    there = [fact for fact in facts if not fact.absent]
    if selection.take == "count":
        return len(there) < len(facts) or any(fact.fields["count"] == 0 for fact in there)
    if selection.groups:
        return not {fact.fields.get(selection.per[0]) for fact in there} >= set(selection.groups)
    return not there or (selection.take != "all" and all(fact.fields.get("value", 0) is None for fact in there))
