"""A condition taken apart: what each part met, whether it holds, what was looked for and not found."""

from __future__ import annotations

from collections.abc import Sequence

from interlock import instant
from interlock.evaluation.sought import absence, sought
from interlock.language.evaluate import Known, evaluate, find, printed
from interlock.language.unparse import notation
from interlock.language.walk import children, reference, walk
from interlock.model.explanation import Cited, Looked, Part, Read, Sought
from interlock.model.expression import (
    Blocked,
    Field,
    Logic,
    Lookup,
    Node,
    Not,
    Now,
    Param,
    Present,
    Single,
    Some,
    Sum,
    Task,
    type_of,
)
from interlock.model.facts import Fact
from interlock.model.policy import Policy

MOST = 3
"""That many facts are shown of those that `exists` or `all` looked at."""


def part(policy: Policy, node: Node, known: Known) -> Part:
    """A condition and its parts, as they are over what is known."""
    if isinstance(node, Some):
        return _macro(policy, node, node, node.condition, known)
    if isinstance(node, Not) and isinstance(node.item, Some) and isinstance(node.item.condition, Not):
        return _macro(policy, node, node.item, node.item.condition.item, known)
    if isinstance(node, Logic) or (isinstance(node, Not) and not isinstance(node.item, Present)):
        inner = tuple(part(policy, each, known) for each in children(node))
        op = node.op if isinstance(node, Logic) else "!"
        return Part(notation(node), evaluate(node, known) is True, op=op, parts=inner)
    return _leaf(policy, node, known)


def cited(fact: Fact) -> Cited:
    """The receipt or entity that a fact came from, or the named group that is absent."""
    group = next((str(value) for value in fact.fields.values() if value is not None), None) if fact.absent else None
    return Cited(fact.kind, fact.id, _normal(fact.at), group)


def _leaf(policy: Policy, node: Node, known: Known) -> Part:
    inner = list(walk(node))
    values = [each for each in inner if isinstance(each, Field | Param | Now | Task | Sum | Blocked)]
    reads = {notation(each): printed(evaluate(each, known), type_of(each).kind) for each in values}
    receipts: dict[Cited, None] = {}
    lacking: dict[Sought, None] = {}
    for each in inner:
        of = reference(each)
        fact = None if of is None else find(of, known)
        if fact is not None and not fact.absent:
            receipts[cited(fact)] = None
        elif isinstance(of, Single | Lookup):
            lacking[sought(policy, of, known)] = None
        elif fact is not None:
            lacking[absence(policy, fact, known)] = None
    named = tuple(Read(name, value) for name, value in reads.items())
    return Part(notation(node), evaluate(node, known) is True, named, tuple(receipts), tuple(lacking))


def _macro(policy: Policy, node: Node, some: Some, condition: Node, known: Known) -> Part:
    """`exists` and `all`, at the facts that they found, or those that came nearest."""
    facts, name = known.facts[some.selection], some.variable
    found = [fact for fact in facts if evaluate(some.condition, known.looking_at(name, fact))]
    shown = found or (_nearest(facts, some, known) if isinstance(node, Some) else [])
    among = [Looked(cited(fact), part(policy, condition, known.looking_at(name, fact))) for fact in shown[:MOST]]
    return Part(
        notation(node),
        evaluate(node, known) is True,
        receipts=tuple(dict.fromkeys(cited(fact) for fact in found[:MOST] if not fact.absent)),
        sought=() if found or not isinstance(node, Some) else (sought(policy, some, known),),
        looked_at=len(facts),
        found=len(found),
        among=tuple(among),
    )


def _nearest(facts: Sequence[Fact], some: Some, known: Known) -> list[Fact]:
    """The facts of which the fewest things that are asked do not hold, the newest of these first."""
    asked = some.condition.items if isinstance(some.condition, Logic) and some.condition.op == "&&" else ()

    def failing(place: int) -> int:
        here = known.looking_at(some.variable, facts[place])
        return sum(not evaluate(each, here) for each in asked)

    return [facts[place] for place in sorted(range(len(facts) - 1, -1, -1), key=failing)]


def _normal(at: str | None) -> str | None:
    """An instant in the one form that all reports have."""
    return None if at is None else instant.format_instant(instant.parse_instant(at))
