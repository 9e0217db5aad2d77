"""Syntax tree → typed tree: resolves names, checks types, and rejects what is not part of the language."""

from __future__ import annotations

from typing import Any

from interlock.language import names, operators
from interlock.language.scope import FactType, Scope, TypeCheckAborted, with_article
from interlock.language.syntax import ExpressionError, parse
from interlock.language.unparse import notation
from interlock.model.expression import (
    Choice,
    Compare,
    Constant,
    Field,
    Logic,
    Node,
    Not,
    Param,
    Present,
    Type,
    type_of,
)

MAX_EXPRESSION_DEPTH = 32
"""The deepest nesting of an expression: a `where` becomes SQL, and SQLite's parser has a stack of 100 symbols."""


def typecheck(text: str, scope: Scope, want: str | None = None) -> tuple[Node | None, tuple[ExpressionError, ...]]:
    """Type an expression. Gives the tree, or None with everything that is wrong. `want` is the kind that it must
    have."""
    tree = parse(text)
    if isinstance(tree, tuple):
        return None, tree
    if _depth(tree) > MAX_EXPRESSION_DEPTH:
        return None, (
            ExpressionError(
                "E311", 0, len(text), f"the expression is nested deeper than {MAX_EXPRESSION_DEPTH} levels"
            ),
        )
    checker = Checker(scope)
    try:
        node = checker.condition(tree.children[0]) if want == "bool" else checker.value(tree.children[0])
        if want is None:
            _check_scalar(checker, tree.children[0], node)
        elif want != "bool":
            checker.expect(tree.children[0], type_of(node), want)
    except TypeCheckAborted:
        return None, tuple(checker.faults)
    return (None if checker.faults else node), tuple(checker.faults)


class Checker:
    """Types one expression; collects faults and goes on with whatever does not depend on them."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.faults: list[ExpressionError] = []
        self.macro: str | None = None

    # -- faults

    def fault(self, code: str, at: Any, message: str, hint: str | None = None) -> TypeCheckAborted:
        start, end = _span(at)
        self.faults.append(ExpressionError(code, start, end, message, hint))
        return TypeCheckAborted()

    def expect(self, at: Any, found: Type, kind: str) -> None:
        if found.kind not in (kind, "null"):
            hint = operators.remedy(found.kind, kind) if kind in ("duration", "timestamp") else None
            if kind == "bool":
                hint = "a condition compares it, such as with == or !="
            raise self.fault("E401", at, f"this is {with_article(found.kind)}, not {with_article(kind)}", hint)

    def all_of(self, items: list[Any], read: Any) -> list[Any]:
        """Read every item, so that the faults of all of them are reported, then stop if there were any."""
        found, stopped = [], False
        for item in items:
            try:
                found.append(read(item))
            except TypeCheckAborted:
                stopped = True
        if stopped:
            raise TypeCheckAborted
        return found

    # -- readings: a condition is a Node that is never null; a value a Node; a thing a Node or a Fact

    def condition(self, tree: Any) -> Node:
        node = self.value(tree)
        self.expect(tree, type_of(node), "bool")
        if isinstance(node, Constant):
            return Constant(node.value is True, Type("bool", nullable=False))
        if isinstance(node, Field | Param | Choice):
            return Compare("==", node, Constant(True, Type("bool", nullable=False)))
        return node

    def value(self, tree: Any) -> Node:
        thing = self.thing(tree)
        if isinstance(thing, FactType):
            raise self.fault("E402", tree, f"`{thing.name}` is a fact, not a value", "name one of its fields")
        return thing

    def thing(self, tree: Any) -> Node | FactType:
        return getattr(self, f"on_{tree.data.rstrip('_')}")(tree)  # type: ignore[no-any-return]

    # -- literals

    def on_int(self, tree: Any) -> Node:
        return operators.type_integer(self, tree, tree.children[0].value)

    def on_negative(self, tree: Any) -> Node:
        return operators.type_integer(self, tree, "-" + tree.children[1].value)

    def on_string(self, tree: Any) -> Node:
        return Constant(operators.type_text(self, tree, tree.children[0].value), Type("string", nullable=False))

    def on_true(self, tree: Any) -> Node:
        return Constant(True, Type("bool", nullable=False))

    def on_false(self, tree: Any) -> Node:
        return Constant(False, Type("bool", nullable=False))

    def on_null(self, tree: Any) -> Node:
        return Constant(None, Type("null"))

    def on_group(self, tree: Any) -> Node | FactType:
        return self.thing(tree.children[0])

    def on_list(self, tree: Any) -> Node:
        raise self.fault("E403", tree, "a list literal is only allowed after `in`", 'write x in ["a", "b"]')

    # -- logic

    def on_or(self, tree: Any) -> Node:
        return Logic("||", tuple(self.all_of(tree.children, self.condition)))

    def on_and(self, tree: Any) -> Node:
        return Logic("&&", tuple(self.all_of(tree.children, self.condition)))

    def on_not(self, tree: Any) -> Node:
        return Not(self.condition(tree.children[0]))

    def on_choice(self, tree: Any) -> Node:
        if self.scope.place != "value":
            hint = "write it as (c && a) || (!c && b)"
            raise self.fault("E404", tree, "`?:` is for outputs, messages, data and derive", hint)
        return operators.type_choice(self, tree)

    def on_compare(self, tree: Any) -> Node:
        left, op, right = tree.children
        things = self.all_of([left, right], self.thing)
        facts = [thing for thing in things if isinstance(thing, FactType)]
        if not facts:
            return operators.type_comparison(self, tree, op.value, things[0], things[1])
        other = things[1] if things[0] is facts[0] else things[0]
        if op.value not in ("==", "!=") or not isinstance(other, Constant) or other.value is not None:
            raise self.fault(
                "E402", tree, f"`{facts[0].name}` is a fact, not a value", "compare it with null, or a field"
            )
        present = Present(facts[0].of, facts[0].groups)
        return Not(present) if op.value == "==" else present

    def on_contained(self, tree: Any) -> Node:
        return operators.type_membership(self, tree)

    def on_plus(self, tree: Any) -> Node:
        left, right = self.all_of([tree.children[0], tree.children[2]], self.value)
        return operators.type_sum(self, tree, tree.children[1].value, left, right)

    # -- names

    def on_name(self, tree: Any) -> Node | FactType:
        return names.type_name(self, tree)

    def on_select(self, tree: Any) -> Node | FactType:
        return names.type_select(self, tree)

    def on_index(self, tree: Any) -> FactType:
        return names.type_index(self, tree)

    def on_method(self, tree: Any) -> Node:
        return names.type_method(self, tree)

    def on_call(self, tree: Any) -> Node:
        return names.type_call(self, tree)


def _check_scalar(checker: Checker, at: Any, node: Node) -> None:
    """A list or an object of a fact is not a value: a condition may ask whether it is there, and nothing else may."""
    match node:
        case Choice():
            _check_scalar(checker, at, node.yes)
            _check_scalar(checker, at, node.no)
        case Field(type=Type(kind="list" | "object" as kind)):
            text = notation(node)
            hint = f"compare it with null: {text} != null"
            if kind == "object":
                hint = f"name one of its fields, or compare it with null: {text} != null"
            checker.fault("E418", at, f"`{text}` is {with_article(kind)}, not a value", hint)


def _depth(tree: Any) -> int:
    deepest, waiting = 0, [(tree, 1)]
    while waiting:
        node, depth = waiting.pop()
        deepest = max(deepest, depth)
        waiting += [(child, depth + 1) for child in getattr(node, "children", ())]
    return deepest


def _span(at: Any) -> tuple[int, int]:
    meta = getattr(at, "meta", None)
    if meta is not None and not meta.empty:
        return meta.start_pos, meta.end_pos
    return getattr(at, "start_pos", 0) or 0, getattr(at, "end_pos", 1) or 1
