"""A fleet as JSON lines: those of each ledger, and one after all, without which the rest is worthless."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from hashlib import sha256
from typing import ClassVar, Generic, TypeVar

from interlock.analysis.fleet.work import Done
from interlock.model.fleet import Fault
from interlock.reporting.style import json_text

Found = TypeVar("Found")


class Lines(ABC, Generic[Done, Found]):
    """Adds up outcomes, and gives the lines of each."""

    unit: ClassVar[str]
    """What `count` counts."""

    def __init__(self) -> None:
        self.ledgers = self.count = 0
        self._faults: list[Fault] = []
        self._notes: list[str] = []
        self._seen = sha256()

    def add(self, outcome: Done | Fault) -> Iterator[bytes]:
        """The lines of a ledger."""
        self.ledgers += 1
        if isinstance(outcome, Fault):
            self._faults.append(outcome)
            found = self._of_fault(outcome)
        else:
            found = self._of(outcome)
        for each in found:
            self._seen.update(each)
            yield each

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Those that were added, in the order of the ledgers' paths."""
        return tuple(sorted(self._faults, key=lambda each: each.path))

    @property
    def notes(self) -> tuple[str, ...]:
        """Why ledgers may be incomplete, in the order of what is said."""
        return tuple(sorted(self._notes))

    @property
    def digest(self) -> str:
        """The SHA-256 of all lines so far, as `sha256:…`."""
        return f"sha256:{self._seen.hexdigest()}"

    @abstractmethod
    def summary(self) -> Found:
        """All that was added, for a person, in the order of the ledgers' paths, and the last line."""

    @abstractmethod
    def _of(self, outcome: Done) -> Iterator[bytes]:
        """The lines of a ledger with which all is well."""

    @abstractmethod
    def _of_fault(self, fault: Fault) -> Iterator[bytes]:
        """The lines of one with which it is not."""


def line(value: object) -> bytes:
    """A value as a line of JSON."""
    return f"{json_text(value)}\n".encode()
