"""Firings → findings, and the outputs: messages filled in, data printed, evidence named."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import product
from typing import Any

from interlock.evaluation.advice import advised
from interlock.language.evaluate import Environment, as_display_text, evaluate, fact_of, holds, printed
from interlock.language.walk import MACROS, children, within
from interlock.model.decision import Finding, Firing, Verdict, WaiverNote
from interlock.model.expression import Count, Exists, Field, Node, Not, Present, Size, VariableRef, type_of
from interlock.model.policy import PREVIOUS, Output, Policy, Rule


def with_derived(policy: Policy, known: Environment, verdict: Verdict, waived: Collection[str] = ()) -> Environment:
    """What is known once the rules have been judged by: what was derived, and whether a rule blocked, not waived."""
    fired = [policy.rules[firing.rule] for firing in verdict.firings]
    blocked = any(rule.effect == "block" and rule.id not in waived for rule in fired)
    facts = {**known.facts, **verdict.derived}
    return Environment(known.now, known.task, known.params, facts, known.maps, {}, blocked)


def prove(policy: Policy, known: Environment, verdict: Verdict) -> None:
    """Raises Failure where a condition of a rule, or of a line up to the one taken, has no value."""
    from interlock.language.exact import may_fail

    for rule in policy.rules:
        if may_fail(rule.condition):
            for facts in product(*(known.facts[name] for name in rule.loops)):
                evaluate(rule.condition, known.ranging(rule.loops, facts))
    for line in policy.decide[: verdict.line + 1]:
        if line.when is not None and may_fail(line.when):
            evaluate(line.when, known)


def finding(rule: Rule, firing: Firing, known: Environment, waived: WaiverNote | None = None) -> Finding | None:
    """The finding of a firing; None for a rule that derives."""
    if rule.effect == "derive" or rule.message is None:
        return None
    known = known.ranging(rule.loops, firing.facts)
    evidence = dict.fromkeys(fact.id for fact in firing.facts if fact.id)
    _collect(rule.condition, known, evidence, wanted=True)
    advice = advised(rule.advice, known)
    return Finding(
        rule=rule.id,
        severity=rule.effect,
        message=rule.message.filled(lambda node: as_display_text(node, known)),
        fix=advice.fix,
        hint=advice.hint,
        data={name: value(node, known) for name, node in rule.data.items()} or None,
        evidence=tuple(evidence),
        waived=waived,
    )


def value(node: Node, known: Environment) -> Any:
    """A value as a decision prints it: instants and durations as text."""
    return printed(evaluate(node, known), type_of(node))


def outputs(written: tuple[Output, ...], known: Environment) -> dict[str, Any]:
    """The named values beside the decision."""
    return {o.name: outputs(o.members, known) if o.value is None else value(o.value, known) for o in written}


def _collect(node: Node, known: Environment, evidence: dict[str, None], *, wanted: bool) -> None:
    """Note the ids of the facts that a condition rests on: those it reads, and those that its `exists` found.

    What was looked for and not found leaves no id.
    """
    # By `type`, as `evaluate` does: to see that a struct is none of several takes longer than the rest.
    if type(node) is Exists or type(node) is Count:
        for fact in known.facts[node.selection] if wanted or type(node) is Count else ():
            here = known.bind(node.variable, fact)
            if holds(node.condition, here):
                evidence.update({fact.id: None} if fact.id else {})
                evidence.update(dict.fromkeys(_before(node.condition, here)))
                _nested(node.condition, here, evidence, wanted=True)
        return
    if type(node) is Size:
        evidence.update({fact.id: None for fact in known.facts[node.selection] if fact.id})
    elif type(node) is Field or type(node) is Present:
        if type(node) is Field and node.path.startswith(PREVIOUS):
            evidence.update(dict.fromkeys(_before(node, known)))
        found = None if type(node.of) is VariableRef else fact_of(node.of, known)
        if found is not None and found.id:
            evidence[found.id] = None
    for child in children(node):
        _collect(child, known, evidence, wanted=wanted is not (type(node) is Not))


def _nested(node: Node, known: Environment, evidence: dict[str, None], *, wanted: bool) -> None:
    """Note the ids of the facts that macros inside another one found, for a fact that this one found."""
    if isinstance(node, MACROS):
        _collect(node, known, evidence, wanted=wanted)
        return
    for child in children(node):
        _nested(child, known, evidence, wanted=wanted is not isinstance(node, Not))


def _before(node: Node, known: Environment) -> Iterator[str]:
    """The ids of the facts that are read as the ones before others."""
    for inner in within(node):
        if isinstance(inner, Field) and inner.path.partition(".")[0] == PREVIOUS:
            fact = fact_of(inner.of, known)
            if fact is not None and fact.previous is not None and fact.previous.id:
                yield fact.previous.id
