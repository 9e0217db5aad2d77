"""The reference evaluator: the language's definition, in plain Python.

It shares no code with the compiler or the rules engine, and every decision of theirs is checked against it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import product

from interlock.evaluation.holding import Holds
from interlock.language.evaluate import Environment, evaluate
from interlock.language.walk import children, selections
from interlock.model.decision import Firing, Verdict
from interlock.model.expression import Call, Choice, Compare, Count, Exists, Fold, In, Node, Not, Size
from interlock.model.facts import Fact, in_order
from interlock.model.policy import Policy, Rule

MAX_DERIVED = 2_000
"""The most facts that may be derived under one name before a recursion is taken for endless."""
MAX_ROUNDS = 100
"""The most rounds in which rules are evaluated again over what they derived."""


class NonTerminating(Exception):
    """A recursive derivation does not terminate; the argument names the derived fact."""


def judge(policy: Policy, known: Environment, waived: Collection[str] = (), holds: Holds | None = None) -> Verdict:
    """Judge by the rules: derived facts first, in an order in which absence is final; then findings; then the line.

    The rules whose ids are `waived` fire as ever, and do not block. `holds` says what has held for long enough.
    """
    derived = _derive(policy, known)
    known = _with(known, derived)
    firings = tuple(
        Firing(index, facts)
        for index, rule in enumerate(policy.rules)
        for facts in _matches(rule, known)
        if holds is None or holds.fires(index, facts)
    )
    fired = [policy.rules[firing.rule] for firing in firings]
    blocked = any(rule.effect == "block" and rule.id not in waived for rule in fired)
    known = Environment(known.now, known.task, known.params, known.facts, known.maps, {}, blocked)
    line = next(
        i
        for i, line in enumerate(policy.decide)
        if (line.when is None or evaluate(line.when, known)) and (holds is None or holds.takes(i))
    )
    return Verdict(firings, derived, line)


def _matches(rule: Rule, known: Environment) -> Iterator[tuple[Fact, ...]]:
    """Every combination of the facts that the rule ranges over for which its condition holds."""
    for facts in product(*(known.facts[name] for name in rule.loops)):
        if evaluate(rule.condition, known.ranging(rule.loops, facts)):
            yield facts


def _derive(policy: Policy, known: Environment) -> dict[str, tuple[Fact, ...]]:
    """All derived facts: rank by rank, each rank until nothing new is derived."""
    makers = [rule for rule in policy.rules if rule.derive]
    if not makers:
        return {}
    ranks = _ranks(makers)
    derived: dict[str, tuple[Fact, ...]] = {rule.derive: () for rule in makers if rule.derive}
    for rank in range(max(ranks.values()) + 1):
        own = [rule for rule in makers if ranks[str(rule.derive)] == rank]
        for _ in range(MAX_ROUNDS):
            if not sum(_grow(rule, _with(known, derived), derived) for rule in own):
                break
        else:
            raise NonTerminating(str(own[0].derive))
    return derived


def _grow(rule: Rule, known: Environment, derived: dict[str, tuple[Fact, ...]]) -> bool:
    """Add what the rule derives now; whether there was anything new."""
    name = str(rule.derive)
    seen = {fact.identity() for fact in derived[name]}
    new: dict[tuple[object, ...], Fact] = {}
    for facts in _matches(rule, known):
        here = known.ranging(rule.loops, facts)
        made = Fact(name, {field: evaluate(node, here) for field, node in rule.values.items()})
        if made.identity() not in seen:
            new[made.identity()] = made
    derived[name] = tuple(in_order([*derived[name], *new.values()]))
    if len(derived[name]) > MAX_DERIVED:
        raise NonTerminating(name)
    return bool(new)


def _ranks(makers: list[Rule]) -> dict[str, int]:
    """A rank for each derived name: not below what it rests on, and above what it rests on the absence of.

    Raised step by step until nothing moves; a policy has no cycle through a negation, so this ends.
    """
    ranks = {str(rule.derive): 0 for rule in makers}
    moved = True
    while moved:
        moved = False
        for rule in makers:
            name = str(rule.derive)
            final = set(_final(rule.condition)) | {s for node in rule.values.values() for s in selections(node)}
            asked = {*rule.loops, *selections(rule.condition)} - final
            floor = max([ranks.get(s, 0) for s in asked] + [ranks[s] + 1 for s in final if s in ranks], default=0)
            if floor > ranks[name]:
                ranks[name], moved = floor, True
    return ranks


def _final(node: Node, negated: bool = False) -> Iterator[str]:
    """The selections whose absence the condition may rest on: they must be complete before it is evaluated."""
    if isinstance(node, Exists) and negated:
        yield node.selection
    if isinstance(node, Count | Size):  # a number rests on all of it
        yield from selections(node)
    for child in children(node):
        if isinstance(node, Compare | In | Choice | Call | Fold):  # a value rests on all of it
            yield from selections(child)
        yield from _final(child, negated is not isinstance(node, Not))


def _with(known: Environment, derived: dict[str, tuple[Fact, ...]]) -> Environment:
    return Environment(known.now, known.task, known.params, {**known.facts, **derived}, known.maps)
