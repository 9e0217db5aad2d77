"""The typing of literals and operators."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from interlock import instant
from interlock.diagnostics import did_you_mean
from interlock.language import calendar
from interlock.language.functions import FUNCTIONS, KEYS, Form, joint, named, resolved
from interlock.language.patterns import PatternError, compiled, searchable
from interlock.language.scope import COMPARED, FactType, ObjectType, with_article
from interlock.language.texts import Undefined
from interlock.model.expression import (
    Call,
    Choice,
    Compare,
    Constant,
    Field,
    Logic,
    Node,
    Not,
    Present,
    Sum,
    Type,
    type_of,
)

if TYPE_CHECKING:
    from interlock.language.typecheck import Checker

_PATTERNED = ("matches", "matches2", "find", "findAll", "findAll3")
"""Functions whose second argument is a pattern."""
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_ESCAPES |= {char: char for char in "\\\"'`?"}
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[xX][0-9a-fA-F]{2}|[0-3][0-7]{2}|[\s\S])")


def type_integer(checker: Checker, tree: Any, digits: str) -> Constant:
    """A whole number of 64 bits, in decimal or hexadecimal digits."""
    found = int(digits, 16 if "x" in digits.lower() else 10) if len(digits) < 40 else 1 << 64
    if not -(1 << 63) <= found < 1 << 63:
        raise checker.fault("E405", tree, f"`{digits}` is too large", "whole numbers have 64 bits")
    return Constant(found, Type("int", nullable=False))


def type_double(checker: Checker, tree: Any, digits: str) -> Constant:
    """A number with a fraction."""
    found = float(digits)
    if found in (float("inf"), float("-inf")):
        raise checker.fault("E405", tree, f"`{digits}` is too large")
    return Constant(found, Type("double", nullable=False))


def type_text(checker: Checker, tree: Any, token: str) -> str:
    """The text between quotes, escapes resolved as in CEL."""

    def resolve(match: re.Match[str]) -> str:
        escape = match[1]
        if len(escape) == 3 and escape[0] in "0123":
            return chr(int(escape, 8))
        if len(escape) > 1:
            code = int(escape[1:], 16)
            if code < 0xD800 or 0xE000 <= code <= 0x10FFFF:
                return chr(code)
        if escape not in _ESCAPES:
            hint = r"there are \n \t \r \a \b \f \v \\ \" \' \` \? \xHH \ooo \uXXXX \UXXXXXXXX"
            raise checker.fault("E406", tree, f"`\\{escape}` is not an escape sequence", hint)
        return _ESCAPES[escape]

    raw = token[0] in "rR"
    quoted = token[1:] if raw else token
    ends = 3 if quoted[:3] in ('"""', "'''") else 1
    inner = quoted[ends:-ends].replace("\r\n", "\n") if ends == 3 else quoted[1:-1]
    return inner if raw else _ESCAPE.sub(resolve, inner)


def type_comparison(checker: Checker, tree: Any, op: Any, left: Node, right: Node) -> Node:
    """A comparison: both sides of one kind, orderings of what has an order, enum values that exist."""
    first, second = type_of(left), type_of(right)
    if "null" in (first.kind, second.kind):
        if op not in ("==", "!="):
            raise checker.fault("E407", tree, f"`{op}` with null is always false", "compare with == null or != null")
        return Compare(op, left, right)
    if (first.kind == "object") is not (second.kind == "object"):
        message = f"{with_article(first.kind)} is compared with {with_article(second.kind)}"
        raise checker.fault(
            "E409", tree, message, "compare one of its fields, or the object with another, or with null"
        )
    numbers = {first.kind, second.kind} == {"int", "double"} and not all(isinstance(n, Constant) for n in (left, right))
    if joint(first, second) is None and not numbers:
        hint = remedy(first.kind, second.kind)
        raise checker.fault(
            "E408", tree, f"{with_article(first.kind)} is compared with {with_article(second.kind)}", hint
        )
    if op not in ("==", "!=") and first.kind not in COMPARED:
        raise checker.fault(
            "E410", tree, f"`{op}` does not order {with_article(first.kind)}", f"it orders {', '.join(COMPARED)}"
        )
    for node, other, place in ((left, second, tree.children[0]), (right, first, tree.children[2])):
        check_enum_member(checker, place, node, other)
    return Compare(op, left, right)


def check_enum_member(checker: Checker, at: Any, node: Node, enum: Type) -> None:
    """A written text that is compared with a closed set must be of the set: otherwise it can never be equal."""
    if not enum.enum or not isinstance(node, Constant) or node.value in enum.enum:
        return
    hint = did_you_mean(str(node.value), enum.enum) or f"there is {', '.join(enum.enum)}"
    raise checker.fault("E411", at, f"`{node.value}` is not one of the allowed values", hint)


def members_of(tree: Any) -> list[Any] | None:
    """The trees of a written list's members; None for anything else."""
    if tree.data != "list":
        return None
    return list(tree.children[0].children) if tree.children and tree.children[0] is not None else []


def type_list(checker: Checker, tree: Any, members: list[Node]) -> Call:
    """A list of values of one type."""
    item: Type | None = None
    for node in members:
        found = type_of(node)
        both = found if item is None else joint(item, found)
        if both is None or found.kind == "null":
            raise checker.fault("E413", tree, "the members of a list are of one type, and none is null")
        item = both
    return Call("list", tuple(members), Type("list", nullable=False, item=item))


def type_map(checker: Checker, tree: Any, keys: list[Node], values: list[Node]) -> Call:
    """A map of keys of one type to values of one type."""
    kinds: list[Type | None] = [None, None]
    for place, nodes in enumerate((keys, values)):
        for node in nodes:
            known, found = kinds[place], type_of(node)
            both = found if known is None else joint(known, found)
            if both is None or found.kind == "null" or (place == 0 and found.kind not in KEYS):
                raise checker.fault("E413", tree, "the keys of a map are of one type, and so are its values")
            kinds[place] = both
    constants = [node.value for node in keys if isinstance(node, Constant)]
    if len(set(constants)) < len(constants):
        raise checker.fault("E413", tree, "a key of the map is duplicated")
    pairs = tuple(node for pair in zip(keys, values, strict=True) for node in pair)
    nullable = any(type_of(node).nullable for node in pairs)  # one that is null makes the map null
    key, value = (None if kind is None else kind.certain() for kind in kinds)
    return Call("map", pairs, Type("map", nullable=nullable, item=value, key=key))


_SUMS = {
    ("int", "+", "int"): "int",
    ("int", "-", "int"): "int",
    ("timestamp", "-", "timestamp"): "duration",
    ("timestamp", "+", "duration"): "timestamp",
    ("timestamp", "-", "duration"): "timestamp",
    ("duration", "+", "timestamp"): "timestamp",
    ("duration", "+", "duration"): "duration",
    ("duration", "-", "duration"): "duration",
}


def type_sum(checker: Checker, tree: Any, op: Any, left: Node, right: Node) -> Node:
    """`+` and `-`: numbers, instants and durations; `+` of texts and of lists."""
    first, second = type_of(left), type_of(right)
    nullable = first.nullable or second.nullable
    kind: Any = _SUMS.get((first.kind, op, second.kind))
    if kind:
        return Sum(op, left, right, Type(kind, nullable=nullable))
    if (first.kind, op, second.kind) == ("string", "+", "string"):
        return Sum(op, left, right, Type("string", nullable=nullable))
    return called(checker, tree, op, "infix", (left, right))


def called(checker: Checker, tree: Any, name: str, form: Form, arguments: tuple[Node, ...]) -> Node:
    """The call of the function of that name that takes these arguments."""
    types = tuple(type_of(each) for each in arguments)
    for identity in named(name, form):
        found = resolved(identity, types)
        if found is not None:
            return _known(checker, tree, Call(identity, arguments, found))
    kinds = [each.kind for each in types]
    if form == "infix":
        hint = remedy(*kinds)
        raise checker.fault("E415", tree, f"unsupported operation: {kinds[0]} {name} {kinds[1]}", hint)
    taken = [FUNCTIONS[identity].takes for identity in named(name, form)]
    if form == "method":
        shown = [f"{takes[0]}.{name}({', '.join(takes[1:])})" for takes in taken]
    else:
        shown = [f"{'' if form == 'prefix' else name}({', '.join(takes)})" for takes in taken]
    raise checker.fault("E419", tree, f"`{name}` does not take {', '.join(kinds)}", f"there is {', '.join(shown)}")


def _known(checker: Checker, tree: Any, node: Call) -> Node:
    """The call; what a written value converts to is written instead, and a pattern is read."""
    pattern = node.arguments[1] if node.function in _PATTERNED else None
    if isinstance(pattern, Constant):
        try:
            (compiled if node.function.startswith("matches") else searchable)(str(pattern.value))
        except PatternError as error:
            message = f"`{str(pattern.value)[:40]}` is not a pattern that is taken: {error}"
            raise checker.fault("E420", tree, message, "patterns are those of RE2") from None
    zone = node.arguments[-1] if calendar.named(node.function) and len(node.arguments) > 1 else None
    if isinstance(zone, Constant) and isinstance(zone.value, str):
        wrong = calendar.check(zone.value)
        if wrong is not None:
            raise checker.fault("E424", tree.children[-1].children[0], wrong, calendar.near(zone.value))
    if node.function in ("duration_string", "timestamp_string") and isinstance(node.arguments[0], Constant):
        text = str(node.arguments[0].value)
        try:
            value = FUNCTIONS[node.function].run(text)
        except Undefined as why:
            raise checker.fault(
                "E308", tree.children[1].children[0], str(why), _meant_time(node.type.kind, text)
            ) from None
        return Constant(value, Type(node.type.kind, nullable=False))
    return node


def _meant_time(kind: str, text: str) -> str | None:
    """What to write instead of a text that CEL does not take for an instant or duration."""
    try:
        value = instant.parse_duration(text) if kind == "duration" else instant.read_instant(text)
    except ValueError:
        return None
    if kind == "duration" and "d" in text:
        return f'CEL has no days: write duration("{instant.format_duration(value)}")'
    return "remove its last digits"


def type_choice(checker: Checker, tree: Any) -> Node:
    """`c ? a : b`: both values of one kind."""
    asked, yes, no = tree.children
    condition = checker.condition(asked)
    first, second = checker.all_of([yes, no], checker.value)
    found = joint(type_of(first), type_of(second))
    if found is None:
        raise checker.fault(
            "E416",
            tree,
            f"one value is {with_article(type_of(first).kind)}, the other {with_article(type_of(second).kind)}",
        )
    return Choice(condition, first, second, found.opened(nullable=found.nullable))


def remedy(found: str, wanted: str) -> str | None:
    """What to write instead, where a mistake is a usual one."""
    kinds = {found, wanted}
    if kinds == {"int", "duration"}:
        return 'a number is not a duration: write duration("180s")'
    if kinds == {"int", "double"}:
        return "make both of one kind: double(x)"
    if "bool" in kinds:
        return "join comparisons with &&"
    if kinds == {"int", "timestamp"} or kinds == {"string", "timestamp"}:
        return 'an instant is written timestamp("2026-06-11T12:00:05Z")'
    if kinds == {"string", "duration"}:
        return 'a duration is written duration("180s")'
    if kinds == {"timestamp", "duration"}:
        return "the difference of two instants is a duration"
    return None


def field_of(thing: ObjectType) -> Field:
    """An object of a fact as a field, of which only is asked whether it is there."""
    found = thing.fact.fields.get(thing.path, Type("object"))
    return Field(thing.fact.of, thing.path, found)


def value_of(thing: ObjectType) -> Field:
    """An object of a fact as a value, with all that is in it."""
    bare = field_of(thing)
    return Field(bare.of, bare.path, _whole(thing.fact.fields, thing.path, bare.type))


def _whole(fields: Mapping[str, Type], path: str, of: Type) -> Type:
    """The type of an object at a path, with the types of its fields."""
    inside = {}
    for each, found in fields.items():
        name = each.removeprefix(f"{path}.") if each.startswith(f"{path}.") else ""
        if name and "." not in name:
            inside[name] = _whole(fields, each, found) if found.kind == "object" else found
    return Type("object", (), of.nullable, None, Type("string", nullable=False), tuple(inside.items()))


def same_facts(first: FactType, second: FactType) -> Node | None:
    """Whether the data of two facts are alike, each field by itself; None where they have other fields.

    What every fact has, such as its id and its time, does not count.
    """
    own = {path: of for path, of in first.fields.items() if path.partition(".")[0] not in _OF_EVERY}
    its = {path: of for path, of in second.fields.items() if path.partition(".")[0] not in _OF_EVERY}
    if {path: of.kind for path, of in own.items()} != {path: of.kind for path, of in its.items()} or not own:
        return None
    parts: list[Node] = []
    for path in own:
        if "." not in path:
            sides = [_of_fact(fact, path) for fact in (first, second)]
            parts.append(Compare("==", *sides))
    there = [Present(fact.of, fact.groups) for fact in (first, second)]
    both = Logic("||", (Logic("&&", (*there,)), Logic("&&", tuple(map(Not, there)))))
    return Logic("&&", (both, *parts))


_OF_EVERY = ("kind", "id", "seq", "task", "at", "at_latest", "actor", "severity", "summary", "correlation", "previous")


def _of_fact(fact: FactType, path: str) -> Node:
    found = fact.fields[path]
    if found.kind == "object":
        return value_of(ObjectType(fact, path))
    return Field(fact.of, path, found)
