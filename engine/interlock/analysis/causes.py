"""Which of the receipts that arrived made a decision change: those without which it would be another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from interlock.analysis.watch import says
from interlock.instant import parse_instant
from interlock.ledger import Snapshot
from interlock.ledger.recorded import received
from interlock.model.decision import Decision
from interlock.model.history import Mark
from interlock.model.watch import Moved
from interlock.request import Session

T = TypeVar("T")
MOST = 50
"""That many receipts are tried one by one at most."""


def turning(arrived: Sequence[tuple[int, T]], key: Callable[[int], object], start: object) -> tuple[T, ...]:
    """Of what arrived, each with its `seq` and in its order, what changed the decision that there was before it.

    `key` says what the decision is of the receipts up to a `seq`, and `start` what it is without any of these.
    """
    found, before = [], start
    for seq, each in arrived:
        after = key(seq)
        if after != before:
            found.append(each)
        before = after
    return tuple(found)


def moved(session: Session, before: Decision, after: Decision) -> Moved | None:
    """What made a decision of the session another than the one before it; None where there is too much to be tried.

    Raises as the session does.
    """
    if before.policy_digest != after.policy_digest:
        return Moved("policy")
    if after.ledger.sources:  # each has a head of its own
        return None
    arrived = session.over(lambda snapshot: received(snapshot, before.ledger.seq, after.ledger.seq, MOST + 1))
    if len(arrived) > MOST:
        return None

    def key(seq: int) -> object:
        return says(session.over(lambda snapshot: _decided(session, snapshot, after), head=seq))

    marks = [(seq, Mark(identity, kind, at)) for seq, identity, kind, at in arrived]
    if marks and (receipts := turning(marks, key, key(before.ledger.seq))):
        return Moved("receipts", receipts)
    due = before.valid_until is not None and parse_instant(before.valid_until) <= parse_instant(after.now)
    return Moved("time" if due else "other")


def _decided(session: Session, snapshot: Snapshot, wanted: Decision) -> Decision:
    """The decision of the same policy about the same task over another snapshot."""
    policies = zip(session.policies, session.arguments, strict=True)
    loaded, params = next(each for each in policies if each[0].policy.digest == wanted.policy_digest)
    return session.judge(snapshot).judged(loaded, wanted.task, params).decision
