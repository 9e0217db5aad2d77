"""From branches to the rules of the C module: only the constructs of docs/design/engine.md, section 6."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from interlock.diagnostics import EngineError
from interlock.evaluation.rete.encoding import (
    INT_LIMIT,
    MAX_TERMS,
    NULL_ABOVE,
    NULL_BELOW,
    EngineField,
    EngineLayout,
    Symbols,
    new_symbols,
    symbol,
    too_far,
)
from interlock.model.compiled import Branch, Pattern, Relation, Test
from interlock.model.expression import Operator

MAX_PATTERNS = 200
MAX_POSITIVE = 15
MAX_JOINS = 28

_ALWAYS_TRUE: dict[str, object] = {"$neq": {"f0": {"g": "f0"}}}
"""Closes a pattern with joins: a last join that is false sends the C module past the end of its own list."""

_SPELLING: dict[Operator, str] = {"==": "$eq", "!=": "$neq", "<": "$lt", "<=": "$lte", ">": "$gt", ">=": "$gte"}

_NULLS: dict[Operator, tuple[int, int]] = {
    "==": (NULL_ABOVE, NULL_ABOVE),
    "!=": (NULL_ABOVE, NULL_ABOVE),
    "<": (NULL_ABOVE, NULL_BELOW),
    "<=": (NULL_ABOVE, NULL_BELOW),
    ">": (NULL_BELOW, NULL_ABOVE),
    ">=": (NULL_BELOW, NULL_ABOVE),
}
"""What null is sent as: in the pattern's own field, and in what it is compared with. So an ordering is false if either
side is null, in a negated pattern too, without a further test."""

_CONSTANT, _OWN, _JOIN = range(3)
"""What a test compares its field with, in the order the C module needs."""


class PatternCandidates(msgspec.Struct, frozen=True):
    """The facts that a pattern can match, by its `==` tests: the places in a row that must hold a given
    number, and those that are joined to earlier facts."""

    relation: str
    negated: bool
    constants: tuple[tuple[int, int], ...]
    joins: tuple[int, ...]


class EngineRule(msgspec.Struct, frozen=True):
    """A branch as the C module takes it. `loops` are the relation and the C alias of each alias of `Branch.loops`."""

    branch: Branch
    patterns: list[dict[str, object]]
    candidates: tuple[PatternCandidates, ...]
    loops: tuple[tuple[str, str], ...]


class _Bound(msgspec.Struct, frozen=True):
    """A pattern, under the C module's name for it."""

    name: str
    pattern: Pattern
    layout: EngineLayout


class _Clause(msgspec.Struct, frozen=True):
    """A test of the field in `place`; `number` is the constant it is compared with."""

    rank: int
    op: Operator
    place: int
    value: object
    number: int = 0


class Translator:
    """Translates branches, and keeps account of what the facts of each relation must send for them."""

    def __init__(self, relations: tuple[Relation, ...]) -> None:
        self.layouts: dict[str, EngineLayout] = {}
        self.symbols: Symbols = new_symbols()
        self._relations = {relation.name: relation for relation in relations}

    def rule(self, branch: Branch) -> EngineRule:
        """One branch. Raises EngineError when it asks for more than the engine can hold, KeyError or ValueError when it
        names what is not there (a bug of the compiler)."""
        scope: dict[str, _Bound] = {}
        patterns: list[dict[str, object]] = []
        candidates: list[PatternCandidates] = []
        for number, pattern in enumerate(branch.patterns):
            if pattern.alias in scope:
                raise ValueError(f"two patterns are called {pattern.alias!r}")
            own = _Bound(f"n{number}" if pattern.negated else f"v{number}", pattern, self._layout(pattern.relation))
            clauses = sorted([self._clause(test, own, scope) for test in pattern.tests], key=lambda clause: clause.rank)
            patterns.append(_spell(own, clauses))
            candidates.append(_candidates(pattern, clauses))
            if not pattern.negated:
                scope[pattern.alias] = own
        _refuse(branch, "looks for", len(patterns), "facts", MAX_PATTERNS)
        _refuse(branch, "joins", len(scope), "facts", MAX_POSITIVE)
        loops = tuple([(scope[alias].pattern.relation, scope[alias].name) for alias in branch.loops])
        return EngineRule(branch, patterns, tuple(candidates), loops)

    def _layout(self, relation: str) -> EngineLayout:
        if relation not in self.layouts:
            self.layouts[relation] = EngineLayout(self._relations[relation], len(self.layouts) + 1)
        return self.layouts[relation]

    def _clause(self, test: Test, own: _Bound, scope: Mapping[str, _Bound]) -> _Clause:
        own_null, value_null = _NULLS[test.op]
        place = own.layout.place(EngineField(((1, test.field),), null=own_null), ints=_orders(test))
        if not test.slots:
            number = self._constant(test, value_null, own)
            return _Clause(_CONSTANT, test.op, place, number, number)
        mine = all(slot.alias == own.pattern.alias for _, slot in test.slots)
        return _Clause(_OWN if mine else _JOIN, test.op, place, _sum(test, value_null, own, scope))

    def _constant(self, test: Test, null: int, own: _Bound) -> int:
        if test.constant is None:
            return null
        if not isinstance(test.constant, bool | str):
            return _bounded(test.constant, test, own)
        if _orders(test):
            raise ValueError(f"{own.layout.relation}.{test.field} {test.op} {test.constant!r} compares no numbers")
        return symbol(test.constant, self.symbols)


def _sum(test: Test, null: int, own: _Bound, scope: Mapping[str, _Bound]) -> object:
    """The value of a test's slots. Those of one fact are summed before they are sent, so mostly it is one field."""
    constant = _sum_constant(test, own)
    fields: dict[str, EngineField] = {}
    for sign, slot in test.slots:
        field = fields.get(slot.alias, EngineField((), 0 if fields else constant, null))
        fields[slot.alias] = EngineField((*field.terms, (sign, slot.field)), field.constant, null)
    if own.pattern.alias in fields and len(fields) > 1:
        raise ValueError(f"a sum mixes fields of {own.pattern.alias!r} with those of other facts")
    plain = len(test.slots) == 1 and test.slots[0][0] == 1 and not constant
    total: object = None
    for alias, field in fields.items():
        bound = own if alias == own.pattern.alias else scope.get(alias)
        if bound is None:
            raise ValueError(f"{own.pattern.alias!r} reads {alias!r}, which no earlier pattern binds")
        unsure = () if len(fields) == 1 or _orders(test) else _unsure(bound.pattern, field)
        place = bound.layout.place(field, ints=_orders(test) or not plain, never_null=unsure)
        reference = {"$m" if bound is own else bound.name: f"f{place + 1}"}
        total = reference if total is None else {"$add": {"$l": total, "$r": reference}}
    return total


def _sum_constant(test: Test, own: _Bound) -> int:
    if len(test.slots) > MAX_TERMS:
        raise EngineError(
            f"`{own.layout.relation}.{test.field}` is compared with a sum of {len(test.slots)} fields, more than the "
            f"{MAX_TERMS} the rules engine can add; sum some of them in a fact of their own"
        )
    if test.constant is None:
        return 0
    if isinstance(test.constant, bool | str):
        raise ValueError(f"{test.constant!r} is part of a sum that {own.layout.relation}.{test.field} is compared with")
    return _bounded(test.constant, test, own)


def _unsure(pattern: Pattern, field: EngineField) -> tuple[str, ...]:
    """The columns of a sum that the pattern's own tests do not show to be there.

    With a null in it a sum over several facts comes out right in an ordering only: `==` needs all of them there.
    """
    shown = {test.field for test in pattern.tests if _orders(test) or (not test.slots and _excludes_null(test))}
    return tuple([column for _, column in field.terms if column not in shown])


def _excludes_null(test: Test) -> bool:
    return test.op == "!=" if test.constant is None else test.op == "=="


def _orders(test: Test) -> bool:
    return test.op != "==" and test.op != "!="


def _bounded(value: int, test: Test, own: _Bound) -> int:
    if not -INT_LIMIT < value < INT_LIMIT:
        raise too_far(value, f"what `{own.layout.relation}.{test.field}` is compared with")
    return value


def _spell(own: _Bound, clauses: list[_Clause]) -> dict[str, object]:
    tests: list[dict[str, object]] = [{"f0": own.layout.kind}]
    tests.extend([{_SPELLING[clause.op]: {f"f{clause.place + 1}": clause.value}} for clause in clauses])
    joins = [clause for clause in clauses if clause.rank == _JOIN]
    if len(joins) > MAX_JOINS:
        raise EngineError(
            f"a rule compares a fact of `{own.layout.relation}` with others {len(joins)} times, more than the "
            f"{MAX_JOINS} the rules engine can hold; split it"
        )
    if joins:
        tests.append(_ALWAYS_TRUE)
    return {f"{own.name}$not" if own.pattern.negated else own.name: {"$and": tests}}


def _candidates(pattern: Pattern, clauses: list[_Clause]) -> PatternCandidates:
    equal = [clause for clause in clauses if clause.op == "=="]
    constants = tuple([(clause.place, clause.number) for clause in equal if clause.rank == _CONSTANT])
    joins = tuple([clause.place for clause in equal if clause.rank == _JOIN])
    return PatternCandidates(pattern.relation, pattern.negated, constants, joins)


def _refuse(branch: Branch, does: str, count: int, what: str, limit: int) -> None:
    if count > limit:
        whose = "a line of `decide`" if branch.decides else "a rule"
        raise EngineError(
            f"{whose} (number {branch.target + 1}) {does} {count} {what}, more than the {limit} the rules engine can "
            "hold; split it"
        )
