"""The facts of a case, from their short form: added, changed and removed, step after step."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from interlock import instant, schemas
from interlock.diagnostics import did_you_mean, meant_or_all
from interlock.policy.check.issues import Report
from interlock.schemas import ENTITIES, Catalog
from interlock.schemas.example import example
from interlock.schemas.fields import members, types_of
from interlock.schemas.wording import Path, Violation, listed

RAW = "raw"
"""The key of a fact that is taken as it is written, valid or not."""
_RECEIPT: dict[str, Any] = {"actor": None, "severity": None, "summary": None, "correlation": {}}
_CELLS = ("id", "seq", "task", "at", "actor", "severity", "summary")
"""What a ledger holds of a fact beside its documents."""
_OWN = "give each an `id` of its own"
_SPAN = "write an instant, or a span before or after `now` such as `-90s`"


def relative_times(now: int) -> Callable[[str], str]:
    """What turns a span of time such as `-90s` into the instant that far from `now`; any other text stays."""

    def instant_of(text: str) -> str:
        try:
            span = instant.parse_duration(text.removeprefix("-") if text[:1] == "-" else text.removeprefix("+"))
        except ValueError:
            return text
        return instant.format_instant(now - span if text[:1] == "-" else now + span)

    return instant_of


class CaseFacts:
    """The facts that there are at the newest step of a case. What is wrong with one goes to the report."""

    def __init__(self, report: Report, task: str, catalog: Catalog) -> None:
        self.report, self.task, self.catalog = report, task, catalog
        self.held: dict[tuple[str, str], dict[str, Any]] = {}
        self.places: dict[tuple[Any, ...] | None, tuple[str, str]] = {}
        self.raw: set[tuple[str, str]] = set()
        self.given = 0
        self.counts: Counter[str] = Counter()

    def all(self) -> tuple[dict[str, Any], ...]:
        """The facts, whole, in the order in which they were added."""
        return tuple(self.held.values())

    def add(self, written: list[dict[str, Any]], path: Path, now: int) -> None:
        """Add facts in short form, as of `now`."""
        for index, entry in enumerate(written):
            here = (*path, index)
            self.given += 1
            if len(entry) != 1:
                self.report.at("E704", here, "a fact is one key, its kind", "write it such as `seat: {role: worker}`")
                continue
            [(kind, fields)] = entry.items()
            if kind != RAW and kind not in self.catalog.kinds:
                hint = meant_or_all(kind, self.catalog.kinds)
                self.report.at_key("E704", (*here, kind), f"unknown fact kind `{kind}`", hint)
            elif not isinstance(fields, dict):
                self.report.at("E706", (*here, kind), "the fields of a fact are a mapping", "write {} for none")
            elif kind == RAW:
                self._add_raw(fields, (*here, kind), now)
            else:
                self._add(kind, fields, (*here, kind), now)

    def change(self, written: list[dict[str, Any]], path: Path, now: int) -> None:
        """Replace fields of facts that are named by their ids."""
        for index, entry in enumerate(written):
            here = (*path, index)
            key = self._named(entry.get("id"), (*here, "id"))
            if key is None:
                continue
            fields = {name: value for name, value in entry.items() if name != "id"}
            if key in self.raw:
                changed = self.held[key] | fields
                if self._holdable(changed, here):
                    self._placed(key, changed, here)
            elif self._known(key[0], fields, here):
                changed = self.held[key] | resolved(self.catalog.schema(key[0]), fields, relative_times(now))
                if self._valid(changed, here):
                    self._placed(key, changed, here)

    def remove(self, written: list[str], path: Path) -> None:
        """Take facts away that are named by their ids."""
        for index, identity in enumerate(written):
            key = self._named(identity, (*path, index))
            if key is not None:
                del self.held[key]

    def _add(self, kind: str, fields: dict[str, Any], path: Path, now: int) -> None:
        if not self._known(kind, fields, path):
            return
        envelope = {"id": None, "seq": self.given, "task": self.task, "at": instant.format_instant(now)}
        given = envelope | _defaults(kind, self.task) | fields
        whole = complete_fact(kind, self.catalog.schema(kind), given, relative_times(now))
        if whole["id"] is None:
            whole["id"] = self._id(kind, whole)
        if self._valid(whole, path):
            self._hold(whole, path)

    def _add_raw(self, fields: dict[str, Any], path: Path, now: int) -> None:
        kind = fields.get("kind")
        if kind not in self.catalog.kinds:
            self.report.at("E704", (*path, "kind"), "a raw fact names its `kind`, one that has a schema")
            return
        envelope = {"seq": self.given, "task": self.task, "at": instant.format_instant(now)}
        whole: dict[str, Any] = envelope | _defaults(kind, self.task) | fields
        whole.setdefault("id", self._id(kind, whole))
        if self._holdable(whole, path):
            self.raw.add((kind, whole["id"]))
            self._hold(whole, path)

    def _holdable(self, whole: Mapping[str, Any], path: Path) -> bool:
        """Whether a ledger could hold a raw fact."""
        odd = [name for name in _CELLS if not _is_cell(whole, name)]
        odd += [] if isinstance(whole.get("attributes", {}), dict) else ["attributes"]
        odd += [] if whole["kind"] in self.catalog.kinds else ["kind"]
        for name in odd:
            self.report.at("E706", (*path, name), f"`{name}` is nothing that a ledger can hold there")
        return not odd

    def _hold(self, whole: dict[str, Any], path: Path) -> None:
        key = (whole["kind"], whole["id"])
        alike = [key] if key[0] in ENTITIES else [k for k in self.held if k[0] not in ENTITIES and k[1] == key[1]]
        if any(each in self.held for each in alike):
            self.report.at("E707", (*path, "id"), f"the id `{key[1]}` is given to two facts", _OWN)
            return
        self._placed(key, whole, path)

    def _placed(self, key: tuple[str, str], whole: dict[str, Any], path: Path) -> None:
        """Hold a fact, if it is known of each other one which of the two came first."""
        before, place = self.held.get(key), _place(whole)
        other = self.places.get(place, key)
        if place is not None and other != key and other in self.held:
            message = f"`{key[1]}` has the `at` and the `seq` of `{other[1]}`: neither is known to be the later"
            self.report.at("E706", path, message, "give each a `seq` of its own, or none")
            return
        if before is not None:
            self.places.pop(_place(before), None)
        self.places[place] = key
        self.held[key] = whole

    def _id(self, kind: str, whole: Mapping[str, Any]) -> str:
        """`seat-ROLE` for a seat, else KIND-N; what is taken gets a number that is not."""
        seat = f"seat-{whole.get('role')}" if kind == "seat" else ""
        while True:
            self.counts[seat or kind] += 1
            number = self.counts[seat or kind]
            found = seat if seat and number == 1 else f"{seat or kind}-{number}"
            if (kind, found) not in self.held:
                return found

    def _known(self, kind: str, fields: Mapping[str, Any], path: Path) -> bool:
        """Whether the kind has all the fields."""
        wrong = unknown_fields(kind, self.catalog, fields)
        for violation in wrong:
            self.report.at_key("E705", (*path, *violation.path), violation.message, violation.hint)
        return not wrong

    def _valid(self, whole: dict[str, Any], path: Path) -> bool:
        specs, wrong = self.catalog.fields(whole["kind"]), schemas.faults(self.catalog, whole["kind"], whole)
        for violation in wrong:
            self.report.at("E706", (*path, *violation.path), violation.message, _hint(specs, violation))
        return not wrong

    def _named(self, identity: Any, path: Path) -> tuple[str, str] | None:
        found = [key for key in self.held if key[1] == identity]
        if len(found) == 1:
            return found[0]
        if found:
            kinds = " and ".join(f"`{kind}`" for kind, _ in found)
            self.report.at("E708", path, f"facts of {kinds} have the id `{identity}`", _OWN)
            return None
        known = [key[1] for key in self.held]
        hint = did_you_mean(str(identity), known) or f"there is {', '.join(known) or 'no fact'}"
        message = "a change names its fact by `id`" if identity is None else f"no fact has the id `{identity}`"
        self.report.at("E708", path, message, hint)
        return None


def _defaults(kind: str, task: str) -> dict[str, Any]:
    if kind == "task":
        return {"name": task}
    return {} if kind in ENTITIES else _RECEIPT


def _place(fact: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """What no two receipts have in common, nor two entities of a kind and a task; None where it has no instant."""
    try:
        at = instant.parse_instant(fact["at"])
    except (TypeError, ValueError):
        return None
    whose = (fact["kind"], fact["task"]) if fact["kind"] in ENTITIES else ()
    return (at, fact["seq"], *whose)


def _is_cell(whole: Mapping[str, Any], name: str) -> bool:
    value = whole.get(name)
    types = {"id": str, "seq": int}.get(name, str | int | None)
    return isinstance(value, types) and (not isinstance(value, int) or abs(value) < 1 << 63) and value is not True


def _hint(specs: Mapping[str, schemas.FieldSpec], violation: Violation) -> str | None:
    field = specs.get(".".join(map(str, violation.path)))
    return _SPAN if field and field.kind == "timestamp" else violation.hint


_NUMBER = re.compile(r"-?\d+\.\d+")

Timed = Callable[[str], str]
"""The instant that a text means, or the text itself where it is not a span of time."""


def unknown_fields(kind: str, catalog: Catalog, given: Mapping[str, Any]) -> tuple[Violation, ...]:
    """The fields of a fact in short form that its kind does not have."""
    return tuple(_unknown(catalog.settable(kind), given, (), kind))


def resolved(schema: dict[str, Any], given: Mapping[str, Any], timed: Timed) -> dict[str, Any]:
    """The fields that are given to a fact of a schema, their times made instants."""
    properties, _ = members(schema)
    return {name: _value(properties.get(name, {}), value, timed, given.get("at")) for name, value in given.items()}


def complete_fact(kind: str, schema: dict[str, Any], given: Mapping[str, Any], timed: Timed) -> dict[str, Any]:
    """The fact with every field that must be there; `given` has the envelope already, `schema` is that of its kind.

    A required field that is left out is null where it may be, else the first value that its schema names; a text is the
    field's own name (of NAME_id it is `NAME-1`), a number 1, an instant the fact's own. Whether the whole is valid is
    not required.
    """
    at = given.get("at")
    return {"kind": kind, **_filled(schema, given, timed, timed(at) if isinstance(at, str) else at)}


def _unknown(
    properties: Mapping[str, dict[str, Any]], given: Mapping[str, Any], path: Path, kind: str
) -> Iterator[Violation]:
    for name, value in given.items():
        here = (*path, name)
        if properties and name not in properties:
            hint = did_you_mean(name, properties) or f"there is {listed(properties, 'and')}"
            yield Violation(here, f"`{kind}` has no field `{'.'.join(map(str, here))}`", hint)
        elif properties:
            yield from _unknown_within(properties[name], value, here, kind)


def _unknown_within(node: dict[str, Any], value: Any, path: Path, kind: str) -> Iterator[Violation]:
    if isinstance(value, dict):
        yield from _unknown(members(node)[0], value, path, kind)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unknown_within(node.get("items", {}), item, (*path, index), kind)


def _filled(node: dict[str, Any], given: Mapping[str, Any], timed: Timed, at: Any) -> dict[str, Any]:
    properties, required = members(node)
    other = node["additionalProperties"] if isinstance(node.get("additionalProperties"), dict) else {}
    found = {name: _value(properties.get(name, other), value, timed, at) for name, value in given.items()}
    missing = [name for name in properties if name in required and name not in found and name != "kind"]
    return found | {name: example(name, properties[name], at, _text) for name in missing}


def _value(node: dict[str, Any], value: Any, timed: Timed, at: Any) -> Any:
    match value:
        case dict():
            return _filled(node, value, timed, at)
        case list():
            return [_value(node.get("items", {}), item, timed, at) for item in value]
        case str() if node.get("format") == "date-time":
            return timed(value)
        case str() if "number" in types_of(node) and _NUMBER.fullmatch(value):
            return float(value)
    return value


def _text(name: str) -> str:
    """What a text is called that a case leaves out."""
    return f"{name.removesuffix('_id')}-1" if name.endswith("_id") else name
