"""How much work looking ahead may take, measured in what is examined and never in time, so that it is
reproducible: a few times what judging took, and a little for small decisions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING

from interlock.evaluation.judged import judgements
from interlock.language.walk import children
from interlock.model.expression import Exists, Node
from interlock.model.facts import Fact
from interlock.model.policy import Rule

if TYPE_CHECKING:
    from interlock.evaluation.judged import Evaluated

NODE, CANDIDATE, ROW, COUNTED, TURN = 1, 6, 40, 4, 500
"""About the microseconds that it takes to evaluate a part of a condition, to read a fact whose condition the clock may
change, to read and validate a fact, to count one in SQL, and to judge where there is next to nothing to be judged."""
SHARE = 2
"""How many times the work of judging may be spent."""
LEAST = 16_000
"""What may be spent in any case."""
FactsByName = Mapping[str, Sequence[Fact]]


class ExhaustedError(Exception):
    """The work that may be spent is spent."""


class Budget:
    """The work that is left."""

    def __init__(self, judged: Evaluated) -> None:
        self.left = LEAST + SHARE * judging(judged)

    def spend(self, cost: int) -> None:
        """Take from it what is about to be done. Raises ExhaustedError where that is more than is left."""
        self.left -= cost
        if self.left < 0:
            raise ExhaustedError

    def paid(self, facts: list[Fact], each: int) -> list[Fact]:
        """The facts, once what they cost is taken from it. Raises ExhaustedError."""
        self.spend(TURN // 5 + len(facts) * each)
        return facts


def judging(judged: Evaluated) -> int:
    """The work that it takes at least to judge, what is needed included: each decision counts once."""
    return sum(map(_judging, judgements(judged)))


def _judging(judged: Evaluated) -> int:
    """That of one decision: the facts read and counted, and each combination of them."""
    facts: FactsByName = judged.known.facts if judged.known is not None else judged.facts
    numbers = (fact.fields.get("count") for each in facts.values() for fact in each if fact.id is None)
    counted = sum(number for number in numbers if isinstance(number, int))
    looks = sum(_combinations(rule, facts) for rule in judged.loaded.policy.rules)
    return TURN + ROW * len(judged.decision.evidence) + COUNTED * counted + NODE * looks


def looking(rules: Iterable[Rule], facts: FactsByName) -> int:
    """The most work that evaluating every part of the rules' conditions takes, for each combination of the facts."""
    cost = 0
    for rule in rules:
        parts = [] if rule.message is None else [part for part in rule.message.parts if not isinstance(part, str)]
        nodes = [rule.condition, *rule.values.values(), *parts]
        cost += _combinations(rule, facts) * sum(weight(node, facts) for node in nodes)
    return NODE * cost


def weight(node: Node, facts: FactsByName) -> int:
    """How many parts an expression has; those of an `exists` once for each fact that it ranges over."""
    inner = sum(weight(child, facts) for child in children(node))
    return 1 + (inner * len(facts.get(node.selection, ())) if isinstance(node, Exists) else inner)


def _combinations(rule: Rule, facts: FactsByName) -> int:
    return prod(len(facts.get(name, ())) for name in rule.loops)
