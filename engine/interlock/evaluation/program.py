"""Judging by the rules engine: engine facts for every relation, stratum after stratum, matches back to firings."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from interlock.diagnostics import EngineError
from interlock.evaluation.holding import Holds
from interlock.evaluation.rete import Match, Ruleset
from interlock.language.evaluate import Environment, Failure, evaluate, outcome
from interlock.language.walk import selections
from interlock.model.compiled import Column, CompiledPolicy, Relation
from interlock.model.decision import Firing, Verdict
from interlock.model.facts import Fact, Json, Value, in_order
from interlock.model.policy import Rule

_Rows = list[dict[str, Value]]
MAX_DERIVED = 2_000
"""The most facts that may be derived under one name."""
MAX_ROUNDS = 100
"""The most times that a recursive stratum is run over what it derived before."""


class Program:
    """A compiled policy's rulesets, built once and used for every decision."""

    def __init__(self, compiled: CompiledPolicy) -> None:
        self.compiled = compiled
        self.rulesets = [Ruleset(compiled.relations, stratum) for stratum in compiled.strata]
        policy = compiled.policy
        self.singles = {s.name for s in policy.selections if s.shape == "single"}
        self.singles |= {need.name for need in policy.needs if need.tasks is None}
        self._derives = any(rule.derive for rule in policy.rules)
        branches = [branch for stratum in compiled.strata for branch in stratum.branches]
        self.ranged = {p.relation for branch in branches for p in branch.patterns if p.alias in branch.loops}

    def judge(self, known: Environment, waived: Collection[str] = (), holds: Holds | None = None) -> Verdict:
        """Judge by the rules; those whose ids are `waived` fire as ever, and do not block.

        The engine finds which conditions hold; `holds` says which of them have held for long enough.

        Raises EngineError when the engine cannot be used safely, or broke its contract.
        """
        policy = self.compiled.policy
        derived: dict[str, tuple[Fact, ...]] = {rule.derive: () for rule in policy.rules if rule.derive}
        facts: dict[str, Sequence[Fact]] = {**known.facts, **derived}
        known = Environment(known.now, known.task, known.params, facts, known.maps)
        rows = {relation.name: self.rows(relation, known, facts) for relation in self.compiled.relations}
        firings: dict[tuple[object, ...], Firing] = {}
        lines: list[Match] = []
        for ruleset, stratum in zip(self.rulesets, self.compiled.strata, strict=True):
            for match in self.settled(ruleset, known, facts, rows, recursive=stratum.recursive):
                if match.decides:
                    lines.append(match)
                else:
                    firing = self.firing(match, facts)
                    firings[firing.identity()] = firing
        fired = [each for each in firings.values() if holds is None or holds.fires(each.rule, each.facts)]
        return self.verdict(fired, lines, facts, waived, holds)

    def settled(
        self,
        ruleset: Ruleset,
        known: Environment,
        facts: dict[str, Sequence[Fact]],
        rows: dict[str, _Rows],
        *,
        recursive: bool,
    ) -> list[Match]:
        """The matches of a ruleset; what it derives is added to `facts` and `rows`, until nothing new is derived."""
        grown: list[str] = []
        for _ in range(MAX_ROUNDS):
            matches = ruleset.run(rows)
            if not self._derives:
                return matches
            here = Environment(known.now, known.task, known.params, facts, known.maps)
            made = self.derive([match for match in matches if not match.decides], here)
            grown = [name for name, all_of_it in made.items() if len(all_of_it) > len(facts[name])]
            facts.update({name: made[name] for name in grown})
            if grown:
                changed = [each for each in self.compiled.relations if _rests_on(each, grown)]
                rows.update({each.name: self.rows(each, here, facts) for each in changed})
            if not (grown and recursive):
                return matches
        raise EngineError(f"`{grown[-1]}` derives further facts after {MAX_ROUNDS} rounds: the recursion does not end")

    def rows(self, relation: Relation, known: Environment, facts: Mapping[str, Sequence[Fact]]) -> _Rows:
        """The engine facts of a relation. A single selection always has one; where it is absent, all null."""
        if relation.name == "$":
            given = {f"params.{k}": True if isinstance(v, tuple) else v for k, v in known.params.items()}
            fields: dict[str, Value] = {"now": known.now, "task": known.task, **given}
            return [_row(relation.columns, fields | _computed(relation, known))]
        if relation.name.startswith("$params."):
            listed = known.params[relation.name.removeprefix("$params.")]
            return [{"value": member} for member in (listed if isinstance(listed, tuple) else ())]
        selected = facts[relation.name]
        if not selected and relation.name in self.singles:
            return [{column.name: None for column in relation.columns}]
        if relation.computed:
            looks = [(fact, _computed(relation, known.bind("", fact))) for fact in selected]
            rows = [_row(relation.columns, fact.fields | made) for fact, made in looks]
        else:
            rows = [_row(relation.columns, fact.fields) for fact in selected]
        # Where no rule ranges over the facts, only what is tested of them counts: equal ones are one.
        return rows if relation.name in self.ranged else list({tuple(row.values()): row for row in rows}.values())

    def derive(self, matches: list[Match], known: Environment) -> dict[str, tuple[Fact, ...]]:
        """The derived facts of every name that some match adds to, old and new, in their order."""
        found: dict[str, dict[tuple[object, ...], Fact]] = {}
        for match in matches:
            rule = self.compiled.policy.rules[match.target]
            if rule.derive is None:
                continue
            if rule.derive not in found:
                found[rule.derive] = {fact.identity(): fact for fact in known.facts[rule.derive]}
            known_facts = found[rule.derive]
            here = known.ranging(rule.loops, self.firing(match, known.facts).facts)
            made = Fact(rule.derive, {field: evaluate(node, here) for field, node in rule.values.items()})
            known_facts[made.identity()] = made
            if len(known_facts) > MAX_DERIVED:
                raise EngineError(
                    f"`{rule.derive}` derives more than {MAX_DERIVED:,} facts: the recursion does not end"
                )
        return {name: tuple(in_order(list(facts.values()))) for name, facts in found.items()}

    def firing(self, match: Match, facts: Mapping[str, Sequence[Fact]]) -> Firing:
        """The firing of a match: the facts that its rule ranged over."""
        rule = self.compiled.policy.rules[match.target]
        return Firing(match.target, tuple(facts[n][i] for n, i in zip(rule.loops, match.loops, strict=True)))

    def verdict(
        self,
        firings: list[Firing],
        lines: list[Match],
        facts: Mapping[str, Sequence[Fact]],
        waived: Collection[str],
        holds: Holds | None,
    ) -> Verdict:
        """All firings in their order, and the first line that holds now that it is known whether some rule blocked."""
        rules = self.compiled.policy.rules
        blocking = {index for index, rule in enumerate(rules) if rule.effect == "block" and rule.id not in waived}
        blocked = any(firing.rule in blocking for firing in firings)
        holding = sorted({match.target for match in lines if match.blocked in (None, blocked)})
        line = next((index for index in holding if holds is None or holds.takes(index)), None)
        if line is None:
            raise EngineError("the rules engine found no line of `decide` that holds")
        derived = {rule.derive: tuple(facts[rule.derive]) for rule in rules if rule.derive}
        return Verdict(_sorted(firings, rules, facts), derived, line)


def _sorted(firings: list[Firing], rules: tuple[Rule, ...], facts: Mapping[str, Sequence[Fact]]) -> tuple[Firing, ...]:
    """In the order of the rules, and within a rule of the facts that it ranges over."""

    def order(firing: Firing) -> tuple[int, list[int]]:
        loops = rules[firing.rule].loops
        return firing.rule, [facts[name].index(fact) for name, fact in zip(loops, firing.facts, strict=True)]

    return tuple(sorted(firings, key=order))


def _rests_on(relation: Relation, grown: Collection[str]) -> bool:
    """Whether the facts of a relation, or what is evaluated of them, are others where there are more of those."""
    return relation.name in grown or any(
        name in grown for node in relation.computed.values() for name in selections(node)
    )


def _computed(relation: Relation, known: Environment) -> dict[str, Value]:
    """What is evaluated of a fact. What has no value is null: no verdict rests on it, since then there is none."""
    found = {path: outcome(node, known) for path, node in relation.computed.items()}
    return {path: None if isinstance(value, Failure) else value for path, value in found.items()}


def _row(columns: tuple[Column, ...], fields: Mapping[str, Value]) -> dict[str, Value]:
    return {column.name: _cell(column, fields) for column in columns}


_WITHOUT_COLUMN = (Json, tuple, dict, float)
"""Values that the engine does not compare: it knows that they are there."""


def _cell(column: Column, fields: Mapping[str, Value]) -> Value:
    """A column's value: the field itself, or the sum of the fact's own fields; null if any of them is."""
    sign, path = column.terms[0]
    if len(column.terms) == 1 and sign == 1 and not column.constant:
        value = fields.get(path) if path else 1
        return True if isinstance(value, _WITHOUT_COLUMN) else value
    total = column.constant
    for sign, path in column.terms:
        value = fields.get(path)
        if not isinstance(value, int):
            return None
        total += sign * value
    return total
