"""Branches for tests: short ways to write them, and a plain evaluator made from what `model.compiled` says of them.

The evaluator has no index, no encoding and no engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

import pytest

from interlock.evaluation.rete import AVAILABLE, Ruleset
from interlock.model.compiled import Branch, Column, Pattern, Relation, Slot, Stratum, Test
from interlock.model.expression import Operator
from interlock.model.facts import Value

Facts = Mapping[str, Sequence[Mapping[str, Value]]]
Found = tuple[int, bool, bool | None, tuple[int, ...]]
"""A match: target, decides, blocked, loops."""

_Frame = dict[str, tuple[int, Mapping[str, Value]]]


FIELDS = ("role", "at", "count", "note")
RELATIONS = tuple(
    Relation(name, tuple(Column(field, ((1, field),)) for field in FIELDS))
    for name in ("$", "seat", "proof", "verdict")
)


def build(*branches: Branch) -> Ruleset:
    """The branches in the rules engine, over `RELATIONS`; the test is skipped where there is no engine."""
    if not AVAILABLE:
        pytest.skip("durable-rules cannot be imported here")
    return Ruleset(RELATIONS, Stratum(branches))


def rule(*patterns: Pattern, loops: tuple[str, ...] = (), target: int = 0) -> Branch:
    """A branch of a rule."""
    return Branch(target, patterns, loops)


def some(relation: str, *tests: Test, alias: str = "") -> Pattern:
    """A fact of the relation; its alias is the relation's first letter."""
    return Pattern(alias or relation[0], relation, tests)


def no(relation: str, *tests: Test) -> Pattern:
    """No fact of the relation."""
    return Pattern(f"no-{relation}", relation, tests, negated=True)


def join(field: str, op: Operator, alias: str, of: str, sign: Literal[1, -1] = 1, plus: int | None = None) -> Test:
    """A test against a field of another fact."""
    return Test(field, op, plus, ((sign, Slot(alias, of)),))


def fact(**fields: Value) -> dict[str, Value]:
    """An engine fact; the fields that are not given are null."""
    return {**dict.fromkeys(FIELDS), **fields}


def many(count: int, **fields: Value) -> list[dict[str, Value]]:
    """Facts that differ in `at`: 0, 1, 2, …"""
    return [fact(at=number, **fields) for number in range(count)]


def facts(**relations: list[dict[str, Value]]) -> Facts:
    """Engine facts by relation; the relations that are not given are empty, save `$`."""
    return {"$": [fact(at=1000)], "seat": [], "proof": [], "verdict": [], **relations}


def matches(branches: Iterable[Branch], facts: Facts) -> list[Found]:
    """Every match of the branches, each once, in order."""
    found = {
        (branch.target, branch.decides, branch.blocked, tuple(frame[alias][0] for alias in branch.loops))
        for branch in branches
        for frame in _frames(branch.patterns, {}, facts)
    }
    return sorted(found, key=lambda match: (match[0], match[1], (None, False, True).index(match[2]), match[3]))


def _frames(patterns: Sequence[Pattern], frame: _Frame, facts: Facts) -> Iterator[_Frame]:
    if not patterns:
        yield frame
        return
    pattern, *rest = patterns
    candidates = [{**frame, pattern.alias: (place, fact)} for place, fact in enumerate(facts[pattern.relation])]
    suitable = [
        candidate for candidate in candidates if all(_holds(pattern, test, candidate) for test in pattern.tests)
    ]
    if pattern.negated:
        if not suitable:
            yield from _frames(rest, frame, facts)
        return
    for candidate in suitable:
        yield from _frames(rest, candidate, facts)


def _holds(pattern: Pattern, test: Test, frame: _Frame) -> bool:
    return _compare(test.op, frame[pattern.alias][1][test.field], _value(test, frame))


def _value(test: Test, frame: _Frame) -> Value:
    if not test.slots:
        return test.constant
    values = [(sign, frame[slot.alias][1][slot.field]) for sign, slot in test.slots]
    if any(value is None for _, value in values):
        return None
    if len(values) == 1 and values[0][0] == 1 and not test.constant:
        return values[0][1]
    total = test.constant or 0
    assert isinstance(total, int)
    for sign, value in values:
        assert type(value) is int
        total += sign * value
    return total


def _compare(op: Operator, left: Value, right: Value) -> bool:
    equal = type(left) is type(right) and left == right
    if op in ("==", "!="):
        return equal == (op == "==")
    if left is None or right is None:
        return False
    assert type(left) is int
    assert type(right) is int
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[op]
