"""A condition → its disjunctive form: alternatives, each a conjunction that one set of patterns can test.

Negation is driven inwards, so what is left has no `!`. The language is two-valued: the opposite of an ordering with a
null is true, so each negated ordering of fields that may be null has alternatives of its own for them.
"""

from __future__ import annotations

from interlock.compiler.comparisons import OPPOSITE, compare, operand_of, or_null, same, settled
from interlock.compiler.literals import (
    NO,
    YES,
    Any,
    Blocks,
    Disjunction,
    Linear,
    Member,
    Operand,
    Same,
    There,
    both,
    either,
)
from interlock.model.expression import (
    Blocked,
    Compare,
    Constant,
    Contained,
    Field,
    Logic,
    Lookup,
    Node,
    Not,
    Present,
    Some,
    Type,
    Variable,
)


class Refused(Exception):
    """The condition is in the language but cannot be brought into the engine's form; says why and what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


def disjunction(node: Node, holds: bool = True) -> Disjunction:
    """The ways for the condition to hold (or, with `holds` False, not to hold)."""
    match node:
        case Logic():
            join = both if (node.op == "&&") is holds else either
            found = disjunction(node.items[0], holds)
            for item in node.items[1:]:
                found = join(found, disjunction(item, holds))
            return found
        case Not():
            return disjunction(node.item, not holds)
        case Constant():
            return YES if (node.value is True) is holds else NO
        case Present(groups=True):  # every fact has a `seq`, but those of absent groups
            return compare(Compare("!=", Field(node.of, "seq", Type("int")), Constant(None, Type("null"))), holds)
        case Present():
            return YES if isinstance(node.of, Variable) and holds else _present(node, holds)
        case Blocked():
            return [(Blocks(holds),)]
        case Compare():
            return compare(node, holds)
        case Contained():
            return _contained(node, holds)
        case Some():
            return _some(node, holds)
    raise AssertionError(f"not a condition: {node!r}")


def _present(node: Present, holds: bool) -> Disjunction:
    return NO if isinstance(node.of, Variable) else [(There(node.of, holds),)]


# -- membership and macros


def _contained(node: Contained, holds: bool) -> Disjunction:
    if node.param:
        item = operand_of(node.item)
        atom = Member(item, node.param, holds)
        if not isinstance(item.place, Lookup):
            return [(atom,)]
        there: Disjunction = [(There(item.place, True), atom)]
        return there if holds else either(there, [(There(item.place, False),)])
    found = NO if holds else YES
    for member in node.members:
        same = compare(Compare("==", node.item, member), holds)
        found = either(found, same) if holds else both(found, same)
    return found


def _some(node: Some, holds: bool) -> Disjunction:
    """`exists`: some alternative has a match; its opposite: no alternative has."""
    found = NO if holds else YES
    for branch in disjunction(node.condition):
        outer = tuple(atom for atom in branch if not _reads(atom, node.variable))
        tests = tuple(atom for atom in branch if _reads(atom, node.variable))
        if any(not isinstance(atom, Same | Linear) for atom in tests):
            message = f"`{node.variable}` is looked up in a list parameter inside `exists`"
            raise Refused(message, "narrow the selection with that condition in its `where`")
        some = Any(node.selection, node.variable, tests, holds)  # type: ignore[arg-type]
        if holds:
            found = either(found, both([outer], [(some,)]))
        else:
            none = either(_outer_null(tests, node.variable), both(_outer_there(tests, node.variable), [(some,)]))
            found = both(found, either(_opposite(outer), none))
    return found


def _outer(tests: tuple[object, ...], variable: str) -> list[Operand]:
    """The fields of other facts that the numeric tests of a macro read and that may be null."""
    here = Variable(variable)
    operands = [operand for test in tests if isinstance(test, Linear) for _, operand in test.terms]
    return [operand for operand in dict.fromkeys(operands) if operand.nullable and operand.place != here]


def _outer_null(tests: tuple[object, ...], variable: str) -> Disjunction:
    """A null outside makes a numeric test false, so that no fact meets it: decided before the facts are looked at."""
    found = NO
    for operand in _outer(tests, variable):
        found = either(found, same(operand, Operand(None), True))
    return found


def _outer_there(tests: tuple[object, ...], variable: str) -> Disjunction:
    found = YES
    for operand in _outer(tests, variable):
        found = both(found, same(operand, Operand(None), False))
    return found


def _opposite(atoms: tuple[object, ...]) -> Disjunction:
    """The ways for a conjunction of atoms not to hold."""
    found = NO
    for atom in atoms:
        match atom:
            case Same():
                found = either(found, [(Same(atom.left, atom.right, not atom.equal),)])
            case Linear():
                opposite = settled(Linear(atom.terms, atom.constant, OPPOSITE[atom.op]))
                found = either(found, or_null(list(atom.terms), opposite))
            case There():
                found = either(found, [(There(atom.place, not atom.there),)])
            case Member():
                found = either(found, [(Member(atom.item, atom.param, not atom.found),)])
            case Blocks():
                found = either(found, [(Blocks(not atom.blocked),)])
    return found


def _reads(atom: object, variable: str) -> bool:
    here = Variable(variable)
    match atom:
        case Same():
            return here in (atom.left.place, atom.right.place)
        case Linear():
            return any(operand.place == here for _, operand in atom.terms)
        case Member():
            return atom.item.place == here
    return False
