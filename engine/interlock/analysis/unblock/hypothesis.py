"""Judges a hypothesis: the ledger's facts and some receipts more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec

from interlock.evaluation.judge import Engine, Judge, Loaded
from interlock.ledger.memory import HypotheticalFacts
from interlock.model.decision import Decision
from interlock.model.facts import Value


class Hypothesis(msgspec.Struct, frozen=True):
    """Receipts, in order, recorded at `at` (microseconds), which is then the instant of the request."""

    at: int
    facts: tuple[dict[str, Any], ...] = ()

    def identity(self) -> tuple[object, ...]:
        """Equal for the same receipts at the same instant."""
        return (self.at, *sorted(msgspec.json.encode(fact) for fact in self.facts))

    def without(self, place: int) -> Hypothesis:
        """The same without the receipt at that place."""
        return Hypothesis(self.at, self.facts[:place] + self.facts[place + 1 :])


class HypothesisBench:
    """A policy and a task over hypothetical facts, judged as `judge` judges the ledger's own.

    `judged` counts the hypotheses that were judged.
    """

    def __init__(
        self,
        supposed: HypotheticalFacts,
        loaded: Loaded,
        task: str,
        params: Mapping[str, Value],
        judge: Judge,
    ) -> None:
        self.supposed, self.loaded, self.task, self.params, self.asked = supposed, loaded, task, params, judge
        self.judged = 0

    @contextmanager
    def judge(self, supposition: Hypothesis, engine: Engine = "reference") -> Iterator[Judge | None]:
        """A judge over the facts and the hypothetical receipts; None where a schema rejects one of these."""
        head = self.supposed.head
        facts = [{**f, "id": f"supposed-{n}", "seq": head + n} for n, f in enumerate(supposition.facts, 1)]
        asked, path = self.asked, self.supposed.path
        with self.supposed.supposing(facts, supposition.at, live=asked.live) as snapshot:
            yield (
                None
                if snapshot is None
                else Judge(snapshot, path, supposition.at, engine, asked.waivers, asked.max_skew)
            )

    def decide(self, supposition: Hypothesis, engine: Engine = "reference") -> Decision | None:
        """The decision, if the receipts are valid."""
        self.judged += 1
        with self.judge(supposition, engine) as judge:
            return None if judge is None else judge.judged(self.loaded, self.task, self.params).decision

    def allows(self, supposition: Hypothesis, engine: Engine = "reference") -> bool:
        """Whether the policy allows."""
        decision = self.decide(supposition, engine)
        return decision is not None and decision.allow is True
