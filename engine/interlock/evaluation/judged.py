"""What judging comes to: a decision, and what it rests on."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from interlock.compiled import CompiledPolicy
from interlock.decision import Decision
from interlock.evaluation.strata import Program
from interlock.expression.values import Known, evaluate
from interlock.fact import Fact, Value
from interlock.policy import Need, Policy, values
from interlock.stamp import Stamp
from interlock.verdict import Verdict

Needed = tuple[tuple[Need, tuple["Judged", ...]], ...]
"""The needs of a policy, each with the decisions that were needed."""


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
    `waived_until` is when the first of its waivers ends, in microseconds; `lacks` the selection that lacks what it
    requires. `newest` is the latest time that was read, needed decisions included; `skewed` says that it is undecided
    for that alone, because that time lies too far ahead.
    """

    loaded: Loaded
    task: str
    params: Mapping[str, Value]
    decision: Decision
    needs: Needed = ()
    facts: Mapping[str, tuple[Fact, ...]] = {}
    known: Known | None = None
    verdict: Verdict | None = None
    waived_until: int | None = None
    lacks: str | None = None
    newest: Stamp | None = None
    skewed: bool = False

    def fact(self, name: str) -> Fact:
        """The decision as a fact of a policy that needs it: its outputs under their dotted names, and the verdict."""
        decision, given = self.decision, {}
        if self.known is not None and not self.skewed:
            given = {path: evaluate(node, self.known) for path, node in values(self.loaded.policy.outputs)}
        own = {"allow": decision.allow, "state": decision.state, "reason": decision.reason, "task": decision.task}
        return Fact(name, {**given, **own, "undecided": decision.allow is None})
