"""Runs a compiled policy's selections over a snapshot, and lets no fact in that its schema refuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from interlock import instant, schemas
from interlock.compiled import CompiledPolicy, Query
from interlock.document import Row, document
from interlock.expression.values import Known, shown
from interlock.fact import Fact, Value
from interlock.ledger import Snapshot
from interlock.policy import Selection

LIMIT = 2_000
"""The most facts of one selection that are given to the rules."""
_UNUSABLE = "a field that is compared has no usable value, or is there twice"


class Selected(msgspec.Struct, frozen=True):
    """The facts of every selection, or why there can be no verdict over them.

    `evidence` are the ids of all facts that were read. `faults` name facts that are invalid, or that are too many;
    `missing` is the message of the first required selection that is empty.
    """

    facts: dict[str, tuple[Fact, ...]]
    evidence: tuple[str, ...]
    faults: tuple[str, ...] = ()
    missing: str | None = None


def select(
    compiled: CompiledPolicy,
    snapshot: Snapshot,
    task: tuple[str, str],
    now: int,
    params: Mapping[str, Value],
    needs: Mapping[str, tuple[Fact, ...]],
    witness: list[Row] | None = None,
) -> Selected:
    """Run the selections for a task (id and name) at `now`. Raises LedgerError when the ledger cannot be read.

    The rows of all facts that were read, and of those that were counted, are added to a `witness`.
    """
    run = _Run(snapshot, task, now, params, dict(needs), limit=LIMIT, witness=witness)
    if compiled.undated:
        for row in snapshot.rows(compiled.undated, run.binds(None)):
            run.invalid(row)
            run.seen([row])
    selections = {selection.name: selection for selection in compiled.policy.selections}
    for query in compiled.queries:
        missing = run.one(query, selections[query.selection])
        if missing is not None:
            return Selected(run.facts, tuple(run.evidence), tuple(run.faults), missing)
        if run.faults:
            break
    return Selected(run.facts, tuple(run.evidence), tuple(run.faults))


class _Run:
    """One pass over the selections, in their order: each may read the single ones before it."""

    def __init__(
        self,
        snapshot: Snapshot,
        task: tuple[str, str],
        now: int,
        params: Mapping[str, Value],
        needs: dict[str, tuple[Fact, ...]],
        *,
        limit: int,
        witness: list[Row] | None,
    ) -> None:
        self.snapshot, self.task, self.now, self.params, self.limit = snapshot, task, now, params, limit
        self.witness = witness
        self.facts = needs
        self.evidence: dict[str, None] = {}
        self.faults: list[str] = []
        second = now - now % instant.SECOND
        self.base = {"now": now, "task": task[0], "task_name": task[1], "limit": limit + 1}
        self.base["floor"] = instant.format_instant(second)[:19]
        self.base["upper"] = instant.format_instant(second + instant.SECOND)[:19]
        self.base["tomorrow"] = instant.format_instant(second + 86_401 * instant.SECOND)[:19]

    def binds(self, query: Query | None) -> dict[str, Any]:
        if query is None or not query.binds:
            return self.base
        return self.base | {name: self.bound(*target) for name, target in query.binds.items()}

    def bound(self, selection: str, path: str) -> Any:
        if selection == "params":
            value = self.params[path]
            return msgspec.json.encode(value).decode() if isinstance(value, tuple) else value
        facts = self.facts[selection]
        if not path:
            return 1 if facts else None
        return facts[0].fields.get(path) if facts else None

    def one(self, query: Query, selection: Selection) -> str | None:
        """Run one selection; the message of its `required` when it is empty."""
        rows = self.snapshot.rows(query.sql, self.binds(query))
        self.seen(rows, query)
        if len(rows) > self.limit:
            self.faults.append(
                f"`{selection.name}` selects more than {self.limit:,} facts, which the rules are not given: "
                "aggregate it (take: count, latest, per: …) or narrow its `where`"
            )
            return None
        suspects = [row for row in rows if row[11]]
        for row in suspects:
            self.invalid(row)
        facts = [self.fact(row, query, selection) for row in rows[len(suspects) :]]
        found = _completed([fact for fact in facts if fact is not None], selection)
        self.facts[selection.name] = found
        if selection.required is not None and not self.faults and _empty(found, selection):
            known = Known(self.now, self.task[1], self.params, {})
            return selection.required.filled(lambda node: shown(node, known))
        return None

    def seen(self, rows: list[Row], query: Query | None = None) -> None:
        """Tell the witness, if there is one, which rows were read."""
        if self.witness is not None:
            self.witness += rows
            if query is not None and query.members:
                self.witness += self.snapshot.rows(query.members, self.binds(query))

    def fact(self, row: tuple[Any, ...], query: Query, selection: Selection) -> Fact | None:
        """The fact of a row that its schema accepts; otherwise a fault, and None."""
        made, errors = document(row)
        errors = errors or schemas.check(row[0], made)
        if errors:
            self.fault(row, errors)
            return None
        self.evidence[row[1]] = None
        if selection.take in ("count", "min", "max", "sum"):
            if isinstance(row[12], str) and selection.take == "sum":
                self.faults.append(f"the sum of `{selection.of}` of `{selection.name}` is too large to be judged")
                return None
            return _number(row, selection)
        return Fact(row[0], _fields(made, query.paths), row[1], row[2], row[4])

    def invalid(self, row: tuple[Any, ...]) -> None:
        made, errors = document(row)
        self.fault(row, errors or schemas.check(row[0], made) or (_UNUSABLE,))

    def fault(self, row: tuple[Any, ...], errors: tuple[str, ...]) -> None:
        self.evidence[row[1]] = None
        told = f"{row[0]} `{row[1]}` is invalid: {'; '.join(errors)}"
        if told not in self.faults:
            self.faults.append(told)


def _fields(document: dict[str, Any], paths: dict[str, str]) -> dict[str, Value]:
    """The values at the paths that anything reads. A field that is not there, or is of another type, is null."""
    found: dict[str, Value] = {}
    for path, kind in paths.items():
        value: Any = document
        for step in path.split("."):
            value = value.get(step) if isinstance(value, dict) else None
        found[path] = _value(value, kind)
    return found


def _value(value: Any, kind: str) -> Value:
    """A JSON value as the language sees it; the schema vouches for its type, or lets it be anything."""
    match kind:
        case "timestamp":
            return instant.parse_instant(value) if isinstance(value, str) else None
        case "string":
            return value if isinstance(value, str) else None
        case "int":
            return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
        case "bool":
            return value if isinstance(value, bool) else None
    return True if value is not None else None


def _number(row: tuple[Any, ...], selection: Selection) -> Fact:
    """A counted (summed, …) fact: its group's fields, and the number."""
    fields: dict[str, Value] = {}
    for path, value in zip(selection.per, row[13:], strict=False):
        fields[path] = bool(value) if selection.fields[path].kind == "bool" and value is not None else value
    fields["count" if selection.take == "count" else "value"] = row[12]
    return Fact(selection.name, fields)


def _completed(facts: list[Fact], selection: Selection) -> tuple[Fact, ...]:
    """With the groups that are always there, in their order; a count of nothing is 0, other numbers of nothing null."""
    if selection.take not in ("count", "min", "max", "sum"):
        return tuple(facts)
    none: dict[str, Value] = {"count": 0} if selection.take == "count" else {"value": None}
    if not selection.per:
        return tuple(facts) or (Fact(selection.name, none),)
    if not selection.groups:
        return tuple(facts)
    field = selection.per[0]
    known = {fact.fields[field]: fact for fact in facts}
    return tuple(known.get(group) or Fact(selection.name, {field: group, **none}) for group in selection.groups)


def _empty(facts: tuple[Fact, ...], selection: Selection) -> bool:
    """Whether a required selection lacks what it must have: a fact, or one for each group that the policy names."""
    if selection.take == "count":
        return any(fact.fields["count"] == 0 for fact in facts)
    if selection.groups:
        return not {fact.fields.get(selection.per[0]) for fact in facts} >= set(selection.groups)
    return not facts or (selection.take != "all" and all(fact.fields.get("value", 0) is None for fact in facts))
