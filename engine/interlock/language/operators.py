"""The typing of literals and operators."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from interlock.diagnostics import did_you_mean
from interlock.instant import INTEGER_BOUND
from interlock.language.scope import ORDERED, with_article
from interlock.model.expression import Choice, Compare, Constant, Field, In, Node, Param, Sum, Type, type_of

if TYPE_CHECKING:
    from interlock.language.typecheck import Checker

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'", "`": "`", "?": "?"}
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)")


def type_integer(checker: Checker, tree: Any, digits: str) -> Constant:
    """A whole number, small enough to be exact everywhere."""
    found = int(digits) if len(digits) < 20 else INTEGER_BOUND
    if abs(found) >= INTEGER_BOUND:
        raise checker.fault(
            "E405", tree, f"`{digits}` is too large", f"whole numbers are below {INTEGER_BOUND} in magnitude"
        )
    return Constant(found, Type("int", nullable=False))


def type_text(checker: Checker, tree: Any, token: str) -> str:
    """The text between quotes, escapes resolved as in CEL."""

    def resolve(match: re.Match[str]) -> str:
        escape = match[1]
        if escape[0] == "u" and len(escape) == 5 and not 0xD800 <= int(escape[1:], 16) < 0xE000:
            return chr(int(escape[1:], 16))
        if escape not in _ESCAPES:
            raise checker.fault(
                "E406", tree, f"`\\{escape}` is not an escape sequence", r"there are \n \t \r \\ \" \' \uXXXX"
            )
        return _ESCAPES[escape]

    return _ESCAPE.sub(resolve, token[1:-1])


def type_comparison(checker: Checker, tree: Any, op: Any, left: Node, right: Node) -> Node:
    """A comparison: both sides of one kind, orderings of numbers and times only, enum values that exist."""
    first, second = type_of(left), type_of(right)
    if "null" in (first.kind, second.kind):
        if op not in ("==", "!="):
            raise checker.fault("E407", tree, f"`{op}` with null is always false", "compare with == null or != null")
        check_plain_value(checker, tree, left)
        check_plain_value(checker, tree, right)
        return Compare(op, left, right)
    if first.kind != second.kind:
        hint = remedy(first.kind, second.kind)
        raise checker.fault(
            "E408", tree, f"{with_article(first.kind)} is compared with {with_article(second.kind)}", hint
        )
    if first.kind in ("object", "list"):
        raise checker.fault("E409", tree, f"{with_article(first.kind)} is compared only with null")
    if op not in ("==", "!=") and first.kind not in ORDERED:
        raise checker.fault(
            "E410", tree, f"`{op}` does not order {with_article(first.kind)}", f"it orders {', '.join(ORDERED)}"
        )
    for node, other, place in ((left, second, tree.children[0]), (right, first, tree.children[2])):
        check_enum_member(checker, place, node, other)
        check_plain_value(checker, place, node)
    return Compare(op, left, right)


def check_plain_value(checker: Checker, at: Any, node: Node) -> None:
    """Where the engine or SQL judges, values are compared: a condition has no form of its own there."""
    if checker.scope.place == "value" or type_of(node).kind != "bool":
        return
    if not isinstance(node, Field | Param | Constant):
        hint = "a == b of two conditions is (a && b) || (!a && !b)"
        raise checker.fault("E417", at, "this is a condition, compared as a value", hint)


def check_enum_member(checker: Checker, at: Any, node: Node, enum: Type) -> None:
    """A written text that is compared with a closed set must be of the set: otherwise it can never be equal."""
    if not enum.enum or not isinstance(node, Constant) or node.value in enum.enum:
        return
    hint = did_you_mean(str(node.value), enum.enum) or f"there is {', '.join(enum.enum)}"
    raise checker.fault("E411", at, f"`{node.value}` is not one of the allowed values", hint)


def type_membership(checker: Checker, tree: Any) -> Node:
    """`x in ["a", "b"]` and `x in params.list`."""
    item_tree, list_tree = tree.children
    while list_tree.data == "group":
        list_tree = list_tree.children[0]
    item = checker.value(item_tree)
    check_plain_value(checker, item_tree, item)
    if list_tree.data != "list":
        listed = checker.value(list_tree)
        if not isinstance(listed, Param) or listed.type.kind != "list":
            raise checker.fault("E412", list_tree, "`in` expects a list literal or a list parameter")
        checker.expect(item_tree, type_of(item), "string")
        return In(item, (), listed.name)
    written = list_tree.children[0].children if list_tree.children and list_tree.children[0] else []
    members = checker.all_of(written, checker.value)
    for place, node in zip(written, members, strict=True):
        if not isinstance(node, Constant) or node.value is None:
            raise checker.fault("E413", place, "a list literal contains only constants")
        checker.expect(place, type_of(node), type_of(item).kind)
        check_enum_member(checker, place, node, type_of(item))
    return In(item, tuple(members))


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
    """`+` and `-`: whole numbers, instants and durations; `+` of texts outside rule conditions."""
    first, second = type_of(left), type_of(right)
    nullable = first.nullable or second.nullable
    kind: Any = _SUMS.get((first.kind, op, second.kind))
    if kind:
        return Sum(op, left, right, Type(kind, nullable=nullable))
    if (first.kind, op, second.kind) == ("string", "+", "string"):
        if checker.scope.place == "condition":
            raise checker.fault(
                "E414", tree, "strings cannot be concatenated in a condition", "join it in a selection's where"
            )
        return Sum(op, left, right, Type("string", nullable=nullable))
    hint = remedy(first.kind, second.kind)
    raise checker.fault("E415", tree, f"unsupported operation: {first.kind} {op} {second.kind}", hint)


def type_choice(checker: Checker, tree: Any) -> Node:
    """`c ? a : b`: both values of one kind."""
    asked, yes, no = tree.children
    condition = checker.condition(asked)
    first, second = checker.all_of([yes, no], checker.value)
    kinds = {type_of(first).kind, type_of(second).kind} - {"null"}
    if len(kinds) > 1:
        raise checker.fault(
            "E416",
            tree,
            f"one value is {with_article(type_of(first).kind)}, the other {with_article(type_of(second).kind)}",
        )
    kind: Any = kinds.pop() if kinds else "null"
    nullable = type_of(first).nullable or type_of(second).nullable
    return Choice(condition, first, second, Type(kind, nullable=nullable))


def remedy(found: str, wanted: str) -> str | None:
    """What to write instead, where a mistake is a usual one."""
    kinds = {found, wanted}
    if kinds == {"int", "duration"}:
        return 'a number is not a duration: write duration("180s")'
    if kinds == {"int", "timestamp"} or kinds == {"string", "timestamp"}:
        return 'an instant is written timestamp("2026-06-11T12:00:05Z")'
    if kinds == {"string", "duration"}:
        return 'a duration is written duration("180s")'
    if kinds == {"timestamp", "duration"}:
        return "the difference of two instants is a duration"
    return None
