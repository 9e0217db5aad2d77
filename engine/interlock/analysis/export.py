"""The facts that policies read, of some tasks or of all, as a feed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from interlock.evaluation.judge import Loaded, closure
from interlock.ledger import Snapshot
from interlock.ledger.export import Export, Extent
from interlock.model.policy import merge_kinds
from interlock.request import Session


def answer(session: Session, put: Callable[[bytes], object]) -> int:
    """Give `put` each line of the feed of a request; how many of its facts are invalid. Raises as the session does.

    For no policy in particular, every kind of facts is exported. What shipped policies and those of the request's
    folders read of every task is exported of every task.
    """
    request = session.request
    loaded = session.policies or session.library.loads(session.library.ids())
    wanted = extent(request.tasks, loaded, every_kind=not request.policies)

    def exporting(snapshot: Snapshot) -> int:
        export = Export(snapshot, session.moment.now, wanted)
        for line in export.lines():
            put(line)
        return export.invalid

    return session.over(exporting)


def extent(tasks: Sequence[str] | None, loaded: Iterable[Loaded], *, every_kind: bool = False) -> Extent:
    """What must be exported of tasks (every task when None) for policies, and those that they need."""
    kinds = {"task": False}  # so that every task is known, those of which nothing else is read too
    for each in closure(loaded):
        merge_kinds(kinds, each.reads)
    return Extent(tasks, None if every_kind else sorted(kinds), sorted(kind for kind, every in kinds.items() if every))
