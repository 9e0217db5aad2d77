"""Where policy and facts meet: both evaluators judge the selected facts, and what they agree on becomes a `Decision`.

Undecided is a value like any other, and never allowed: a required fact is absent, a fact is invalid, a need is
undecided, the engine may not be asked, or the two evaluators disagree (`language.md`, "Decision").
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from interlock import instant, reference, rete
from interlock.argument import value_of
from interlock.compiled import CompiledPolicy
from interlock.decision import Decision, Head, Waiver
from interlock.errors import EngineError
from interlock.evaluation.findings import finding, outputs
from interlock.evaluation.strata import Program
from interlock.expression.values import Known, evaluate
from interlock.fact import Fact, Value
from interlock.ledger import Snapshot
from interlock.policy import Need, Policy, values
from interlock.selection import Selected, select
from interlock.verdict import Verdict

if TYPE_CHECKING:
    from interlock.waivers import Waivers

Engine = Literal["rete", "reference", "both"]
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


class Judge:
    """Decides policies over one snapshot at one instant; what several policies need is decided once.

    `load` gives a needed policy by its id and the folder of the policy that needs it. `engine` is who judges; where the
    rules engine cannot be had, `both` means the reference alone, and the decision says so. `waivers` say which findings
    do not count; whatever they did is told in the decision.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        path: str,
        now: int,
        engine: Engine,
        load: Callable[[str, str], Loaded],
        waivers: Waivers | None = None,
    ) -> None:
        self.snapshot, self.now, self.load, self.waivers = snapshot, now, load, waivers
        self.engine: Engine = "reference" if engine == "both" and not rete.AVAILABLE else engine
        self.head = Head(path, snapshot.head)
        self.decided: dict[tuple[object, ...], tuple[Decision, dict[str, Value]]] = {}

    def decide(self, loaded: Loaded, task: str, params: Mapping[str, Value]) -> Decision:
        """Decide a policy for a task (by name or id). Raises UsageError for an unknown task, LedgerError."""
        return self._once(loaded, task, params)[0]

    def facts(self, loaded: Loaded, task: str, params: Mapping[str, Value]) -> Selected:
        """The facts that a policy sees of a task, selection by selection. Raises UsageError, LedgerError."""
        needs, reasons = self._needs(loaded, task, params)
        return Selected({}, (), reasons) if reasons else self._selected(loaded, task, params, needs)

    def _selected(
        self, loaded: Loaded, task: str, params: Mapping[str, Value], needs: Mapping[str, tuple[Fact, ...]]
    ) -> Selected:
        identity = self.snapshot.task_id(task)
        uncovered = self.snapshot.uncovered(loaded.policy.kinds(), task)
        if uncovered is not None:
            return Selected({}, (), (uncovered,))
        return select(loaded.compiled, self.snapshot, (identity, task), self.now, params, needs)

    def _once(self, loaded: Loaded, task: str, params: Mapping[str, Value]) -> tuple[Decision, dict[str, Value]]:
        key = (loaded, task, tuple(sorted(params.items())))
        if key not in self.decided:
            decide = self._decide if self.waivers is None else self._waiving
            self.decided[key] = decide(loaded, task, params)
        return self.decided[key]

    def _waiving(self, loaded: Loaded, task: str, params: Mapping[str, Value]) -> tuple[Decision, dict[str, Value]]:
        """As `_decide`, but for what is waived; the decision tells all that waivers did, or did not."""
        from interlock.evaluation.waiving import waiver, with_waivers

        given = self.waivers.of(loaded.policy.id, task, self.snapshot.task_id) if self.waivers else ()
        lasting = {each.rule: waiver(each) for each in given if self.now < each.until}
        decision, made = self._decide(loaded, task, params, lasting)
        needed = [d for need in loaded.policy.needs for d, _ in self._needed(need, loaded.folder, task, params)]
        return with_waivers(decision, given, self.now, needed), made

    def _decide(
        self, loaded: Loaded, task: str, params: Mapping[str, Value], waived: Mapping[str, Waiver] = {}
    ) -> tuple[Decision, dict[str, Value]]:
        """The decision, and the values of its outputs under their dotted names. The rules in `waived` do not count."""
        policy = loaded.policy
        needs, reasons = self._needs(loaded, task, params)
        if reasons:
            return self._undecided(loaded, task, Selected({}, ()), reasons)
        selected = self._selected(loaded, task, params, needs)
        if selected.faults or selected.missing is not None:
            return self._undecided(loaded, task, selected, selected.faults or (str(selected.missing),))
        known = Known(self.now, task, params, selected.facts, _maps(policy, selected.facts))
        try:
            verdict = self._judge(loaded, known, waived)
        except EngineError as error:
            return self._undecided(loaded, task, selected, (str(error),))
        if verdict is None:
            return self._undecided(loaded, task, selected, (_DISAGREE,))
        return self._decision(loaded, task, selected, known, verdict, waived)

    # -- judging

    def _judge(self, loaded: Loaded, known: Known, waived: Collection[str]) -> Verdict | None:
        """The verdict that whoever judges agrees on, or None."""
        by_rete = loaded.program.judge(known, waived) if self.engine != "reference" else None
        try:
            by_reference = reference.judge(loaded.policy, known, waived) if self.engine != "rete" else None
        except reference.Endless as endless:
            raise EngineError(f"`{endless}` derives without end") from None
        if by_rete is None or by_reference is None:
            return by_rete or by_reference
        return by_reference if by_rete.identity() == by_reference.identity() else None

    def _needs(
        self, loaded: Loaded, task: str, params: Mapping[str, Value]
    ) -> tuple[dict[str, tuple[Fact, ...]], tuple[str, ...]]:
        """The decisions that the policy needs, as facts, and why any of them leaves it undecided."""
        facts: dict[str, tuple[Fact, ...]] = {}
        reasons: list[str] = []
        for need in loaded.policy.needs:
            decisions = self._needed(need, loaded.folder, task, params)
            if not need.asks_undecided:
                reasons += [_told(need, decision) for decision, _ in decisions if decision.allow is None]
            facts[need.name] = tuple(_fact(need.name, decision, given) for decision, given in decisions)
        return facts, tuple(reasons)

    def _needed(
        self, need: Need, folder: str, task: str, params: Mapping[str, Value]
    ) -> list[tuple[Decision, dict[str, Value]]]:
        loaded = self.load(need.policy, folder)
        known = Known(self.now, task, params, {})
        given = {name: evaluate(node, known) for name, node in need.given.items()}
        passed: dict[str, Value] = {}
        for parameter in loaded.policy.parameters:
            value = given.get(parameter.name, params.get(parameter.name))
            passed[parameter.name] = parameter.default if value is None else value
        if need.tasks is None:
            return [self._once(loaded, task, passed)]
        listed = evaluate(need.tasks, known)
        names = dict.fromkeys(listed if isinstance(listed, tuple) else ())
        return [self._once(loaded, name, passed) for name in names]

    # -- decisions

    def _decision(
        self,
        loaded: Loaded,
        task: str,
        selected: Selected,
        known: Known,
        verdict: Verdict,
        waived: Mapping[str, Waiver],
    ) -> tuple[Decision, dict[str, Value]]:
        policy = loaded.policy
        line = policy.decide[verdict.line]
        fired = [(policy.rules[firing.rule], firing) for firing in verdict.firings]
        blocked = any(rule.effect == "block" and rule.id not in waived for rule, _ in fired)
        facts = {**known.facts, **verdict.derived}
        whole = Known(known.now, known.task, known.params, facts, known.maps, {}, blocked)
        found = [finding(rule, firing, whole, waived.get(rule.id)) for rule, firing in fired]
        decision = msgspec.structs.replace(
            self._undecided(loaded, task, selected, ())[0],
            allow=line.allow,
            state=line.state,
            reason=None,
            findings=tuple(f for f in found if f is not None),
            outputs=outputs(policy.outputs, whole),
        )
        return decision, {path: evaluate(node, whole) for path, node in values(policy.outputs)}

    def _undecided(
        self, loaded: Loaded, task: str, selected: Selected, reasons: tuple[str, ...]
    ) -> tuple[Decision, dict[str, Value]]:
        policy = loaded.policy
        decision = Decision(
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
        return decision, {}


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


def _maps(policy: Policy, facts: Mapping[str, tuple[Fact, ...]]) -> dict[str, dict[Value, Fact]]:
    keys = {s.name: s.per[0] for s in policy.selections if s.shape == "map" and s.name in facts}
    keys |= {need.name: "task" for need in policy.needs if need.tasks is not None}
    return {name: {fact.fields.get(path): fact for fact in facts[name]} for name, path in keys.items()}


def _told(need: Need, decision: Decision) -> str:
    return f"`{need.policy}` is undecided for {decision.task}: {decision.reason}"


def _fact(name: str, decision: Decision, values: Mapping[str, Value]) -> Fact:
    own = {"allow": decision.allow, "state": decision.state, "reason": decision.reason, "task": decision.task}
    return Fact(name, {**values, **own, "undecided": decision.allow is None})
