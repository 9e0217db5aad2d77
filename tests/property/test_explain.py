"""An explanation says what the evaluators say, whatever the policy and the facts; and its notation is the language's.

`INTERLOCK_EXAMPLES=20 python -m pytest tests/property/test_explain.py` tries twenty times as many policies.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from random import Random

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from interlock.analysis.explain import MAX_COMBINATIONS, explain, lines
from interlock.diagnostics import PolicyError
from interlock.evaluation import reference
from interlock.evaluation.findings import finding, with_derived
from interlock.language.evaluate import Environment, Failure
from interlock.language.exact import may_fail
from interlock.language.unparse import notation
from interlock.model.decision import Verdict
from interlock.model.explanation import Part
from interlock.model.policy import Policy
from tests.conftest import EXAMPLES
from tests.helpers import facts, policies
from tests.property.test_evaluators import compiled_of


def every(part: Part) -> Iterator[Part]:
    yield part
    for inner in (*part.parts, *(looked.part for looked in part.among)):
        yield from every(inner)


def assert_follows(part: Part) -> None:
    """What a part is follows from what it is made of."""
    for each in every(part):
        if each.looked_at is not None:
            assert each.found is not None
            exists = ".exists(" in each.text.partition(",")[0]
            assert each.holds is (bool(each.found) if exists else not each.found), each
            assert all(looked.part.holds is (exists and each.found > 0) for looked in each.among), each
            assert len(each.among) <= each.looked_at
            continue
        held = [inner.holds for inner in each.parts]
        match each.op:
            case "!":
                assert held == [not each.holds]
            case "&&":
                assert each.holds is all(held)
            case "||":
                assert each.holds is any(held)
            case None:
                assert not held


def check_case(random: Random, *, wide: bool = False) -> Counter[str]:
    made = policies.policy(random, wide=wide)
    try:
        compiled = compiled_of(made.text)
    except PolicyError:
        return Counter({"refused": 1})
    policy = compiled.policy
    known = facts.known(random, compiled, made.pool, made.arguments)
    try:
        verdict = reference.judge(policy, known)
        whole = with_derived(policy, known, verdict)
        for firing in verdict.firings:  # nor is there a decision where a finding cannot be made
            finding(policy.rules[firing.rule], firing, whole)
    except Failure:
        return Counter({"without a value": 1})
    rules = explain(policy, whole, verdict, lambda _: True)
    assert [each.rule for each in rules] == [rule.id for rule in policy.rules]
    seen = Counter(compiled=1)
    for index, each in enumerate(rules):
        assert each.fired == sum(firing.rule == index for firing in verdict.firings)
        shown = Counter(case.fired for case in each.cases)
        assert shown == Counter(
            {True: min(each.fired, MAX_COMBINATIONS), False: min(each.combinations - each.fired, MAX_COMBINATIONS)}
        )
        for case in each.cases:
            assert case.part.holds is case.fired, f"{made.text}\n{case}"
            if not may_fail(policy.rules[index].condition):
                assert_follows(case.part)
            seen.update(("fired" if case.fired else "silent",))
            seen["looked"] += sum(part.looked_at is not None for part in every(case.part))
    assert_lines(policy, whole, verdict)
    return seen


def assert_lines(policy: Policy, whole: Environment, verdict: Verdict) -> None:
    told = lines(policy, whole, verdict)
    assert [line.taken for line in told] == [index == verdict.line for index in range(len(policy.decide))]
    for line in told:
        assert line.part is None or line.part.holds is line.taken


@pytest.mark.slow
def test_the_explanation_of_two_thousand_policies() -> None:
    seen: Counter[str] = Counter()
    for seed in range(2_000 * EXAMPLES):
        seen += check_case(Random(seed))
    assert min(seen["fired"], seen["silent"]) > seen["compiled"]
    assert seen["looked"] > seen["compiled"] / 3


@pytest.mark.slow
def test_the_explanation_of_functions() -> None:
    seen: Counter[str] = Counter()
    for seed in range(1_000 * EXAMPLES):
        seen += check_case(Random(seed), wide=True)
    assert min(seen["fired"], seen["silent"]) > seen["compiled"]


@given(st.integers(1 << 32, 1 << 64))
def test_an_explanation_says_what_the_evaluators_say(seed: int) -> None:
    check_case(Random(seed))


@example(2396059365715846)
@given(st.integers(1 << 32, 1 << 64))
def test_what_is_written_down_means_the_same(seed: int) -> None:
    """A policy with its conditions in our notation, in place of the author's own, is the same policy.

    Two policies are refused instead, where a condition comes to be evaluated of two facts at a time (E510): a choice
    that is a condition, since it is written as a value; and a `when` or `unless` of the policy that is written in a
    rule whose `for` names facts that it reads.
    """
    wide = bool(seed % 2)
    made = policies.policy(Random(seed), wide=wide)
    try:
        compiled = compiled_of(made.text)
    except PolicyError:
        return
    policy = compiled.policy
    document = yaml.safe_load(made.text)
    written = {key: value for key, value in document.items() if key not in ("when", "unless")}
    moved = written.keys() != document.keys() and any("for" in rule for rule in written["rules"])
    for rule, text in zip(policy.rules, written["rules"], strict=True):
        text.pop("unless", None)
        text["when"] = notation(rule.condition)
    try:
        again = compiled_of(policies.yaml_text(written)).policy
    except PolicyError as error:
        assert wide or moved, error
        assert {issue.code for issue in error.issues} == {"E510"}, error
        return
    known = facts.known(Random(seed), compiled, made.pool, made.arguments)
    with suppress(Failure):
        assert reference.judge(again, known) == reference.judge(policy, known), made.text
    # `-(0)` is written `-0`, which is read as `0`.
    assert [notation(rule.condition) for rule in again.rules] == [
        re.sub(r"(?<![\w.)\]])-0\b(?!\.)", "0", notation(rule.condition)) for rule in policy.rules
    ]
