"""Refuses, before the engine runs, what would keep it busy too long: nothing can interrupt it then.

Its time and memory grow with the combinations of facts that a rule's patterns match (docs/design/engine.md, sections 5
and 6.9): a step, as counted here, is one such combination, and takes about 12 µs and 800 bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Sized
from math import prod

from interlock.diagnostics import EngineError
from interlock.evaluation.rete.rules import PatternCandidates

MAX_FACTS = 2_000
"""The most facts of one relation."""

MAX_ALL_FACTS = 20_000
"""The most facts of all relations together: up to there no two of their numbers have the same hash."""

MAX_STEPS = 200_000
"""The most steps of one branch."""

ALL_BRANCHES = 3
"""All branches together may take this many times the steps of one."""

_COMPARISONS_IN_A_STEP = 100
"""A fact that must not be there is no combination: it is only compared."""

EngineRows = Sequence[tuple[int, ...]]


def check_facts(facts: Mapping[str, Sized], max_facts: int) -> None:
    """Raises EngineError when there are more facts of a relation, or in all, than the engine is given."""
    for relation, some in facts.items():
        if len(some) > max_facts:
            raise EngineError(
                f"`{relation}` selects {len(some):,} facts, more than the {max_facts:,} the rules engine is given; "
                "aggregate it (take: count, latest, per: …) or narrow its `where`"
            )
    total = sum(len(some) for some in facts.values())
    if total > MAX_ALL_FACTS:
        raise EngineError(
            f"the selections hold {total:,} facts, more than the {MAX_ALL_FACTS:,} the rules engine is given at once; "
            "aggregate the largest (take: count, latest, per: …) or narrow their `where`"
        )


def check_steps(
    branches: Sequence[Sequence[PatternCandidates]], rows: Mapping[str, EngineRows], max_steps: int
) -> None:
    """Raises EngineError when a branch, or all of them together, may take more steps than allowed."""
    sizes = {relation: len(some) or 1 for relation, some in rows.items()}
    if sum([len(branch) * prod([sizes[one.relation] for one in branch]) for branch in branches]) <= max_steps:
        return
    total = sum(_steps(branch, rows, max_steps) for branch in branches)
    if total > ALL_BRANCHES * max_steps:
        raise EngineError(
            f"the rules together take up to {total:,} steps, more than the {ALL_BRANCHES * max_steps:,} the rules "
            "engine is given; aggregate the largest selections (take: count, latest, per: …) or narrow their `where`"
        )


def _steps(branch: Sequence[PatternCandidates], rows: Mapping[str, EngineRows], max_steps: int) -> int:
    """How many steps a branch may take, at most."""
    combinations, steps = 1, 0
    joined: list[str] = []
    for candidates in branch:
        alike = _most_alike(candidates, rows[candidates.relation])
        if alike > 1:
            joined.append(f"`{candidates.relation}`")
        if candidates.negated:
            steps += combinations * alike // _COMPARISONS_IN_A_STEP
        else:
            combinations *= alike
            steps += combinations
        if steps > max_steps:
            raise EngineError(
                f"a rule joins {' and '.join(joined)} in up to {steps:,} steps, more than the {max_steps:,} the rules "
                "engine is given; compare their fields with `==`, aggregate one (take: count, latest, per: …) or "
                "narrow its `where`"
            )
    return steps


def _most_alike(candidates: PatternCandidates, rows: EngineRows) -> int:
    """The most facts that a pattern can match for one combination of those before it."""
    alike = Counter(
        tuple([row[place] for place in candidates.joins])
        for row in rows
        if all(row[place] == number for place, number in candidates.constants)
    )
    return max(alike.values(), default=0)
