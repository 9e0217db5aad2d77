"""Judging one ledger of a fleet, in whatever process it happens."""

from __future__ import annotations

from _thread import allocate_lock
from collections import Counter
from collections.abc import Sequence

import msgspec

from interlock.analysis.fleet.terms import difference, terms_of
from interlock.diagnostics import InterlockError
from interlock.instant import INTEGER_BOUND, format_instant
from interlock.ledger.written import written_state
from interlock.model.decision import Decision, verdict_word
from interlock.model.fleet import Counts, Fault, Judged, Terms, Undecided
from interlock.reporting.style import json_lines
from interlock.request import Request, Session

_turn = allocate_lock()
"""One ledger at a time is judged in a process, though a cluster runs several threads in it."""


class Job(msgspec.Struct, frozen=True):
    """A ledger to be judged: a request that names it, and the terms that must hold where it is judged."""

    request: Request
    path: str
    terms: Terms


class Refused(msgspec.Struct, frozen=True):
    """The terms do not hold here: no ledger may be judged so, and `why` says it."""

    why: str


Outcome = Judged | Fault


def judge(job: Job) -> Outcome | Refused:
    """Judge all tasks of a ledger, whole or not at all."""
    with _turn:
        try:
            return _judged(job)
        except InterlockError as error:
            return Fault(job.path, str(error))
        except Exception as error:
            why = f"a bug in interlock: {type(error).__name__}: {error}"
            return Fault(job.path, f"{why}; `interlock eval --all-tasks` of this ledger shows more")


def unlike(request: Request, terms: Terms) -> str | None:
    """How the terms of a request differ where this runs, in words; None where they do not."""
    try:
        with Session(request) as session:
            return difference(terms, terms_of(session))
    except InterlockError as error:
        return str(error)


def _judged(job: Job) -> Outcome | Refused:
    with Session(job.request) as session:
        try:
            wrong = difference(job.terms, terms_of(session))
        except InterlockError as error:
            wrong = str(error)
        if wrong is not None:
            return Refused(wrong)
        files = (*session.places, *(table.database for table in session.tables))
        before = written_state(files)
        decisions = session.decisions()
        lasting = len(decisions) == len(job.terms.policies) * _tasks(session)
        now = format_instant(session.moment.now)
        notes = session.ledger.notes
    if not decisions:
        return Fault(job.path, f"the ledger `{job.path}` holds no task: nothing was judged")
    state = before if lasting and before is not None and written_state(files) == before else None
    return judged(job.path, now, decisions, json_lines(decisions).encode(), len(job.terms.policies), notes, state)


def _tasks(session: Session) -> int:
    """How many tasks the ledger will have if nothing more is recorded: some may be stamped later than the instant."""
    return session.over(lambda snapshot: len(snapshot.task_labels()), now=INTEGER_BOUND - 1)


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
