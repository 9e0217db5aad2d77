"""What the rules engine does not judge exactly by itself: evaluated of one fact before the engine sees it.

A comparison that is more than fields and sums becomes a column of the fact that it reads: a bool where all of it reads
one fact, values where the parts of two are compared. What reads no fact that a rule ranges over (parameters, single
facts, `now`) is a column of the one fact of these.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec

from interlock.language.exact import is_exact, may_fail
from interlock.language.scope import ORDERED
from interlock.language.substitute import about_variable
from interlock.language.unparse import notation
from interlock.language.walk import free_variables, rebuilt, walk
from interlock.model.expression import (
    FALSE,
    LIST,
    TRUE,
    Blocked,
    Call,
    Choice,
    Compare,
    Constant,
    Exists,
    Field,
    In,
    Logic,
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
from interlock.policy.compile.atoms import GlobalFact, Operand, OperandRef

_VALUES = ("bool", "int", "string", "timestamp", "duration")


class UnsupportedCondition(Exception):
    """The condition is in the language but cannot be brought into the engine's form; says why and what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


class Evaluated(msgspec.Struct, frozen=True):
    """An expression that is evaluated of the fact at `place`, which `node` calls `""`."""

    place: OperandRef
    path: str
    node: Node
    nullable: bool

    def operand(self) -> Operand:
        """It as atoms name it."""
        return Operand(self.place, self.path, nullable=self.nullable, node=self.node)


def engine_form(node: Node, *, inside: bool = False) -> Node:
    """The condition with everything evaluated that the engine does not judge exactly. Raises UnsupportedCondition.

    `inside` a macro, another one is evaluated of the facts that the first ranges over.
    """
    match node:
        case Logic() | Not():
            return rebuilt(node, lambda inner: engine_form(inner, inside=inside))
        case Exists() if not inside:
            return _ranging(node)
        case Constant() | Blocked() | Present():
            return node
    if is_exact(node) and not isinstance(node, Exists):
        return node
    return _reduced(node, inside)


def evaluated_whole(node: Node) -> Node | None:
    """A condition that is evaluated of one fact, whatever the engine could judge of it; None where it reads several."""
    if len(free_variables(node)) > 1 or _reads_blocked(node):
        return None
    return Compare("==", _evaluated(node), TRUE)


def _ranging(node: Exists) -> Node:
    """A macro over facts: what the engine looks for, or, where that has no form in it, evaluated of one fact."""
    try:
        inner = engine_form(_without_lists(node.condition, node.variable), inside=True)
        return msgspec.structs.replace(node, condition=inner)
    except UnsupportedCondition:
        if (whole := evaluated_whole(node)) is None:
            raise
        return whole


def _without_lists(node: Node, variable: str) -> Node:
    """The condition of a macro, in which the engine looks up nothing of the macro's fact in a list parameter."""
    if isinstance(node, In) and node.param is not None and variable in free_variables(node):
        return Call("in_list", (node.item, Param(node.param, LIST)), Type("bool", nullable=False))
    return rebuilt(node, lambda inner: _without_lists(inner, variable)) if isinstance(node, Logic | Not) else node


def _reduced(node: Node, inside: bool) -> Node:
    logic = _as_logic(node)
    if logic is not None:
        return engine_form(logic, inside=inside)
    if (whole := evaluated_whole(node)) is not None:
        return whole
    match node:
        case In(param=None, members=()):
            return FALSE
        case In(param=None):
            found = tuple(Compare("==", node.item, member) for member in node.members)
            return engine_form(Logic("||", found) if len(found) > 1 else found[0], inside=inside)
        case Compare():
            return engine_form(lifted, inside=inside) if (lifted := _lifted(node)) is not None else _separated(node)
    raise _inseparable(node)


def _as_logic(node: Node) -> Node | None:
    """A comparison of conditions as `&&` and `||` of them; None for any other."""
    if isinstance(node, Choice):
        return _chosen(node.condition, _held(node.yes), _held(node.no))
    if not isinstance(node, Compare) or node.op not in ("==", "!="):
        return None
    sides = (node.left, node.right)
    if not all(type_of(side).kind == "bool" for side in sides):
        return None
    if not any(isinstance(side, Choice) or _is_condition(side) for side in sides):
        return None
    left, right = sides
    if right == TRUE:
        found = _as_logic(left) if isinstance(left, Choice) else left
        return found if node.op == "==" or found is None else Not(found)
    if any(type_of(side).nullable for side in sides):
        return None
    same = _chosen(_held(left), _held(right), Not(_held(right)))
    return same if node.op == "==" else Not(same)


def _chosen(asked: Node, yes: Node, no: Node) -> Node:
    """Where a condition holds `yes`, and where it does not `no`."""
    return Logic("||", (Logic("&&", (asked, yes)), Logic("&&", (Not(asked), no))))


def _is_condition(node: Node) -> bool:
    return isinstance(node, Compare | In | Logic | Not | Exists | Present | Blocked)


def _held(node: Node) -> Node:
    """A value of type bool as a condition."""
    return node if _is_condition(node) or isinstance(node, Constant) else Compare("==", node, TRUE)


def _lifted(node: Compare) -> Node | None:
    """`(c ? a : b) == x` as a condition on each of `a` and `b`; None where neither side is a choice."""
    for side, other in (("left", node.right), ("right", node.left)):
        chosen = getattr(node, side)
        if isinstance(chosen, Choice):

            def compared(value: Node, op: Any = node.op, side: str = side, other: Node = other) -> Node:
                return Compare(op, value, other) if side == "left" else Compare(op, other, value)

            return _chosen(chosen.condition, compared(chosen.yes), compared(chosen.no))
    return None


def _separated(node: Compare) -> Node:
    """The comparison of what is evaluated of one fact with what is of another."""
    kinds = _VALUES if node.op in ("==", "!=") else ORDERED
    if not all(type_of(side).kind in kinds for side in (node.left, node.right)):
        raise _inseparable(node)

    def part(inner: Node) -> Node:
        if isinstance(inner, Field | Param | Now | TaskId | Constant):
            return inner
        if len(free_variables(inner)) <= 1 and not _reads_blocked(inner):
            return _evaluated(inner)
        if isinstance(inner, Sum) and inner.type.kind != "string":
            return msgspec.structs.replace(inner, left=part(inner.left), right=part(inner.right))
        raise _inseparable(inner)

    return Compare(node.op, part(node.left), part(node.right))


def _evaluated(node: Node) -> Node:
    names = sorted(free_variables(node))
    nullable = type_of(node).nullable or may_fail(node)
    if not names:
        return cast(Node, Evaluated(GlobalFact(), f"={notation(node)}", node, nullable))
    of = VariableRef(names[0])
    made = about_variable(node, of, "")
    # `.field`, for a text with `field` alone would also be that of a value that a macro names so.
    return cast(Node, Evaluated(of, f"={notation(made)}", made, nullable))


def _reads_blocked(node: Node) -> bool:
    return any(isinstance(inner, Blocked) for inner in walk(node))


def _inseparable(node: Node) -> UnsupportedCondition:
    names = " and ".join(f"`{name}`" for name in sorted(free_variables(node))) or "`blocked`"
    message = f"`{notation(node)}` is evaluated of one fact at a time, and reads {names}"
    hint = "compare a value of the one with a value of the other, or select one of them as a single fact (take: latest)"
    return UnsupportedCondition(message, hint)
