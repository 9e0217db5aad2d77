"""Runs the cases of a test file: each is judged as a ledger with its facts would be, by the same queries and rules."""

from __future__ import annotations

import time
from collections.abc import Callable

from interlock.errors import EngineError, UsageError
from interlock.evaluation.judge import Judge, Loaded
from interlock.ledger.memory import HeldFacts
from interlock.model.testing import Case, CaseResult, Step, StepResult, Suite, Trial
from interlock.testing.comparing import differences
from interlock.testing.covering import Tally
from interlock.testing.explaining import explained


def run(suite: Suite, loaded: Loaded, wanted: Callable[[str], object]) -> Trial:
    """Run the cases whose names are wanted, in their order."""
    bench = _Bench(suite, loaded)
    results = tuple(bench.case(case) for case in suite.cases if wanted(f"{suite.id}/{case.name}"))
    bench.held.close()
    return Trial(suite.path, suite.id, results, bench.tally.coverage())


class _Bench:
    """What the cases of a file are judged with: the policy, and facts that are held in memory."""

    def __init__(self, suite: Suite, loaded: Loaded) -> None:
        self.loaded = loaded
        self.held = HeldFacts(suite.path)
        self.tally = Tally(loaded.policy)

    def case(self, case: Case) -> CaseResult:
        """The steps, up to the first that fails: those after it build on what it was to prove."""
        start = time.perf_counter()
        results: list[StepResult] = []
        for step in case.steps:
            results.append(self.step(case, step))
            if not results[-1].passed:
                break
        return CaseResult(case.name, case.location, tuple(results), time.perf_counter() - start)

    def step(self, case: Case, step: Step) -> StepResult:
        """Judge the facts that there are at a step."""
        with self.held.snapshot(step.facts, case.task, step.now) as snapshot:
            judge = Judge(snapshot, self.held.path, step.now, "both")
            try:
                judged = judge.judged(self.loaded, case.task, case.params)
            except (UsageError, EngineError) as error:
                return StepResult(step.name, step.location, trouble=str(error))
        found = differences(step.expect, judged.decision)
        result = StepResult(step.name, step.location, judged.decision, found)
        if judged.known is None or judged.verdict is None:
            return result
        self.tally.count(judged.known, judged.verdict)
        return explained(result, self.loaded.policy, judged.known, judged.verdict) if found else result
