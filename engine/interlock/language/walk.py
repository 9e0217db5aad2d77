"""The walking of trees: what an expression reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from interlock.model.expression import (
    Call,
    Choice,
    Compare,
    Count,
    Exists,
    Field,
    Fold,
    In,
    Local,
    Logic,
    MapRef,
    Node,
    Not,
    Now,
    Present,
    Reference,
    SingletonRef,
    Size,
    Sum,
    VariableRef,
)


def children(node: Node) -> tuple[Node, ...]:
    """The expressions directly inside this one, the keys of lookups included."""
    inner = _INNER.get(type(node))
    return () if inner is None else inner(node)


def _key(node: Field | Present) -> tuple[Node, ...]:
    return (node.of.key,) if isinstance(node.of, MapRef) else ()


# By type, since a walk over conditions is a part of every decision.
_INNER: dict[type, Callable[[Any], tuple[Node, ...]]] = {
    Logic: lambda node: node.items,
    Not: lambda node: (node.item,),
    Compare: lambda node: (node.left, node.right),
    Sum: lambda node: (node.left, node.right),
    In: lambda node: (node.item, *node.members),
    Exists: lambda node: (node.condition,),
    Count: lambda node: (node.condition,),
    Choice: lambda node: (node.condition, node.yes, node.no),
    Call: lambda node: node.arguments,
    Fold: lambda node: (node.source, node.body),
    Field: _key,
    Present: _key,
}
MACROS = (Exists, Count)
"""The types of the macros that range over facts. A tuple: `Exists | Count` would be made again at each look."""
_REFERRING = frozenset[type]([Field, Present])


def walk(node: Node) -> Iterator[Node]:
    """The expression and everything inside it, outermost first."""
    yield node
    for child in children(node):
        yield from walk(child)


def within(node: Node) -> Iterator[Node]:
    """The expression and what is inside it, without what is said of each fact that a macro ranges over."""
    yield node
    if not isinstance(node, MACROS):
        for child in children(node):
            yield from within(child)


def macro_variables(node: Node) -> frozenset[str]:
    """The names of the facts that the macros of an expression range over."""
    return frozenset(inner.variable for inner in walk(node) if isinstance(inner, Exists | Count))


def reference(node: Node) -> Reference | None:
    """The fact that a node refers to itself, if it does."""
    return node.of if type(node) in _REFERRING else None  # type: ignore[union-attr]


def reference_name(of: Reference) -> str:
    """The name that a reference is written with: of a variable, or of a selection."""
    return of.name if isinstance(of, VariableRef) else of.selection


def conjuncts(node: Node) -> tuple[Node, ...]:
    """The conditions that must all hold for this one to hold."""
    return node.items if isinstance(node, Logic) and node.op == "&&" else (node,)


def reads_now(node: Node) -> bool:
    """Whether `now` is in an expression."""
    return any(isinstance(inner, Now) for inner in walk(node))


def selections(node: Node) -> dict[str, None]:
    """The selections that an expression reads, in order of their first mention; loop variables are not among them."""
    found: dict[str, None] = {}
    for inner in walk(node):
        of = reference(inner)
        if isinstance(of, SingletonRef | MapRef):
            found[of.selection] = None
        if isinstance(inner, Exists | Size | Count):
            found[inner.selection] = None
    return found


def rebuilt(node: Node, change: Callable[[Node], Node]) -> Node:
    """The same expression with every expression directly inside it changed, the keys of lookups included."""
    replace = msgspec.structs.replace
    match node:
        case Logic():
            return Logic(node.op, tuple(map(change, node.items)))
        case Not():
            return Not(change(node.item))
        case Compare() | Sum():
            return replace(node, left=change(node.left), right=change(node.right))
        case In():
            return In(change(node.item), tuple(map(change, node.members)), node.param)
        case Exists() | Count():
            return replace(node, condition=change(node.condition))
        case Choice():
            return replace(node, condition=change(node.condition), yes=change(node.yes), no=change(node.no))
        case Call():
            return replace(node, arguments=tuple(map(change, node.arguments)))
        case Fold():
            return replace(node, source=change(node.source), body=change(node.body))
        case Field(of=MapRef() as of) | Present(of=MapRef() as of):
            return replace(node, of=MapRef(of.selection, change(of.key)))
    return node


def free_variables(node: Node) -> frozenset[str]:
    """The names of the facts that an expression reads and does not range over itself."""
    of = reference(node)
    own = frozenset([of.name]) if isinstance(of, VariableRef) else frozenset()
    found = own.union(*map(free_variables, children(node)))
    return found - {node.variable} if isinstance(node, Exists | Count) else found


def free_locals(node: Node) -> frozenset[str]:
    """The names of the values that an expression reads and that a macro around it binds."""
    own = frozenset([node.name]) if isinstance(node, Local) else frozenset[str]()
    if isinstance(node, Fold):
        return free_locals(node.source) | (free_locals(node.body) - {node.variable})
    return own.union(*map(free_locals, children(node)))
