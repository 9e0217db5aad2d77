"""What would make a policy allow: the smallest plans, proved, and what no plan can lift."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from msgspec.structs import replace

from interlock import instant
from interlock.analysis.unblock.permanent import held_fact, permanent
from interlock.analysis.unblock.receipts import softening
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


def answer(session: Session, *, without_proof: bool = True) -> Unblock:
    """The smallest sets of receipts that would make the policy of a request allow, and the findings that none can lift.

    Each set is proved by judging the ledger and it with both evaluators; nothing is written. Those that skip or soften
    what is to be proved are apart, and looked for `without_proof` only. Raises as the session does.
    """
    return replace(session.one(partial(unblock, without_proof=without_proof)), params=session.params[0])


def unblock(
    judge: Judge, loaded: Loaded, task: str, params: Mapping[str, Value], *, without_proof: bool = True
) -> Unblock:
    """What would make the policy allow a task; `without_proof`, also what skips or softens the proof.

    Raises UsageError, LedgerError.
    """
    decision = judge.decide(loaded, task, params)
    plans: list[Plan] = []
    softer: list[Plan] = []
    judged, bounded = 0, False
    if decision.allow is not True and _covered(judge):
        bench = HypothesisBench(
            _supposed(judge), loaded, name_of(judge.snapshot, judge.snapshot.task_id(task)), params, judge
        )
        for line, each in enumerate(loaded.policy.decide):
            if each.allow:
                found, gave_up = _of_line(bench, line, judge.now, soft=False)
                plans += found
                bounded |= gave_up
                softer += _of_line(bench, line, judge.now, soft=True)[0] if without_proof else []
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
        without_proof=tuple(softer),
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
        merge_kinds(kinds, loaded.reads)
        for kind in loaded.reads:
            moved = None if kind in ENTITIES else judge.snapshot.catalog.moves(kind)
            if moved is not None:
                kinds.setdefault(moved.kind, False)
    rows = judge.snapshot.facts(tasks, sorted(kinds), sorted(kind for kind, every in kinds.items() if every))
    return HypotheticalFacts(judge.head.path, judge.head.seq, rows, judge.snapshot.catalog)


def _of_line(bench: HypothesisBench, line: int, now: int, *, soft: bool) -> tuple[list[Plan], bool]:
    """The plans for a line, with receipts of one instant or else a second apart; and whether some were left untried."""
    bounded, start = False, bench.judged
    for apart in (0, instant.SECOND):
        search = Search(bench, line, soft=soft, apart=apart)
        plans = _plans(bench, search.smallest(now), soft=soft)
        bounded |= search.bounded
        if plans or bench.judged == start + 1:  # where nothing helps, it does not either a second later
            return plans, False
    return [], bounded


def _plans(bench: HypothesisBench, found: list[Hypothesis], *, soft: bool) -> list[Plan]:
    """The hypotheses that both evaluators allow, without receipts that can be left out: `soft` ones or the others."""
    catalog = bench.asked.snapshot.catalog
    plans: list[Plan] = []
    seen = set()
    for supposition in (_needed(bench, each) for each in found):
        if len(plans) == PLANS:
            break
        decision = bench.decide(supposition, _BOTH)
        if decision is None or decision.allow is not True or supposition.identity() in seen:
            continue
        seen.add(supposition.identity())
        if soft is not (decision.waived > 0 or any(softening(fact, catalog) for fact in supposition.facts)):
            continue
        steps = tuple(_step(fact, supposition.at + n * supposition.apart) for n, fact in enumerate(supposition.facts))
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


def _needed(bench: HypothesisBench, supposition: Hypothesis) -> Hypothesis:
    """The hypothesis without the receipts that can be left out."""
    for place in range(len(supposition.facts)):
        less = supposition.without(place)
        if bench.allows(less):
            return _needed(bench, less)
    return supposition


def _step(fact: dict[str, Any], at: int) -> ReceiptStep:
    fields = {name: value for name, value in fact.items() if name not in ENVELOPE}
    if fact["correlation"]:
        fields["correlation"] = fact["correlation"]
    return ReceiptStep(fact["kind"], fields, responsible(fact["actor"]), fact["task"], instant.format_instant(at))


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
