"""The work of one ledger of a fleet, in whatever process it is done."""

from __future__ import annotations

from _thread import allocate_lock
from typing import Generic, Protocol, TypeVar

import msgspec

from interlock.analysis.fleet.terms import difference, terms_of
from interlock.diagnostics import InterlockError
from interlock.model.fleet import Fault, Terms
from interlock.request import Request, Session

_turn = allocate_lock()
"""One ledger at a time has its turn in a process, though a cluster runs several threads in it."""

Done = TypeVar("Done")
Done_co = TypeVar("Done_co", covariant=True)


class Work(Protocol[Done_co]):
    """What is done with each ledger of a fleet; it goes to other processes, and so does what comes back."""

    @property
    def command(self) -> str:
        """The command that does the same with one ledger."""

    def __call__(self, session: Session, path: str) -> Done_co:
        """Do it with the ledger of a session, whose name is `path`, whole. Raises InterlockError where it cannot be."""


class Job(msgspec.Struct, Generic[Done_co], frozen=True):
    """A ledger and its work: a request that names it, and the terms that must hold where the work is done."""

    request: Request
    path: str
    terms: Terms
    work: Work[Done_co]


class Refused(msgspec.Struct, frozen=True):
    """The terms do not hold here: no ledger may be judged so, and `why` says it."""

    why: str


def perform(job: Job[Done]) -> Done | Fault | Refused:
    """Do the work of a ledger, whole or not at all."""
    with _turn:
        try:
            return _performed(job)
        except InterlockError as error:
            return Fault(job.path, str(error))
        except Exception as error:
            why = f"a bug in interlock: {type(error).__name__}: {error}"
            return Fault(job.path, f"{why}; `{job.work.command}` of this ledger shows more")


def unlike(request: Request, terms: Terms) -> str | None:
    """How the terms of a request differ where this runs, in words; None where they do not."""
    with Session(request) as session:
        return _wrong(session, terms)


def _performed(job: Job[Done]) -> Done | Refused:
    with Session(job.request) as session:
        wrong = _wrong(session, job.terms)
        return job.work(session, job.path) if wrong is None else Refused(wrong)


def _wrong(session: Session, terms: Terms) -> str | None:
    try:
        return difference(terms, terms_of(session))
    except InterlockError as error:
        return str(error)
