"""The walking of trees: what an expression reads."""

from __future__ import annotations

from collections.abc import Iterator

from interlock.model.expression import (
    Choice,
    Compare,
    Exists,
    Field,
    In,
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
)


def children(node: Node) -> tuple[Node, ...]:
    """The expressions directly inside this one, the keys of lookups included."""
    match node:
        case Logic():
            return node.items
        case Not():
            return (node.item,)
        case Compare() | Sum():
            return (node.left, node.right)
        case In():
            return (node.item, *node.members)
        case Exists():
            return (node.condition,)
        case Choice():
            return (node.condition, node.yes, node.no)
        case Field(of=MapRef(key=key)) | Present(of=MapRef(key=key)):
            return (key,)
    return ()


def walk(node: Node) -> Iterator[Node]:
    """The expression and everything inside it, outermost first."""
    yield node
    for child in children(node):
        yield from walk(child)


def reference(node: Node) -> Reference | None:
    """The fact that a node refers to itself, if it does."""
    return node.of if isinstance(node, Field | Present) else None


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
        if isinstance(inner, Exists | Size):
            found[inner.selection] = None
    return found
