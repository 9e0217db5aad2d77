"""A condition → its disjunctive form: alternatives, each a conjunction that one set of patterns can test.

Negation is driven inwards, so what is left has no `!`. The language is two-valued: the opposite of an ordering with a
null is true, so each negated ordering of fields that may be null has alternatives of its own for them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from interlock.model.expression import (
    OPPOSITE,
    Blocked,
    Compare,
    Constant,
    Exists,
    Field,
    In,
    Logic,
    MapRef,
    Node,
    Not,
    Now,
    Param,
    Present,
    Sum,
    TaskId,
    Type,
    VariableRef,
    type_of,
)
from interlock.policy.compile.atoms import (
    NO,
    YES,
    Any,
    Atom,
    Blocks,
    Disjunction,
    Equality,
    GlobalFact,
    Linear,
    Member,
    Operand,
    Presence,
    both,
    either,
    negated,
    operands,
)
from interlock.policy.compile.derived import Evaluated, UnsupportedCondition, engine_form, evaluated_whole


def disjunction(node: Node) -> Disjunction:
    """The ways for the condition to hold. Raises UnsupportedCondition."""
    return _ways(engine_form(node), True)


def evaluated(node: Node) -> Disjunction | None:
    """That the condition holds, as it is evaluated of one fact; None where it reads several, or `blocked`."""
    whole = evaluated_whole(node)
    return None if whole is None else _ways(whole, True)


def _ways(node: Node, holds: bool) -> Disjunction:
    """The ways for the condition to hold (or, with `holds` False, not to hold)."""
    match node:
        case Logic():
            join = both if (node.op == "&&") is holds else either
            found = _ways(node.items[0], holds)
            for item in node.items[1:]:
                found = join(found, _ways(item, holds))
            return found
        case Not():
            return _ways(node.item, not holds)
        case Constant():
            return YES if (node.value is True) is holds else NO
        case Present(groups=True):  # every fact has a `seq`, but those of absent groups
            return comparison_terms(
                Compare("!=", Field(node.of, "seq", Type("int")), Constant(None, Type("null"))), holds
            )
        case Present(of=VariableRef()):
            return YES if holds else NO
        case Present():
            return [(Presence(node.of, holds),)]
        case Blocked():
            return [(Blocks(holds),)]
        case Compare():
            return comparison_terms(node, holds)
        case In():
            return _contained(node, holds)
        case Exists():
            return _some(node, holds)
    raise AssertionError(f"not a condition: {node!r}")


# -- membership and macros


def _contained(node: In, holds: bool) -> Disjunction:
    if node.param:
        item = operand_of(node.item)
        atom = Member(item, node.param, holds)
        if not isinstance(item.place, MapRef):
            return [(atom,)]
        there: Disjunction = [(Presence(item.place, True), atom)]
        return there if holds else either(there, [(Presence(item.place, False),)])
    found = NO if holds else YES
    for member in node.members:
        same = comparison_terms(Compare("==", node.item, member), holds)
        found = either(found, same) if holds else both(found, same)
    return found


def _some(node: Exists, holds: bool) -> Disjunction:
    """`exists`: some alternative has a match; its opposite: no alternative has."""
    found = NO if holds else YES
    for branch in _ways(node.condition, True):
        outer = tuple(atom for atom in branch if not _reads(atom, node.variable))
        tests = tuple(atom for atom in branch if _reads(atom, node.variable))
        if any(not isinstance(atom, Equality | Linear) for atom in tests):
            message = f"`{node.variable}` is looked up in a list parameter inside `exists`"
            raise UnsupportedCondition(message, "narrow the selection with that condition in its `where`")
        some = Any(node.selection, node.variable, tests, holds)  # type: ignore[arg-type]
        if holds:
            found = either(found, both([outer], [(some,)]))
        else:
            numbers = _outer(tests, node.variable)  # a null makes a test false, so that no fact meets it
            none = either(some_null(numbers), both(_none_null(numbers), [(some,)]))
            found = both(found, either(_opposite(outer), none))
    return found


def _outer(tests: tuple[Atom, ...], variable: str) -> list[Operand]:
    """The fields of other facts that the numeric tests of a macro read and that may be null."""
    read = dict.fromkeys(operand for test in tests if isinstance(test, Linear) for operand in operands(test))
    return [operand for operand in read if operand.nullable and operand.place != VariableRef(variable)]


def _opposite(atoms: tuple[Atom, ...]) -> Disjunction:
    """The ways for a conjunction of atoms not to hold."""
    found = NO
    for atom in atoms:
        match atom:
            case Linear():
                opposite = settled(Linear(atom.terms, atom.constant, OPPOSITE[atom.op]))
                found = either(found, some_null(operands(atom), opposite))
            case Equality() | Presence() | Member() | Blocks():
                found = either(found, [(negated(atom),)])
    return found


def _reads(atom: Atom, variable: str) -> bool:
    return any(operand.place == VariableRef(variable) for operand in operands(atom))


Terms = list[tuple[Literal[1, -1], Operand]]


def comparison_terms(node: Compare, holds: bool) -> Disjunction:
    """The ways for a comparison to hold (or, with `holds` False, not to hold)."""
    op = node.op if holds or node.op not in ("==", "!=") else OPPOSITE[node.op]
    if op in ("==", "!="):
        if isinstance(node.left, Sum) or isinstance(node.right, Sum):
            return _same_sums(node.left, node.right, op == "==")
        return equality(operand_of(node.left), operand_of(node.right), op == "==")
    terms, constant = _linear(node.left, node.right)
    if terms is None:
        return NO if holds else YES
    if holds:
        return settled(Linear(tuple(terms), constant, op))
    found = settled(Linear(tuple(terms), constant, OPPOSITE[op]))
    return some_null(_fields(terms), found)


def some_null(read: Iterable[Operand], found: Disjunction = NO) -> Disjunction:
    """`found`, or some operand is null."""
    for operand in read:
        if operand.nullable:
            found = either(found, equality(operand, Operand(None), True))
    return found


def _none_null(read: Iterable[Operand]) -> Disjunction:
    found = YES
    for operand in read:
        if operand.nullable:
            found = both(found, equality(operand, Operand(None), False))
    return found


def operand_of(node: Node) -> Operand:
    """A field, parameter or constant as atoms name it."""
    if isinstance(node, Evaluated):
        return node.operand()
    match node:
        case Field():
            return Operand(node.of, node.path, nullable=node.type.nullable or isinstance(node.of, MapRef))
        case Constant():
            assert not isinstance(node.value, float)
            return Operand(None, constant=node.value, nullable=node.value is None)
        case Param():
            return Operand(GlobalFact(), f"params.{node.name}", nullable=node.type.nullable)
        case Now():
            return Operand(GlobalFact(), "now", nullable=False)
        case TaskId():
            return Operand(GlobalFact(), "task", nullable=False)
    raise AssertionError(f"not an operand: {node!r}")


def equality(left: Operand, right: Operand, equal: bool) -> Disjunction:
    """The ways for two operands to be equal (or not); an absent lookup's fields are null."""
    if isinstance(left.place, MapRef):
        return _by_lookup(left.place, Equality(left, right, equal), equality(Operand(None), right, equal))
    if isinstance(right.place, MapRef):
        return _by_lookup(right.place, Equality(left, right, equal), equality(left, Operand(None), equal))
    return _same_plain(left, right, equal)


def _same_plain(left: Operand, right: Operand, equal: bool) -> Disjunction:
    if left.place is None and right.place is None:
        return YES if (left.constant == right.constant) is equal else NO
    if left == right:
        return YES if equal else NO
    if left.place is None:
        left, right = right, left
    if right.place is None and right.constant is None and not left.nullable:
        return NO if equal else YES
    return [(Equality(left, right, equal),)]


def _by_lookup(place: MapRef, atom: Equality, absent: Disjunction) -> Disjunction:
    other = atom.right if atom.left.place == place else atom.left
    there: Disjunction = [(Presence(place, True), atom)]
    if isinstance(other.place, MapRef) and other.place != place:
        there = both(there, [(Presence(other.place, True),)])
        own = atom.left if atom.left.place == place else atom.right
        alone = _same_plain(own, Operand(None), atom.equal)
        there = either(there, both([(Presence(place, True), Presence(other.place, False))], alone))
    return either(there, both([(Presence(place, False),)], absent))


def _same_sums(left: Node, right: Node, equal: bool) -> Disjunction:
    """Equality of sums: both null, or neither and the numbers agree; the opposite, spelt out."""
    mine, its = _terms(left), _terms(right)
    terms, constant = _linear(left, right)
    numbers = settled(Linear(tuple(terms or ()), constant, "==" if equal else "!=")) if terms is not None else NO
    null_left, null_right = (YES if side is None else some_null(_fields(side)) for side in (mine, its))
    if equal:
        return either(numbers, both(null_left, null_right))
    there_left, there_right = (NO if side is None else _none_null(_fields(side)) for side in (mine, its))
    return either(numbers, either(both(null_left, there_right), both(there_left, null_right)))


def _terms(node: Node) -> Terms | None:
    """The signed fields of one side; None when a written null makes it null."""
    terms, _ = _linear(node, Constant(0, type_of(node)))
    return terms


def _fields(terms: Iterable[tuple[Literal[1, -1], Operand]]) -> list[Operand]:
    return [operand for _, operand in terms]


def _linear(left: Node, right: Node) -> tuple[Terms | None, int]:
    """`left - right` as signed fields and a constant; None for the fields when a written null is among them."""
    terms: Terms = []
    constant = 0
    waiting: list[tuple[Literal[1, -1], Node]] = [(1, left), (-1, right)]
    while waiting:
        sign, node = waiting.pop(0)
        if isinstance(node, Sum):
            second: Literal[1, -1] = sign if node.op == "+" else (-1 if sign == 1 else 1)
            waiting = [(sign, node.left), (second, node.right), *waiting]
        elif isinstance(node, Constant):
            if not isinstance(node.value, int):
                return None, 0
            constant += sign * node.value
        else:
            terms.append((sign, operand_of(node)))
    return terms, constant


def settled(atom: Linear) -> Disjunction:
    """The comparison with what it needs: every lookup that it reads must be there."""
    if not atom.terms:
        left = atom.constant
        truth = {"==": left == 0, "!=": left != 0, "<": left < 0, "<=": left <= 0, ">": left > 0, ">=": left >= 0}
        return YES if truth[atom.op] else NO
    lookups = dict.fromkeys(operand.place for _, operand in atom.terms if isinstance(operand.place, MapRef))
    return [(*(Presence(place, True) for place in lookups), atom)]
