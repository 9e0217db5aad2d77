"""How long decisions hold is exact for whatever a policy may say: random policies over random facts."""

from __future__ import annotations

import re
from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock import schemas
from interlock.analysis.capture.minimize import whole
from interlock.diagnostics import PolicyError, Source
from interlock.evaluation.arguments import arguments
from interlock.evaluation.judge import Engine, Evaluated, Judge, Loaded
from interlock.evaluation.judged import MAX_SKEW
from interlock.evaluation.validity import decision_key
from interlock.instant import INTEGER_BOUND, SECOND, format_instant, parse_instant
from interlock.ledger.memory import MemoryFacts
from tests.conftest import EXAMPLES
from tests.helpers.policies import NOW, PEER, TASK, Generated, policy
from tests.property.test_evaluators import compiled_of


def value(random: Random, of: schemas.FieldSpec, made: Generated) -> Any:
    match of.kind:
        case "string":
            return random.choice(of.enum or tuple(text for text in made.pool.strings if "\0" not in text))
        case "int":
            return abs(random.choice(made.pool.ints)) % 2**31
        case "bool":
            return random.choice((True, False))
        case "timestamp":
            return format_instant(stamp(random, made))
        case "list":
            return [random.choice(("a", "b", "worker")) for _ in range(random.randint(0, 3))]
        case "double":
            return random.choice((0.5, 2.0))
    return {}


def stamp(random: Random, made: Generated) -> int:
    """A time that a fact may carry: of the past, or near ahead of the clock."""
    at = max(0, random.choice(made.pool.instants))
    return min(NOW + random.choice((0, 0, 3, 8, 60, 600)) * SECOND, at)


def facts(random: Random, kinds: list[str], made: Generated) -> list[dict[str, Any]]:
    """Valid facts of these kinds, of the task and of others."""
    found: list[dict[str, Any]] = []
    for kind in kinds:
        for _ in range(random.randint(0, 3)):
            own = [
                path for path in schemas.SHIPPED.fields(kind) if "." not in path and path not in ("kind", "id", "seq")
            ]
            fields = {
                path: value(random, schemas.SHIPPED.fields(kind)[path], made) for path in own if random.random() < 0.6
            }
            at = format_instant(stamp(random, made))
            fields = {**fields, "at": at, "task": random.choice((TASK, TASK, TASK, "other"))}
            found += whole([{kind: fields}], TASK, NOW, schemas.SHIPPED) or ()
    numbered = [{**fact, "id": f"fact-{n}", "seq": n} for n, fact in enumerate(found, 1)]
    return [fact for fact in numbered if not schemas.faults(schemas.SHIPPED, fact["kind"], fact)]


def instants(held: list[dict[str, Any]], made: Generated) -> list[int]:
    """The instants at which something may turn: every time that there is, moved by up to two of the durations."""
    times = {NOW, *made.pool.instants, *(parse_instant(t) for fact in held for t in texts(fact))}
    spans = {a + b for a in (0, -MAX_SKEW, *made.pool.durations) for b in (0, *made.pool.durations)}
    edges = {time + span + shift for time in times for span in spans for shift in (0, 1, 2, SECOND)}
    return sorted(edge for edge in edges if NOW < edge < min(INTEGER_BOUND, NOW + 4 * 3600 * SECOND))


def texts(fact: dict[str, Any]) -> list[str]:
    return [v for v in fact.values() if isinstance(v, str) and v[4:5] == "-" and v.endswith("Z") and v[10:11] == "T"]


def check(random: Random, *, wide: bool = False) -> Counter[str]:
    """A random policy; whether its decision changes as time goes by."""
    return check_policy(random, policy(random, wide=wide), live=random.random() < 0.5)


def check_policy(random: Random, made: Generated, *, live: bool = True) -> Counter[str]:
    """One policy over random facts; whether its decision changes as time goes by.

    A live question counts every fact, and waits for stamps to be near enough; one about the past sees facts arrive.
    """
    if live and not re.search(r"\bnow\b", made.text):
        return Counter({"timeless": 1})
    try:
        compiled = compiled_of(made.text)
    except PolicyError:
        return Counter({"refused": 1})
    peer = Loaded(compiled_of(PEER), Source("peer.yaml", PEER), {}, schemas.SHIPPED)
    loaded = Loaded(compiled, Source("random.yaml", made.text), {"peer": peer}, schemas.SHIPPED)
    if any(need.tasks is not None for need in loaded.policy.needs):
        return Counter({"of unknown tasks": 1})
    kinds = [kind for kind in loaded.policy.kinds() if kind in schemas.SHIPPED.kinds]
    there = facts(random, kinds, made)
    params = arguments(loaded.policy, made.arguments)
    held = MemoryFacts("facts", schemas.SHIPPED)

    def judged(now: int, engine: Engine = "reference") -> tuple[Judge, Evaluated]:
        with held.snapshot(there, TASK, now, live=live) as snapshot:
            judge = Judge(snapshot, "facts", now, engine)
            return judge, judge.judged(loaded, TASK, params)

    with held.snapshot(there, TASK, NOW, live=live) as snapshot:
        decision = Judge(snapshot, "facts", NOW, "both").decide(loaded, TASK, params)
    same = decision_key(judged(NOW)[1])
    ends = INTEGER_BOUND if decision.valid_until is None else parse_instant(decision.valid_until)
    shown = f"{made.text}\n{params}\n{there}\n{decision}"
    for instant in instants(there, made):
        if instant < ends:
            assert decision_key(judged(instant)[1]) == same, f"{format_instant(instant)}: {judged(instant)[1]}\n{shown}"
    if ends < INTEGER_BOUND:
        assert decision_key(judged(ends - 1)[1]) == same or ends - 1 < NOW, shown
    if decision.next_change is not None:
        assert decision_key(judged(ends)[1]) != same, shown
    assert (decision.validity == "partial") is (ends < INTEGER_BOUND and decision.next_change is None)
    held.close()
    return Counter(
        {
            "changes": decision.next_change is not None,
            "holds": ends == INTEGER_BOUND,
            "partial": decision.validity == "partial",
            "undecided": decision.allow is None,
        }
    )


@given(st.integers(0, 2**64))
def test_a_decision_holds_until_it_says(seed: int) -> None:
    check(Random(seed))


@pytest.mark.slow
def test_a_thousand_policies_hold_until_they_say() -> None:
    seen: Counter[str] = Counter()
    for seed in range(1_000 * EXAMPLES):
        seen += check(Random(seed))
    assert seen["changes"] > 5
    assert seen["holds"] > 50


@pytest.mark.slow
def test_policies_with_functions_hold_until_they_say() -> None:
    seen: Counter[str] = Counter()
    for seed in range(600 * EXAMPLES):
        seen += check(Random(f"wide {seed}"), wide=True)
    assert min(seen["holds"], 10 * seen["changes"]) > 50
