"""What of a policy the clock alone may change, so that nothing else is examined to find how long it holds."""

from __future__ import annotations

from collections.abc import Iterable, Set

import msgspec

from interlock.language.walk import children, conjuncts, reads_now, reference, reference_name, walk
from interlock.model.compiled import ClockCandidates, ClockUse
from interlock.model.expression import (
    Compare,
    Constant,
    Field,
    In,
    Logic,
    Node,
    Now,
    Param,
    SingletonRef,
    Sum,
    type_of,
)
from interlock.model.policy import Policy, Rule, Selection, values
from interlock.policy.compile.selections import query
from interlock.schemas import Catalog

_MOVING = ("timestamp", "duration", "int")
"""The kinds of what can grow with the clock."""


def clock(policy: Policy, catalog: Catalog) -> ClockUse:
    """What reads the clock, directly or through a derived fact that does."""
    rules = tuple(index for index, rule in enumerate(policy.rules) if any(map(reads_now, _of(rule))))
    made = {need.name for need in policy.needs} | {rule.derive for rule in policy.rules if rule.derive}
    telling = tuple(rule.id for rule in policy.rules if rule.message and _grows(rule.message.expressions, made))
    lines = any(reads_now(node) for line in policy.decide for node in line.judged)
    given = any(reads_now(node) for _, node in values(policy.outputs))
    needs = {need.name for need in policy.needs}
    found = [_candidates(policy, each, needs, catalog) for each in policy.selections if each.where is not None]
    lacking = tuple(s.name for s in policy.selections if s.required and any(map(runs, s.required.expressions)))
    saying = tuple(n for n, line in enumerate(policy.decide) if line.reason and _grows(line.reason.expressions, made))
    candidates = tuple(each for each in found if each is not None)
    return ClockUse(rules, lines, given, telling, candidates, lacking, saying)


def runs(node: Node, made: Set[str] = frozenset()) -> bool:
    """Whether the value in a message may grow with the clock, and is not merely chosen by a comparison with it.

    `made` are the names of needs and of derived facts: their times and durations may be made of the clock's.
    """
    if isinstance(node, Now):
        return True
    if isinstance(node, Field) and node.type.kind in ("timestamp", "duration"):
        return reference_name(node.of) in made
    return not isinstance(node, Compare | In) and any(runs(child, made) for child in children(node))


def _grows(nodes: Iterable[Node], made: Set[str]) -> bool:
    return any(runs(node, made) for node in nodes)


def _of(rule: Rule) -> list[Node]:
    return [rule.condition, *rule.values.values(), *(rule.message.expressions if rule.message else ())]


def _candidates(policy: Policy, selection: Selection, needs: set[str], catalog: Catalog) -> ClockCandidates | None:
    """The facts that may come into a selection or leave it as the clock moves; None where its condition has no clock.

    Of its conditions those that have none still hold them back, and those that can only lapse: a fact for which such
    a one does not hold never comes back.
    """
    assert selection.where is not None
    where = selection.where
    parts = conjuncts(where)
    moving = [part for part in parts if _moves(part, needs)]
    if not moving:
        return None
    fixed = tuple(part for part in parts if part not in moving or _lapses(part))
    held = Logic("&&", fixed) if len(fixed) > 1 else fixed[0] if fixed else None
    wide = msgspec.structs.replace(
        selection,
        parent=None,
        where=held,
        take="all",
        of=None,
        per=(),
        groups=(),
        absences=(),
        required=None,
        limit=None,
        previous=None,
        scope=policy.chain(selection)[-1].scope,
    )
    paths = {
        node.path: node.type
        for node in walk(where)
        if isinstance(node, Field) and not isinstance(node.of, SingletonRef)
    }
    # More may change than what is given to the rules, and what is left out of it would change unseen.
    found = query(policy, wide, paths, catalog)
    found = msgspec.structs.replace(found, sql=found.sql.removesuffix(" LIMIT :limit"))
    parent = policy.selection(selection.parent)
    return ClockCandidates(found, where, any(map(reads_now, moving)), () if parent is None else parent.absences)


def _moves(node: Node, needs: set[str]) -> bool:
    """Whether a condition may read what grows with the clock: `now`, a parameter, or what a need gives."""
    for inner in walk(node):
        of = reference(inner)
        given = isinstance(inner, Param) or (isinstance(of, SingletonRef) and of.selection in needs)
        if isinstance(inner, Now) or (given and type_of(inner).kind in _MOVING):
            return True
    return False


def _lapses(node: Node) -> bool:
    """Whether a comparison is of `now` with what does not move, and such that it can cease to hold but not begin to."""
    if not isinstance(node, Compare) or node.op not in ("<", "<=", ">", ">="):
        return False
    left, right = _pace(node.left), _pace(node.right)
    if left is None or right is None:
        return False
    return left > right if node.op in ("<", "<=") else left < right


def _pace(node: Node) -> int | None:
    """By how much a value grows a microsecond; None where the policy alone does not say."""
    match node:
        case Now():
            return 1
        case Constant():
            return 0
        case Field() if not isinstance(node.of, SingletonRef):
            return 0
        case Sum():
            left, right = _pace(node.left), _pace(node.right)
            return None if left is None or right is None else left + right if node.op == "+" else left - right
    return None
