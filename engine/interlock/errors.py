"""What can go wrong that a person can mend. A bug is none of these: it raises whatever it raises.

Messages are lower case, without a full stop, with the reader's own words in backticks.
"""

from __future__ import annotations

from collections.abc import Mapping

from interlock.source import Issue, Source, render


class InterlockError(Exception):
    """The base of every error a caller can cause."""


class UsageError(InterlockError):
    """The question itself is wrong: an unknown task, policy or parameter, or a value of the wrong type."""


class LedgerError(InterlockError):
    """The ledger cannot be read: absent, no SQLite file, corrupt, not Conveyor's, or without the right to read it."""


class UnsettledError(LedgerError):
    """The ledger was opened, closed or written to while it was read: asked again, it may well be read."""


class FactError(LedgerError):
    """A fact cannot be told from its row: it holds text that is no UTF-8, or a document that is no JSON text."""


class LockError(InterlockError):
    """Policies may not judge: they are not those that were locked, or the lock itself cannot be read."""


class EngineError(InterlockError):
    """The rules engine was asked for more than it can safely do, or did not keep its word."""


class PolicyError(InterlockError):
    """A policy cannot be judged by: `issues` says everything that is wrong with it, `sources` holds the texts.

    `blamed` are the messages that only say that a needed policy is invalid, each with the file to blame.
    """

    def __init__(
        self, issues: tuple[Issue, ...], sources: tuple[Source, ...] = (), blamed: Mapping[str, str] | None = None
    ) -> None:
        self.issues = tuple(sorted(issues, key=Issue.sort_key))
        self.sources = sources
        self.blamed = blamed or {}
        texts = {source.name: source for source in sources}
        super().__init__("\n".join(render(issue, texts.get(issue.location.name)) for issue in self.issues))
