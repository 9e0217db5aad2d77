"""Named groups whose absence nothing asks for: what a policy forgets there, it lets pass.

A condition is read as it is where none of the groups is there, and nothing else is known: true, false, or either.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from interlock.language.walk import selections
from interlock.model.expression import (
    Compare,
    Constant,
    Exists,
    Field,
    In,
    Logic,
    MapRef,
    Node,
    Not,
    Present,
    Reference,
    Sum,
    VariableRef,
    type_of,
)
from interlock.model.facts import Value
from interlock.model.policy import Policy, Rule, Selection


class _Unknown:
    """A value that depends on something else."""


_UNKNOWN: Final = _Unknown()


class _Absent(msgspec.Struct, frozen=True):
    """The selections and variables whose facts are all of absent groups, and the fields that are then not null."""

    names: frozenset[str]
    keys: frozenset[str]


def unasked(policy: Policy) -> Iterator[str]:
    """The selections that name groups, where every condition passes over one that is absent."""
    for selection in policy.selections:
        if selection.groups and selection.absences and not _asked(policy, selection):
            yield selection.name


def counted_absence(policy: Policy) -> Iterator[tuple[str, str]]:
    """The counts of all facts of a selection that names groups, which are never less than the groups; with that one."""
    every = {selection.name: selection for selection in policy.selections}
    for selection in policy.selections:
        parent = every.get(selection.parent or "")
        plain = selection.take == "count" and selection.where is None
        while plain and parent is not None and parent.absences and not parent.groups and parent.where is None:
            parent = every.get(parent.parent or "")
        if plain and parent is not None and parent.absences and parent.groups:
            yield selection.name, parent.name


def _asked(policy: Policy, selection: Selection) -> bool:
    """Whether something may be otherwise where the groups are absent than where nobody asks."""
    narrowing = {selection.name: selection}
    for each in policy.selections:
        if each.parent in narrowing:
            narrowing[each.name] = each
    if any(each.required is not None or not each.absences for each in narrowing.values()):
        return True
    keys = frozenset(path for each in narrowing.values() for path, _ in each.absences)
    absent = _Absent(frozenset(narrowing), keys)
    return any(_rule(rule, absent) for rule in policy.rules) or any(
        line.when is not None
        and not absent.names.isdisjoint(selections(line.when))
        and _truth(line.when, absent) is not line.allow
        for line in policy.decide
    )


def _rule(rule: Rule, absent: _Absent) -> bool:
    """Whether a rule may fire for an absent group, or for its absence; of what is derived, others may ask."""
    if absent.names.isdisjoint({*rule.loops, *selections(rule.condition)}):
        return False
    return rule.derive is not None or _truth(rule.condition, absent) is not False


def _truth(node: Node, absent: _Absent) -> bool | None:
    """Whether a condition holds; None where that depends on something else."""
    match node:
        case Logic():
            return _joined(node.op == "||", [_truth(item, absent) for item in node.items])
        case Not():
            found = _truth(node.item, absent)
            return None if found is None else not found
        case Exists() if node.selection in absent.names:
            return _truth(node.condition, _Absent(absent.names | {node.variable}, absent.keys))
        case Compare():
            return _compared(node, absent)
        case In():
            return False if _value(node.item, absent) is None else None
        case Present() if _is_absent(node.of, absent):
            return False
        case Constant():
            return node.value is True
    return None


def _joined(settling: bool, items: list[bool | None]) -> bool | None:
    if settling in items:
        return settling
    return None if None in items else not settling


def _compared(node: Compare, absent: _Absent) -> bool | None:
    left, right = _value(node.left, absent), _value(node.right, absent)
    if left is not None and right is not None:
        return None
    if node.op not in ("==", "!="):
        return False
    other, of = (right, node.right) if left is None else (left, node.left)
    if isinstance(other, _Unknown) and type_of(of).nullable:
        return None
    return (other is None) is (node.op == "==")


def _value(node: Node, absent: _Absent) -> Value | _Unknown:
    match node:
        case Constant():
            return node.value
        case Field() if _is_absent(node.of, absent) and node.path not in absent.keys:
            return None
        case Sum() if None in (_value(node.left, absent), _value(node.right, absent)):
            return None
    return _UNKNOWN


def _is_absent(of: Reference, absent: _Absent) -> bool:
    if isinstance(of, VariableRef):
        return of.name in absent.names
    return isinstance(of, MapRef) and of.selection in absent.names
