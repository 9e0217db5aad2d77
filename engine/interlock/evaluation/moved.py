"""The receipts behind an entity's fields: a seat's heartbeat is the instant of the receipt that last moved it."""

from __future__ import annotations

from msgspec.structs import replace

from interlock import instant, schemas
from interlock.language.evaluate import Known
from interlock.ledger import Snapshot
from interlock.model.explanation import Cited, LineExplained, Part, RuleExplained
from interlock.model.facts import Fact
from interlock.schemas import catalog

_SQL = (
    "SELECT id FROM receipt WHERE kind = :kind AND at >= :second AND at < :second || '~' AND instant = :instant"
    " AND :entity IN (SELECT value FROM json_each(iif(json_valid(attributes), attributes, '{}'))"
    " UNION ALL SELECT value FROM json_each(iif(json_valid(correlation), correlation, '{}')))"
    " ORDER BY seq DESC LIMIT 1"
)


class Movers:
    """For the entities among the facts, the receipts that moved their fields to where they are."""

    def __init__(self, snapshot: Snapshot, known: Known) -> None:
        """Look them up. Raises LedgerError."""
        self.found: dict[tuple[str, str | None], tuple[str, Cited]] = {}
        moving = [(kind, moved) for kind in schemas.kinds() if (moved := catalog.moves(kind)) is not None]
        for fact in {fact.id: fact for facts in known.facts.values() for fact in facts if fact.id}.values():
            for kind, moved in moving:
                value = fact.fields.get(moved.field)
                if fact.kind == moved.kind and isinstance(value, int):
                    self.look_up(snapshot, fact, (kind, moved.field), value)

    def look_up(self, snapshot: Snapshot, fact: Fact, moving: tuple[str, str], value: int) -> None:
        """Note the receipt of that kind and instant."""
        kind, field = moving
        at = instant.format_instant(value)
        binds = {"kind": kind, "second": at[:19], "instant": value, "entity": fact.id}
        for (identity,) in snapshot.rows(_SQL, binds):
            self.found[fact.kind, fact.id] = (field, Cited(kind, identity, at))

    def of_rule(self, rule: RuleExplained) -> RuleExplained:
        """The rule with these receipts cited."""
        return replace(rule, cases=tuple(replace(case, part=self.of_part(case.part)) for case in rule.cases))

    def of_line(self, line: LineExplained) -> LineExplained:
        """The line with these receipts cited."""
        return line if line.part is None else replace(line, part=self.of_part(line.part))

    def of_part(self, part: Part) -> Part:
        """The part, and those inside it, with these receipts cited."""
        known = [self.found[each.kind, each.id] for each in part.receipts if (each.kind, each.id) in self.found]
        more = [receipt for field, receipt in known if any(read.name.endswith(f".{field}") for read in part.reads)]
        return replace(
            part,
            receipts=(*part.receipts, *more),
            parts=tuple(map(self.of_part, part.parts)),
            among=tuple(replace(looked, part=self.of_part(looked.part)) for looked in part.among),
        )
