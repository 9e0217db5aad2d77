"""What is written shorter than the language has it, and becomes something that it has."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from interlock.language.operators import called, members_of
from interlock.language.scope import FactType, ObjectType, with_article
from interlock.model.expression import Call, Constant, Fold, Local, Logic, Node, Type, type_of

if TYPE_CHECKING:
    from interlock.language.typecheck import Checker

_VERB = re.compile(r"%(?:\.\d+)?(.?)", re.DOTALL)
_SHOWN = ("string", "int", "bool", "timestamp", "duration")
_ASKING = ("exists", "all", "exists_one", "existsOne")


def of_facts(checker: Checker, word: str, base: Any, arguments: list[Any], variable: str) -> Node | None:
    """`[object, oldObject].exists(x, c)`: the condition of each of the facts or objects; None for any other list."""
    members = members_of(base) or []
    if word not in ("exists", "all") or not members:
        return None
    things = checker.all_of(members, checker.thing)
    if not all(isinstance(thing, FactType | ObjectType) for thing in things):
        return None
    found = []
    for thing in things:
        with checker.within(checker.scope.binding(variable, thing)):
            found.append(checker.condition(arguments[1]))
    return Logic("||" if word == "exists" else "&&", tuple(found)) if len(found) > 1 else found[0]


def with_keys(checker: Checker, tree: Any, word: str, source: Node, names: tuple[str, str], body: Any) -> Node:
    """`m.all(key, value, c)` and `l.all(place, member, c)`: the macro over the keys or places alone."""
    of = type_of(source)
    if word not in _ASKING:
        raise checker.fault("E306", tree, f"`{word}` takes one variable here", f"{word}(x, …)")
    key, value = names
    place = Type("int", nullable=False) if of.kind == "list" else (of.key or Type("null")).certain()
    variable = checker.scope.unused(key, source)
    local = Local(variable, place)
    keys = source
    if of.kind == "list":
        keys = Call("places", (source,), Type("list", (), of.nullable, place))
    found = called(checker, tree, "[]", "index", (source, local))
    with checker.within(checker.scope.binding(key, local).binding(value, found)):
        condition = checker.condition(body)
    macro: Any = "exists_one" if word == "existsOne" else word
    return Fold(macro, keys, variable, condition, Type("bool", nullable=False))


def formatted(checker: Checker, tree: Any, base: Any, arguments: list[Any]) -> Node:
    """`"%s is %d".format([x, n])`: the parts of the text and the values in turn."""
    text = checker.value(base)
    values = members_of(arguments[0]) if len(arguments) == 1 else None
    if not isinstance(text, Constant) or not isinstance(text.value, str) or values is None:
        raise checker.fault("E306", tree, "`format` is of a written text, and takes a written list", '"%s".format([x])')
    parts: list[Node] = []
    places = [match for match in _VERB.finditer(text.value) if match[0] != "%%"]
    if len(places) != len(values):
        raise checker.fault("E306", tree, f"the text has {len(places)} places, and the list {len(values)} values")
    start = 0
    nodes = checker.all_of(values, checker.value)
    for match, node, at in zip(places, nodes, values, strict=True):
        _check_verb(checker, at, match[0], type_of(node))
        parts += [_text(text.value[start : match.start()]), _as_text(node)]
        start = match.end()
    parts.append(_text(text.value[start:]))
    nullable = any(type_of(part).nullable for part in parts)
    return Call("join", (Call("list", tuple(parts), _TEXTS),), Type("string", nullable=nullable))


_TEXTS = Type("list", nullable=False, item=Type("string", nullable=False))


def _text(part: str) -> Node:
    return Constant(part.replace("%%", "%"), Type("string", nullable=False))


def _as_text(node: Node) -> Node:
    certain = Call("value", (node,), type_of(node).certain()) if type_of(node).nullable else node
    kind = type_of(node).kind
    return certain if kind == "string" else Call(f"string_{kind}", (certain,), Type("string", nullable=False))


def _check_verb(checker: Checker, at: Any, verb: str, of: Type) -> None:
    if verb not in ("%s", "%d"):
        raise checker.fault("E302", at, f"`{verb}` is not part of the language", "there is %s and %d")
    if of.kind not in (("int",) if verb == "%d" else _SHOWN):
        raise checker.fault("E419", at, f"`{verb}` does not take {with_article(of.kind)}")
