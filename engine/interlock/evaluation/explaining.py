"""Why the rules came to their verdict: every rule, the facts that it ranged over, and each part of its condition.

`explain` and `rule` are functions of a policy, of what is known and of the verdict: they ask no ledger and no engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice, product
from math import prod

from interlock.evaluation.findings import completed, finding, ranging
from interlock.evaluation.parts import cited, part
from interlock.explanation import Case, Clause, LineExplained, RuleExplained
from interlock.expression.notation import notation
from interlock.expression.tree import Not
from interlock.expression.values import Known
from interlock.policy import Policy, Rule
from interlock.verdict import Firing, Verdict

MOST = 20
"""That many combinations of facts for which a rule fired are explained, and as many for which it did not."""
Asked = Callable[[Rule], bool]


def explain(policy: Policy, known: Known, verdict: Verdict, silent: Asked) -> tuple[RuleExplained, ...]:
    """Every rule that fired, where it did; and those rules that `silent` asks for, also where they did not."""
    whole = completed(policy, known, verdict)
    found = (rule(policy, index, whole, verdict, silent=silent(each)) for index, each in enumerate(policy.rules))
    return tuple(each for each, asked in zip(found, policy.rules, strict=True) if each.fired or silent(asked))


def rule(policy: Policy, index: int, whole: Known, verdict: Verdict, *, silent: bool) -> RuleExplained:
    """One rule (by its index) over what is known once the rules have been judged by: see `completed`.

    With `silent`, also the combinations of facts for which it did not fire.
    """
    asked = policy.rules[index]
    fired = [firing for firing in verdict.firings if firing.rule == index]
    cases = [_case(policy, asked, firing, whole, fired=True) for firing in fired[:MOST]]
    if silent:
        left = islice(_others(index, asked, whole, fired), MOST)
        cases += [_case(policy, asked, firing, whole, fired=False) for firing in left]
    return RuleExplained(
        rule=asked.id,
        severity=None if asked.effect == "derive" else asked.effect,
        derives=asked.derive,
        line=asked.line,
        ranges=asked.loops,
        clauses=_clauses(asked),
        combinations=prod(len(whole.facts[name]) for name in asked.loops),
        fired=len(fired),
        cases=tuple(cases),
    )


def lines(policy: Policy, known: Known, verdict: Verdict) -> tuple[LineExplained, ...]:
    """The lines of `decide`: those that were passed over, and why; the one that was taken; those after it."""
    whole = completed(policy, known, verdict)
    return tuple(
        LineExplained(
            line.state,
            line.allow,
            index == verdict.line,
            index <= verdict.line,
            None if line.when is None or index > verdict.line else part(policy, line.when, whole),
        )
        for index, line in enumerate(policy.decide)
    )


def _others(index: int, asked: Rule, whole: Known, fired: list[Firing]) -> Iterator[Firing]:
    """The combinations of facts for which the rule did not fire."""
    done = {firing.identity() for firing in fired}
    every = (Firing(index, facts) for facts in product(*(whole.facts[name] for name in asked.loops)))
    return (firing for firing in every if firing.identity() not in done)


def _case(policy: Policy, asked: Rule, firing: Firing, whole: Known, *, fired: bool) -> Case:
    told = finding(asked, firing, whole) if fired else None
    return Case(
        fired,
        tuple(map(cited, firing.facts)),
        part(policy, asked.condition, ranging(asked, firing.facts, whole)),
        told.message if told else None,
        told.fix if told else None,
    )


def _clauses(asked: Rule) -> tuple[Clause, ...]:
    """The condition, where the text that its author wrote is not at hand."""
    if isinstance(asked.condition, Not):
        return (Clause("unless", notation(asked.condition.item)),)
    return (Clause("when", notation(asked.condition)),)
