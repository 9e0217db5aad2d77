"""How long a decision holds if no receipt arrives, and what comes after it.

Only the clock moves: the receipts and entities are those that had arrived. So the instants at which anything can differ
are those at which a comparison with `now` turns (`expression.lasting`), and they are walked, each judged anew, until
the decision differs. The reference evaluator judges them: it is the language's definition, and whoever asks at such an
instant is answered by both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

from interlock.decision import Decision
from interlock.evaluation import Judge, Judged
from interlock.expression.lasting import NEVER, PARAMS, Paces, lasting
from interlock.expression.values import Known
from interlock.fact import Fact
from interlock.policy import Rule, values
from interlock.selection import candidates

Same = tuple[object, ...]


def sameness(judged: Judged) -> Same:
    """What of a decision must differ for it to be another: the verdict, the state, the reason, and what was found.

    A finding is told apart by its rule, severity and message; where the message tells a value that grows with the
    clock, such as an age, by its evidence instead.
    """
    decision, telling = judged.decision, judged.loaded.compiled.clock.telling
    found = [(f.rule, f.severity, f.evidence if f.rule in telling else f.message) for f in decision.findings]
    return (decision.allow, decision.state, decision.reason, tuple(found))


def change(judge: Judge, judged: Judged, before: int = NEVER) -> tuple[int, Decision] | None:
    """The first instant at which the decision differs if nothing arrives, and what it is then.

    None if it never does, or not `before` an instant. Raises LedgerError.
    """
    same, engine = sameness(judged), judge.engine
    if engine == "both" and judged.decision.allow is not None:
        engine = "reference"  # what one of them refuses, or they disagree on, the other may not decide alone
    here = judged
    while (until := steady(judge, here)) < before:
        judge = judge.at(until, engine)
        here = judge.judged(judged.loaded, judged.task, judged.params)
        if sameness(here) != same:
            return until, here.decision
    return None


def steady(judge: Judge, judged: Judged, given: Mapping[str, int] | None = None) -> int:
    """The instant up to which nothing that the decision rests on changes, if nothing arrives.

    `given` says by how much the parameters that grow with the clock do a microsecond.
    """
    paces: dict[int, Mapping[str, int]] = {PARAMS: given} if given else {}
    until = min([_needed(judge, judged, paces), _selected(judge, judged, paces)])
    if judged.known is None or judged.verdict is None:
        return until
    clock, policy = judged.loaded.compiled.clock, judged.loaded.policy
    if not (paces or clock.rules or clock.lines):
        return until
    until = min(until, _derived(judged, paces))
    for index, rule in enumerate(policy.rules):
        if paces or index in clock.rules:
            until = min(
                until, *(_ruled(rule, known, paces, clock.telling) for known in _looks(rule, judged.known)), NEVER
            )
    if paces or clock.lines:
        tried = policy.decide[: judged.verdict.line + 1]
        until = min([until, *(lasting(line.when, judged.known, paces)[2] for line in tried if line.when is not None)])
    return until


def _needed(judge: Judge, judged: Judged, paces: dict[int, Mapping[str, int]]) -> int:
    """Up to when the needed decisions last; by how much their outputs grow is noted in `paces`."""
    until = NEVER
    known = Known(judge.now, judged.task, judged.params, {})
    for need, decisions in judged.needs:
        given = dict(paces.get(PARAMS, {}))
        for name, node in need.given.items():
            _, pace, limit = lasting(node, known, paces)
            until = min(until, limit)
            given[name] = pace
        moving = {name: pace for name, pace in given.items() if pace}
        facts = judged.facts.get(need.name, ())
        for place, each in enumerate(decisions):
            until = min(until, steady(judge, each, moving))
            if each.known is not None and (moving or each.loaded.compiled.clock.outputs or each.loaded.policy.needs):
                courses = {
                    path: lasting(node, each.known, {PARAMS: moving})
                    for path, node in values(each.loaded.policy.outputs)
                }
                until = min([until, *(course[2] for course in courses.values())])
                growing = {path: course[1] for path, course in courses.items() if course[1]}
                if growing and facts:
                    paces[id(facts[place])] = growing
    return until


def _selected(judge: Judge, judged: Judged, paces: Paces) -> int:
    """Up to when every selection takes the same facts."""
    until = NEVER
    for wanted in judged.loaded.compiled.clock.candidates:
        if not (wanted.reads_now or paces):
            continue
        task = (judge.snapshot.task_id(judged.task), judged.task)
        found = candidates(wanted, judge.snapshot, task, judge.seen, judged.params, judged.facts, clock=judge.now)
        known = Known(judge.now, judged.task, judged.params, judged.facts)
        looks = (known.looking_at(wanted.query.selection, fact) for fact in found)
        until = min(until, *(lasting(wanted.condition, look, paces)[2] for look in looks), NEVER)
    return until


def _derived(judged: Judged, paces: dict[int, Mapping[str, int]]) -> int:
    """Up to when the derived values go on as they do; by how much they grow is noted in `paces`."""
    assert judged.known is not None
    makers = [rule for rule in judged.loaded.policy.rules if rule.derive]
    names = {str(rule.derive) for rule in makers}
    there = {fact.identity(): fact for name in names for fact in judged.known.facts[name]}
    until = NEVER
    for _ in makers:  # what is derived of what was derived may stand before it
        for rule in makers:
            for known in _looks(rule, judged.known):
                if lasting(rule.condition, known, paces)[0]:
                    courses = {field: lasting(node, known, paces) for field, node in rule.values.items()}
                    until = min([until, *(course[2] for course in courses.values())])
                    made = Fact(str(rule.derive), {field: course[0] for field, course in courses.items()})
                    growing = {field: course[1] for field, course in courses.items() if course[1]}
                    if growing:
                        paces[id(there[made.identity()])] = growing
    return until


def _looks(rule: Rule, known: Known) -> Iterator[Known]:
    """Every look that a rule takes: at each combination of the facts that it ranges over."""
    for facts in product(*(known.facts[name] for name in rule.loops)):
        here = known
        for name, fact in zip(rule.loops, facts, strict=True):
            here = here.looking_at(name, fact)
        yield here


def _ruled(rule: Rule, known: Known, paces: Paces, telling: tuple[str, ...]) -> int:
    """Up to when a rule does as it does at one look; and, where it finds something, tells it as it does."""
    holds, _, until = lasting(rule.condition, known, paces)
    if holds and rule.message is not None and rule.id not in telling:
        parts = [part for part in rule.message.parts if not isinstance(part, str)]
        until = min([until, *(lasting(part, known, paces)[2] for part in parts)])
    return until
