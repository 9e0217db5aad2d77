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

import msgspec

from interlock.instant import INTEGER_BOUND
from interlock.language import calendar
from interlock.language.evaluate import EITHER, Environment, Failure, bounded, evaluate, fact_of
from interlock.language.exact import bounds
from interlock.language.structures import equal
from interlock.language.walk import walk
from interlock.model.expression import (
    Call,
    Choice,
    Compare,
    Count,
    Exists,
    Field,
    Fold,
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
from interlock.model.facts import Fact

NEVER = INTEGER_BOUND
"""Later than every instant: nothing changes for as long as there are instants."""
Trend = tuple[Any, int, int]
"""A value at `now`, by how much it grows a microsecond (0 for what stays), and the instant up to which that is so."""
Rates = Mapping[int, Mapping[str, int]]
"""By how much fields grow a microsecond: of facts by their `id()`, by path; under `PARAMS`, of parameters by name."""
PARAMS = 0


def trend(node: Node, known: Environment, paces: Rates) -> Trend:
    """The course of a checked tree's value from `known.now` on; the facts that it reads stay as they are.

    The value is a Failure where there is none.
    """
    try:
        return _course(node, known, paces)
    except Failure as failure:
        moving = bool(paces) or any(isinstance(inner, Now) for inner in walk(node))
        return failure, 0, known.now + 1 if moving else NEVER


def _course(node: Node, known: Environment, paces: Rates) -> Trend:
    """The same. Raises Failure."""
    reader = _READERS.get(type(node))
    return reader(node, known, paces) if reader else (evaluate(node, known), 0, NEVER)


def _applied(node: Call, known: Environment, paces: Rates) -> Trend:
    """A function of what stays stays; parts of instants and durations turn; of all else that moves, nothing says."""
    given = node.arguments
    if node.function in EITHER and evaluate(given[0], known) is not None:
        given = given[:1]
    courses = [_course(each, known, paces) for each in given]
    until = min((until for _, _, until in courses), default=NEVER)
    if calendar.named(node.function) is not None and courses[0][1] in (1, -1):
        return evaluate(node, known), 0, min(until, _turning(node, courses, known.now))
    return evaluate(node, known), 0, min(until, known.now + 1) if any(pace for _, pace, _ in courses) else until


def _turning(node: Call, courses: list[Trend], now: int) -> int:
    """When a part of an instant or of a duration turns that moves as the clock does."""
    name, value, pace = str(calendar.named(node.function)), courses[0][0], courses[0][1]
    zones = [each[0] for each in courses[1:]]
    if any(each[1] for each in courses[1:]) or (pace != 1 and not node.function.endswith("_of")):
        return now + 1
    if value is None or None in zones:
        return NEVER
    if node.function.endswith("_of"):
        return now + calendar.passing(name, int(value) * pace)
    return now + calendar.turn(name, int(value), *map(str, zones)) - int(value)


MAX_TURNS = 1_500
"""That many turns of a part of the clock are looked past, for the one at which a comparison differs."""


def _outlasting(node: Compare | In, known: Environment, paces: Rates, found: Trend) -> Trend:
    """The comparison, past the turns of the clock's parts that leave it as it is."""
    value, _, until = found
    if until >= NEVER or paces or not _reads_parts(node):
        return found
    for _ in range(MAX_TURNS):
        later = msgspec.structs.replace(known, now=until)
        try:
            there, _, after = _COMPARED[type(node)](node, later, paces)
        except Failure:  # it has a value up to then
            break
        if there is not value or after >= NEVER:
            return value, 0, until if there is not value else after
        until = after
    return value, 0, until


def _reads_parts(node: Node) -> bool:
    """Whether a comparison may read parts of the clock, and nothing of a fact at a time."""
    kinds = {type(inner) for inner in walk(node)}
    return Call in kinds and not kinds & {Exists, Count}


def _folded(node: Fold, known: Environment, paces: Rates) -> Trend:
    source, _, until = _course(node.source, known, paces)
    members = source if isinstance(source, tuple | dict) else ()
    courses = [trend(node.body, known.at(node.variable, each), paces) for each in members]
    if node.macro in ("exists", "all") and source is not None:
        value, _, limit = _settled(node.macro == "exists", courses)
        if isinstance(value, Failure):
            raise value
        return value, 0, min(until, limit)
    moving = any(pace for _, pace, _ in courses)
    limit = min((limit for _, _, limit in courses), default=NEVER)
    return evaluate(node, known), 0, min(until, limit, known.now + 1 if moving else NEVER)


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
    key, pace, until = _course(of.key, known, paces)
    known_keys = known.maps[of.selection]
    if pace and isinstance(key, int):
        met = (crossing("==", key - other, pace, known.now) for other in known_keys if isinstance(other, int))
        until = min(until, *met, NEVER)
    return known_keys.get(key), until


def _compare(node: Compare, known: Environment, paces: Rates) -> Trend:
    return _outlasting(node, known, paces, _comparison(node, known, paces))


def _comparison(node: Compare, known: Environment, paces: Rates) -> Trend:
    left, right = _course(node.left, known, paces), _course(node.right, known, paces)
    return _compared(node.op, left, right, known.now)


def _compared(op: str, left: Trend, right: Trend, now: int) -> Trend:
    (first, pace, until), (second, other, limit) = left, right
    for value in (first, second):
        if isinstance(value, Failure):
            raise value
    until = min(until, limit)
    if op in ("==", "!="):
        held = equal(first, second) is (op == "==")
    else:
        held = first is not None and second is not None and _OPERATORS[op](first, second)
    if pace != other and isinstance(first, int) and isinstance(second, int):
        until = min(until, crossing(op, first - second, pace - other, now))
    return held, 0, until


def _contained(node: In, known: Environment, paces: Rates) -> Trend:
    return _outlasting(node, known, paces, _membership(node, known, paces))


def _membership(node: In, known: Environment, paces: Rates) -> Trend:
    item = _course(node.item, known, paces)
    compared = [_compared("==", item, (evaluate(member, known), 0, NEVER), known.now) for member in node.members]
    return evaluate(node, known), 0, min([item[2], *(until for _, _, until in compared)])


def _logic(node: Logic, known: Environment, paces: Rates) -> Trend:
    return _settled(node.op == "||", [trend(item, known, paces) for item in node.items])


def _some(node: Exists, known: Environment, paces: Rates) -> Trend:
    looks = (known.bind(node.variable, fact) for fact in known.facts[node.selection])
    return _settled(True, [trend(node.condition, look, paces) for look in looks])


def _count(node: Count, known: Environment, paces: Rates) -> Trend:
    """How many there are lasts as long as every fact counts, or does not."""
    courses = [_course(node.condition, known.bind(node.variable, each), paces) for each in known.facts[node.selection]]
    for value, _, _ in courses:
        if isinstance(value, Failure):
            raise value
    return sum(value is True for value, _, _ in courses), 0, min((until for _, _, until in courses), default=NEVER)


def _settled(settling: bool, courses: list[Trend]) -> Trend:
    """One that is `settling` settles the whole, which then lasts as long as any such one does."""
    settled = [until for value, _, until in courses if value is settling]
    if settled:
        return settling, 0, max(settled)
    failed = next((value for value, _, _ in courses if isinstance(value, Failure)), None)
    return failed or not settling, 0, min((until for _, _, until in courses), default=NEVER)


def _not(node: Not, known: Environment, paces: Rates) -> Trend:
    value, _, until = _course(node.item, known, paces)
    return value if isinstance(value, Failure) else not value, 0, until


def _sum(node: Sum, known: Environment, paces: Rates) -> Trend:
    (left, pace, until), (right, other, limit) = _course(node.left, known, paces), _course(node.right, known, paces)
    until = min(until, limit)
    if isinstance(left, int) and isinstance(right, int):
        sign = 1 if node.op == "+" else -1
        found, pace = bounded(node, left + sign * right, known), pace + sign * other
        if pace:  # where it overflows, it has no value any more
            low, high = bounds(node.type.kind)
            until = min(
                until, crossing(">=", found - low, pace, known.now), crossing("<=", found - high, pace, known.now)
            )
        return found, pace, until
    return left + right if isinstance(left, str) and isinstance(right, str) else None, 0, until


def _choice(node: Choice, known: Environment, paces: Rates) -> Trend:
    chosen, _, until = _course(node.condition, known, paces)
    if isinstance(chosen, Failure):
        raise chosen
    value, pace, limit = _course(node.yes if chosen else node.no, known, paces)
    return value, pace, min(until, limit)


_COMPARED: dict[type, Callable[[Any, Environment, Rates], Trend]] = {Compare: _comparison, In: _membership}
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
    Call: _applied,
    Fold: _folded,
    Not: _not,
    Sum: _sum,
    Exists: _some,
    Count: _count,
    Choice: _choice,
}
