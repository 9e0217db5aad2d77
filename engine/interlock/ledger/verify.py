"""Verifies a ledger: every receipt and every entity against its schema, whether or not any policy asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from msgspec.structs import replace

from interlock import schemas
from interlock.diagnostics import FactError
from interlock.instant import format_instant, parse_instant
from interlock.ledger import Snapshot
from interlock.ledger.lines import CLOSING, OPENING, Entries, Line, read_line
from interlock.ledger.rows import Row, document, newest
from interlock.ledger.table import Clash, FactTable, Origin, is_same
from interlock.model.sources import TableSource
from interlock.model.verification import Example, FaultCounts, FutureTimes, KindCounts, Verification
from interlock.schemas.wording import quoted_value

FIRST = 3
"""How many of the facts with one fault are named."""
MOST = 200
"""How many kinds without a schema, and how many faults, are distinguished: others may write as many as they like."""
OTHERS = "…"
"""The name for all that are not distinguished."""
_CUT_OFF = "the feed was cut off: its last line is missing"
_BROKEN_OFF = "not all of them can be read, so that some are not verified"
_LONGEST = 200
"""Characters of an id, or of a kind without a schema, that are kept."""


def verify(
    snapshot: Snapshot,
    ledger: str,
    watched: Callable[[Iterable[Row], int], Iterable[Row]],
    *,
    clock: int | None,
    tick: Callable[[], None] = lambda: None,
    beside: FactTable | None = None,
) -> Verification:
    """Verify what a snapshot of `ledger` holds: valid, or invalid, or (None) without any receipt to be either.

    Times later than `clock` are counted. Without it the request names an instant, and receipts later than
    that are left out. The receipts are taken through `watched`, which gets about how many there are; before that the
    file is checked, with a `tick` every few milliseconds. What contradicts the receipts `beside` is a fault.

    Raises LedgerError.
    """
    damage = snapshot.damage(tick)
    tally = LedgerCounts(clock, snapshot.catalog)
    tally.receipts(watched(snapshot.receipts(so_far=clock is None), snapshot.head))
    absent = snapshot.absent()
    for kind in schemas.ENTITIES:
        if kind not in absent:
            tally.entities(kind, _seated(snapshot) if kind == "smoke_seat" else snapshot.entities(kind))
    for row, where in () if beside is None else beside.receipts():
        other = snapshot.fact("receipt", row.id)
        if other is not None and not is_same(row, other, unnumbered=True):
            tally.contradiction(other, where)
    return tally.verification(ledger, snapshot.head, absent, damage)


def verify_feed(
    lines: Iterable[bytes], path: str, clock: int, catalog: schemas.Catalog, table: FactTable, source: int = 0
) -> Verification:
    """Verify every line of a feed, as `verify` does a ledger; `head` is the largest `seq`. Raises LedgerError.

    Its facts are added to a table, which has those of other sources; it is the source of that index.
    """
    tally, head, ends = LedgerCounts(clock, catalog), 0, dict.fromkeys((OPENING, CLOSING), False)
    entries = Entries(path, lines)
    for number, text in entries:
        table.places[source] = path, entries.noun
        line = read_line(text, number, catalog)
        if line.about is not None:
            ends[line.about["kind"]] = True
        else:
            head = max(head, tally.entered(line, number, table, source))
    if ends[OPENING] and not ends[CLOSING]:
        tally.cut_off()
    return tally.verification(path, head, {})


def verify_table(
    mapped: TableSource, clock: int, catalog: schemas.Catalog, table: FactTable, source: int, patience: float
) -> Verification:
    """Verify every row of a table, as `verify_feed` does every line of a feed. Raises LedgerError, UsageError."""
    from interlock.ledger.mapped import rows_of

    tally, head = LedgerCounts(clock, catalog), 0
    table.places[source] = mapped.path, "row"
    for number, line in rows_of(mapped, catalog, patience):
        head = max(head, tally.entered(line, number, table, source))
    return tally.verification(mapped.path, head, {})


def _seated(snapshot: Snapshot) -> Iterator[Row]:
    """The seats of smoke receipts. One without attributes stands for an invalid receipt, which is counted already."""
    return (row for row in snapshot.entities("smoke_seat") if row.attributes != "null")


class LedgerCounts:
    """Counts facts, their faults, and (where there is a clock) the times that are later, in bounded memory."""

    def __init__(self, clock: int | None, catalog: schemas.Catalog) -> None:
        self._clock, self._catalog = clock, catalog
        self._second = None if clock is None else format_instant(clock)[:19]
        self._ahead = FutureTimes()
        self._kinds: dict[tuple[bool, str], KindCounts] = {}
        self._faults: dict[tuple[str, str], FaultCounts] = {}
        self._receipts: dict[object, KindCounts] = {
            kind: KindCounts(kind, entity=False, known=True) for kind in catalog.kinds if kind not in schemas.ENTITIES
        }

    def receipts(self, rows: Iterable[Row]) -> None:
        """Count receipts, rows of the canonical relation."""
        known = self._receipts.get
        for row in rows:
            self._count(known(row.kind) or self._unknown(row.kind), row)

    def entities(self, kind: str, rows: Iterable[Row]) -> None:
        """Count the entities of a kind. Where they break off, for one cannot be read, that is a fault."""
        counted = self._kinds[True, kind] = KindCounts(kind, entity=True, known=True)
        try:
            for row in rows:
                self._count(counted, row)
        except FactError as error:
            counted.count += 1
            counted.invalid += 1
            self._add(counted, None, None, _BROKEN_OFF, str(error))

    def entered(self, line: Line, number: int, table: FactTable, source: int) -> int:
        """Add the fact of a line to a table, and count it, unless it repeats one of its source; its `seq`, or 0."""
        clash = None
        if line.row is not None:
            clash = table.add(line.row, Origin(source, number, line.repeats, line.unnumbered))
        if clash is None or not clash.repeated or clash.elsewhere:
            again = clash is not None and clash.repeated
            self.line(line, f"{table.places[source][1]} {number:,}", None if again else clash)
        return line.row.seq if line.row else 0

    def line(self, line: Line, place: str, clash: Clash | None) -> None:
        """Count a line of a feed, which is a fact, or should be one; it may clash with one before it."""
        fact = line.fact or {}
        name = fact.get("kind")
        if name in schemas.ENTITIES:
            kind = self._kinds.setdefault((True, str(name)), KindCounts(str(name), entity=True, known=True))
        else:
            known = self._receipts.get(name) if isinstance(name, str) else None
            kind = known or self._unknown("(no kind)" if name is None else name)
        kind.count += 1
        if line.row is not None and clash is None:
            self._note(line.row, fact)
            return
        kind.invalid += 1
        if clash is not None:
            self._add(kind, fact.get("id"), None, clash.fault, f"{place}: {clash.message}")
            return
        for fault, message in _told(line.faults):
            self._add(kind, fact.get("id"), None, fault, f"{place}: {message}")

    def contradiction(self, row: Row, where: str) -> None:
        """Count that a receipt, which was counted, contradicts another source."""
        kind = self._receipts.get(row.kind) or self._unknown(row.kind)
        kind.invalid += 1
        self._add(kind, row.id, row.seq, "it contradicts another of its id", f"it contradicts {where}")

    def cut_off(self) -> None:
        """Count that a feed ends before its last line."""
        kind = self._unknown("(last line)")
        kind.invalid += 1
        self._add(kind, None, None, _CUT_OFF, _CUT_OFF)

    def verification(
        self, ledger: str, head: int, absent: dict[str, str], damage: tuple[str, ...] = ()
    ) -> Verification:
        """What was counted."""
        known = (kind for kind in self._receipts.values() if kind.count)
        receipts = sorted([*known, *(kind for kind in self._kinds.values() if not kind.entity)], key=_name)
        entities = [kind for kind in self._kinds.values() if kind.entity]
        invalid = sum(kind.invalid for kind in (*receipts, *entities))
        counted = sum(kind.count for kind in receipts)
        return Verification(
            ledger=ledger,
            head=head,
            valid=False if invalid or damage else True if counted else None,
            receipts=counted,
            entities=sum(kind.count for kind in entities),
            invalid=invalid,
            kinds=(*receipts, *entities),
            damage=damage,
            absent=absent,
            faults=tuple(self._faults.values()),
            ahead=None if self._clock is None else self._ahead,
        )

    def _unknown(self, kind: object) -> KindCounts:
        """The count of a kind of receipts that has no schema."""
        name = _cut(kind)
        if (False, name) not in self._kinds and sum(not entity for entity, _ in self._kinds) >= MOST:
            name = OTHERS
        return self._kinds.setdefault((False, name), KindCounts(name, entity=False, known=False))

    def _count(self, kind: KindCounts, row: Row) -> None:
        kind.count += 1
        made, wrong = document(row)
        if row.actor is None and not kind.entity:  # its document is then that of an entity, without a correlation
            wrong = (*wrong, schemas.Violation((), "it has no actor"))
        wrong = wrong or schemas.faults(self._catalog, kind.kind if kind.known else None, made)
        if wrong:
            kind.invalid += 1
            for fault, message in _told(wrong):
                self._add(kind, row.id, row.seq, fault, message)
        else:
            self._note(row, made)

    def _note(self, row: Row, made: dict[str, Any]) -> None:
        """Count a valid fact if it carries a time later than the clock. Most receipts need no further check."""
        if self._clock is None or self._second is None or (row.at < self._second and row.kind not in schemas.ENTITIES):
            return
        stamp = newest(replace(row, instant=parse_instant(row.at)), made)
        if stamp is not None and stamp.at > self._clock:
            self._ahead.count += 1
            if len(self._ahead.first) < FIRST:
                self._ahead.first.append(Example(_cut(row.id), row.seq, stamp.ahead_of(self._clock)))

    def _add(self, kind: KindCounts, identity: object, seq: int | None, fault: str, message: str) -> None:
        key = (kind.kind, fault)
        if key not in self._faults and len(self._faults) >= MOST:
            key = (OTHERS, "further faults not listed")
        found = self._faults.setdefault(key, FaultCounts(*key))
        found.count += 1
        if len(found.first) < FIRST:
            found.first.append(Example(None if identity is None else _cut(identity), seq, message))


def _told(found: Iterable[schemas.Violation]) -> Iterator[tuple[str, str]]:
    """Each fault, once: as it is for all values, and in words for this one."""
    seen = set()
    for violation in found:
        fault = violation.fault
        if fault not in seen:
            seen.add(fault)
            yield fault, violation.text


def _name(kind: KindCounts) -> str:
    return kind.kind


def _cut(text: object) -> str:
    """A text of the ledger, not too long to be kept, and UTF-8; a value that is none, as it is shown."""
    return text[:_LONGEST].encode(errors="backslashreplace").decode() if isinstance(text, str) else quoted_value(text)
