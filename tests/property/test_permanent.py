"""What is proved to last does, whatever facts come after: on random policies, with random facts that no proof holds."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.analysis.unblock.permanent import permanent
from interlock.diagnostics import PolicyError
from interlock.evaluation import reference
from interlock.evaluation.findings import with_derived
from interlock.evaluation.judge import maps
from interlock.language.evaluate import Environment, Failure
from interlock.language.walk import selections, walk
from interlock.model.compiled import CompiledPolicy
from interlock.model.expression import Now
from interlock.model.policy import Selection
from interlock.model.unblock import Permanent
from interlock.schemas import ENTITIES, SHIPPED
from tests.conftest import EXAMPLES
from tests.helpers import facts, policies
from tests.property.test_evaluators import compiled_of

DAY = 86_400_000_000


def keeps(selection: Selection, every: dict[str, Selection], held: set[str]) -> bool:
    """Whether the selection keeps what it has: all, or the earliest, by a condition in which nothing changes.

    `held` are the names of selections that are held.
    """
    nodes = [] if selection.where is None else list(walk(selection.where))
    parent = every.get(selection.parent or "")
    named = () if selection.where is None else selections(selection.where)
    steady = all(n in held or (every[n].take == "earliest" and keeps(every[n], every, held)) for n in named)
    own = selection.take in ("all", "earliest") and steady and not any(isinstance(node, Now) for node in nodes)
    return own and (parent is None or (parent.take == "all" and keeps(parent, every, held)))


def later(
    random: Random, compiled: CompiledPolicy, known: Environment, made: policies.Generated, held: set[str]
) -> Environment:
    """The facts as they may be some time later: those that are held and those that stay, and any others."""
    policy = compiled.policy
    every = {selection.name: selection for selection in policy.selections}
    kept = {name for name, some in known.facts.items() if any(str(fact.id) in held for fact in some)}
    other = facts.known(random, compiled, made.pool, made.arguments)
    found = dict(other.facts)
    for name, selection in every.items():
        if name not in known.facts:
            continue
        if name in kept or selection.kinds[0] in ENTITIES:
            found[name] = known.facts[name]
        elif keeps(selection, every, kept):
            fresh = [fact for fact in other.facts[name] if selection.take == "all" and random.random() < 0.5]
            found[name] = (*known.facts[name], *fresh) or other.facts[name]
    now = known.now + random.choice((0, 1, DAY))
    facts_of = {name: tuple(some) for name, some in found.items()}
    return Environment(now, known.task, known.params, facts_of, maps(policy, facts_of))


def check_case(random: Random, *, wide: bool = False) -> Counter[str]:
    made = policies.policy(random, wide=wide)
    try:
        compiled = compiled_of(made.text)
    except PolicyError:
        return Counter()
    policy = compiled.policy
    known = facts.known(random, compiled, made.pool, made.arguments)
    try:
        verdict = reference.judge(policy, known)
    except Failure:
        return Counter()
    if policy.decide[verdict.line].allow:
        return Counter()
    whole = with_derived(policy, known, verdict)
    blocks = [n for n, firing in enumerate(verdict.firings) if policy.rules[firing.rule].effect == "block"]
    seen = Counter(denied=1)
    for never in permanent(policy, whole, verdict, dict.fromkeys(blocks, ""), SHIPPED):
        seen["permanent"] += 1
        for _ in range(3):
            check_later(random, compiled, known, made, never)
    return seen


def check_later(
    random: Random, compiled: CompiledPolicy, known: Environment, made: policies.Generated, never: Permanent
) -> None:
    policy = compiled.policy
    after = later(random, compiled, known, made, {str(held.id) for held in never.holds})
    try:
        verdict = reference.judge(policy, after)
    except Failure:  # undecided is not allowed either
        return
    assert never.rule in {policy.rules[firing.rule].id for firing in verdict.firings}, f"{made.text}\n{never}\n{after}"
    assert not policy.decide[verdict.line].allow, f"{made.text}\n{never}\n{after}"


@pytest.mark.slow
def test_what_lasts_in_two_thousand_policies() -> None:
    seen: Counter[str] = Counter()
    for seed in range(2_000 * EXAMPLES):
        seen += check_case(Random(seed))
    assert seen["permanent"] > 100


@pytest.mark.slow
def test_what_lasts_in_a_thousand_policies_with_functions() -> None:
    seen: Counter[str] = Counter()
    for seed in range(1_000 * EXAMPLES):
        seen += check_case(Random(seed), wide=True)
    assert seen["permanent"] > 20


@given(st.integers(1 << 32, 1 << 64))
def test_what_is_proved_to_last_does(seed: int) -> None:
    check_case(Random(seed))
