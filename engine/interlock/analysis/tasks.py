"""Which tasks a ledger holds, and when something was recorded of each last."""

from __future__ import annotations

from interlock.instant import format_instant
from interlock.ledger import Snapshot
from interlock.ledger.recorded import last_of
from interlock.model.tasks import LastReceipt, TaskActivity
from interlock.request import Session


def answer(session: Session) -> tuple[TaskActivity, ...]:
    """The tasks of a request, oldest first. Raises as the session does."""
    now = format_instant(session.moment.now)

    def activity(snapshot: Snapshot, label: str) -> TaskActivity:
        identity = snapshot.task_id(label)
        found = last_of(snapshot, identity)
        last = None if found is None else LastReceipt(found[0], found[1], format_instant(found[2]))
        return TaskActivity(label, identity, now, last)

    return session.over(lambda snapshot: tuple(activity(snapshot, label) for label in session.tasks(snapshot)))
