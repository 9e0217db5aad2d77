"""Runs a compiled policy's selections over a snapshot, and lets no fact in that its schema refuses.

Results are kept while the clock moves and nothing arrives that a selection could select.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from functools import partial
from typing import Any

import msgspec

from interlock import instant, schemas
from interlock.diagnostics import FactError
from interlock.evaluation.advice import NOTHING, Advised, advised
from interlock.evaluation.ahead import UNDATED
from interlock.evaluation.answers import Answers, StoredRows
from interlock.evaluation.from_rows import (
    NUMBERS,
    absent_fact,
    completed,
    is_empty,
    number,
    selected_fields,
    with_previous,
)
from interlock.language.evaluate import Environment, Failure, as_display_text, outcome
from interlock.language.structures import is_structured
from interlock.language.walk import walk
from interlock.ledger import Snapshot
from interlock.ledger.rows import Row, Stamp, document, later, newest
from interlock.model.compiled import ClockCandidates, CompiledPolicy, Query
from interlock.model.expression import Field, VariableRef
from interlock.model.facts import Fact, Value
from interlock.model.policy import Policy, Selection


class KeptSelection(msgspec.Struct, frozen=True):
    """What a selection came to: its facts, the ids that were read for it, and the latest time that one of them has.

    `basis` is what it rests on beside the ledger.
    """

    basis: object
    facts: tuple[Fact, ...]
    evidence: tuple[str, ...]
    newest: Stamp | None


class SelectionCache:
    """What selections came to, for as long as nothing has arrived that they could select.

    One is for one policy, one task and the same parameters, over one snapshot. `dated`: no receipt has a broken time;
    `noted`: where one that has comes into sight, or out of it, UNDATED arrives too.
    """

    def __init__(self, *, dated: bool, noted: bool = False) -> None:
        self.dated, self.noted = dated, noted
        self._undated: tuple[int, list[Row]] | None = None
        self._found: dict[str, KeptSelection] = {}
        self._arrived: dict[str, int] = {}

    def arrived(self, kinds: Iterable[str]) -> None:
        """Facts of these kinds are there, or have changed, that were not before."""
        for kind in kinds:
            self._arrived[kind] = self._arrived.get(kind, 0) + 1

    def undated(self, run: Callable[[], list[Row]]) -> list[Row]:
        """The receipts without a time, which `run` finds."""
        basis = self._arrived.get(UNDATED, 0)
        if not self.noted or self._undated is None or self._undated[0] != basis:
            self._undated = basis, run()
        return self._undated[1]

    def basis(self, query: Query, selection: Selection, binds: Mapping[str, Any]) -> object:
        """What the result rests on; None where it rests on the clock too, and is not kept."""
        if ":clock" in query.sql:
            return None
        return [self._arrived.get(kind) for kind in selection.kinds], [binds[name] for name in query.binds]

    def get(self, name: str, basis: object) -> KeptSelection | None:
        """What a selection came to, if it rested on the same."""
        found = self._found.get(name)
        return found if found is not None and basis is not None and found.basis == basis else None

    def put(self, name: str, selection: KeptSelection) -> None:
        """Keep what a selection came to."""
        self._found[name] = selection


MAX_SELECTED = 2_000
"""The most facts of one selection that are given to the rules."""
_AFTER_ALL = b""
"""Later than every text of a time: SQLite orders a BLOB after all texts."""
_UNUSABLE = "a compared field is malformed or duplicated"


class Missing(msgspec.Struct, frozen=True):
    """Of a required selection that is empty, the message and what to do."""

    message: str
    advised: Advised


class Selected(msgspec.Struct, frozen=True):
    """The facts of every selection, or why no verdict over them is possible.

    `evidence` are the ids of all facts that were read. `faults` name facts that are invalid, or that are too many;
    `missing` is about the first required selection that is empty. `newest` is the latest time that a fact
    carries which was read, counted facts included; None where none was.
    """

    facts: dict[str, tuple[Fact, ...]]
    evidence: tuple[str, ...]
    faults: tuple[str, ...] = ()
    missing: Missing | None = None
    newest: Stamp | None = None

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why there is no verdict; none where there is one."""
        return self.faults or (() if self.missing is None else (self.missing.message,))

    @property
    def advised(self) -> Advised:
        """What to do for one."""
        return NOTHING if self.faults or self.missing is None else self.missing.advised


def bound(
    wanted: ClockCandidates, params: Mapping[str, Value], facts: Mapping[str, tuple[Fact, ...]]
) -> tuple[Value, ...]:
    """The selection's name, and the values by which its candidates are found."""
    return wanted.query.selection, *(_bound(params, facts, *target) for target in wanted.query.binds.values())


class Selecting:
    """Runs selections for a task (id and name), over what is stamped at or before `now`; over everything at LATEST.

    `facts` are those of needs, and of selections that have been run: each may read the single ones before it. `clock`
    is what `now` means in conditions, where it has moved on since. What is `kept` is not requested again. The rows of
    all facts that are requested, and of those that are counted, are added to a `witness`. `answers` are those that the
    snapshot gave to others, while it shows what it shows.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        task: tuple[str, str],
        now: int,
        params: Mapping[str, Value],
        facts: Mapping[str, tuple[Fact, ...]],
        *,
        clock: int | None = None,
        kept: SelectionCache | None = None,
        witness: list[Row] | None = None,
        answers: Answers | None = None,
    ) -> None:
        self.snapshot, self.task, self.params, self.facts = snapshot, task, params, dict(facts)
        self.clock = now if clock is None else clock
        self.kept, self.witness, self.live = kept, witness, now == instant.LATEST
        self.answers = answers or Answers(snapshot)
        self.newest: Stamp | None = None
        self.policy: Policy | None = None
        self.undated: dict[str, Any] = {}
        """The values of the query for receipts without a time, once it is given."""
        self.evidence: dict[str, None] = {}
        self.faults: list[str] = []
        second = now - now % instant.SECOND
        self.base = {"now": now, "clock": self.clock, "task": task[0], "task_name": task[1], "limit": MAX_SELECTED + 1}
        self.base["floor"] = instant.format_instant(second)[:19]
        if self.live:
            self.base["upper"] = self.base["tomorrow"] = _AFTER_ALL
        else:
            self.base["upper"] = instant.format_instant(second + instant.SECOND)[:19]
            self.base["tomorrow"] = instant.format_instant(second + 86_401 * instant.SECOND)[:19]
        self.base["ahead"] = instant.format_instant(self.clock)[:19]

    def select(self, compiled: CompiledPolicy) -> Selected:
        """Run the selections, up to the first that is invalid, or required and empty. Raises LedgerError."""
        steps = self.steps(compiled)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                found: Selected = end.value
                return found

    def steps(self, compiled: CompiledPolicy) -> Generator[Query | None, None, Selected]:
        """The same, query by query: each is given before it is run, None for that of receipts without a time."""
        self.policy = compiled.policy
        if compiled.undated and not (self.kept and self.kept.dated):
            self.undated = self.base | _kinds(compiled.policy)
            yield None
            run = partial(self.answers.rows, compiled.undated, self.undated, None)
            for row in run() if self.kept is None else self.kept.undated(run):
                self.invalid(row)
                self.seen([row])
        selections = {selection.name: selection for selection in compiled.policy.selections}
        missing = None
        for query in compiled.queries:
            yield query
            missing = self.one(query, selections[query.selection])
            if missing is not None or self.faults:
                break
        return Selected(self.facts, tuple(self.evidence), tuple(self.faults), missing, self.newest)

    def candidates(self, wanted: ClockCandidates, most: int | None = None) -> list[Fact]:
        """The facts that the clock may take into a selection or out of it.

        Those that are too broken to be judged are left out: they come out whatever the clock. A field that is broken is
        null, as in SQL. Of more than `most` facts, one more is given. Raises LedgerError.
        """
        sql = wanted.query.sql if most is None else f"{wanted.query.sql} LIMIT {most + 1}"
        found = self.answers.rows(sql, self.binds(wanted.query), wanted.query)
        rows = [row for row in found if not row.suspect]
        paths = wanted.query.paths
        if paths.keys() <= {"at"} and not wanted.absent:  # which needs no document to be read
            return [Fact(row.kind, {"at": row.instant}, row.id, row.seq) for row in rows]
        absent = [Fact(wanted.query.selection, {path: group}, absent=True) for path, group in wanted.absent]
        read = ((row, selected_fields(document(row)[0], wanted.query, strict=False)) for row in rows)
        return [*(Fact(row.kind, found, row.id, row.seq) for row, found in read), *absent]

    def binds(self, query: Query) -> dict[str, Any]:
        """The values of a query's placeholders."""
        if not query.binds:
            return self.base
        return self.base | {name: _bound(self.params, self.facts, *target) for name, target in query.binds.items()}

    def one(self, query: Query, selection: Selection) -> Missing | None:
        """Run one selection; the message of its `required`, and what to do, when it is empty."""
        binds = self.binds(query)
        run = self.run if self.kept is None else partial(self.recalled, self.kept)
        self.facts[selection.name] = found = run(query, selection, binds)
        if selection.required is not None and not self.faults and is_empty(found, selection):
            known = Environment(self.clock, self.task[1], self.params, {})
            message = selection.required.filled(lambda node: as_display_text(node, known))
            return Missing(message, advised(selection.advice, known))
        return None

    def recalled(
        self, kept: SelectionCache, query: Query, selection: Selection, binds: dict[str, Any]
    ) -> tuple[Fact, ...]:
        """The result of a selection, cached or else run."""
        basis = kept.basis(query, selection, binds)
        known = kept.get(selection.name, basis)
        if known is not None:
            self.evidence.update(dict.fromkeys(known.evidence))
            self.newest = later(self.newest, known.newest)
            return known.facts
        before, newest = self.evidence, self.newest
        self.evidence, self.newest = {}, None
        found = self.run(query, selection, binds)
        if not self.faults:
            kept.put(selection.name, KeptSelection(basis, found, tuple(self.evidence), self.newest))
        self.evidence, self.newest = before | self.evidence, later(newest, self.newest)
        return found

    def run(self, query: Query, selection: Selection, binds: dict[str, Any]) -> tuple[Fact, ...]:
        """The result of a selection; what is wrong with it is noted among the faults."""
        rows = self.rows(query, selection, binds)
        self.seen(rows, query)
        if len(rows) > MAX_SELECTED:
            self.faults.append(
                f"`{selection.name}` selects more than {MAX_SELECTED:,} facts, which the rules are not given: "
                "aggregate it (take: count, latest, per: …) or narrow its `where`"
            )
            return ()
        if selection.take not in NUMBERS and not isinstance(rows, StoredRows):
            self.faults += self.snapshot.contradicted(row for row in rows if row.suspect >= 0)
        suspects = [row for row in rows if row.suspect > 0]
        for row in suspects:
            self.invalid(row, selection)
        facts = [self.fact(row, query, selection) for row in rows[len(suspects) :]]
        if query.ahead and self.live and not self.faults:
            ahead = self.answers.rows(query.ahead, binds, query)
            self.newest = later(self.newest, *(newest(row, document(row)[0]) for row in ahead))
        linked = with_previous([fact for fact in facts if fact is not None], selection, query)
        return completed(linked, selection)

    def rows(self, query: Query, selection: Selection, binds: dict[str, Any]) -> list[Row]:
        """The rows of a query; none where SQLite cannot read a document of its kinds: each is a fault."""
        try:
            numbers = selection.take in NUMBERS
            return self.answers.rows(query.sql, binds, query, numbers=numbers)
        except FactError:
            malformed = self.snapshot.malformed(selection.kinds)
            if not malformed:
                raise
        for row in malformed:
            self.invalid(row)
        return []

    def seen(self, rows: list[Row], query: Query | None = None) -> None:
        """Add the rows that were read to the witness, if there is one."""
        if self.witness is not None:
            self.witness += (row for row in rows if row.suspect >= 0)
            if query is not None and query.members:
                self.witness += self.answers.rows(query.members, self.binds(query), query)

    def fact(self, row: Row, query: Query, selection: Selection) -> Fact | None:
        """The fact of a row that its schema accepts; otherwise a fault, and None."""
        if row.suspect < 0:
            return absent_fact(row, query, selection)
        made, unread = document(row)
        errors = tuple(each.message for each in unread) or schemas.fact_errors(self.snapshot.catalog, row.kind, made)
        if errors:
            self.fault(row, errors)
            return None
        self.evidence[row.id] = None
        self.newest = later(self.newest, newest(row, made))
        if selection.take in NUMBERS:
            if isinstance(row.number, str) and selection.take == "sum":
                self.faults.append(f"the sum of `{selection.of}` of `{selection.name}` is too large to be judged")
                return None
            return number(row, selection)
        return Fact(row.kind, selected_fields(made, query), row.id, row.seq, row.at)

    def invalid(self, row: Row, selection: Selection | None = None) -> None:
        """Note what is wrong with a fact, the receipt that it is made of, or the condition that selects it."""
        catalog = self.snapshot.catalog
        source = catalog.source(row.kind)
        receipt = self.snapshot.fact(source, str(row.id).rpartition("#")[0]) if source else None
        errors = _errors(receipt, catalog) if receipt is not None else ()
        if receipt is not None and errors:
            self.fault(receipt, errors)
            return
        errors = _errors(row, catalog)
        failure = self.failure(row, selection) if selection is not None and not errors else None
        if failure is None:
            self.fault(row, errors or (_UNUSABLE,))
            return
        self.evidence[row.id] = None
        self.faults += [failure] if failure not in self.faults else []

    def failure(self, row: Row, selection: Selection) -> str | None:
        """Why the condition of a selection, or of one that it narrows, has no value for a fact; None where it has."""
        for each in self.policy.chain(selection) if self.policy is not None else ():
            if each.where is None:
                continue
            fields = [node for node in walk(each.where) if isinstance(node, Field) and isinstance(node.of, VariableRef)]
            paths: dict[str, str] = {node.path: node.type.kind for node in fields}
            shapes = {node.path: node.type for node in fields if is_structured(node.type)}
            latest = self.snapshot.catalog.latest_of(selection.kinds)
            read = Query(each.name, "", paths=paths, latest=latest, shapes=shapes)
            fact = Fact(row.kind, selected_fields(document(row)[0], read, strict=False), row.id, row.seq)
            known = Environment(self.clock, self.task[1], self.params, self.facts).bind(each.name, fact)
            found = outcome(each.where, known)
            if isinstance(found, Failure):
                from interlock.language.unparse import without_value

                return without_value(found)
        return None

    def fault(self, row: Row, errors: tuple[str, ...]) -> None:
        """Note that a fact is invalid, once."""
        self.evidence[row.id] = None
        message = f"{row.kind} `{row.id}` is invalid: {'; '.join(errors)}"
        if message not in self.faults:
            self.faults.append(message)


def _errors(row: Row, catalog: schemas.Catalog) -> tuple[str, ...]:
    made, unread = document(row)
    return tuple(each.message for each in unread) or schemas.fact_errors(catalog, row.kind, made)


def _kinds(policy: Policy) -> dict[str, str]:
    """The kinds of facts that a policy reads, as `policy.compile.times.undated` takes them."""
    kinds = policy.kinds()
    listed = (("kinds", kinds), ("everywhere", [kind for kind, everywhere in kinds.items() if everywhere]))
    return {name: msgspec.json.encode(list(each)).decode() for name, each in listed}


def _bound(params: Mapping[str, Value], facts: Mapping[str, tuple[Fact, ...]], selection: str, path: str) -> Value:
    """The value of a placeholder."""
    if selection == "params":
        value = params[path]
    elif not path:
        value = 1 if facts[selection] else None
    else:
        value = facts[selection][0].fields.get(path) if facts[selection] else None
    return msgspec.json.encode(value).decode() if isinstance(value, tuple | dict) else value
