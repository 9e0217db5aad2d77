"""What would make a policy allow: the smallest plans, proved, and what no plan can lift."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from interlock import instant
from interlock.analysis.unblock.permanent import held_fact, permanent
from interlock.analysis.unblock.search import Hypothesis, HypothesisBench, Search, counting
from interlock.evaluation.findings import finding
from interlock.evaluation.judge import Engine, Judge, Loaded
from interlock.evaluation.judged import uncovered
from interlock.ledger.export import name_of
from interlock.ledger.memory import HypotheticalFacts
from interlock.ledger.rows import ENVELOPE
from interlock.model.decision import Decision
from interlock.model.explanation import Cited
from interlock.model.facts import Value
from interlock.model.policy import merge_kinds
from interlock.model.unblock import Fix, Permanent, Plan, ReceiptStep, Unblock
from interlock.request import Session
from interlock.schemas import ENTITIES
from interlock.schemas.catalog import responsible

PLANS = 2
"""That many of the smallest plans are reported for each state that allows."""
_HORIZON = 30 * 86_400 * instant.SECOND
_BOTH: Engine = "both"


def answer(session: Session) -> Unblock:
    """The smallest sets of receipts that would make the policy of a request allow, and the findings that none can lift.

    Each set is proved by judging the ledger and it with both evaluators; nothing is written.
    Raises as the session does.
    """
    return replace(session.one(unblock), params=session.params[0])


def unblock(judge: Judge, loaded: Loaded, task: str, params: Mapping[str, Value]) -> Unblock:
    """What would make the policy allow a task. Raises UsageError, LedgerError."""
    decision = judge.decide(loaded, task, params)
    plans: list[Plan] = []
    judged, bounded = 0, False
    if decision.allow is not True and _covered(judge):
        bench = HypothesisBench(
            _supposed(judge), loaded, name_of(judge.snapshot, judge.snapshot.task_id(task)), params, judge
        )
        for line, each in enumerate(loaded.policy.decide):
            if each.allow:
                search = Search(bench, line)
                plans += _plans(bench, search.smallest(judge.now))
                bounded |= search.bounded
        judged = bench.judged
        bench.supposed.close()
    return Unblock(
        policy=decision.policy,
        task=decision.task,
        now=decision.now,
        allow=decision.allow,
        state=decision.state,
        reason=decision.reason,
        plans=tuple(plans),
        permanent=tuple(_permanent(judge, loaded, task, params, decision)),
        fixes=tuple(_fixes(decision)),
        judged=judged,
        bounded=bounded,
        policy_digest=decision.policy_digest,
    )


def _fixes(decision: Decision) -> Iterator[Fix]:
    """What the policy's author says to do, about the decision and about each finding."""
    if decision.fix or decision.hint:
        yield Fix(None, decision.reason or decision.state, decision.fix, decision.hint)
    for each in decision.findings:
        if each.fix or each.hint:
            yield Fix(each.rule, each.message, each.fix, each.hint)


def _covered(judge: Judge) -> bool:
    """Whether everything is there that was recorded: a feed may leave out what would deny."""
    for loaded, task, _ in judge.decided:
        assert isinstance(loaded, Loaded)
        if uncovered(judge.snapshot, loaded, str(task)) is not None:
            return False
    return True


def _supposed(judge: Judge) -> HypotheticalFacts:
    """All that the policies that were judged by read of the tasks that they were judged for, and the entities that
    further receipts would be of."""
    kinds = {"task": False}
    tasks: dict[str, None] = {}
    for loaded, task, _ in judge.decided:
        assert isinstance(loaded, Loaded)
        identity = judge.snapshot.task_id(str(task))
        name_of(judge.snapshot, identity)  # which must be its own: in a hypothesis, a task has no other id
        tasks[identity] = None
        merge_kinds(kinds, loaded.policy.kinds())
        for kind in loaded.policy.kinds():
            moved = None if kind in ENTITIES else judge.snapshot.catalog.moves(kind)
            if moved is not None:
                kinds.setdefault(moved.kind, False)
    rows = judge.snapshot.facts(tasks, sorted(kinds), sorted(kind for kind, every in kinds.items() if every))
    return HypotheticalFacts(judge.head.path, judge.head.seq, rows, judge.snapshot.catalog)


def _plans(bench: HypothesisBench, found: list[Hypothesis]) -> list[Plan]:
    """The hypotheses that both evaluators allow, none of whose receipts can be left out."""
    plans: list[Plan] = []
    for supposition in found:
        if len(plans) == PLANS:
            break
        decision = bench.decide(supposition, _BOTH)
        places = range(len(supposition.facts))
        if decision is None or decision.allow is not True or any(bench.allows(supposition.without(n)) for n in places):
            continue
        steps = tuple(_step(fact) for fact in supposition.facts)
        by = _limit(bench, supposition)
        plans.append(
            Plan(
                decision.state,
                instant.format_instant(supposition.at),
                None if by is None else instant.format_instant(by),
                steps,
                instant.format_instant(supposition.now) if supposition.wait else None,
            )
        )
    return plans


def _step(fact: dict[str, Any]) -> ReceiptStep:
    fields = {name: value for name, value in fact.items() if name not in ENVELOPE}
    if fact["correlation"]:
        fields["correlation"] = fact["correlation"]
    return ReceiptStep(fact["kind"], fields, responsible(fact["actor"]), fact["task"])


def _limit(bench: HypothesisBench, supposition: Hypothesis) -> int | None:
    """The last second at which the same receipts, all recorded then, do as well; None where there is none near."""
    good, span = supposition.at, instant.SECOND
    while bench.allows(replace(supposition, at=good + span)):
        good, span = good + span, span * 2
        if span > _HORIZON:
            return None
    while span > instant.SECOND:
        span //= 2
        if bench.allows(replace(supposition, at=good + span)):
            good += span
    return good


def _permanent(
    judge: Judge, loaded: Loaded, task: str, params: Mapping[str, Value], decision: Decision
) -> list[Permanent]:
    """The findings of a denied decision that no receipt can lift, or what an undecided one lacks that none makes."""
    policy, judged = loaded.policy, judge.judged(loaded, task, params)
    if judged.lacks is not None and decision.reason is not None:
        last = next(each for each in policy.selections if each.name == judged.lacks)
        if judge.snapshot.catalog.by_receipts(last.kinds[0]):
            return []
        return [Permanent(None, decision.reason, (held_fact(judge.snapshot.catalog, Cited(last.kinds[0])),))]
    whole, verdict = judged.known, counting(judged)
    if decision.allow is not False or whole is None or verdict is None:
        return []
    messages = {}
    for place, firing in enumerate(verdict.firings):
        rule = policy.rules[firing.rule]
        result = finding(rule, firing, whole)
        if rule.effect == "block" and result is not None:
            messages[place] = result.message
    return permanent(policy, whole, verdict, messages, judge.snapshot.catalog)
