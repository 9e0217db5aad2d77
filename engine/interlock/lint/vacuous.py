"""Whether a policy allows when there is nothing to judge by: the question every gate must be asked first."""

from __future__ import annotations

from collections.abc import Mapping

from interlock.evaluation.judge import Judge, Loaded
from interlock.ledger import Snapshot
from interlock.ledger.memory import HeldFacts
from interlock.model.facts import Value
from interlock.model.policy import Parameter

_NOW = 1_767_225_600_000_000
"""2026-01-01T00:00:00Z, in microseconds."""
_NEUTRAL: dict[str, Value] = {"string": "", "int": 0, "bool": False, "duration": 0, "timestamp": 0, "list": ()}


class _Nothing(Snapshot):
    """A snapshot of a ledger that holds nothing."""

    def task_id(self, name: str) -> str:
        """Every task is there."""
        return name

    def task_label(self, name: str) -> str:
        """Every task is known by what it is asked for by."""
        return name

    def uncovered(self, kinds: Mapping[str, bool], task: str) -> str | None:  # noqa: ARG002
        """It holds all that there is."""
        return None


def allowing(loaded: Loaded) -> int | None:
    """The line of `decide` by which the policy allows though no fact is there; None where it does not.

    Parameters have their defaults; those that must be given are empty, zero, false, or the first of their set. The
    policies that it needs are decided likewise. Both evaluators judge.
    """
    params = {parameter.name: _value(parameter) for parameter in loaded.policy.parameters}
    nothing = HeldFacts("nothing")
    decision = Judge(_Nothing(nothing, _NOW), "", _NOW, "both").judged(loaded, "task", params).decision
    nothing.close()
    if decision.allow is not True:
        return None
    lines = enumerate(loaded.policy.decide)
    return next(index for index, line in lines if line.state == decision.state and line.allow)


def _value(parameter: Parameter) -> Value:
    if not parameter.required:
        return parameter.default
    return parameter.enum[0] if parameter.enum else _NEUTRAL[parameter.kind]
