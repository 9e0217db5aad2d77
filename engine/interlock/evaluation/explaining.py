"""Why the rules came to their verdict: every rule, the facts that it ranged over, and each part of its condition.

`explain` and `rule` are functions of a policy, of what is known and of the verdict: they ask no ledger and no engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice, product
from math import prod
from typing import Any

from msgspec.structs import replace

from interlock.evaluation import reference
from interlock.evaluation.findings import completed, finding, ranging
from interlock.evaluation.judge import Judge, Loaded, maps
from interlock.evaluation.moved import Movers
from interlock.evaluation.parts import cited, part
from interlock.evaluation.sought import described
from interlock.language.evaluate import Known
from interlock.language.unparse import notation
from interlock.model.explanation import Case, Clause, Explanation, LineExplained, NeedExplained, RuleExplained, Sought
from interlock.model.expression import TRUE, Compare, Constant, Field, Node, Not, Type, Variable
from interlock.model.facts import Value
from interlock.model.policy import Policy, Rule
from interlock.model.verdict import Firing, Verdict

MOST = 20
"""That many combinations of facts for which a rule fired are explained, and as many for which it did not."""
Asked = Callable[[Rule], bool]


def explanation(bench: Judge, loaded: Loaded, task: str, params: Mapping[str, Value], silent: Asked) -> Explanation:
    """Why a policy decides as it does. `silent` asks for the rules that are told also where they did not fire.

    Raises UsageError for an unknown task, LedgerError.
    """
    policy = loaded.policy
    decision = bench.decide(loaded, task, params)
    selected = bench.facts(loaded, task, params)
    known = Known(bench.now, decision.task, params, selected.facts, maps(policy, selected.facts))
    movers = Movers(bench.snapshot, known)
    verdict = None if decision.allow is None else reference.judge(policy, known)
    return Explanation(
        policy=decision.policy,
        version=decision.version,
        task=decision.task,
        now=decision.now,
        allow=decision.allow,
        state=decision.state,
        reason=decision.reason,
        needs=_needs(bench, loaded, task, params),
        sought=() if selected.missing is None else _sought(policy, known),
        rules=()
        if verdict is None
        else tuple(movers.of_rule(each) for each in explain(policy, known, verdict, silent)),
        lines=() if verdict is None else tuple(movers.of_line(each) for each in lines(policy, known, verdict)),
        policy_digest=decision.policy_digest,
    )


def authored(found: Explanation, written: Mapping[str, Any], only: str | None = None) -> Explanation:
    """The explanation with the conditions as the policy's file has them (`written`), and of one rule only if asked."""
    texts = {rule["id"]: rule for rule in written.get("rules") or ()}
    rules = tuple(
        replace(each, clauses=(*_clauses(written, everywhere=True), *_clauses(texts[each.rule])))
        if each.rule in texts
        else each
        for each in found.rules
        if only in (None, each.rule)
    )
    return replace(found, rules=rules)


def _clauses(written: Mapping[str, Any], *, everywhere: bool = False) -> tuple[Clause, ...]:
    return tuple(Clause(word, _text(written[word]), everywhere) for word in ("when", "unless") if word in written)


def _text(written: object) -> str:
    return str(written).lower() if isinstance(written, bool) else " ".join(str(written).split())


def lacking(policy: Policy, known: Known) -> list[tuple[str, Node]]:
    """The last selection that was run, of which something was required and not found, and what its facts should be:
    one condition for each group that lacks."""
    selection = [each for each in policy.selections if each.name in known.facts][-1]
    if not selection.groups:
        return [(selection.name, TRUE)]
    field = Field(Variable(selection.name), selection.per[0], Type("string"))
    there = [fact for fact in known.facts[selection.name] if not fact.absent and fact.fields.get("count") != 0]
    found = {fact.fields.get(field.path) for fact in there}
    missing = [group for group in selection.groups if group not in found]
    return [(selection.name, Compare("==", field, Constant(group, Type("string")))) for group in missing]


def _sought(policy: Policy, known: Known) -> tuple[Sought, ...]:
    return tuple(
        described(policy, name, None if node == TRUE else notation(node, name), known)
        for name, node in lacking(policy, known)
    )


def _needs(bench: Judge, loaded: Loaded, task: str, params: Mapping[str, Value]) -> tuple[NeedExplained, ...]:
    return tuple(
        NeedExplained(need.name, need.policy, made.task, made.allow, made.state, made.reason)
        for need in loaded.policy.needs
        for made in (each.decision for each in bench.needed(need, loaded, task, params))
    )


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
        clauses=_retold(asked),
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


def _retold(asked: Rule) -> tuple[Clause, ...]:
    """The condition, where the text that its author wrote is not at hand."""
    if isinstance(asked.condition, Not):
        return (Clause("unless", notation(asked.condition.item)),)
    return (Clause("when", notation(asked.condition)),)
