"""Whatever the policy and the facts: the rules engine and the reference agree, and the order of facts changes nothing.

`INTERLOCK_EXAMPLES=20 python -m pytest tests/property/test_evaluators.py` tries twenty times as many policies.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from random import Random

import msgspec
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from interlock.diagnostics import EngineError, PolicyError, Source
from interlock.evaluation import program as strata
from interlock.evaluation import reference
from interlock.evaluation.findings import finding, outputs, prove, with_derived
from interlock.evaluation.program import Program
from interlock.language.evaluate import Environment, Failure
from interlock.model.compiled import CompiledPolicy
from interlock.model.decision import Verdict
from interlock.model.facts import Fact, Value
from interlock.model.policy import Policy
from interlock.policy.library import make
from interlock.schemas import SHIPPED
from tests.conftest import EXAMPLES
from tests.helpers import facts, policies
from tests.helpers.engine import needs_engine

CASES = 5_000 * EXAMPLES
REFUSALS = ("E508", "E509", "E510")
"""What a policy of the language may be refused for: a cycle through negation, and what has no safe form."""

decode = msgspec.json.Decoder(CompiledPolicy).decode


@cache
def peer() -> Policy:
    return make(Source("peer", policies.PEER), lambda _: "it needs nothing", SHIPPED).policy


def compiled_of(text: str) -> CompiledPolicy:
    return make(Source("random", text), lambda _: peer(), SHIPPED)


@contextmanager
def program_of(compiled: CompiledPolicy) -> Iterator[Program]:
    program = Program(compiled)
    try:
        yield program
    finally:
        for ruleset in program.rulesets:
            ruleset.close()


def check_case(random: Random) -> Counter[str]:
    """One policy over two sets of facts; what became of it, and how much of it had an effect."""
    made = policies.policy(random)
    try:
        compiled = compiled_of(made.text)
    except PolicyError as error:
        codes = {issue.code for issue in error.issues}
        assert codes <= set(REFUSALS), f"{error}\n{made.text}"
        return Counter({"refused": 1})
    again = decode(msgspec.json.encode(compiled))
    assert again == compiled
    seen = Counter({"compiled": 1})
    try:
        with program_of(again) as program:
            for _ in range(2):
                known = facts.known(random, compiled, made.pool, made.arguments)
                seen += check_facts(random, program, compiled.policy, known, made.text)
    except EngineError as error:
        assert "too far from 0" in str(error), f"{error}\n{made.text}"
        seen["undecided"] += 1
    except Failure as failure:
        assert "longer than 292 years" in failure.why, f"{failure}\n{made.text}"
        seen["undecided"] += 1
    return seen


def judged_by(judging: Callable[[], Verdict], policy: Policy, known: Environment) -> Verdict | None:
    """A verdict of the rules engine; None where some condition has no value, which it leaves to be proved."""
    try:
        verdict = judging()
        prove(policy, with_derived(policy, known, verdict), verdict)
    except Failure:
        return None
    return verdict


def check_wide_case(random: Random) -> Counter[str]:
    """The same of a policy with functions, lists and `?:`, in which an expression may have no value.

    What ranges over a list of objects may compare one with a text, which is refused (E409).
    """
    made = policies.policy(random, wide=True)
    try:
        compiled = compiled_of(made.text)
    except PolicyError as error:
        codes = {issue.code for issue in error.issues}
        assert codes <= {*REFUSALS, "E311", "E409", "E411", "E422"}, f"{error}\n{made.text}"
        return Counter({issue.code: 1 for issue in error.issues})
    again = decode(msgspec.json.encode(compiled))
    assert again == compiled
    seen = Counter({"compiled": 1})
    try:
        with program_of(again) as program:
            for _ in range(2):
                known = facts.known(random, compiled, made.pool, made.arguments)
                by_rete = judged_by(lambda: program.judge(known), compiled.policy, known)  # noqa: B023
                by_reference = None
                with suppress(Failure):
                    by_reference = reference.judge(compiled.policy, known)
                shown = f"{made.text}\n{known}"
                assert (by_rete is None) is (by_reference is None), shown
                if by_rete is None or by_reference is None:
                    seen["without a value"] += 1
                    continue
                assert_same(by_rete, by_reference, shown)
                seen["fired" if by_rete.firings else "silent"] += 1
    except EngineError as error:
        assert "too far from 0" in str(error), f"{error}\n{made.text}"
        seen["undecided"] += 1
    return seen


@needs_engine
@pytest.mark.slow
def test_the_evaluators_agree_on_functions() -> None:
    seen = sum((check_wide_case(Random(seed)) for seed in range(CASES)), Counter[str]())
    assert seen["compiled"] > CASES / 2, seen
    assert min(seen["fired"], seen["silent"]) > CASES / 2, seen
    assert seen["without a value"] > CASES / 50, seen


@needs_engine
@given(st.integers(0, 2**64))
def test_the_evaluators_agree_on_a_function(seed: int) -> None:
    check_wide_case(Random(seed))


def check_facts(random: Random, program: Program, policy: Policy, known: Environment, text: str) -> Counter[str]:
    shown = f"{text}\n{known}"
    try:
        expected = reference.judge(policy, known)
    except Failure:  # a sum that CEL does not have
        assert judged_by(lambda: program.judge(known), policy, known) is None, shown
        return Counter({"without a value": 1})
    assert_same(program.judge(known), expected, shown)
    other = facts.shuffled(random, known)
    assert_same(program.judge(other), reference.judge(policy, other), shown)
    assert reference.judge(policy, other).identity() == expected.identity(), shown
    waived = {rule.id for rule in policy.rules if random.random() < 0.5}
    waiving = reference.judge(policy, known, waived)
    assert_same(program.judge(known, waived), waiving, shown)
    assert waiving.firings == expected.firings, f"a waiver hides what fired\n{shown}"
    whole = Environment(known.now, known.task, known.params, {**known.facts, **expected.derived}, known.maps)
    found = [finding(policy.rules[firing.rule], firing, whole) for firing in expected.firings]
    outputs(policy.outputs, whole)
    fired = {firing.rule for firing in expected.firings}
    return Counter(
        {
            "fired": len(fired),
            "silent": len(policy.rules) - len(fired),
            "findings": len([one for one in found if one is not None]),
            "derived": sum(map(len, expected.derived.values())),
            "last line": expected.line == len(policy.decide) - 1,
            "other line": expected.line < len(policy.decide) - 1,
        }
    )


def assert_same(found: Verdict, expected: Verdict, shown: str) -> None:
    assert found.identity() == expected.identity(), shown
    assert found.firings == expected.firings, f"in another order\n{shown}"
    assert found.line == expected.line


@needs_engine
@pytest.mark.slow
@pytest.mark.parametrize("part", [0, 1])
def test_the_evaluators_agree_on_ten_thousand_policies(part: int) -> None:
    seen: Counter[str] = Counter()
    for seed in range(part * CASES, (part + 1) * CASES):
        seen += check_case(Random(seed))
    assert seen["refused"] < 0.05 * CASES
    assert seen["undecided"] < 0.05 * CASES
    assert 0.25 < seen["fired"] / (seen["fired"] + seen["silent"]) < 0.75
    assert seen["derived"] > CASES / 2
    assert seen["findings"] > CASES
    assert min(seen["last line"], seen["other line"]) > CASES / 4


@needs_engine
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(1 << 32, 1 << 64))
def test_the_evaluators_agree(seed: int) -> None:
    for what, count in check_case(Random(seed)).items():
        event(what) if count else None


ONE = """
policy: one
version: 1
question: Does it hold?
params:
  flag: {type: bool, default: true}
  names: {type: list, optional: true}
facts:
  action: {from: wake_action}
  beat: {from: app_heartbeat}
  smoke: {from: app_smoke_started, take: latest}
  first: {from: app_smoke_started, take: earliest}
rules:
  - id: made
    derive: {thing: {flag: "true"}}
  - {id: asked, when: CONDITION, block: It holds.}
decide:
  - {state: held, when: CONDITION, allow: false}
  - {state: not, allow: true}
"""


@needs_engine
@pytest.mark.parametrize(
    ("condition", "held"),
    [
        ("params.flag", True),
        ("!params.flag", False),
        ("params.names == null", True),
        ("params.names != null || smoke != null", False),
        ("action.exists(it, it.send_ready)", True),
        ("action.exists(it, it.reason == it.blocker)", True),
        ("action.exists(it, it.reason != it.role)", True),
        ("action.all(it, it.seq <= it.seq + 1)", True),
        ("beat.exists(it, it.role == it.session_id)", False),
        ("thing.exists(it, it.flag)", True),
        ("thing.exists(it, smoke == null)", True),
        ('now - smoke.at in [duration("3m")]', False),
        ('now - now in [duration("0s")]', True),
        ("smoke.at + (now - smoke.at) == now", False),
        ("smoke.at - now == smoke.at - now", True),
        ("smoke.at + (smoke.at - first.at) == now", False),
        ("(smoke == null) == true", True),
        ("has(smoke.mode) in [true]", False),
        ("null != (now == now)", True),
    ],
)
def test_a_condition_holds_where_it_should(condition: str, held: bool) -> None:
    action: dict[str, Value] = {"role": "worker", "send_ready": True, "seq": 7}
    some = {"action": (Fact("wake_action", action, "a", 7),), "beat": (), "smoke": (), "first": ()}
    known = Environment(policies.NOW, policies.TASK, {"flag": True, "names": None}, some)
    compiled = compiled_of(ONE.replace("CONDITION", f"'{condition}'"))
    with program_of(compiled) as program:
        for verdict in (program.judge(known), reference.judge(compiled.policy, known)):
            assert [firing.rule for firing in verdict.firings] == ([0, 1] if held else [0])
            assert compiled.policy.decide[verdict.line].state == ("held" if held else "not")


@needs_engine
def test_a_recursion_without_end_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "MAX_DERIVED", 100)
    monkeypatch.setattr(strata, "MAX_DERIVED", 100)
    start = "  - {id: start, derive: {step: {is: 0}}}\n"
    onward = "  - {id: next, for: step, derive: {step: {is: step.is + 1}}}\n"
    text = ONE.replace("CONDITION", "false").replace("rules:\n", f"rules:\n{start}{onward}")
    compiled = compiled_of(text)
    empty: dict[str, tuple[Fact, ...]] = {"action": (), "beat": (), "smoke": (), "first": ()}
    known = Environment(policies.NOW, policies.TASK, {"flag": True, "names": None}, empty)
    with pytest.raises(reference.NonTerminating):
        reference.judge(compiled.policy, known)
    with program_of(compiled) as program, pytest.raises(EngineError, match="does not end"):
        program.judge(known)


DIGEST = """
import hashlib, json, sys
import msgspec
from tests.property.test_evaluators import compiled_of
from interlock.diagnostics import PolicyError
from interlock.schemas import SHIPPED
for text in json.load(sys.stdin):
    try:
        print(hashlib.sha256(msgspec.json.encode(compiled_of(text))).hexdigest())
    except PolicyError as error:
        print(hashlib.sha256(str(error).encode()).hexdigest())
"""


def test_compiling_is_deterministic() -> None:
    texts = [policies.policy(Random(seed)).text for seed in range(60)]
    runs = []
    for seed in ("1", "2"):
        path = os.pathsep.join(path for path in sys.path if path)
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path}
        command = [sys.executable, "-c", DIGEST]
        given = json.dumps(texts)
        run = subprocess.run(command, input=given, env=environment, capture_output=True, text=True, check=True)
        runs.append(run.stdout.split())
    assert runs[0] == runs[1]
    assert len(set(runs[0])) == len(texts)
    first = hashlib.sha256(msgspec.json.encode(compiled_of(ONE.replace("CONDITION", "true")))).hexdigest()
    assert first == hashlib.sha256(msgspec.json.encode(compiled_of(ONE.replace("CONDITION", "true")))).hexdigest()
