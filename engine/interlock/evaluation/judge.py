"""Where policy and facts meet: both evaluators judge the selected facts, and what they agree on becomes a `Decision`.

Undecided is a value like any other, and never allowed: a required fact is absent, a fact is invalid, a need is
undecided, the engine may not be used, or the two evaluators disagree (`docs/design/language.md`, "Decision").
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import msgspec

from interlock import instant
from interlock.diagnostics import EngineError
from interlock.evaluation import reference, rete, validity
from interlock.evaluation.advice import NOTHING, Advised, advised, together
from interlock.evaluation.ahead import CANDIDATE, Budget, check_work
from interlock.evaluation.answers import Answers
from interlock.evaluation.findings import finding, outputs, prove, with_derived
from interlock.evaluation.holding import Held, Holds
from interlock.evaluation.judged import (
    MAX_SKEW,
    Evaluated,
    Loaded,
    NeededDecisions,
    closure,
    passed,
    skew_reason,
    uncovered,
    undecided,
)
from interlock.evaluation.select import Selected, Selecting, SelectionCache, bound
from interlock.language.evaluate import Environment, Failure, as_display_text, evaluate
from interlock.ledger import Snapshot
from interlock.ledger.rows import Row, later
from interlock.model.compiled import ClockCandidates
from interlock.model.decision import Decision, Head, SourceHead, Verdict, WaiverNote
from interlock.model.facts import Fact, Value
from interlock.model.policy import Need, Policy

if TYPE_CHECKING:
    from interlock.evaluation.history import Past
    from interlock.evaluation.waivers import Waivers

Engine = Literal["rete", "reference", "both"]
__all__ = ["Engine", "Evaluated", "Judge", "Loaded", "NeededDecisions", "closure", "maps"]
_DISAGREE = "the two evaluators disagree: this is a bug in interlock, please report it"


class Judge:
    """Decides policies over one snapshot at one instant; what several policies need is decided once.

    `engine` is the evaluator; where the rules engine cannot be had, `both` means the reference alone, and the decision
    says so. A `witness` is given the rows of all facts that are read. `waivers` say which findings do not count;
    whatever they did is reported in the decision.

    Over a live snapshot everything counts, whatever its stamp; what would be allowed is then undecided where a time
    that was read lies more than `max_skew` microseconds ahead of `now`.
    """

    witness: list[Row] | None = None
    budget: Budget | None = None
    """What looking ahead may still take, where that is bounded."""

    def __init__(
        self,
        snapshot: Snapshot,
        path: str,
        now: int,
        engine: Engine,
        waivers: Waivers | None = None,
        max_skew: int = MAX_SKEW,
    ) -> None:
        self.snapshot, self.now, self.waivers, self.max_skew = snapshot, now, waivers, max_skew
        self.live = snapshot.live
        self.seen = instant.LATEST if self.live else now
        self.engine: Engine = "reference" if engine == "both" and not rete.AVAILABLE else engine
        self.head = Head(path, snapshot.head, snapshot.notes)
        if snapshot.joined is not None:
            sources = tuple(SourceHead(*each) for each in snapshot.joined.heads())
            self.head = msgspec.structs.replace(self.head, sources=sources)
        self.decided: dict[tuple[object, ...], Evaluated] = {}
        self.selected: dict[tuple[object, ...], Selected] = {}
        self.kept: Mapping[tuple[object, ...], SelectionCache] | None = None
        self.moving: dict[tuple[object, ...], list[Fact]] = {}
        self.before: Mapping[tuple[object, ...], Held] = {}
        self.pasts: dict[tuple[object, ...], Past] = {}
        self.answers = Answers(snapshot)
        self.prepared: dict[tuple[object, ...], Selected] = {}

    def at(self, now: int, engine: Engine) -> Judge:
        """A judge of the same receipts at another instant: only the clock has moved, and nothing has arrived."""
        moved = Judge(self.snapshot, self.head.path, now, engine, self.waivers, self.max_skew)
        moved.seen, moved.selected, moved.kept, moved.moving = self.seen, self.selected, self.kept, self.moving
        moved.budget, moved.answers = self.budget, self.answers
        moved.follow(self)
        return moved

    def seeing(self, now: int, engine: Engine, kept: Mapping[tuple[object, ...], SelectionCache]) -> Judge:
        """A judge at a later instant, up to which the snapshot shows facts. What is `kept` is not requested again."""
        moved = Judge(self.snapshot, self.head.path, now, engine, self.waivers, self.max_skew)
        moved.kept, moved.budget = kept, self.budget
        moved.follow(self)
        return moved

    def follow(self, last: Judge) -> None:
        """Go on from what another judge knows of conditions after its instant: nothing has changed since."""
        self.before = {key: each.held for key, each in last.decided.items() if each.held is not None}
        self.pasts = last.pasts

    def earlier(
        self,
        now: int,
        kept: Mapping[tuple[object, ...], SelectionCache],
        before: Mapping[tuple[object, ...], Held],
    ) -> Judge:
        """A judge of the ledger as it stood at an earlier instant, with what is known of conditions before that."""
        self.snapshot.ask(now)
        moved = Judge(self.snapshot, self.head.path, now, self.engine, self.waivers, self.max_skew)
        moved.kept, moved.before, moved.pasts = kept, before, self.pasts
        return moved

    def candidates(self, wanted: ClockCandidates, task: tuple[str, str], judged: Evaluated) -> list[Fact]:
        """The facts that the clock may take into a selection or out of it; read once while nothing but it moves.

        Raises LedgerError; ExhaustedError where there are more than may be examined.
        """
        most = None if self.budget is None else self.budget.left // CANDIDATE
        run = Selecting(
            self.snapshot, task, self.seen, judged.params, judged.facts, clock=self.now, answers=self.answers
        )
        if self.budget is None:
            return run.candidates(wanted)
        if not self.live:
            return self.budget.paid(run.candidates(wanted, most), CANDIDATE)
        key = (*_key(judged.loaded, judged.task, judged.params), *bound(wanted, judged.params, judged.facts))
        if key not in self.moving:
            self.moving[key] = self.budget.paid(run.candidates(wanted, most), CANDIDATE)
        return self.moving[key]

    def decide(self, loaded: Loaded, task: str, params: Mapping[str, Value]) -> Decision:
        """Decide a policy for a task (by name or id), and say for how long. Raises UsageError for an unknown task."""
        return validity.valid(self, self.judged(loaded, task, params))

    def decide_now(self, loaded: Loaded, task: str, params: Mapping[str, Value]) -> Decision:
        """The same without a look ahead: it holds at the instant, and what comes next is not known."""
        decision = self.judged(loaded, task, params).decision
        return msgspec.structs.replace(decision, valid_until=decision.now, validity="partial")

    def facts(self, loaded: Loaded, task: str, params: Mapping[str, Value]) -> Selected:
        """The facts that a policy sees of a task, selection by selection. Raises UsageError, LedgerError."""
        task = self.snapshot.task_label(task)
        needed = self._needs(loaded, task, params)
        if because := undecided(needed):
            return Selected({}, (), tuple(map(str, because)))
        return self._selected(loaded, task, params, _facts(needed))

    def judged(self, loaded: Loaded, task: str, params: Mapping[str, Value]) -> Evaluated:
        """The decision, with what it rests on. A task has one label, whether its name or its id was given."""
        task = self.snapshot.task_label(task)
        key = _key(loaded, task, params)
        if key not in self.decided:
            judge = self._judged if self.waivers is None else self._waiving
            self.decided[key] = judge(loaded, task, params)
        return self.decided[key]

    def _selected(
        self, loaded: Loaded, task: str, params: Mapping[str, Value], needs: Mapping[str, tuple[Fact, ...]]
    ) -> Selected:
        """What the policy selects; where its selections read neither the clock nor a need, it is known already."""
        key = _key(loaded, task, params)
        if key in self.selected:
            known = self.selected[key]
            return msgspec.structs.replace(known, facts={**known.facts, **needs})
        if (lost := uncovered(self.snapshot, loaded, task)) is not None:
            return Selected({}, (), (lost,))
        found = self.prepared.pop(key, None) or self.selecting(loaded, task, params, needs).select(loaded.compiled)
        if not loaded.compiled.clock.candidates:
            self.selected[key] = found
        return found

    def unselected(
        self, loaded: Loaded, task: str, params: Mapping[str, Value]
    ) -> tuple[tuple[object, ...], Selecting] | None:
        """What would run the selections of a policy, and what `prepared` knows it by; None where nothing would."""
        key = _key(loaded, task, params)
        if key in self.decided or key in self.selected:
            return None
        needed = self._needs(loaded, task, params)
        return None if undecided(needed) else (key, self.selecting(loaded, task, params, _facts(needed)))

    def selecting(
        self, loaded: Loaded, task: str, params: Mapping[str, Value], needs: Mapping[str, tuple[Fact, ...]]
    ) -> Selecting:
        """What runs the selections of a policy. Raises UsageError."""
        return Selecting(
            self.snapshot,
            (self.snapshot.task_id(task), task),
            self.seen,
            params,
            needs,
            clock=self.now,
            kept=None if self.kept is None else self.kept[_key(loaded, task, params)],
            witness=self.witness,
            answers=self.answers,
        )

    def _waiving(self, loaded: Loaded, task: str, params: Mapping[str, Value]) -> Evaluated:
        """As `_judged`, with waivers applied; the decision reports which were used and which were not."""
        from interlock.evaluation.waivers import waiver, with_waivers

        assert self.waivers is not None
        given = self.waivers.of(loaded.policy.id, task, self.snapshot.task_id)
        applying = [each for each in given if self.waivers.applies(each, loaded.policy.digest)]
        lasting = {each.rule: waiver(each) for each in applying if self.now < each.until}
        judged = self._judged(loaded, task, params, lasting)
        decision, passed_on = with_waivers(judged, given, self.waivers, self.now)
        return msgspec.structs.replace(
            judged,
            decision=decision,
            waivers=passed_on,
            waived_until=min((each.until for each in given if self.now < each.until), default=None),
        )

    def _judged(
        self, loaded: Loaded, task: str, params: Mapping[str, Value], waived: Mapping[str, WaiverNote] = {}
    ) -> Evaluated:
        """The decision, with what it rests on. The rules in `waived` do not count."""
        needed = self._needs(loaded, task, params)
        because = undecided(needed)
        holds = self._holds(loaded, task, params) if loaded.holding else None
        selected = Selected({}, ()) if because else self._selected(loaded, task, params, _facts(needed))
        facts = selected.facts
        newest = later(selected.newest, *(each.newest for _, judged in needed for each in judged))

        def unknown(reasons: tuple[str, ...], advice: Advised = NOTHING, *, absent: bool = False) -> Evaluated:
            decision = self._undecided(loaded, task, selected, reasons, advice)
            held = None if holds is None else holds.without("; ".join(reasons), absent=absent)
            return Evaluated(loaded, task, params, decision, needed, facts, newest=newest, because=because, held=held)

        if because:
            absent = all(each.judged.lacks is not None for each in because)
            return unknown(tuple(map(str, because)), together([each.advised for each in because]), absent=absent)
        if selected.reasons:
            lacks = None if selected.faults else next(reversed(facts), None)
            judged = unknown(selected.reasons, selected.advised, absent=lacks is not None)
            return msgspec.structs.replace(judged, lacks=lacks)
        known = Environment(self.now, task, params, facts, maps(loaded.policy, facts))
        try:
            verdict = self._judge(loaded, known, waived, holds)
            if verdict is None:
                return unknown((_DISAGREE,))
            whole = with_derived(loaded.policy, known, verdict, waived)
            if self.engine == "rete":
                prove(loaded.policy, whole, verdict)
            held = None if holds is None else holds.after(whole, waived)
            if holds is not None and holds.doubts:
                return msgspec.structs.replace(unknown(tuple(holds.doubts)), held=held)
            decision = self._decision(loaded, task, selected, whole, verdict, waived)
        except EngineError as error:
            return unknown((str(error),))
        except Failure as failure:
            from interlock.language.unparse import without_value

            return msgspec.structs.replace(unknown((without_value(failure),)), failed=True)
        judged = Evaluated(
            loaded, task, params, decision, needed, facts, whole, verdict, newest=newest, held=held, holds=holds
        )
        skew = skew_reason(newest, self.now, self.max_skew) if decision.allow and self.live else None
        if skew is None:
            return judged
        return msgspec.structs.replace(judged, decision=self._undecided(loaded, task, selected, (skew,)), skewed=True)

    # -- judging

    def _holds(self, loaded: Loaded, task: str, params: Mapping[str, Value]) -> Holds:
        """What has held for long enough at the instant, by what was known before it."""
        from interlock.evaluation.history import held_before, past

        key = _key(loaded, task, params)
        if key not in self.pasts:
            self.pasts[key] = past(self, loaded, task, params)
        known = self.pasts[key]
        before = self.before[key] if key in self.before else held_before(self, key, loaded, task, params)
        begun = known.begun is not None and known.begun <= self.now
        return Holds(loaded.policy, params, before, self.now, begun=begun, unsure=known.unsure(self.now))

    def _judge(
        self, loaded: Loaded, known: Environment, waived: Collection[str], holds: Holds | None
    ) -> Verdict | None:
        """The verdict on which the evaluators agree, or None."""
        check_work(loaded, known.facts)
        by_rete = loaded.program.judge(known, waived, holds) if self.engine != "reference" else None
        try:
            by_reference = reference.judge(loaded.policy, known, waived, holds) if self.engine != "rete" else None
        except reference.NonTerminating as endless:
            raise EngineError(f"`{endless}` derives facts without end") from None
        if by_rete is None or by_reference is None:
            return by_rete or by_reference
        return by_reference if by_rete.identity() == by_reference.identity() else None

    def _needs(self, loaded: Loaded, task: str, params: Mapping[str, Value]) -> NeededDecisions:
        return tuple((need, tuple(self.needed(need, loaded, task, params))) for need in loaded.policy.needs)

    def needed(self, need: Need, by: Loaded, task: str, params: Mapping[str, Value]) -> list[Evaluated]:
        """The decisions of a need of a policy."""
        loaded, known = by.needs[need.policy], Environment(self.now, task, params, {})
        given = passed(need, loaded.policy, known)
        if need.tasks is None:
            return [self.judged(loaded, task, given)]
        listed = evaluate(need.tasks, known)
        names = dict.fromkeys(map(self.snapshot.task_label, listed if isinstance(listed, tuple) else ()))
        return [self.judged(loaded, name, given) for name in names]

    # -- decisions

    def _head(self, evidence: Sequence[str]) -> Head:
        """The sources that were read, each with what of the evidence is from it."""
        assert self.snapshot.joined is not None
        origins, sources = set(self.snapshot.joined.origins(evidence)), enumerate(self.head.sources)
        found = [
            (each, tuple(identity for identity in evidence if (identity, index) in origins)) for index, each in sources
        ]
        named = tuple(msgspec.structs.replace(each, evidence=ids) for each, ids in found)
        return msgspec.structs.replace(self.head, sources=named)

    def _decision(
        self,
        loaded: Loaded,
        task: str,
        selected: Selected,
        known: Environment,
        verdict: Verdict,
        waived: Mapping[str, WaiverNote],
    ) -> Decision:
        policy = loaded.policy
        line = policy.decide[verdict.line]
        fired = [(policy.rules[firing.rule], firing) for firing in verdict.firings]
        found = [finding(rule, firing, known, waived.get(rule.id)) for rule, firing in fired]
        reason = None if line.reason is None else line.reason.filled(lambda node: as_display_text(node, known))
        return msgspec.structs.replace(
            self._undecided(loaded, task, selected, (), advised(line.advice, known)),
            allow=line.allow,
            state=line.state,
            reason=reason,
            findings=tuple(f for f in found if f is not None),
            outputs=outputs(policy.outputs, known),
        )

    def _undecided(
        self, loaded: Loaded, task: str, selected: Selected, reasons: tuple[str, ...], advice: Advised = NOTHING
    ) -> Decision:
        policy = loaded.policy
        return Decision(
            policy=policy.id,
            version=policy.version,
            task=task,
            now=instant.format_instant(self.now),
            allow=None,
            state="undecided",
            reason="\n".join(reasons),
            findings=(),
            outputs={},
            evidence=selected.evidence,
            engine=self.engine,
            policy_digest=policy.digest,
            ledger=self.head if not self.head.sources else self._head(selected.evidence),
            fix=advice.fix,
            hint=advice.hint,
        )


def _key(loaded: Loaded, task: str, params: Mapping[str, Value]) -> tuple[object, ...]:
    return (loaded, task, tuple(sorted(params.items())))


def _facts(needed: NeededDecisions) -> dict[str, tuple[Fact, ...]]:
    return {need.name: tuple(judged.fact(need.name) for judged in each) for need, each in needed}


def maps(policy: Policy, facts: Mapping[str, tuple[Fact, ...]]) -> dict[str, dict[Value, Fact]]:
    """The facts of those selections and needs that are maps, by their key."""
    keys = {s.name: s.per[0] for s in policy.selections if s.shape == "map" and s.name in facts}
    keys |= {need.name: "task" for need in policy.needs if need.tasks is not None}
    return {name: {fact.fields.get(path): fact for fact in facts[name]} for name, path in keys.items()}
