"""What the rules engine and SQL judge exactly by themselves, and what may have no value.

They compare fields, parameters and sums of them. Everything else (functions, lists, fractions, `?:`, sums that may
overflow) is evaluated before, as a value of one fact.
"""

from __future__ import annotations

from interlock.instant import INTEGER_BOUND
from interlock.language import calendar
from interlock.language.texts import FIRST, INT_MAX, INT_MIN, LAST, MAX_DURATION, Undefined
from interlock.language.walk import children, walk
from interlock.model.expression import (
    Call,
    Choice,
    Compare,
    Constant,
    Count,
    Exists,
    Field,
    Fold,
    In,
    Node,
    Now,
    Param,
    Present,
    Size,
    Sum,
    TaskId,
    ValueKind,
    type_of,
)

_SCALARS = ("bool", "int", "string", "timestamp", "duration", "null")
_ORDERED = ("int", "timestamp", "duration")


def is_exact(node: Node, *, joined: bool = False) -> bool:
    """Whether a comparison or membership is made of fields, parameters and sums alone.

    With `joined`, texts may be joined too.
    """
    match node:
        case Compare():
            return _is_compared(node, joined)
        case In():
            return _is_value(node.item, joined) and all(_is_value(member, joined) for member in node.members)
    return isinstance(node, Present | Exists)


def _is_compared(node: Compare, joined: bool) -> bool:
    sides = (node.left, node.right)
    if any(isinstance(side, Constant) and side.value is None for side in sides):
        return all(isinstance(side, Field | Param | Constant) or _is_value(side, joined) for side in sides)
    kinds = _SCALARS if node.op in ("==", "!=") else _ORDERED
    return all(type_of(side).kind in kinds and _is_value(side, joined) for side in sides)


def _is_value(node: Node, joined: bool) -> bool:
    match node:
        case Field() | Param():
            return node.type.kind in _SCALARS
        case Constant():
            return not isinstance(node.value, float) and (
                not isinstance(node.value, int) or abs(node.value) < INTEGER_BOUND
            )
        case Now() | TaskId():
            return True
        case Sum(type=of):
            safe = joined if of.kind == "string" else not overflows(node)
            return safe and _is_value(node.left, joined) and _is_value(node.right, joined)
    return False


def may_fail(node: Node) -> bool:
    """Whether an expression may have no value, whatever else it is made of."""
    from interlock.language.functions import FUNCTIONS

    for inner in walk(node):
        if isinstance(inner, Sum) and inner.type.kind != "string" and overflows(inner):
            return True
        if isinstance(inner, Call) and FUNCTIONS[inner.function].fails and not _is_safe(inner):
            return True
    return False


def _is_safe(node: Call) -> bool:
    """Whether a function that may fail does not, for the values that are written."""
    from interlock.language.functions import FUNCTIONS

    if node.function == "map":  # of keys that are written, no two are the same
        return all(isinstance(key, Constant) for key in node.arguments[::2])
    last = node.arguments[-1]
    if node.function in ("divided", "modulo"):
        return isinstance(last, Constant) and isinstance(last.value, int) and last.value not in (0, -1)
    if calendar.named(node.function):  # a zone that is written is known
        return isinstance(last, Constant)
    if node.function in ("times", "minus"):
        return not overflows(node)
    if not all(isinstance(each, Constant) for each in node.arguments):
        return False
    try:
        FUNCTIONS[node.function].run(*(each.value for each in node.arguments if isinstance(each, Constant)))
    except Undefined:
        return False
    return True


def overflows(node: Node) -> bool:
    """Whether a number, instant or duration may be one that CEL does not have, going by how far its parts reach."""
    (low, high), (least, most) = _reach(node), bounds(type_of(node).kind)
    return low < least or high > most


def bounds(kind: ValueKind) -> tuple[int, int]:
    """The least and the greatest number, instant or duration that CEL has."""
    if kind == "timestamp":
        return FIRST, LAST
    return (-MAX_DURATION, MAX_DURATION) if kind == "duration" else (INT_MIN, INT_MAX)


def _reach(node: Node) -> tuple[int, int]:
    match node:
        case Constant(value=int() as value):
            return value, value
        case Sum():
            (low, high), (least, most) = _reach(node.left), _reach(node.right)
            return (low + least, high + most) if node.op == "+" else (low - most, high - least)
        case Call(function="times"):
            ends = [a * b for a in _reach(node.arguments[0]) for b in _reach(node.arguments[1])]
            return min(ends), max(ends)
        case Call(function="minus"):
            low, high = _reach(node.arguments[0])
            return -high, -low
        case Call(function="modulo"):
            low, high = _reach(node.arguments[1])
            most = max(abs(low), abs(high))
            return -most, most
        case Call(function="size_string" | "size_of_string" | "size_list" | "size_of_list" | "indexOf" | "lastIndexOf"):
            return -1, INTEGER_BOUND
        case Size() | Count():
            return 0, INTEGER_BOUND
        case Field() | Param() | Now():
            return (0 if type_of(node).kind == "timestamp" else -INTEGER_BOUND), INTEGER_BOUND
    return bounds("timestamp" if type_of(node).kind == "timestamp" else "int")


def moves_freely(node: Node) -> Node | None:
    """The first function of a value that grows with the clock: nothing says when it changes. None where none is."""
    for inner in walk(node):
        if isinstance(inner, Call) and any(map(_grows, inner.arguments)) and not turns(inner):
            return inner
        if isinstance(inner, Fold) and (_grows(inner.source) or (inner.macro == "map" and _grows(inner.body))):
            return inner
    return None


def turns(node: Call) -> bool:
    """Whether it is a part of an instant or duration that grows as the clock does, so that its turns are known."""
    if calendar.named(node.function) is None or any(map(_grows, node.arguments[1:])):
        return False
    pace = _pace(node.arguments[0])
    return pace == 1 or (pace == -1 and node.function.endswith("_of"))


def _pace(node: Node) -> int | None:
    """By how much a sum grows a microsecond; None for what is not one."""
    match node:
        case Now():
            return 1
        case Sum():
            left, right = _pace(node.left), _pace(node.right)
            if left is None or right is None:
                return None
            return left + right if node.op == "+" else left - right
    return None if _grows(node) else 0


def _grows(node: Node) -> bool:
    """Whether a value may grow with the clock, and is not merely chosen by a comparison with it."""
    if isinstance(node, Call) and turns(node):
        return False
    if isinstance(node, Choice):
        return _grows(node.yes) or _grows(node.no)
    if isinstance(node, Now):
        return True
    return type_of(node).kind != "bool" and any(map(_grows, children(node)))
