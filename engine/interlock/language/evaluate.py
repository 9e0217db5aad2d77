"""The reader that evaluates a tree over Python values.

Two-valued and total (`docs/design/language.md`, "Two-valued, total"): a missing field is null; null equals null only;
an ordering with a null is false; arithmetic with a null is null; `!` is the exact opposite. Nothing here raises on a
checked tree.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from interlock import instant
from interlock.model.expression import (
    Blocked,
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
    Reference,
    SingletonRef,
    Size,
    Sum,
    TaskId,
    VariableRef,
    type_of,
)
from interlock.model.facts import Fact, Json, Value


class Environment(msgspec.Struct, frozen=True):
    """Everything an expression can read. `facts` are the facts of each selection, derived kinds and needs included;
    `maps` index the facts of those that are maps; `variables` are the facts that loops and macros range over."""

    now: int
    task: str
    params: Mapping[str, Value]
    facts: Mapping[str, Sequence[Fact]]
    maps: Mapping[str, Mapping[Value, Fact]] = {}
    variables: Mapping[str, Fact] = {}
    blocked: bool = False

    def bind(self, name: str, fact: Fact) -> Environment:
        """The same, with the variable `name` at `fact`."""
        return Environment(
            self.now, self.task, self.params, self.facts, self.maps, {**self.variables, name: fact}, self.blocked
        )

    def ranging(self, names: Sequence[str], facts: Sequence[Fact]) -> Environment:
        """The same, with each variable at the fact of its place."""
        here = self
        for name, fact in zip(names, facts, strict=True):
            here = here.bind(name, fact)
        return here

    def without(self, name: str) -> Environment:
        """The same, without a fact under that name: what is said of it is said of a candidate."""
        return msgspec.structs.replace(self, variables={k: v for k, v in self.variables.items() if k != name})


def fact_of(of: Reference, known: Environment) -> Fact | None:
    """The fact that is referred to, or None when it is absent."""
    if isinstance(of, VariableRef):
        return known.variables[of.name]
    if isinstance(of, SingletonRef):
        facts = known.facts[of.selection]
        return facts[0] if facts else None
    return known.maps[of.selection].get(evaluate(of.key, known))


def is_present(of: Reference, known: Environment) -> bool:
    """Whether the fact that is referred to is there; that of an absent named group is not."""
    fact = fact_of(of, known)
    return fact is not None and not fact.absent


def evaluate(node: Node, known: Environment) -> Value:
    """The value of a checked tree."""
    return _READERS[type(node)](node, known)


def _field(node: Field, known: Environment) -> Value:
    fact = fact_of(node.of, known)
    return fact.fields.get(node.path) if fact is not None else None


def _logic(node: Logic, known: Environment) -> bool:
    settling = node.op == "||"
    for item in node.items:
        if evaluate(item, known) is settling:
            return settling
    return not settling


def _some(node: Exists, known: Environment) -> bool:
    facts, variable = known.facts[node.selection], node.variable
    return any(evaluate(node.condition, known.bind(variable, fact)) for fact in facts)


def _contained(node: In, known: Environment) -> bool:
    item = evaluate(node.item, known)
    if node.param is None:
        return item is not None and item in [evaluate(member, known) for member in node.members]
    listed = known.params[node.param]
    return isinstance(listed, tuple) and item in listed


def _choice(node: Choice, known: Environment) -> Value:
    return evaluate(node.yes if evaluate(node.condition, known) else node.no, known)


def _compare(node: Compare, known: Environment) -> bool:
    left, right = evaluate(node.left, known), evaluate(node.right, known)
    if node.op == "==":
        return left == right
    if node.op == "!=":
        return left != right
    if left is None or right is None:
        return False
    return _ORDERINGS[node.op](left, right)


def _sum(node: Sum, known: Environment) -> Value:
    left, right = evaluate(node.left, known), evaluate(node.right, known)
    if isinstance(left, str) and isinstance(right, str):
        return left + right
    if isinstance(left, int) and isinstance(right, int):
        return left + right if node.op == "+" else left - right
    return None


_ORDERINGS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_READERS: dict[type, Callable[[Any, Environment], Value]] = {
    Field: _field,
    Constant: lambda node, _: node.value,
    Param: lambda node, known: known.params[node.name],
    Now: lambda _, known: known.now,
    TaskId: lambda _, known: known.task,
    Blocked: lambda _, known: known.blocked,
    Present: lambda node, known: is_present(node.of, known),
    Compare: _compare,
    In: _contained,
    Logic: _logic,
    Not: lambda node, known: not evaluate(node.item, known),
    Sum: _sum,
    Exists: _some,
    Size: lambda node, known: len(known.facts[node.selection]),
    Choice: _choice,
}


def as_display_text(node: Node, known: Environment) -> str:
    """The value as text for people: instants as RFC 3339, durations in two units, null as `none`, lists as JSON."""
    value = evaluate(node, known)
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return f"[{', '.join(msgspec.json.encode(member).decode() for member in value)}]"
    if type_of(node).kind == "duration" and isinstance(value, int):
        return instant.duration_text(value)
    return str(as_printed(value, type_of(node).kind))


def as_printed(value: Value, kind: str) -> Value:
    """The value as a printed decision has it: instants and durations as text, everything else as it is.

    A list or object of a fact is its JSON text.
    """
    if isinstance(value, Json):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool):
        if kind == "timestamp":
            return instant.format_instant(value)
        if kind == "duration":
            return instant.format_duration(value)
    return value
