"""How long a decision holds if nothing more is recorded, and what comes after it.

The clock moves, and what is recorded already may come into sight (`coming`). So the instants at which anything can
differ are those at which a comparison with `now` turns (`expression.lasting`), a fact comes into sight, or a stamp is
no longer too far ahead. They are walked and judged, one after the other, until the decision differs or the work that
may be spent is spent (`budget`). The reference evaluator judges them: it is the language's definition, and every caller
at such an instant is answered by both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import product
from typing import TYPE_CHECKING

import msgspec

from interlock.diagnostics import FactError
from interlock.evaluation.ahead import Budget, Coming, ExhaustedError, judging, looking, reads, weight
from interlock.evaluation.holding import turns
from interlock.evaluation.judged import uncovered
from interlock.evaluation.select import SelectionCache
from interlock.instant import format_instant
from interlock.language.evaluate import Environment
from interlock.language.next_change import NEVER, PARAMS, Rates, trend
from interlock.model.decision import Decision, Finding, FindingSummary, NextState
from interlock.model.facts import Fact
from interlock.model.policy import Rule, values

if TYPE_CHECKING:
    from interlock.evaluation.judge import Engine, Evaluated, Judge

DecisionKey = tuple[object, ...]
_Steady = dict[tuple[int, tuple[tuple[str, int], ...]], int]


def decision_key(judged: Evaluated) -> DecisionKey:
    """What of a decision must differ for it to be another: the verdict, the state, the reason, and what was found.

    A finding is distinguished by its rule, severity and message; where the message contains a value that grows with the
    clock, such as an age, by its evidence instead. A reason that contains one is compared by its missing
    selection, or its line of `decide`.
    """
    decision = judged.decision
    return (decision.allow, decision.state, _reason(judged), tuple(findings_by_key(judged)))


def _reason(judged: Evaluated) -> object:
    if judged.because:
        return tuple((each.way, _reason(each.judged)) for each in judged.because)
    if judged.skewed:
        return judged.newest
    clock = judged.loaded.compiled.clock
    if judged.decision.allow is not None and judged.verdict is not None and judged.verdict.line in clock.saying:
        return judged.verdict.line
    return judged.lacks if judged.lacks in clock.lacking else judged.decision.reason


def findings_by_key(judged: Evaluated) -> dict[DecisionKey, Finding]:
    """The findings of a decision, by what makes each the same as one of another decision."""
    telling = judged.loaded.compiled.clock.telling
    return {
        (each.rule, each.severity, each.evidence if each.rule in telling else each.message): each
        for each in judged.decision.findings
    }


def findings_changed(
    before: Evaluated, after: Evaluated
) -> tuple[tuple[FindingSummary, ...], tuple[FindingSummary, ...]]:
    """The findings that appeared between two decisions, and those that vanished."""
    old, new = findings_by_key(before), findings_by_key(after)
    appeared = tuple(FindingSummary(each.rule, each.message) for key, each in new.items() if key not in old)
    return appeared, tuple(FindingSummary(each.rule, each.message) for key, each in old.items() if key not in new)


def valid(judge: Judge, judged: Evaluated) -> Decision:
    """The decision, with how long it holds and what comes then. Raises LedgerError."""
    walk = _Walk(judge, judged)
    try:
        then = walk.change()
    except (ExhaustedError, FactError):  # what cannot be read was not judged, and proves nothing
        until = format_instant(walk.holds)
        return msgspec.structs.replace(judged.decision, valid_until=until, validity="partial")
    finally:
        if not judge.live:
            judge.snapshot.look(judge.seen)
    if then is None:
        return judged.decision
    at, found = then.decision.now, then.decision
    next_change = NextState(at, found.allow, found.state, found.reason, *findings_changed(judged, then))
    return msgspec.structs.replace(judged.decision, valid_until=at, next_change=next_change)


class _Walk:
    """The way from a decision to the next that differs. Up to the instant `holds`, without it, none does."""

    def __init__(self, judge: Judge, judged: Evaluated) -> None:
        self.judge, self.judged, self.holds = judge, judged, judge.now
        self.budget = judge.budget = Budget(judged)
        self.kept: dict[tuple[object, ...], SelectionCache] = defaultdict(
            lambda: SelectionCache(dated=False, noted=True)
        )
        self.coming: Coming | None = None

    def change(self) -> Evaluated | None:
        """The decision at the first instant at which it differs; None if it never does.

        Raises LedgerError; ExhaustedError where looking on would take too much work.
        """
        judged, judge, here = self.judged, self.judge, self.judged
        same, engine = decision_key(judged), judge.engine
        if engine == "both" and judged.decision.allow is not None:
            engine = "reference"  # what one of them refuses, or they disagree on, the other may not decide alone
        while (at := self._next(judge, here)) < NEVER:
            self.budget.spend(judging(here))
            judge = self._at(judge, at, engine)
            here = judge.judged(judged.loaded, judged.task, judged.params)
            if decision_key(here) != same:
                return here
        return None

    def _next(self, judge: Judge, here: Evaluated) -> int:
        """The next instant at which something may differ; NEVER where there is none."""
        until = steady(judge, here)
        if judge.live or uncovered(judge.snapshot, here.loaded, here.task) is not None:
            self.holds = until
            return until
        if self.coming is None:
            wanted = reads(here.loaded, here.task, here.params)
            self.coming = Coming(judge.snapshot, wanted, judge.now, self.budget)
        self.holds = max(self.holds, min(until, self.coming.known))
        self.holds = min(until, self.coming.after(judge.now, until))
        return self.holds

    def _at(self, last: Judge, at: int, engine: Engine) -> Judge:
        """A judge at a later instant, which follows the last. Of the past, facts have come into sight since."""
        if self.coming is None:
            return last.at(at, engine)
        for kept in self.kept.values():
            kept.arrived(self.coming.kinds.get(at, ()))
        last.snapshot.look(at)
        return last.seeing(at, engine, self.kept)


def steady(judge: Judge, judged: Evaluated) -> int:
    """The instant up to which nothing that the decision rests on changes, if nothing arrives."""
    return _steady(judge, judged, {}, {})


def _steady(judge: Judge, judged: Evaluated, given: Mapping[str, int], steadies: _Steady) -> int:
    """The same of a decision that may be a needed one; what `steadies` has of one is not examined again.

    `given` says by how much the parameters that grow with the clock do a microsecond.
    """
    key = (id(judged), tuple(sorted(given.items())))
    if key not in steadies:
        steadies[key] = _lasts(judge, judged, given, steadies)
    return steadies[key]


def _lasts(judge: Judge, judged: Evaluated, given: Mapping[str, int], steadies: _Steady) -> int:
    paces: dict[int, Mapping[str, int]] = {PARAMS: given} if given else {}
    until = min(_needed(judge, judged, paces, steadies), _selected(judge, judged, paces), judged.waived_until or NEVER)
    if judged.skewed and judged.newest is not None:
        until = min(until, judged.newest.at - judge.max_skew)
    if judged.held is not None:
        until = min(until, *turns(judged.loaded.policy, judged.params, judged.held, judge.now), NEVER)
        known = (at for each in judge.pasts.values() for at in each.turns())
        until = min(until, *(at for at in known if at > judge.now), NEVER)
    clock, policy = judged.loaded.compiled.clock, judged.loaded.policy
    if judged.failed and (paces or clock.rules or clock.lines or clock.outputs):
        return min(until, judge.now + 1)  # what had no value may have one at the next instant
    if judged.known is None or judged.verdict is None:
        return until
    if not (paces or clock.rules or clock.lines):
        return until
    facts, budget = judged.known.facts, judge.budget
    if budget is not None:
        makers = [rule for rule in policy.rules if rule.derive]
        budget.spend(len(makers) * looking(makers, facts))
        budget.spend(looking((r for i, r in enumerate(policy.rules) if paces or i in clock.rules), facts))
        budget.spend(sum(weight(node, facts) for line in policy.decide for node in line.judged))
    until = min(until, _derived(judged, paces))
    for index, rule in enumerate(policy.rules):
        if paces or index in clock.rules:
            until = min(
                until, *(_ruled(rule, known, paces, clock.telling) for known in _looks(rule, judged.known)), NEVER
            )
    if paces or clock.lines:
        tried = policy.decide[: judged.verdict.line + 1]
        until = min([until, *(trend(line.when, judged.known, paces)[2] for line in tried if line.when is not None)])
        taken = policy.decide[judged.verdict.line].reason
        if taken is not None and judged.verdict.line not in clock.saying:
            until = min([until, *(trend(node, judged.known, paces)[2] for node in taken.expressions)])
    return until


def _needed(judge: Judge, judged: Evaluated, paces: dict[int, Mapping[str, int]], steadies: _Steady) -> int:
    """Up to when the needed decisions last; by how much their outputs grow is noted in `paces`."""
    until = NEVER
    known = Environment(judge.now, judged.task, judged.params, {})
    for need, decisions in judged.needs:
        given = dict(paces.get(PARAMS, {}))
        for name, node in need.given.items():
            _, pace, limit = trend(node, known, paces)
            until = min(until, limit)
            given[name] = pace
        moving = {name: pace for name, pace in given.items() if pace}
        facts = judged.facts.get(need.name, ())
        for place, each in enumerate(decisions):
            until = min(until, _steady(judge, each, moving, steadies))
            if each.known is not None and (moving or each.loaded.compiled.clock.outputs or each.loaded.policy.needs):
                courses = {
                    path: trend(node, each.known, {PARAMS: moving}) for path, node in values(each.loaded.policy.outputs)
                }
                until = min([until, *(course[2] for course in courses.values())])
                growing = {path: course[1] for path, course in courses.items() if course[1]}
                if growing and facts:
                    paces[id(facts[place])] = growing
    return until


def _selected(judge: Judge, judged: Evaluated, paces: Rates) -> int:
    """Up to when every selection takes the same facts.

    After an empty `required` selection, or an invalid fact, no further one was run; none matters until that changes.
    """
    until = NEVER
    names = [selection.name for selection in judged.loaded.policy.selections]
    reached = max((place for place, name in enumerate(names, 1) if name in judged.facts), default=0)
    for wanted in judged.loaded.compiled.clock.candidates:
        if wanted.query.selection not in names[:reached] or not (wanted.reads_now or paces):
            continue
        task = (judge.snapshot.task_id(judged.task), judged.task)
        found = judge.candidates(wanted, task, judged)
        known = Environment(judge.now, judged.task, judged.params, judged.facts)
        if judge.budget is not None:
            judge.budget.spend(len(found) * weight(wanted.condition, judged.facts))
        looks = (known.bind(wanted.query.selection, fact) for fact in found)
        until = min(until, *(trend(wanted.condition, look, paces)[2] for look in looks), NEVER)
    return until


def _derived(judged: Evaluated, paces: dict[int, Mapping[str, int]]) -> int:
    """Up to when the derived values go on as they do; by how much they grow is noted in `paces`."""
    assert judged.known is not None
    makers = [rule for rule in judged.loaded.policy.rules if rule.derive]
    names = {str(rule.derive) for rule in makers}
    there = {fact.identity(): fact for name in names for fact in judged.known.facts[name]}
    until = NEVER
    for _ in makers:  # what is derived of what was derived may come before it
        for rule in makers:
            for known in _looks(rule, judged.known):
                if trend(rule.condition, known, paces)[0] is True:
                    courses = {field: trend(node, known, paces) for field, node in rule.values.items()}
                    until = min([until, *(course[2] for course in courses.values())])
                    made = Fact(str(rule.derive), {field: course[0] for field, course in courses.items()})
                    growing = {field: course[1] for field, course in courses.items() if course[1]}
                    if growing:
                        paces[id(there[made.identity()])] = growing
    return until


def _looks(rule: Rule, known: Environment) -> Iterator[Environment]:
    return (known.ranging(rule.loops, facts) for facts in product(*(known.facts[name] for name in rule.loops)))


def _ruled(rule: Rule, known: Environment, paces: Rates, telling: tuple[str, ...]) -> int:
    """The next instant at which the rule's result or message changes for one combination of facts."""
    holds, _, until = trend(rule.condition, known, paces)
    if holds is True and rule.message is not None and rule.id not in telling:
        until = min([until, *(trend(node, known, paces)[2] for node in rule.message.expressions)])
    return until
