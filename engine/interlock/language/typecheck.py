"""Syntax tree → typed tree: resolves names, checks types, and rejects what is not part of the language."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partialmethod
from typing import Any

from interlock.language import calls, names, operators
from interlock.language.exact import may_fail, moves_freely
from interlock.language.scope import FactType, Filtered, Maybe, ObjectType, Scope, Thing, TypeCheckAborted, with_article
from interlock.language.syntax import ExpressionError, parse
from interlock.language.unparse import notation
from interlock.language.walk import children
from interlock.model.expression import (
    FALSE,
    NULL,
    TRUE,
    Call,
    Choice,
    Compare,
    Constant,
    Field,
    Fold,
    Local,
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
MAX_EXPRESSION_PARTS = 2_000
"""The most parts of an expression, with what `variables` and `cel.bind` stand for put in."""


def typecheck(text: str, scope: Scope, want: str | None = None) -> tuple[Node | None, tuple[ExpressionError, ...]]:
    """Type an expression. Gives the tree, or None with everything that is wrong. `want` is the kind that it must
    have."""
    tree = read(text)
    if isinstance(tree, tuple):
        return None, tree
    checker = Checker(scope)
    try:
        node = checker.condition(tree.children[0]) if want == "bool" else checker.value(tree.children[0])
        if want is None:
            _check_scalar(checker, tree.children[0], node)
        elif want != "bool":
            checker.expect(tree.children[0], type_of(node), want)
    except TypeCheckAborted:
        return None, tuple(checker.faults)
    size, depth = _extent(node, {})
    if size > MAX_EXPRESSION_PARTS or depth > MAX_EXPRESSION_DEPTH:
        over = f"has {size:,} parts" if size > MAX_EXPRESSION_PARTS else f"is {depth} levels deep"
        bound = f"{MAX_EXPRESSION_PARTS:,}" if size > MAX_EXPRESSION_PARTS else str(MAX_EXPRESSION_DEPTH)
        message = f"the expression {over} with its variables put in; it may have {bound}"
        checker.fault("E311", tree, message, "derive a fact for a part of it")
    else:
        _check_judged(checker, tree, node)
    return (None if checker.faults else node), tuple(checker.faults)


def _check_judged(checker: Checker, tree: Any, node: Node) -> None:
    """Refuse what cannot be judged at its place: a function of the clock, or what may have no value."""
    moving = moves_freely(node) if checker.scope.place != "value" else None
    if moving is not None:
        hint = "compare `now` with an instant, or the difference of the two with a duration"
        checker.fault("E422", tree, f"`{notation(moving)}` is a function of `now`: nothing says when it changes", hint)
    if checker.scope.certain and may_fail(node):
        checker.fault("E423", tree, "this may have no value, and nothing could be decided then")


def read(text: str) -> Any:
    """The syntax tree of an expression, or a tuple of everything that is wrong with it."""
    tree = parse(text)
    if not isinstance(tree, tuple) and _depth(tree) > MAX_EXPRESSION_DEPTH:
        message = f"the expression is nested deeper than {MAX_EXPRESSION_DEPTH} levels"
        return (ExpressionError("E311", 0, len(text), message),)
    return tree


def _extent(node: Node, known: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """How many parts an expression has, and how deep it is; what is there several times is counted as often."""
    if id(node) not in known:
        inner = [_extent(child, known) for child in children(node)]
        known[id(node)] = (1 + sum(size for size, _ in inner), 1 + max((depth for _, depth in inner), default=0))
    return known[id(node)]


class Checker:
    """Types one expression; collects faults and goes on with whatever does not depend on them."""

    def __init__(self, scope: Scope) -> None:
        self.scope = self.outer = scope
        self.faults: list[ExpressionError] = []
        self.macros: tuple[str, ...] = ()
        self.reading: tuple[str, ...] = ()
        self.after: tuple[str, ...] = ()
        self.found: dict[str, Thing | None] = {}

    # -- faults

    def fault(self, code: str, at: Any, message: str, hint: str | None = None) -> TypeCheckAborted:
        start, end = _span(at)
        named = self.reading[-1] if self.reading else None
        self.faults.append(ExpressionError(code, start, end, message, hint, named))
        return TypeCheckAborted()

    def named(self, at: Any, word: str) -> Thing:
        """What one of the policy's `variables` stands for, typed in the scope of the whole expression."""
        if word in self.reading:
            way = " → ".join(f"`{step}`" for step in (*self.reading[self.reading.index(word) :], word))
            raise self.fault("E312", at, f"a cycle of variables: {way}")
        if word not in self.found:
            reading, self.reading = self.reading, (*self.reading, word)
            self.found[word] = None
            with self.within(self.outer, ()):
                try:
                    self.found[word] = self.thing(self.scope.named.trees[word].children[0])
                finally:
                    self.reading = reading
        thing = self.found[word]
        if thing is None:
            raise TypeCheckAborted
        return thing

    @contextmanager
    def within(self, scope: Scope, macros: tuple[str, ...] | None = None) -> Iterator[None]:
        """Type what is read here in another scope, and in these macros if they are given."""
        outer = self.scope, self.macros
        self.scope, self.macros = scope, self.macros if macros is None else macros
        try:
            yield
        finally:
            self.scope, self.macros = outer

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
        if type_of(node).kind == "null":
            raise self.fault("E401", tree, "this is null, not a bool")
        self.expect(tree, type_of(node), "bool")
        if isinstance(node, Constant):
            return node
        if isinstance(node, Field | Param | Choice) or (
            isinstance(node, Local | Call | Fold) and type_of(node).nullable
        ):
            return Compare("==", node, TRUE)
        return node

    def value(self, tree: Any) -> Node:
        after, self.after = self.after, ()
        try:
            return self.node(self.thing(tree), tree)
        finally:
            self.after = after

    def node(self, thing: Thing, tree: Any) -> Node:
        if isinstance(thing, FactType):
            raise self.fault("E402", tree, f"`{thing.name}` is a fact, not a value", "name one of its fields")
        if isinstance(thing, Filtered):
            hint = "ask them: .exists(x, c), .all(x, c), .exists_one(x, c) or .size()"
            raise self.fault("E402", tree, f"these are facts of `{thing.selection}`, not a value", hint)
        if isinstance(thing, Maybe) or (isinstance(thing, ObjectType) and thing.maybe):
            hint = "give another value for then: .orValue(…), or ask with .hasValue()"
            raise self.fault("E421", tree, "this may have no value", hint)
        return operators.value_of(thing) if isinstance(thing, ObjectType) else thing

    def thing(self, tree: Any) -> Thing:
        return getattr(self, f"on_{tree.data.rstrip('_')}")(tree)  # type: ignore[no-any-return]

    # -- literals

    def on_int(self, tree: Any) -> Node:
        return operators.type_integer(self, tree, tree.children[0].value)

    def on_double(self, tree: Any) -> Node:
        return operators.type_double(self, tree, tree.children[0].value)

    def on_negative(self, tree: Any) -> Node:
        operand = tree.children[1]
        if operand.data == "int":
            return operators.type_integer(self, tree, "-" + operand.children[0].value)
        node = self.value(operand)
        if isinstance(node, Constant) and isinstance(node.value, float):
            return Constant(-node.value, node.type)
        return operators.called(self, tree, "-", "prefix", (node,))

    def on_string(self, tree: Any) -> Node:
        return Constant(operators.type_text(self, tree, tree.children[0].value), Type("string", nullable=False))

    def on_true(self, tree: Any) -> Node:
        return TRUE

    def on_false(self, tree: Any) -> Node:
        return FALSE

    def on_null(self, tree: Any) -> Node:
        return NULL

    def on_group(self, tree: Any) -> Thing:
        return self.thing(tree.children[0])

    def on_list(self, tree: Any) -> Node:
        members = self.all_of(operators.members_of(tree) or [], self.value)
        return operators.type_list(self, tree, members)

    def on_map(self, tree: Any) -> Node:
        entries = tree.children[0].children if tree.children and tree.children[0] is not None else []
        keys = self.all_of([entry.children[0] for entry in entries], self.value)
        values = self.all_of([entry.children[1] for entry in entries], self.value)
        return operators.type_map(self, tree, keys, values)

    # -- logic

    def on_or(self, tree: Any) -> Node:
        return Logic("||", tuple(self.all_of(tree.children, self.condition)))

    def on_and(self, tree: Any) -> Node:
        return Logic("&&", tuple(self.all_of(tree.children, self.condition)))

    def on_not(self, tree: Any) -> Node:
        return Not(self.condition(tree.children[0]))

    on_choice = operators.type_choice

    def on_compare(self, tree: Any) -> Node:
        left, op, right = tree.children
        if names.params_are_there(self.scope, tree):
            return TRUE if op.value == "!=" else FALSE
        things = self.all_of([left, right], self.thing)
        if all(isinstance(thing, Maybe) for thing in things):
            things = [thing.node for thing in things]
        facts = [thing for thing in things if isinstance(thing, FactType)]
        if len(facts) == 2 and op.value in ("==", "!=") and (same := operators.same_facts(*facts)) is not None:
            return same if op.value == "==" else Not(same)
        things = [self._asked(thing, things) for thing in things]
        if not facts:
            nodes = [self.node(thing, at) for thing, at in zip(things, (left, right), strict=True)]
            return operators.type_comparison(self, tree, op.value, *nodes)
        if facts[0].maybe:
            raise self.fault(
                "E421", tree, "this may have no value", "leave the ? out: an absent key gives a fact of nulls"
            )
        other = things[1] if things[0] is facts[0] else things[0]
        if op.value not in ("==", "!=") or not isinstance(other, Constant) or other.value is not None:
            raise self.fault(
                "E402", tree, f"`{facts[0].name}` is a fact, not a value", "compare it with null, or a field"
            )
        present = Present(facts[0].of, facts[0].groups)
        return Not(present) if op.value == "==" else present

    def _asked(self, thing: Thing, things: list[Thing]) -> Thing:
        """An object that is compared with null is only asked whether it is there."""
        null = any(isinstance(each, Constant) and each.value is None for each in things)
        return operators.field_of(thing) if null and isinstance(thing, ObjectType) and not thing.maybe else thing

    on_contained = calls.type_membership

    def on_plus(self, tree: Any) -> Node:
        left, right = self.all_of([tree.children[0], tree.children[2]], self.value)
        return operators.type_sum(self, tree, tree.children[1].value, left, right)

    def on_times(self, tree: Any) -> Node:
        left, right = self.all_of([tree.children[0], tree.children[2]], self.value)
        return operators.called(self, tree, tree.children[1].value, "infix", (left, right))

    # -- names

    on_name, on_method, on_call = names.type_name, calls.type_method, calls.type_call
    on_select = partialmethod(names.type_select, maybe=False)
    on_maybe_select = partialmethod(names.type_select, maybe=True)
    on_index = partialmethod(names.type_index, maybe=False)
    on_maybe_index = partialmethod(names.type_index, maybe=True)


def _check_scalar(checker: Checker, at: Any, node: Node) -> None:
    """An object of a fact is not a value: a condition may ask whether it is there, and nothing else may."""
    if isinstance(node, Choice):
        _check_scalar(checker, at, node.yes)
        _check_scalar(checker, at, node.no)
    elif _has_objects(type_of(node)):
        text = notation(node)
        if type_of(node).kind == "object":
            hint = f"name one of its fields, or compare it with null: {text} != null"
            checker.fault("E418", at, f"`{text}` is an object, not a value", hint)
        else:
            checker.fault("E418", at, f"`{text}` has objects in it", "take a field of each: .map(x, x.FIELD)")


def _has_objects(of: Type) -> bool:
    return of.kind == "object" or (of.item is not None and _has_objects(of.item))


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
