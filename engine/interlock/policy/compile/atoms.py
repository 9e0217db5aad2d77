"""What conjunctions are made of once a condition is in disjunctive form."""

from __future__ import annotations

from typing import Literal

import msgspec

from interlock.model.expression import Node, Operator, Reference


class GlobalFact(msgspec.Struct, frozen=True, tag=True, tag_field="ref"):
    """The one fact that holds `now`, `task` and the parameters."""


OperandRef = Reference | GlobalFact


class Operand(msgspec.Struct, frozen=True):
    """A field of a fact, or (with `place` None) a constant.

    With `node`, it is not a field: it is evaluated of the fact, which the expression calls `""`.
    """

    place: OperandRef | None
    path: str = ""
    constant: None | bool | int | str = None
    nullable: bool = True
    node: Node | None = None


class Equality(msgspec.Struct, frozen=True):
    """Two operands are equal, or are not. Null equals null only."""

    left: Operand
    right: Operand
    equal: bool


class Linear(msgspec.Struct, frozen=True):
    """The signed fields and the constant add up to a number in the relation `op` to 0; none is null."""

    terms: tuple[tuple[Literal[1, -1], Operand], ...]
    constant: int
    op: Operator


class Presence(msgspec.Struct, frozen=True):
    """The fact of a lookup, or of a single selection, is there or is not."""

    place: OperandRef
    there: bool


class Any(msgspec.Struct, frozen=True):
    """Some fact of the selection meets all tests (each a Same or Linear on the variable), or none does."""

    selection: str
    variable: str
    tests: tuple[Equality | Linear, ...]
    found: bool
    number: int = 0


class Member(msgspec.Struct, frozen=True):
    """The operand is among the texts of a list parameter, or is not."""

    item: Operand
    param: str
    found: bool


class Blocks(msgspec.Struct, frozen=True):
    """Some rule blocked, or none did."""

    blocked: bool


Atom = Equality | Linear | Presence | Any | Member | Blocks
Conjunction = tuple[Atom, ...]
Disjunction = list[Conjunction]


def operands(atom: Atom) -> tuple[Operand, ...]:
    """The operands of an atom; those of a macro's tests are its own."""
    match atom:
        case Equality():
            return (atom.left, atom.right)
        case Linear():
            return tuple(operand for _, operand in atom.terms)
        case Member():
            return (atom.item,)
    return ()


def negated(atom: Equality | Presence | Member | Blocks) -> Atom:
    """The atom that holds exactly where this one does not."""
    match atom:
        case Equality():
            return Equality(atom.left, atom.right, not atom.equal)
        case Presence():
            return Presence(atom.place, not atom.there)
        case Member():
            return Member(atom.item, atom.param, not atom.found)
    return Blocks(not atom.blocked)


YES: Disjunction = [()]
NO: Disjunction = []


class TooManyBranches(Exception):
    """The disjunctive form of a condition outgrew what is allowed."""


MAX_BRANCHES = 64
"""The most branches that a rule may have (`docs/design/language.md`, "What the compiler refuses or guarantees")."""


def both(first: Disjunction, second: Disjunction) -> Disjunction:
    """Every way for both to hold; contradictions fall away."""
    found: dict[Conjunction, None] = {}
    for left in first:
        for right in second:
            joined = tuple(dict.fromkeys((*left, *right)))
            if not _contradicts(joined):
                found[joined] = None
        if len(found) > MAX_BRANCHES * MAX_BRANCHES:
            raise TooManyBranches
    return _without_wider(list(found))


def either(first: Disjunction, second: Disjunction) -> Disjunction:
    """Every way for one of them to hold."""
    found = list(dict.fromkeys((*first, *second)))
    if len(found) > MAX_BRANCHES * MAX_BRANCHES:
        raise TooManyBranches
    return _without_wider(found)


def _contradicts(items: Conjunction) -> bool:
    known = set(items)
    return any(negated(item) in known for item in items if isinstance(item, Presence | Equality | Blocks))


def _without_wider(branches: Disjunction) -> Disjunction:
    """Leave out a branch that asks for all another asks for, and more: the other covers it."""
    if len(branches) > MAX_BRANCHES:
        return branches
    sets = [frozenset(branch) for branch in branches]
    return [b for i, b in enumerate(branches) if not any(other < sets[i] for other in sets)]
