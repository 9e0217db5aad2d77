"""A warning is right whenever it is given: whatever the facts, a rule that is warned of never fires."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from random import Random

import pytest

from interlock.diagnostics import PolicyError, Source
from interlock.evaluation import reference
from interlock.language.evaluate import Environment, Failure
from interlock.model.expression import Type
from interlock.model.facts import Fact
from interlock.model.policy import Policy
from interlock.policy.library import make
from interlock.policy.lint.idle import idle
from interlock.schemas import SHIPPED
from tests.conftest import EXAMPLES
from tests.helpers import facts, policies

CASES = 3_000 * EXAMPLES
SETS = 6
"""How many sets of facts a policy is judged over that has a warning."""


@cache
def peer() -> Policy:
    return make(Source("peer", policies.PEER), lambda _: "it needs nothing", SHIPPED).policy


def vouched_for(policy: Policy, known: Environment) -> bool:
    """Whether the facts keep to the closed sets of their schemas: others are invalid, and never judged."""
    fields: dict[str, Mapping[str, Type]] = {s.name: s.fields for s in policy.selections}
    fields |= {need.name: policies.NEED for need in policy.needs}
    return all(_keeps(known.facts[name], of) for name, of in fields.items() if name in known.facts)


def _keeps(found: Iterable[Fact], fields: Mapping[str, Type]) -> bool:
    values = ((dict(fact.fields).get(path), of.enum) for fact in found for path, of in fields.items() if of.enum)
    return all(value is None or value in enum for value, enum in values)


def check_case(random: Random, *, wide: bool = False) -> Counter[str]:
    made = policies.policy(random, wide=wide)
    try:
        compiled = make(Source("random", made.text), lambda _: peer(), SHIPPED)
    except PolicyError:
        return Counter()
    policy, found = compiled.policy, idle(compiled.policy)
    seen = Counter({"rules": len(found.rules), "lines": len(found.lines)})
    if not seen.total():
        return seen
    for _ in range(SETS):
        known = facts.known(random, compiled, made.pool, made.arguments)
        if vouched_for(policy, known):
            try:
                verdict = reference.judge(policy, known)
            except Failure:
                continue
            shown = f"{found}\n{made.text}\n{known}"
            assert not {firing.rule for firing in verdict.firings} & {*found.rules}, shown
            assert verdict.line not in found.lines, shown
            seen["judged"] += 1
    return seen


@pytest.mark.slow
def test_what_is_warned_of_never_comes_to_bear() -> None:
    seen: Counter[str] = Counter()
    for seed in range(CASES):
        seen += check_case(Random(f"lint {seed}"))
    assert seen["rules"] > CASES / 100
    assert seen["lines"] > CASES / 100
    assert seen["judged"] > CASES / 20


@pytest.mark.slow
def test_what_is_warned_of_functions_never_comes_to_bear() -> None:
    seen: Counter[str] = Counter()
    for seed in range(CASES // 3):
        seen += check_case(Random(f"wide {seed}"), wide=True)
    assert seen["rules"] > CASES / 300
