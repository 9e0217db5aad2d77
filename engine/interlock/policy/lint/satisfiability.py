"""Whether a conjunction of atoms contradicts itself: what it says of each field, put together.

Fields that must be equal are one *class*; what one of them may be, all of them may. Sound, not complete: a conjunction
that is called impossible is, whatever the facts; one that is not may be impossible still.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import msgspec

from interlock.model.expression import FLIPPED, Field, Operator, Param, SingletonRef, VariableRef
from interlock.policy.compile.atoms import (
    Any,
    Atom,
    Blocks,
    Conjunction,
    Equality,
    Linear,
    Member,
    Operand,
    OperandRef,
    Presence,
    operands,
)
from interlock.policy.compile.dnf import operand_of

Domain = tuple[bool | str, ...]
_Key = tuple[object, ...]
_NULL: _Key = ("constant", "NoneType", None)


class Closed(msgspec.Struct, frozen=True):
    """What is known of a whole policy.

    `always` are the single facts that are there in every verdict, `dead` the derived facts that never are; `blocks`
    says whether some rule may block.
    """

    always: frozenset[str]
    dead: frozenset[str]
    blocks: bool


def place_of(node: Field | Param) -> object:
    """What distinguishes a field or parameter from all others."""
    return _key(operand_of(node))


def impossible(atoms: Conjunction, closed: Closed, domains: Mapping[object, Domain], loops: tuple[str, ...]) -> bool:
    """Whether no facts meet all the atoms. `domains` are the closed sets of values, by `place_of`."""
    plain = tuple(atom for atom in atoms if not isinstance(atom, Any))
    macros = [atom for atom in atoms if isinstance(atom, Any)]
    if _contradicts(plain, closed, domains):
        return True
    for macro in macros:
        if macro.found and (macro.selection in closed.dead or _contradicts((*plain, *macro.tests), closed, domains)):
            return True
        if not macro.found and (_covers(macro, macros) or (not macro.tests and macro.selection in loops)):
            return True
    return False


def _covers(none: Any, macros: list[Any]) -> bool:
    """Whether some fact must be found that no fact may be."""
    tests = _nameless(none)
    return any(some.found and some.selection == none.selection and tests <= _nameless(some) for some in macros)


def _nameless(macro: Any) -> frozenset[object]:
    """The tests of a macro, whatever it calls the fact."""

    def renamed(operand: Operand) -> Operand:
        here = operand.place == VariableRef(macro.variable)
        return msgspec.structs.replace(operand, place=VariableRef("")) if here else operand

    return frozenset(
        Equality(renamed(test.left), renamed(test.right), test.equal)
        if isinstance(test, Equality)
        else Linear(tuple((sign, renamed(operand)) for sign, operand in test.terms), test.constant, test.op)
        for test in macro.tests
    )


def _contradicts(atoms: tuple[Atom, ...], closed: Closed, domains: Mapping[object, Domain]) -> bool:
    absent = {atom.place for atom in atoms if isinstance(atom, Presence) and not atom.there}
    present = {atom.place for atom in atoms if isinstance(atom, Presence) and atom.there}
    if absent & present or any(
        isinstance(place, SingletonRef) and place.selection in closed.always for place in absent
    ):
        return True
    if any(isinstance(atom, Blocks) and atom.blocked and not closed.blocks for atom in atoms):
        return True
    return _Classes(atoms, absent, domains).clash()


class _Classes:
    """The operands of a conjunction, in classes of those that must be equal."""

    def __init__(self, atoms: tuple[Atom, ...], absent: set[OperandRef], domains: Mapping[object, Domain]) -> None:
        self.atoms, self.domains = atoms, domains
        self.leaders: dict[_Key, _Key] = {}
        self.operands = {_key(operand): operand for atom in atoms for operand in operands(atom)}
        for atom in atoms:
            if isinstance(atom, Equality) and atom.equal:
                self.join(_key(atom.left), _key(atom.right))
        for key, operand in self.operands.items():
            if operand.place in absent:
                self.join(key, _NULL)

    def leader(self, key: _Key) -> _Key:
        while key in self.leaders:
            key = self.leaders[key]
        return key

    def join(self, left: _Key, right: _Key) -> None:
        """Make two classes one; a constant leads its class."""
        left, right = self.leader(left), self.leader(right)
        if left != right:
            first, second = (right, left) if left[0] == "constant" else (left, right)
            self.leaders[first] = second

    def clash(self) -> bool:
        """Whether some class can have no value, or the sums of some cannot be what they must be."""
        return self._split() or any(self._without_value(key) for key in self.operands) or self._out_of_bounds()

    def _split(self) -> bool:
        """Two constants are in one class, two of one class are to differ, or a text is and is not in a list."""
        constants = [key for key in self.operands if key[0] == "constant"]
        if any(self.leader(key) != key for key in (*constants, _NULL)):
            return True
        members = {(self.leader(_key(a.item)), a.param, a.found) for a in self.atoms if isinstance(a, Member)}
        return any((item, param, not found) in members for item, param, found in members) or any(
            isinstance(atom, Equality)
            and not atom.equal
            and self.leader(_key(atom.left)) == self.leader(_key(atom.right))
            for atom in self.atoms
        )

    def _without_value(self, key: _Key) -> bool:
        """Whether the operand's class has no value left: of its closed set, without those it must not be."""
        mine, differing = self.leader(key), self._differing(self.leader(key))
        able_null = self._nullable(mine, differing)
        if mine == _NULL:
            return not able_null
        sets = [set(self.domains[k]) for k in self.operands if self.leader(k) == mine and k in self.domains]
        if not sets or able_null:
            return False
        left = set.intersection(*sets) - {value[2] for value in differing if value[0] == "constant"}
        return not left or (mine[0] == "constant" and mine[2] not in left)

    def _differing(self, mine: _Key) -> set[_Key]:
        """The classes that a class must differ from."""
        pairs = [(_key(a.left), _key(a.right)) for a in self.atoms if isinstance(a, Equality) and not a.equal]
        both = [(self.leader(left), self.leader(right)) for left, right in pairs]
        return {right for left, right in both if left == mine} | {left for left, right in both if right == mine}

    def _nullable(self, mine: _Key, differing: set[_Key]) -> bool:
        """Whether the class may be null: no member is never null, and none is summed or looked up in a list."""
        if _NULL in differing or (mine[0] == "constant" and mine != _NULL):
            return False
        used = [atom for atom in self.atoms if isinstance(atom, Linear) or (isinstance(atom, Member) and atom.found)]
        if mine in {self.leader(_key(operand)) for atom in used for operand in operands(atom)}:
            return False
        return all(o.nullable for key, o in self.operands.items() if self.leader(key) == mine and key != _NULL)

    def _out_of_bounds(self) -> bool:
        """Whether the orderings leave no number for some sum of classes."""
        bounds: dict[object, list[float]] = {}
        for atom in self.atoms:
            if not isinstance(atom, Linear):
                continue
            weights: Counter[_Key] = Counter()
            limit = -atom.constant
            for sign, operand in atom.terms:
                leader = self.leader(_key(operand))
                if leader[0] == "constant" and isinstance(leader[2], int):
                    limit -= sign * leader[2]
                else:
                    weights[leader] += sign
            terms = sorted(((key, weight) for key, weight in weights.items() if weight), key=repr)
            op: Operator = atom.op
            if terms and terms[0][1] < 0:
                terms, limit, op = [(key, -weight) for key, weight in terms], -limit, FLIPPED[op]
            low, high = bounds.setdefault(tuple(terms), [0, 0] if not terms else [float("-inf"), float("inf")])
            if op in (">", ">=", "=="):
                low = max(low, limit + (op == ">"))
            if op in ("<", "<=", "=="):
                high = min(high, limit - (op == "<"))
            if low > high or (op == "!=" and low == high == limit):
                return True
            bounds[tuple(terms)] = [low, high]
        return False


def _key(operand: Operand) -> _Key:
    if operand.place is None:
        return ("constant", type(operand.constant).__name__, operand.constant)
    return ("field", operand.place, operand.path)
