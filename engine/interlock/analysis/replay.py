"""A gate over history: what it said at every instant of a stretch of time, and what made it change its mind.

A decision changes when something arrives that its policy reads, or when the clock alone makes it (`validity`).
All these instants are judged, each by the reference evaluator; where its decision changes, by both. A stretch over
which the decision is the same (`validity.decision_key`) is one interval.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter

import msgspec

from interlock.analysis.causes import MOST, turning
from interlock.diagnostics import UsageError
from interlock.evaluation.ahead import BEHIND, reads
from interlock.evaluation.arrivals import Arrivals, arrivals
from interlock.evaluation.judge import Engine, Evaluated, Judge, Loaded
from interlock.evaluation.select import SelectionCache
from interlock.evaluation.validity import DecisionKey, decision_key, findings_changed, steady
from interlock.evaluation.waivers import Waivers
from interlock.instant import INTEGER_BOUND, format_instant
from interlock.ledger import Snapshot
from interlock.ledger.recorded import seqs as seqs_of
from interlock.model.facts import Value
from interlock.model.history import Cause, History, Interval, Lane, Mark
from interlock.moment import At, Moment, moment, wall
from interlock.request import Session


class Stretch(msgspec.Struct, frozen=True):
    """What is replayed: a task (by name), from `since` to `until`, both included, in microseconds; and the evaluator.

    `path` is the ledger's; `waivers` say which findings do not count.
    """

    snapshot: Snapshot
    path: str
    task: str
    since: int
    until: int
    engine: Engine
    waivers: Waivers | None = None


class DecisionChange(msgspec.Struct, frozen=True):
    """A decision that differs from the one before it, and what was to blame; None for the first."""

    at: int
    judged: Evaluated
    cause: Cause | None


def answer(session: Session, since: At = None, until: At = None) -> History:
    """What the policies of a request decided about its task over a stretch of time.

    The stretch is from `since` to `until`, both included; without them, from the task's first receipt to the instant of
    the request, or to its last receipt where that is later. They take what that instant takes. Raises as the session
    does.
    """
    policies = list(zip(session.policies, session.arguments, strict=True))
    ends = ends_of(session, since, until)

    def replaying(snapshot: Snapshot) -> History:
        (task,) = session.tasks(snapshot)
        begun, ended = _bounds(snapshot, task, ends)
        label, engine = snapshot.task_label(task), session.request.engine
        return history(Stretch(snapshot, session.ledger.path, label, begun, ended, engine, session.waivers), policies)

    found = session.over(replaying, now=INTEGER_BOUND - 1)
    lanes = zip(found.lanes, session.params, strict=True)
    told = tuple(msgspec.structs.replace(lane, params=params) for lane, params in lanes)
    return msgspec.structs.replace(found, lanes=told)


class Ends(msgspec.Struct, frozen=True):
    """From when to when a task is judged, in microseconds, None where that was not given; and the instant `now`."""

    since: int | None
    until: int | None
    now: int

    def of(self, snapshot: Snapshot, task: str) -> tuple[int | None, int]:
        """The beginning, None where the task has no receipt, and the end. Raises UsageError for an unknown task."""
        first, last = snapshot.span(snapshot.task_id(task))
        until = max(self.now, last or 0) if self.until is None else self.until
        return first if self.since is None else self.since, until


def ends_of(session: Session, since: At | Moment, until: At | Moment) -> Ends:
    """The ends that were given, by one reading of the clock. Raises UsageError, LedgerError."""
    clock = wall()
    begun, ended = (None if each is None else moment(each, session.ledger, clock).now for each in (since, until))
    if begun is not None and ended is not None:
        check_order(begun, ended)
    return Ends(begun, ended, moment(session.request.at, session.ledger, clock).now)


def check_order(since: int, until: int) -> None:
    """Raises UsageError where the end of a stretch of time is before its beginning."""
    if since > until:
        raise UsageError(f"the beginning {format_instant(since)} is later than the end {format_instant(until)}")


def _bounds(snapshot: Snapshot, task: str, ends: Ends) -> tuple[int, int]:
    """The stretch of time. Raises UsageError where it has no beginning, or ends before it."""
    since, until = ends.of(snapshot, task)
    if since is None:
        raise UsageError(f"the task `{task}` has no receipt; give the beginning")
    check_order(since, until)
    return since, until


def history(stretch: Stretch, policies: Sequence[tuple[Loaded, Mapping[str, Value]]]) -> History:
    """The lanes of policies, each with its parameters. Raises UsageError for an unknown task, LedgerError."""
    lanes, marks = [], dict[str, tuple[int, Mark]]()
    for loaded, params in policies:
        found = _arrivals(stretch, loaded, params)
        lanes.append(_lane(stretch, loaded, list(moments(stretch, loaded, params, found))))
        marks |= {mark.id: (at, mark) for at, each in found.marks.items() for mark in each.values()}
    ordered = sorted(marks.values(), key=lambda item: item[0])
    since, until = format_instant(stretch.since), format_instant(stretch.until)
    return History(stretch.task, since, until, tuple(lanes), tuple(mark for _, mark in ordered))


def moments(
    stretch: Stretch, loaded: Loaded, params: Mapping[str, Value], found: Arrivals | None = None
) -> Iterator[DecisionChange]:
    """Every change of a policy's decision, the first decision ahead. Raises UsageError, LedgerError."""
    found = found or _arrivals(stretch, loaded, params)
    scan = _Scan(stretch, loaded, params, found)
    at, here = stretch.since, scan.judged(stretch.since)
    last = scan.proved(at, here)
    yield DecisionChange(at, last, None)
    waiting = sorted(found.kinds, reverse=True)
    while True:
        lapse = steady(scan.judge, here)
        arriving = waiting[-1] if waiting else stretch.until + 1
        before, at = decision_key(here), min(lapse, arriving)
        if at > stretch.until:
            return
        if at == arriving:
            waiting.pop()
        here = scan.judged(at)
        if decision_key(here) != before:
            proved = scan.proved(at, here)
            if decision_key(proved) != decision_key(last):
                yield DecisionChange(at, proved, scan.cause(at, last, proved, lapsed=at == lapse))
                stretch.snapshot.ask(at)
            last = proved


class _Scan:
    """One policy's way through a stretch."""

    def __init__(self, stretch: Stretch, loaded: Loaded, params: Mapping[str, Value], found: Arrivals) -> None:
        self.stretch, self.loaded, self.params, self.found = stretch, loaded, params, found
        self.kept: dict[tuple[object, ...], SelectionCache] = defaultdict(lambda: SelectionCache(dated=found.dated))
        self.judge = self._judge(stretch.since, "reference")

    def _judge(self, at: int, engine: Engine, kept: Mapping[tuple[object, ...], SelectionCache] | None = None) -> Judge:
        stretch = self.stretch
        stretch.snapshot.ask(at)
        judge = Judge(stretch.snapshot, stretch.path, at, engine, stretch.waivers)
        judge.kept = kept
        return judge

    def _decided(self, judge: Judge) -> Evaluated:
        return judge.judged(self.loaded, self.stretch.task, self.params)

    def judged(self, at: int) -> Evaluated:
        """The decision at an instant, by the evaluator that scans."""
        kinds = self.found.kinds.get(at, ())
        for kept in self.kept.values():
            kept.arrived(kinds)
        before = self.judge
        self.judge = self._judge(at, "rete" if self.stretch.engine == "rete" else "reference", self.kept)
        self.judge.follow(before)
        return self._decided(self.judge)

    def proved(self, at: int, here: Evaluated) -> Evaluated:
        """The decision at an instant that was just scanned, over the same facts, by the requested evaluator."""
        if self.stretch.engine != "both":
            return here
        judge = self._judge(at, "both", self.kept)
        judge.before, judge.pasts = self.judge.before, self.judge.pasts
        return self._decided(judge)

    def cause(self, at: int, before: Evaluated, after: Evaluated, *, lapsed: bool) -> Cause:
        """What made the decision change at an instant: of what arrived then, that without which it would not have; or
        the clock alone."""
        receipts = tuple(self.found.marks.get(at, {}).values())
        alone = self._alone(at) if receipts and (lapsed or len(receipts) > 1) else None
        if receipts and lapsed and alone == decision_key(after):
            receipts = ()
        elif len(receipts) > 1:
            receipts = self._turning(at, after, alone) or self._read(receipts, after)
        appeared, vanished = (tuple(finding.message for finding in each) for each in findings_changed(before, after))
        return Cause(receipts, appeared, vanished)

    def _turning(self, at: int, after: Evaluated, alone: DecisionKey | None) -> tuple[Mark, ...]:
        """Of what arrived at the instant, what changed the decision that there was before it, in the ledger's order.

        None where that cannot be found out: receipts that were recorded later have earlier times.
        """
        marks, snapshot = self.found.marks[at], self.stretch.snapshot
        seqs = {} if snapshot.joined is not None or len(marks) > MOST else seqs_of(snapshot, marks)
        if not seqs:
            return ()

        def key(head: int) -> DecisionKey:
            with snapshot.upto(head):
                return decision_key(self._decided(self._judge(at, "reference")))

        arrived = sorted(((seq, marks[identity]) for identity, seq in seqs.items()), key=itemgetter(0))
        without = key(arrived[0][0] - 1)
        if key(arrived[-1][0]) != decision_key(after):
            return ()
        turned = {mark.id for mark in turning(arrived, key, without)}
        if without != alone:  # entities changed too, or what they are made of
            changed = tuple(mark for mark in marks.values() if mark.id not in seqs or mark.kind in BEHIND["seat"])
            turned |= {mark.id for mark in self._read(changed, after)}
        return tuple(mark for mark in marks.values() if mark.id in turned)

    def _read(self, marks: tuple[Mark, ...], after: Evaluated) -> tuple[Mark, ...]:
        """Of some marks, what the policy selects, or what seats that it selects are made of."""
        read = {*after.decision.evidence, *(f for _, each in after.needs for j in each for f in j.decision.evidence)}
        chosen = tuple(mark for mark in marks if mark.id in read or mark.kind in BEHIND["seat"])
        return chosen or marks

    def _alone(self, at: int) -> DecisionKey:
        """What the decision would be at an instant had nothing arrived just then."""
        return decision_key(self._decided(self._judge(at - 1, "reference").at(at, "reference")))


def _arrivals(stretch: Stretch, loaded: Loaded, params: Mapping[str, Value]) -> Arrivals:
    wanted = reads(loaded, stretch.task, params)
    return arrivals(stretch.snapshot, wanted, stretch.since, stretch.until)


def _lane(stretch: Stretch, loaded: Loaded, found: list[DecisionChange]) -> Lane:
    ends = [*(moment.at for moment in found[1:]), stretch.until]
    policy = loaded.policy
    intervals = tuple(_interval(moment, end) for moment, end in zip(found, ends, strict=True))
    return Lane(policy.id, policy.version, policy.title, policy.question, policy.digest, intervals)


def _interval(moment: DecisionChange, end: int) -> Interval:
    decision = moment.judged.decision
    return Interval(
        since=format_instant(moment.at),
        until=format_instant(end),
        allow=decision.allow,
        state=decision.state,
        reason=decision.reason,
        findings=decision.findings,
        cause=moment.cause,
        fix=decision.fix,
        hint=decision.hint,
    )
