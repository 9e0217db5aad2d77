"""The reader that says how long a value lasts when nothing moves but the clock.

Every comparison with `now` is linear in it (`docs/design/language.md`), so whatever an expression reads is, as the
clock moves, a value that stays as it is for a while, or one that grows or shrinks by a whole number a microsecond, and
the instant of the next turn can be computed. The answer is never late: before the instant that it names the value is as
it was, and condition by condition it is as late as that allows (what one true alternative of `||` outlasts, the whole
does).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from interlock.instant import INTEGER_BOUND
from interlock.language.evaluate import Environment, evaluate, fact_of
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
    Param,
    Present,
    Reference,
    Sum,
)
from interlock.model.facts import Fact, Value

NEVER = INTEGER_BOUND
"""Later than every instant: nothing changes for as long as there are instants."""
Trend = tuple[Value, int, int]
"""A value at `now`, by how much it grows a microsecond (0 for what stays), and the instant up to which that is so."""
Rates = Mapping[int, Mapping[str, int]]
"""By how much fields grow a microsecond: of facts by their `id()`, by path; under `PARAMS`, of parameters by name."""
PARAMS = 0


def trend(node: Node, known: Environment, paces: Rates) -> Trend:
    """The course of a checked tree's value from `known.now` on; the facts that it reads stay as they are."""
    reader = _READERS.get(type(node))
    return reader(node, known, paces) if reader else (evaluate(node, known), 0, NEVER)


def crossing(op: str, apart: int, pace: int, now: int) -> int:
    """When `apart OP 0` turns, if `apart` grows by `pace` a microsecond from `now` on; NEVER if it does not."""
    if not pace:
        return NEVER
    holds, crossing = _OPERATORS[op], -apart // pace
    for step in (crossing, crossing + 1):
        if step >= 1 and holds(apart + pace * step, 0) != holds(apart, 0):
            return min(now + step, NEVER)
    return NEVER


def _field(node: Field, known: Environment, paces: Rates) -> Trend:
    fact, until = _found(node.of, known, paces)
    if fact is None:
        return None, 0, until
    pace = paces.get(id(fact))
    return fact.fields.get(node.path), pace.get(node.path, 0) if pace else 0, until


def _present(node: Present, known: Environment, paces: Rates) -> Trend:
    fact, until = _found(node.of, known, paces)
    return fact is not None and not fact.absent, 0, until


def _found(of: Reference, known: Environment, paces: Rates) -> tuple[Fact | None, int]:
    """The fact that is referred to, and up to when it is that one: the key of a map may move."""
    if not isinstance(of, MapRef):
        return fact_of(of, known), NEVER
    key, pace, until = trend(of.key, known, paces)
    known_keys = known.maps[of.selection]
    if pace and isinstance(key, int):
        met = (crossing("==", key - other, pace, known.now) for other in known_keys if isinstance(other, int))
        until = min(until, *met, NEVER)
    return known_keys.get(key), until


def _compare(node: Compare, known: Environment, paces: Rates) -> Trend:
    left, right = trend(node.left, known, paces), trend(node.right, known, paces)
    return _compared(node.op, left, right, known.now)


def _compared(op: str, left: Trend, right: Trend, now: int) -> Trend:
    (first, pace, until), (second, other, limit) = left, right
    until = min(until, limit)
    if op in ("==", "!="):
        held = (first == second) is (op == "==")
    else:
        held = first is not None and second is not None and _OPERATORS[op](first, second)
    if pace != other and isinstance(first, int) and isinstance(second, int):
        until = min(until, crossing(op, first - second, pace - other, now))
    return held, 0, until


def _contained(node: In, known: Environment, paces: Rates) -> Trend:
    item = trend(node.item, known, paces)
    compared = [_compared("==", item, (evaluate(member, known), 0, NEVER), known.now) for member in node.members]
    return evaluate(node, known), 0, min([item[2], *(until for _, _, until in compared)])


def _logic(node: Logic, known: Environment, paces: Rates) -> Trend:
    return _settled(node.op == "||", [trend(item, known, paces) for item in node.items])


def _some(node: Exists, known: Environment, paces: Rates) -> Trend:
    looks = (known.bind(node.variable, fact) for fact in known.facts[node.selection])
    return _settled(True, [trend(node.condition, look, paces) for look in looks])


def _settled(settling: bool, courses: list[Trend]) -> Trend:
    """One that is `settling` settles the whole, which then lasts as long as any such one does."""
    settled = [until for value, _, until in courses if value is settling]
    if settled:
        return settling, 0, max(settled)
    return not settling, 0, min((until for _, _, until in courses), default=NEVER)


def _not(node: Not, known: Environment, paces: Rates) -> Trend:
    value, _, until = trend(node.item, known, paces)
    return not value, 0, until


def _sum(node: Sum, known: Environment, paces: Rates) -> Trend:
    (left, pace, until), (right, other, limit) = trend(node.left, known, paces), trend(node.right, known, paces)
    until = min(until, limit)
    if isinstance(left, int) and isinstance(right, int):
        sign = 1 if node.op == "+" else -1
        return left + sign * right, pace + sign * other, until
    return left + right if isinstance(left, str) and isinstance(right, str) else None, 0, until


def _choice(node: Choice, known: Environment, paces: Rates) -> Trend:
    chosen, _, until = trend(node.condition, known, paces)
    value, pace, limit = trend(node.yes if chosen else node.no, known, paces)
    return value, pace, min(until, limit)


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_READERS: dict[type, Callable[[Any, Environment, Rates], Trend]] = {
    Field: _field,
    Param: lambda node, known, paces: (known.params[node.name], paces.get(PARAMS, {}).get(node.name, 0), NEVER),
    Now: lambda _, known, __: (known.now, 1, NEVER),
    Present: _present,
    Compare: _compare,
    In: _contained,
    Logic: _logic,
    Not: _not,
    Sum: _sum,
    Exists: _some,
    Choice: _choice,
}
