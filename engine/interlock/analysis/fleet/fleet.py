"""Many ledgers of one request, each of which is worked on whole by itself, at one instant."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Sequence
from typing import ClassVar, Generic

import msgspec

from interlock.analysis.fleet.crew import Crew, Run
from interlock.analysis.fleet.ledgers import Member
from interlock.analysis.fleet.lines import Found, Lines
from interlock.analysis.fleet.terms import terms_of
from interlock.analysis.fleet.work import Done, Job, Work
from interlock.instant import format_instant
from interlock.model.fleet import Fault
from interlock.model.sources import TableSource
from interlock.policy.library import is_path
from interlock.request import Request, Session


class Fleet(ABC, Generic[Done, Found]):
    """The ledgers, the terms and the instant that are the same for all, and the work. No ledger has been opened.

    Raises as the session does where its policies, parameters or waivers are wrong.
    """

    doing: ClassVar[str]
    """What is done with them, such as `judging`."""

    def __init__(self, session: Session, members: Sequence[Member], work: Work[Done]) -> None:
        self.request, self.members, self._work = session.request, members, work
        session.arguments  # noqa: B018  # a wrong one is reported once, and not by each ledger
        self.terms, self.moment = terms_of(session), session.common_moment
        self.now = format_instant(self.moment.now)

    @abstractmethod
    def lines(self) -> Lines[Done, Found]:
        """What adds up the outcomes."""

    def known(self, member: Member) -> Done | None:  # noqa: ARG002
        """What need not be done again with a ledger; None where it must be."""
        return None

    def jobs(self, members: Sequence[Member]) -> list[Job[Done]]:
        """The work of these ledgers."""
        return [
            Job(
                msgspec.structs.replace(self.request, ledger=each.path, at=self.moment),
                each.name,
                self.terms,
                self._work,
            )
            for each in members
        ]

    def outcomes(self, crew: Crew, timeout: int, retries: int) -> Generator[Done | Fault, None, None]:
        """The outcome of each ledger: what is known, then the others, the largest first. `timeout` is in microseconds.

        Raises UsageError where a policy was changed meanwhile: what was done by others is worth nothing.
        """
        left = []
        for each in self.members:
            found = self.known(each)
            if found is None:
                left.append(each)
            else:
                yield found
        yield from Run(self.jobs(left), crew, timeout, retries).outcomes()


def from_root(
    request: Request, tables: Iterable[TableSource], members: Sequence[Member]
) -> tuple[Request, tuple[Member, ...]]:
    """The request, with its `tables`, and the ledgers, by paths that are the same wherever a cluster works."""
    named = {key: value and os.path.abspath(value) for key in ("lock", "waivers") for value in [getattr(request, key)]}
    moved = msgspec.structs.replace(
        request,
        policies=tuple(os.path.abspath(each) if is_path(os.fspath(each)) else each for each in request.policies),
        policy_dirs=tuple(map(os.path.abspath, request.policy_dirs)),
        schema_dirs=tuple(map(os.path.abspath, request.schema_dirs)),
        sources=tuple(msgspec.structs.replace(each, database=os.path.abspath(each.database)) for each in tables),
        **named,
    )
    return moved, tuple(Member(os.path.abspath(each.path), each.size) for each in members)
