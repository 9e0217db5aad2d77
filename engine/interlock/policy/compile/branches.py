"""A conjunction → a `Branch`: which facts are bound, in which order, and on which pattern each test is.

Order: the environment, single selections, the facts that the rule ranges over, looked-up facts, facts that a macro
found; then what must be absent. A test belongs to the last of the facts that it reads; the others are earlier aliases.
"""

from __future__ import annotations

from typing import Literal

from interlock.model.compiled import Branch, Column, Pattern, Relation, Slot, Test
from interlock.model.expression import (
    FLIPPED,
    MapRef,
    Node,
    Operator,
    SingletonRef,
    VariableRef,
)
from interlock.policy.compile.atoms import (
    Any,
    Atom,
    Blocks,
    Conjunction,
    Equality,
    GlobalFact,
    Linear,
    Member,
    Operand,
    OperandRef,
    Presence,
    operands,
)
from interlock.policy.compile.dnf import operand_of

ENVIRONMENT = "$"
PRESENT = "present()"
"""The column of whether a fact is there: no field has that name."""
_Terms = tuple[tuple[Literal[1, -1], str], ...]


class Relations:
    """The kinds of engine facts and the columns that the branches test, in the order of their first use.

    `keys` are the paths by which maps are looked up; `singles` the relations that always hold exactly one fact, whether
    or not the selection matched: its column `PRESENT` says which.
    """

    def __init__(self, keys: dict[str, str], singles: frozenset[str]) -> None:
        self.columns: dict[str, dict[str, Column]] = {}
        self.keys, self.singles = keys, singles
        self.computed: dict[str, dict[str, Node]] = {}

    def column(self, relation: str, terms: _Terms, constant: int = 0) -> str:
        """The name of the column that holds this sum; it is added when it is new."""
        name = _name(terms, constant)
        self.columns.setdefault(relation, {}).setdefault(name, Column(name, terms, constant))
        return name

    def relation(self, name: str) -> str:
        """Note that facts of this relation are matched, whether or not a column of it is tested."""
        self.columns.setdefault(name, {})
        return name

    def compute(self, relation: str, operand: Operand) -> None:
        """Note what is evaluated of each fact of the relation, if the operand is."""
        if operand.node is not None:
            self.computed.setdefault(relation, {})[operand.path] = operand.node

    def all(self) -> tuple[Relation, ...]:
        """The relations, as the compiled policy holds them."""
        return tuple(
            Relation(name, tuple(columns.values()), self.computed.get(name, {}))
            for name, columns in self.columns.items()
        )


def _name(terms: _Terms, constant: int) -> str:
    text = "".join(("+" if sign > 0 else "-") + (path or PRESENT) for sign, path in terms).removeprefix("+")
    return text + (f"{constant:+d}" if constant else "")


class _Builder:
    """One branch being built."""

    def __init__(self, relations: Relations, loops: tuple[str, ...], atoms: Conjunction) -> None:
        self.relations = relations
        self.tests: dict[OperandRef, list[Test]] = {}
        self.order: list[OperandRef] = []
        self.absent: list[Pattern] = []
        self.found: dict[VariableRef, str] = {}
        places = [place for atom in atoms for place in _places(atom)]
        wanted = dict.fromkeys([*places, *(p for place in places for p in _key_places(place))])
        self.order += [place for place in wanted if isinstance(place, GlobalFact)]
        self.order += [place for place in wanted if isinstance(place, SingletonRef)]
        self.order += [VariableRef(name) for name in loops]
        self.order += [place for place in wanted if isinstance(place, MapRef)]
        for place in self.order:
            self.tests[place] = self.own_tests(place)

    # -- naming

    def alias(self, place: OperandRef) -> str:
        match place:
            case GlobalFact():
                return ENVIRONMENT
            case SingletonRef():
                return f"{place.selection}!"
            case VariableRef():
                return f"{place.name}#{len(self.absent)}" if place in self.found else place.name
            case MapRef():
                return f"{place.selection}[{_key_text(place.key)}]"

    def relation_of(self, place: OperandRef) -> str:
        match place:
            case GlobalFact():
                return self.relations.relation(ENVIRONMENT)
            case VariableRef():
                return self.relations.relation(self.found.get(place, place.name))
            case _:
                return self.relations.relation(place.selection)

    # -- tests

    def own_tests(self, place: OperandRef) -> list[Test]:
        """What binding a fact asks of it by itself: a looked-up fact has the key, a ranged-over one is there."""
        if isinstance(place, MapRef):
            return [self.key_test(place)]
        if isinstance(place, VariableRef) and place.name in self.relations.singles:
            return [Test(self.plain(place, ""), "==", 1)]
        return []

    def key_test(self, place: MapRef) -> Test:
        return self.same(place, "", operand_of(place.key), True)

    def same(self, own: OperandRef, path: str, other: Operand, equal: bool) -> Test:
        field = self.key_column(own) if path == "" and isinstance(own, MapRef) else self.plain(own, path)
        op: Operator = "==" if equal else "!="
        if other.place is None:
            return Test(field, op, other.constant)
        return Test(field, op, slots=((1, Slot(self.alias(other.place), self.plain(other.place, other.path))),))

    def plain(self, place: OperandRef, path: str) -> str:
        return self.relations.column(self.relation_of(place), ((1, path),))

    def key_column(self, place: MapRef) -> str:
        return self.relations.column(place.selection, ((1, self.relations.keys[place.selection]),))

    def compute(self, atom: Atom) -> None:
        """Note what an atom reads that is not a field."""
        for operand in operands(atom):
            if operand.place is not None and operand.node is not None:
                self.relations.compute(self.relation_of(operand.place), operand)

    def add(self, atom: Atom) -> None:
        self.compute(atom)
        match atom:
            case Equality():
                own, test = self.same_test(atom, self.order)
                self.tests[own].append(test)
            case Linear():
                own, tests = self.linear_tests(atom, self.order)
                for place, test in tests:
                    self.tests[place].append(test)
            case Presence(place=SingletonRef() as place):
                self.tests[place].append(Test(self.plain(place, ""), "==", 1 if atom.there else None))
            case Presence(place=MapRef() as place) if not atom.there:
                self.absent.append(Pattern(f"no {self.alias(place)}", place.selection, (self.key_test(place),), True))
                self.relations.relation(place.selection)
            case Any():
                self.any(atom)
            case Member():
                self.member(atom)

    def same_test(self, atom: Equality, order: list[OperandRef]) -> tuple[OperandRef, Test]:
        left, right = atom.left, atom.right
        if left.place is None or (right.place is not None and order.index(right.place) > order.index(left.place)):
            left, right = right, left
        assert left.place is not None
        return left.place, self.same(left.place, left.path, right, atom.equal)

    def linear_tests(self, atom: Linear, order: list[OperandRef]) -> tuple[OperandRef, list[tuple[OperandRef, Test]]]:
        """The comparison on the last fact that it reads, and that fields it could be misled by are not null."""
        groups: dict[OperandRef, list[tuple[Literal[1, -1], Operand]]] = {}
        for sign, operand in atom.terms:
            assert operand.place is not None
            groups.setdefault(operand.place, []).append((sign, operand))
        own = max(groups, key=order.index)
        turned = all(sign < 0 for sign, _ in groups[own])
        op: Operator = FLIPPED[atom.op] if turned else atom.op
        constant = atom.constant if turned else -atom.constant
        field = self.sum_column(own, groups[own], -1 if turned else 1)
        others = [place for place in groups if place != own]
        exact = op in ("==", "!=") or len(others) > 1
        tests = [(place, self.not_null(place, groups[place])) for place in groups if exact and _nullable(groups[place])]
        if not others:
            return own, [*tests, (own, Test(field, op, constant))]
        side = 1 if turned else -1
        if len(others) == 1:
            slot = Slot(self.alias(others[0]), self.sum_column(others[0], groups[others[0]], side, constant))
            return own, [*tests, (own, Test(field, op, slots=((1, slot),)))]
        slots = tuple(self.signed_slot(place, groups[place], side) for place in others)
        return own, [*tests, (own, Test(field, op, constant, slots))]

    def signed_slot(
        self, place: OperandRef, terms: list[tuple[Literal[1, -1], Operand]], side: int
    ) -> tuple[Literal[1, -1], Slot]:
        """A fact's part of a sum of three or more: a lone field keeps its name, and the sign goes before it."""
        lone = terms[0][0] if len(terms) == 1 else 1
        return (1 if side * lone > 0 else -1), Slot(self.alias(place), self.sum_column(place, terms, lone))

    def sum_column(
        self, place: OperandRef, terms: list[tuple[Literal[1, -1], Operand]], sign: int, constant: int = 0
    ) -> str:
        signed: _Terms = tuple((1 if s * sign > 0 else -1, operand.path) for s, operand in terms)
        return self.relations.column(self.relation_of(place), tuple(sorted(signed, key=lambda t: -t[0])), constant)

    def not_null(self, place: OperandRef, terms: list[tuple[Literal[1, -1], Operand]]) -> Test:
        """On the very column that a slot reads: rete asks that each is shown not to be null."""
        return Test(self.signed_slot(place, terms, 1)[1].field, "!=", None)

    # -- macros and lists

    def any(self, atom: Any) -> None:
        variable = VariableRef(atom.variable)
        self.found[variable] = atom.selection
        order = [*self.order, variable]
        tests: list[Test] = []
        for test in atom.tests:
            self.compute(test)
            if isinstance(test, Equality):
                tests.append(self.same_test(test, order)[1])
                continue
            for place, placed in self.linear_tests(test, order)[1]:
                (tests if place == variable else self.tests[place]).append(placed)
        self.absent.append(Pattern(self.alias(variable), self.relation_of(variable), tuple(tests), not atom.found))
        del self.found[variable]

    def member(self, atom: Member) -> None:
        relation = f"{ENVIRONMENT}params.{atom.param}"
        field = self.relations.column(relation, ((1, "value"),))
        item = atom.item
        if item.place is None:
            test = Test(field, "==", item.constant)
        else:
            test = Test(field, "==", slots=((1, Slot(self.alias(item.place), self.plain(item.place, item.path))),))
        self.absent.append(Pattern(f"{relation}#{len(self.absent)}", relation, (test,), not atom.found))

    def patterns(self) -> tuple[Pattern, ...]:
        bound = [Pattern(self.alias(p), self.relation_of(p), tuple(dict.fromkeys(self.tests[p]))) for p in self.order]
        found = [pattern for pattern in self.absent if not pattern.negated]
        return (*bound, *found, *(pattern for pattern in self.absent if pattern.negated))


def branch(
    relations: Relations, atoms: Conjunction, loops: tuple[str, ...], target: int, *, decides: bool = False
) -> Branch:
    """The branch of one conjunction."""
    builder = _Builder(relations, loops, atoms)
    blocked = next((atom.blocked for atom in atoms if isinstance(atom, Blocks)), None)
    for atom in atoms:
        builder.add(atom)
    return Branch(target, builder.patterns(), loops, decides, blocked)


def _places(atom: Atom) -> list[OperandRef]:
    """The facts that an atom binds; an absent lookup is not bound, a macro's own variable neither."""
    match atom:
        case Presence(place=MapRef() as place) if not atom.there:
            return _key_places(place)
        case Presence():
            return [atom.place]
        case Any():
            own = VariableRef(atom.variable)
            return [place for test in atom.tests for place in _places(test) if place != own]
    return [operand.place for operand in operands(atom) if operand.place is not None]


def _key_places(place: OperandRef) -> list[OperandRef]:
    if not isinstance(place, MapRef):
        return []
    operand = operand_of(place.key)
    return [operand.place] if operand.place is not None else []


def _key_text(key: Node) -> str:
    operand = operand_of(key)
    match operand.place:
        case None:
            return repr(operand.constant)
        case VariableRef(name=name):
            return f"{name}.{operand.path}"
        case SingletonRef(selection=selection):
            return f"{selection}!.{operand.path}"
    return f"{ENVIRONMENT}.{operand.path}"


def _nullable(terms: list[tuple[Literal[1, -1], Operand]]) -> bool:
    return any(operand.nullable for _, operand in terms)
