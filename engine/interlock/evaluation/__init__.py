"""Where policy and facts meet: both evaluators judge the selected facts, and what they agree on becomes a `Decision`.

Undecided is a value like any other, and never allowed: a required fact is absent, a fact is invalid, a need is
undecided, the engine may not be asked, or the two evaluators disagree (`language.md`, "Decision").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from interlock import instant, reference, rete
from interlock.argument import value_of
from interlock.compiled import CompiledPolicy
from interlock.decision import Decision, Head
from interlock.document import Row
from interlock.errors import EngineError
from interlock.evaluation import ahead
from interlock.evaluation.findings import finding, outputs
from interlock.evaluation.strata import Program
from interlock.expression.values import Known, evaluate
from interlock.fact import Fact, Value
from interlock.ledger import Snapshot
from interlock.policy import Need, Policy, values
from interlock.selection import Kept, Selected, select
from interlock.verdict import Verdict

Engine = Literal["rete", "reference", "both"]
Needed = tuple[tuple[Need, tuple["Judged", ...]], ...]
"""The needs of a policy, each with the decisions that were needed."""
_DISAGREE = "the two evaluators disagree: this is a bug in interlock, please report it"


class Loaded:
    """A compiled policy ready to judge; its rulesets are built when they are first asked for.

    `folder` is where the policy was found: what it needs may lie beside it.
    """

    def __init__(self, compiled: CompiledPolicy, folder: str) -> None:
        self.compiled, self.folder = compiled, folder
        self.policy: Policy = compiled.policy
        self._program: Program | None = None

    @property
    def program(self) -> Program:
        """The rulesets in the rules engine."""
        if self._program is None:
            self._program = Program(self.compiled)
        return self._program


class Judged(msgspec.Struct, frozen=True):
    """A decision, and what it rests on: the decisions that were needed, the facts, and the verdict over them.

    `known` is everything that was known when it was decided, derived facts included; None where no rule was asked.
    """

    loaded: Loaded
    task: str
    params: Mapping[str, Value]
    decision: Decision
    needs: Needed = ()
    facts: Mapping[str, tuple[Fact, ...]] = {}
    known: Known | None = None
    verdict: Verdict | None = None

    def fact(self, name: str) -> Fact:
        """The decision as a fact of a policy that needs it: its outputs under their dotted names, and the verdict."""
        decision, given = self.decision, {}
        if self.known is not None:
            given = {path: evaluate(node, self.known) for path, node in values(self.loaded.policy.outputs)}
        own = {"allow": decision.allow, "state": decision.state, "reason": decision.reason, "task": decision.task}
        return Fact(name, {**given, **own, "undecided": decision.allow is None})


class Judge:
    """Decides policies over one snapshot at one instant; what several policies need is decided once.

    `load` gives a needed policy by its id and the folder of the policy that needs it. `engine` is who judges; where the
    rules engine cannot be had, `both` means the reference alone, and the decision says so. A `witness` is given the
    rows of all facts that are read.
    """

    witness: list[Row] | None = None

    def __init__(
        self, snapshot: Snapshot, path: str, now: int, engine: Engine, load: Callable[[str, str], Loaded]
    ) -> None:
        self.snapshot, self.seen, self.now, self.load = snapshot, now, now, load
        self.engine: Engine = "reference" if engine == "both" and not rete.AVAILABLE else engine
        self.head = Head(path, snapshot.head)
        self.decided: dict[tuple[object, ...], Judged] = {}
        self.selected: dict[tuple[object, ...], Selected] = {}
        self.kept: dict[tuple[object, ...], Kept] | None = None

    def at(self, now: int, engine: Engine) -> Judge:
        """A judge of the same receipts, asked at another instant: only the clock has moved, and nothing has arrived."""
        moved = Judge(self.snapshot, self.head.path, now, engine, self.load)
        moved.seen, moved.selected, moved.kept = self.seen, self.selected, self.kept
        return moved

    def decide(self, loaded: Loaded, task: str, params: Mapping[str, Value]) -> Decision:
        """Decide a policy for a task (by name or id), and say for how long. Raises UsageError for an unknown task."""
        return ahead.valid(self, self.judged(loaded, task, params))

    def facts(self, loaded: Loaded, task: str, params: Mapping[str, Value]) -> Selected:
        """The facts that a policy sees of a task, selection by selection. Raises UsageError, LedgerError."""
        needs, reasons = _facts(self._needs(loaded, task, params))
        return Selected({}, (), reasons) if reasons else self._selected(loaded, task, params, needs)

    def judged(self, loaded: Loaded, task: str, params: Mapping[str, Value]) -> Judged:
        """The decision, with what it rests on."""
        key = _key(loaded, task, params)
        if key not in self.decided:
            self.decided[key] = self._judged(loaded, task, params)
        return self.decided[key]

    def _selected(
        self, loaded: Loaded, task: str, params: Mapping[str, Value], needs: Mapping[str, tuple[Fact, ...]]
    ) -> Selected:
        """What the policy selects; where its selections read neither the clock nor a need, it is known already."""
        key = _key(loaded, task, params)
        if key in self.selected:
            known = self.selected[key]
            return msgspec.structs.replace(known, facts={**known.facts, **needs})
        identity = self.snapshot.task_id(task)
        uncovered = self.snapshot.uncovered(loaded.policy.kinds(), task)
        if uncovered is not None:
            return Selected({}, (), (uncovered,))
        kept = None if self.kept is None else self.kept.get(key)
        at = (identity, task)
        found = select(
            loaded.compiled,
            self.snapshot,
            at,
            self.seen,
            params,
            needs,
            clock=self.now,
            kept=kept,
            witness=self.witness,
        )
        if not loaded.compiled.clock.candidates:
            self.selected[key] = found
        return found

    def _judged(self, loaded: Loaded, task: str, params: Mapping[str, Value]) -> Judged:
        needed = self._needs(loaded, task, params)
        needs, reasons = _facts(needed)
        if reasons:
            return Judged(loaded, task, params, self._undecided(loaded, task, Selected({}, ()), reasons), needed)
        selected = self._selected(loaded, task, params, needs)
        facts = selected.facts
        if selected.faults or selected.missing is not None:
            decision = self._undecided(loaded, task, selected, selected.faults or (str(selected.missing),))
            return Judged(loaded, task, params, decision, needed, facts)
        known = Known(self.now, task, params, facts, _maps(loaded.policy, facts))
        try:
            verdict = self._judge(loaded, known)
        except EngineError as error:
            return Judged(loaded, task, params, self._undecided(loaded, task, selected, (str(error),)), needed, facts)
        if verdict is None:
            return Judged(loaded, task, params, self._undecided(loaded, task, selected, (_DISAGREE,)), needed, facts)
        blocked = any(loaded.policy.rules[firing.rule].effect == "block" for firing in verdict.firings)
        whole = Known(self.now, task, params, {**facts, **verdict.derived}, known.maps, {}, blocked)
        decision = self._decision(loaded, task, selected, whole, verdict)
        return Judged(loaded, task, params, decision, needed, facts, whole, verdict)

    # -- judging

    def _judge(self, loaded: Loaded, known: Known) -> Verdict | None:
        """The verdict that whoever judges agrees on, or None."""
        by_rete = loaded.program.judge(known) if self.engine != "reference" else None
        try:
            by_reference = reference.judge(loaded.policy, known) if self.engine != "rete" else None
        except reference.Endless as endless:
            raise EngineError(f"`{endless}` derives without end") from None
        if by_rete is None or by_reference is None:
            return by_rete or by_reference
        return by_reference if by_rete.identity() == by_reference.identity() else None

    def _needs(self, loaded: Loaded, task: str, params: Mapping[str, Value]) -> Needed:
        return tuple((need, tuple(self._needed(need, loaded.folder, task, params))) for need in loaded.policy.needs)

    def _needed(self, need: Need, folder: str, task: str, params: Mapping[str, Value]) -> list[Judged]:
        loaded = self.load(need.policy, folder)
        known = Known(self.now, task, params, {})
        given = {name: evaluate(node, known) for name, node in need.given.items()}
        passed: dict[str, Value] = {}
        for parameter in loaded.policy.parameters:
            value = given.get(parameter.name, params.get(parameter.name))
            passed[parameter.name] = parameter.default if value is None else value
        if need.tasks is None:
            return [self.judged(loaded, task, passed)]
        listed = evaluate(need.tasks, known)
        names = dict.fromkeys(listed if isinstance(listed, tuple) else ())
        return [self.judged(loaded, name, passed) for name in names]

    # -- decisions

    def _decision(self, loaded: Loaded, task: str, selected: Selected, known: Known, verdict: Verdict) -> Decision:
        policy = loaded.policy
        line = policy.decide[verdict.line]
        found = [finding(policy.rules[firing.rule], firing, known) for firing in verdict.firings]
        return msgspec.structs.replace(
            self._undecided(loaded, task, selected, ()),
            allow=line.allow,
            state=line.state,
            reason=None,
            findings=tuple(f for f in found if f is not None),
            outputs=outputs(policy.outputs, known),
        )

    def _undecided(self, loaded: Loaded, task: str, selected: Selected, reasons: tuple[str, ...]) -> Decision:
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
            ledger=self.head,
        )


def arguments(policy: Policy, given: Mapping[str, Any]) -> dict[str, Value]:
    """The value of every parameter of a policy. Raises ValueError for a wrong or a missing one."""
    values: dict[str, Value] = {}
    for parameter in policy.parameters:
        if parameter.name in given:
            values[parameter.name] = value_of(parameter, given[parameter.name])
        elif parameter.required:
            raise ValueError(f"`{parameter.name}` must be given")
        else:
            values[parameter.name] = parameter.default
    return values


def _key(loaded: Loaded, task: str, params: Mapping[str, Value]) -> tuple[object, ...]:
    return (loaded, task, tuple(sorted(params.items())))


def _facts(needed: Needed) -> tuple[dict[str, tuple[Fact, ...]], tuple[str, ...]]:
    """The decisions that a policy needs, as facts, and why any of them leaves it undecided."""
    facts = {need.name: tuple(judged.fact(need.name) for judged in each) for need, each in needed}
    reasons = [
        f"`{need.policy}` is undecided for {judged.task}: {judged.decision.reason}"
        for need, each in needed
        for judged in each
        if judged.decision.allow is None and not need.asks_undecided
    ]
    return facts, tuple(reasons)


def _maps(policy: Policy, facts: Mapping[str, tuple[Fact, ...]]) -> dict[str, dict[Value, Fact]]:
    keys = {s.name: s.per[0] for s in policy.selections if s.shape == "map" and s.name in facts}
    keys |= {need.name: "task" for need in policy.needs if need.tasks is not None}
    return {name: {fact.fields.get(path): fact for fact in facts[name]} for name, path in keys.items()}
