"""A wish → the receipts that would grant it: fields that meet the condition, and whatever else their kind needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import msgspec

from interlock import instant, schemas
from interlock.analysis.unblock.goals import Moving, Wish
from interlock.language.substitute import about_variable, substitute_known
from interlock.ledger import Snapshot
from interlock.model.expression import (
    FLIPPED,
    OPPOSITE,
    Compare,
    Constant,
    Field,
    In,
    Logic,
    Node,
    Not,
    Operator,
    Present,
    Type,
    VariableRef,
)
from interlock.model.facts import Value
from interlock.model.policy import PREVIOUS, Policy
from interlock.schemas.example import completed

_Fields = dict[str, Value]
_GIVEN = ("id", "seq", "at", "task", "kind", "actor", "severity", "summary")
_LATER = ("id", "seq", "at")
"""What a receipt gets where it is supposed."""
MAX_RECEIPTS = 8
"""That many receipts at most are tried for one wish."""


class _Ledger(msgspec.Struct, frozen=True):
    """Where receipts are recorded: what is there, the task that is judged, that which they are of, parameters, when."""

    snapshot: Snapshot
    task: str
    owner: str | None
    params: Mapping[str, Value]
    now: int

    @property
    def catalog(self) -> schemas.Catalog:
        """The kinds of what is recorded there."""
        return self.snapshot.catalog


class _Candidate(msgspec.Struct, frozen=True):
    """What may be given to a candidate: its fields, and which of them are computed."""

    fields: Mapping[str, Type]
    computed: frozenset[str]


def granting(
    policy: Policy, wish: Wish, task: str, snapshot: Snapshot, now: int, *, soft: bool
) -> Iterator[dict[str, Any]]:
    """Receipts recorded at `now` that would be selected and meet the condition, where that can be determined without
    judging; with `soft`, also those that skip or soften what is to be proved."""
    selection = next(each for each in policy.selections if each.name == wish.selection)
    chain = policy.chain(selection)
    wheres = [about_variable(s.where, VariableRef(s.name), selection.name) for s in chain if s.where is not None]
    known = wish.known.without(selection.name)
    whole = substitute_known(Logic("&&", (wish.condition, *wheres)), known)
    ledger = _Ledger(snapshot, task, None if chain[-1].scope == "ledger" else task, known.params, now)
    computed = {path for path in selection.fields if selection.previous is not None and path.startswith(PREVIOUS)}
    candidate = _Candidate(selection.fields, frozenset(computed.union(ledger.catalog.latest_of(selection.kinds))))
    for kind in selection.kinds:
        if kind in schemas.ENTITIES:
            continue
        start: _Fields = {"kind": kind, "at": now, "task": ledger.owner}
        for fields in islice(_assigned(whole, wish.want, start, candidate), MAX_RECEIPTS):
            made = (each for each in _whole(kind, fields, ledger) if soft or not softening(each, ledger.catalog))
            yield from (each for each in made if _is_written(each, ledger.catalog))


def softening(receipt: dict[str, Any], catalog: schemas.Catalog) -> bool:
    """Whether a receipt skips or softens what is to be proved."""
    return any(receipt.get(path) in values for path, values in catalog.softens(receipt["kind"]).items())


def _is_written(receipt: dict[str, Any], catalog: schemas.Catalog) -> bool:
    """Whether those that record its kind write such a receipt."""
    return all(receipt.get(path) in values for path, values in catalog.written(receipt["kind"]).items())


def moving(atom: Moving, task: str, snapshot: Snapshot) -> Iterator[dict[str, Any]]:
    """Receipts with which the holder of a role moves a field of the entity."""
    ledger = _Ledger(snapshot, task, task, {}, 0)
    for kind, moved in ledger.catalog.moving():
        if moved.kind == atom.entity.kind and ledger.catalog.recorder(kind) == "role":
            entities = _entities(moved.kind, task, snapshot, {"id": atom.entity.id})
            for entity in entities:
                yield from _whole(kind, {path: entity.get(name) for name, path in moved.same.items()}, ledger)


def _assigned(node: Node, want: bool, fields: _Fields, candidate: _Candidate) -> Iterator[_Fields]:
    """Ways to give the candidate fields so that the condition is `want`."""
    match node:
        case Constant():
            if (node.value is True) is want:
                yield fields
        case Not():
            yield from _assigned(node.item, not want, fields, candidate)
        case Logic():
            yield from _joined(node, want, fields, candidate)
        case Compare():
            op = node.op if want else OPPOSITE[node.op]
            yield from _compared(op, node.left, node.right, fields, candidate)
        case In():
            for member in node.members:
                yield from _compared("==" if want else "!=", node.item, member, fields, candidate)
        case Present():
            if want:
                yield fields


def _joined(node: Logic, want: bool, fields: _Fields, candidate: _Candidate) -> Iterator[_Fields]:
    if (node.op == "&&") is not want:
        for item in node.items:
            yield from _assigned(item, want, fields, candidate)
        return
    first, *rest = node.items
    for found in _assigned(first, want, fields, candidate):
        if rest:
            yield from _joined(Logic(node.op, tuple(rest)), want, found, candidate)
        else:
            yield found


def _compared(op: Operator, left: Node, right: Node, fields: _Fields, candidate: _Candidate) -> Iterator[_Fields]:
    if isinstance(left, Constant):
        op, left, right = FLIPPED[op], right, left
    if not isinstance(left, Field) or not isinstance(right, Constant):
        yield fields  # judging will report
        return
    path, value = left.path, right.value
    if path in candidate.computed:
        yield fields  # computed, so it cannot be given
        return
    choices = (
        [fields[path]] if path in fields else _choices(op, value, candidate.fields.get(path, left.type).enum, path)
    )
    for choice in choices:
        if _meets(op, choice, value):
            yield {**fields, path: choice}


def _choices(op: str, value: Value, enum: tuple[str, ...], path: str) -> list[Value]:
    """Values of a field that might meet a comparison."""
    if op == "!=":
        fresh = f"new-{path.rpartition('.')[2]}"
        return [*(each for each in enum if each != value)] or (
            [fresh] if value is None or isinstance(value, str) else []
        )
    if isinstance(value, int) and not isinstance(value, bool):
        return [value + {"<": -1, ">": 1}.get(op, 0)]
    return [value]


def _meets(op: str, choice: Value, value: Value) -> bool:
    if op in ("==", "!="):
        return (choice == value) is (op == "==")
    if not isinstance(choice, int) or not isinstance(value, int):
        return False
    return {"<": choice < value, "<=": choice <= value, ">": choice > value, ">=": choice >= value}[op]


def _whole(kind: str, fields: _Fields, ledger: _Ledger) -> Iterator[dict[str, Any]]:
    """Receipts of the kind with these fields and all others that it needs."""
    fields = {path: value for path, value in fields.items() if path not in ("at", "kind", "task")}
    recorder = ledger.catalog.recorder(kind)
    if recorder == "role":
        role = fields.get("role") or fields.get("actor")
        fields |= {} if role is None else {"role": role}
    moved = ledger.catalog.moves(kind)
    given = {name: fields[path] for name, path in moved.same.items() if path in fields} if moved else {}
    for entity in _entities(moved.kind, ledger.task, ledger.snapshot, given) if moved else [{}]:
        same = {path: entity[name] for name, path in moved.same.items()} if moved else {}
        yield _document(kind, {**_needed(kind, fields, ledger), **fields, **same}, ledger, recorder)


def _needed(kind: str, fields: _Fields, ledger: _Ledger) -> _Fields:
    """Values for those other fields that the kind must have whose names are known; `_document` makes the rest up."""
    known = {name: value for name, value in ledger.params.items() if isinstance(value, str)}
    known |= {path.rpartition(".")[2]: value for path, value in fields.items() if isinstance(value, str)}
    others = [path for path in ledger.catalog.required_paths(kind) if path not in fields and path not in _GIVEN]
    names = {path: path.rpartition(".")[2] for path in others if ledger.catalog.fields(kind)[path].kind == "string"}
    usual: _Fields = {path: values[0] for path, values in ledger.catalog.written(kind).items() if path not in fields}
    return {path: known[name] for path, name in names.items() if name in known} | usual


def _document(kind: str, fields: _Fields, ledger: _Ledger, recorder: str) -> dict[str, Any]:
    actor = fields.get("role") if recorder == "role" else recorder
    made: dict[str, Any] = {"kind": kind, "task": ledger.owner, "actor": actor, "severity": "info", "summary": ""}
    made["correlation"] = {}
    specs = ledger.catalog.fields(kind)
    for path, value in fields.items():
        *steps, last = path.split(".")
        here = made
        for step in steps:
            here = here.setdefault(step, {})
        timed = path in specs and specs[path].kind == "timestamp"
        here[last] = instant.format_instant(value) if timed and isinstance(value, int) else value
    whole = completed(ledger.catalog.schema(kind), made, instant.format_instant(ledger.now), lambda name: f"new-{name}")
    if recorder == "role":  # whoever has the role, also where that is made up
        whole["actor"] = whole.get("role")
    return {name: value for name, value in whole.items() if name not in _LATER}


def _entities(kind: str, task: str, snapshot: Snapshot, given: dict[str, Any]) -> list[dict[str, Any]]:
    """The attributes of the task's entities of a kind that have the given ones."""
    rows = snapshot.rows(f"SELECT id, attributes FROM entity_{kind} WHERE task = :task", {"task": task})
    found = [{**msgspec.json.decode(attributes), "id": identity} for identity, attributes in rows]
    return [entity for entity in found if all(entity.get(name) == value for name, value in given.items())]
