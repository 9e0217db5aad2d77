"""Every policy over every task of many ledgers, at one instant, each judged whole by itself.

Nothing is skipped: a ledger that cannot be judged is a fault, which is named; so is one without a task.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Sequence

import msgspec

from interlock.analysis.fleet.crew import Crew, Run
from interlock.analysis.fleet.earlier import Earlier
from interlock.analysis.fleet.ledgers import Member, find_ledgers
from interlock.analysis.fleet.lines import Lines, summary_of
from interlock.analysis.fleet.terms import terms_of
from interlock.analysis.fleet.work import Job, Outcome
from interlock.diagnostics import UsageError
from interlock.instant import format_instant, parse_duration
from interlock.model.sources import TableSource
from interlock.policy.library import is_path
from interlock.request import Request, Session

__all__ = ["Fleet", "Lines", "Member", "find_ledgers", "from_root", "positive", "summary_of"]


class Fleet:
    """The ledgers, and the terms and the instant that all of them are judged by. No ledger has been opened.

    Raises as the session does where its policies, parameters or waivers are wrong.
    """

    def __init__(self, session: Session, members: Sequence[Member], since: str | None = None) -> None:
        """`since` is the file of an earlier run, of which what still holds is taken over."""
        self.request, self.members = session.request, members
        session.arguments  # noqa: B018  # a wrong one is reported once, and not by each ledger
        self.terms, self.moment = terms_of(session), session.common_moment
        self._tables = tuple(table.database for table in session.tables)
        self._earlier = None if since is None else Earlier(since, self.terms, self.moment)
        self.now = format_instant(self.moment.now)

    def jobs(self, members: Sequence[Member]) -> list[Job]:
        """The work of judging these ledgers."""
        return [
            Job(msgspec.structs.replace(self.request, ledger=each.path, at=self.moment), _named(each), self.terms)
            for each in members
        ]

    def outcomes(self, crew: Crew, timeout: int, retries: int) -> Generator[Outcome, None, None]:
        """The outcome of each ledger: what is taken over, then the others, the largest first. `timeout` is in
        microseconds.

        Raises UsageError where a policy was changed meanwhile: what was judged by others is worth nothing.
        """
        left = []
        for each in self.members:
            found = self._earlier and self._earlier.unchanged(_named(each), (each.path, *self._tables))
            if found:
                yield found
            else:
                left.append(each)
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


def _named(member: Member) -> str:
    """The path of a ledger as decisions have it: bytes that are not text are shown as escapes."""
    return os.fsencode(member.path).decode(errors="backslashreplace")


def positive(name: str, text: str) -> int:
    """The microseconds of a duration longer than none. Raises UsageError."""
    try:
        found = parse_duration(text)
    except ValueError as error:
        raise UsageError(f"`{name}`: {error}") from None
    if not found:
        raise UsageError(f"`{name}` is `{text}`: no ledger can be judged in no time")
    return found
