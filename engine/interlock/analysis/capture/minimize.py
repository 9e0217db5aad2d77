"""The smallest part of a list that still does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any, TypeVar

import msgspec

from interlock.analysis.testing.facts import CaseFacts
from interlock.diagnostics import EngineError, Source, UsageError
from interlock.evaluation.judge import Judge, Loaded
from interlock.ledger.memory import MemoryFacts
from interlock.model.decision import Decision
from interlock.model.facts import Value
from interlock.policy.check.issues import Report
from interlock.policy.parse import Document
from interlock.schemas import Catalog

T = TypeVar("T")
PAIRS = 16
"""Of at most that many items, it is also tried to leave out two at once."""


def smallest(items: Sequence[T], does: Callable[[Sequence[T]], bool]) -> list[T]:
    """A part of `items`, in their order, that does as they do: no item of it can be left out.

    Nor can two of them, where there are at most `PAIRS`. A smaller part of other items there may be.
    """
    found, size = list(items), len(items)
    while size:
        shorter = _without_chunks(found, size, does)
        if size == 1 and len(shorter) == len(found):
            break
        found, size = shorter, max(1, min(size // 2, len(shorter)))
    if len(found) <= PAIRS:
        for pair in combinations(range(len(found)), 2):
            rest = [item for index, item in enumerate(found) if index not in pair]
            if does(rest):
                return smallest(rest, does)
    return found


def _without_chunks(items: list[T], size: int, does: Callable[[Sequence[T]], bool]) -> list[T]:
    """The items without each stretch of `size` that can be left out, the last ones first."""
    found = items
    for start in reversed(range(0, len(items), size)):
        rest = found[:start] + found[start + size :]
        if does(rest):
            found = rest
    return found


WrittenFact = dict[str, Any]


class CaseOutcome(msgspec.Struct, frozen=True):
    """What a decision says that a test case holds on to; `findings` are rules, severities and messages, sorted."""

    allow: bool | None
    state: str
    reason: str | None
    findings: tuple[tuple[str, str, str], ...]

    @property
    def outline(self) -> tuple[object, ...]:
        """What it says whatever things are called."""
        return self.allow, self.state, sorted(rule for rule, _, _ in self.findings)


def outcome_of(decision: Decision) -> CaseOutcome:
    """What a decision says."""
    findings = sorted((f.rule, f.severity, f.message) for f in decision.findings)
    return CaseOutcome(decision.allow, decision.state, decision.reason, tuple(findings))


class MinimizeBench:
    """A policy, and room for facts to judge it on."""

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded
        self.held = MemoryFacts("the case", loaded.catalog)

    def outcome(
        self, facts: Sequence[WrittenFact], task: str, now: int, params: Mapping[str, Value]
    ) -> CaseOutcome | None:
        """What is decided on whole facts; None where it cannot be judged: a task's facts are missing."""
        with self.held.snapshot(facts, task, now) as snapshot:
            try:
                return outcome_of(
                    Judge(snapshot, self.held.path, now, "both").judged(self.loaded, task, params).decision
                )
            except (UsageError, EngineError):
                return None


def whole(written: list[dict[str, WrittenFact]], task: str, now: int, catalog: Catalog) -> list[WrittenFact] | None:
    """The facts that a test makes of facts in short form; None where it refuses one."""
    report = Report(Document(Source("the case", ""), None, {}, {}))
    facts = CaseFacts(report, task, catalog)
    facts.add(written, (), now)
    return None if report.issues else list(facts.all())
