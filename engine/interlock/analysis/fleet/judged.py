"""What is known of a ledger when all of its tasks are judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from interlock.model.decision import Decision, verdict_word
from interlock.model.fleet import Counts, Judged, Undecided


def judged(
    path: str,
    now: str,
    decisions: Sequence[Decision],
    lines: bytes,
    policies: int,
    notes: Sequence[str] = (),
    state: str | None = None,
    *,
    taken_over: bool = False,
) -> Judged:
    """A ledger whose decisions are these: task by task, and within a task in the order of the `policies`."""
    counts = tuple(_counts(decisions[first::policies]) for first in range(policies))
    undecided = tuple(Undecided(each.policy, each.task, each.reason or "") for each in decisions if each.allow is None)
    return Judged(path, now, lines, counts, undecided, tuple(notes), state, taken_over)


def _counts(decisions: Sequence[Decision]) -> Counts:
    found = Counter(verdict_word(each.allow) for each in decisions)
    waived = sum(each.allow is True and each.waived > 0 for each in decisions)
    return Counts(found["allowed"], found["denied"], found["undecided"], waived)
