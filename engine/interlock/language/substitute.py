"""An expression with what is known put in its place: what is left is what was looked for."""

from __future__ import annotations

import msgspec

from interlock.language.evaluate import Environment, Failure, outcome
from interlock.language.walk import free_locals, rebuilt, reference, walk
from interlock.model.expression import (
    FALSE,
    TRUE,
    Compare,
    Constant,
    Field,
    In,
    Logic,
    MapRef,
    Node,
    Not,
    Present,
    Reference,
    SingletonRef,
    Sum,
    Type,
    VariableRef,
    type_of,
)


def substitute_known(node: Node, known: Environment) -> Node:
    """The same condition with a constant for everything that is known: only tests on facts that
    nothing is known of is left."""
    if _closed(node, known):
        return _written(node, known)
    match node:
        case Logic():
            return _logic(node, known)
        case Not():
            return Not(substitute_known(node.item, known))
        case Compare():
            return Compare(node.op, substitute_known(node.left, known), substitute_known(node.right, known))
        case Sum():
            return Sum(node.op, substitute_known(node.left, known), substitute_known(node.right, known), node.type)
        case In():
            return In(substitute_known(node.item, known), _members(node, known))
    return node


def _closed(node: Node, known: Environment) -> bool:
    return not free_locals(node) and all(_is_known(inner, known) for inner in walk(node))


def _is_known(node: Node, known: Environment) -> bool:
    of = reference(node)
    if isinstance(of, VariableRef):
        return of.name in known.variables
    if isinstance(of, SingletonRef):
        return of.selection in known.facts
    return not isinstance(of, MapRef) or of.selection in known.maps


def _written(node: Node, known: Environment) -> Node:
    value = outcome(node, known)
    return node if isinstance(value, tuple | dict | Failure) else Constant(value, type_of(node))


def _members(node: In, known: Environment) -> tuple[Node, ...]:
    listed = known.params[node.param] if node.param is not None else None
    if node.param is None:
        return node.members
    return tuple(Constant(each, Type("string")) for each in (listed if isinstance(listed, tuple) else ()))


def _logic(node: Logic, known: Environment) -> Node:
    neutral, settling = (TRUE, FALSE) if node.op == "&&" else (FALSE, TRUE)
    items = [substitute_known(item, known) for item in node.items]
    if any(isinstance(item, Constant) and item.value is not neutral.value for item in items):
        return settling
    left = tuple(item for item in items if not isinstance(item, Constant))
    if len(left) > 1:
        return Logic(node.op, left)
    return left[0] if left else neutral


def about_variable(node: Node, of: Reference, name: str) -> Node:
    """The condition with the variable `name` wherever the fact `of` is read."""
    if isinstance(node, Field | Present) and node.of == of:
        return msgspec.structs.replace(node, of=VariableRef(name))
    return rebuilt(node, lambda inner: about_variable(inner, of, name))
