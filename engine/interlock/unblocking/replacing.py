"""A condition that is about one fact, told of a candidate that would take the fact's place."""

from __future__ import annotations

from interlock.model.expression import Compare, Contained, Field, Logic, Node, Not, Present, Reference, Sum, Variable


def about(node: Node, of: Reference, name: str) -> Node:
    """The condition with the variable `name` wherever the fact `of` is read."""
    match node:
        case Field():
            return Field(Variable(name), node.path, node.type) if node.of == of else node
        case Present():
            return Present(Variable(name), node.groups) if node.of == of else node
        case Not():
            return Not(about(node.item, of, name))
        case Logic():
            return Logic(node.op, tuple(about(item, of, name) for item in node.items))
        case Compare():
            return Compare(node.op, about(node.left, of, name), about(node.right, of, name))
        case Contained():
            return Contained(about(node.item, of, name), node.members, node.param)
        case Sum():
            return Sum(node.op, about(node.left, of, name), about(node.right, of, name), node.type)
    return node
