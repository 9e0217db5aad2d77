"""What speaks against a gate, and what a decision may then be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.adversarial.model import stamps
from tests.adversarial.model.rows import Book, Receipt
from tests.adversarial.model.seats import Pair, When, pair

SKEW = 5 * stamps.SECOND
Allow = bool | None
Params = Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """What a decision may be. `findings` (rule and message) and `reason` are None where the model does not say."""

    allow: frozenset[Allow]
    findings: tuple[tuple[str, str], ...] | None = None
    reason: str | None = None
    state: str | None = None
    why: str = ""


@dataclass
class Docket:
    """What speaks against a gate: findings that block, proofs that may or may not count, rows that cannot be read."""

    blocks: list[tuple[str, str]] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    used: list[Receipt] = field(default_factory=list)

    def need(self, outcome: Iterable[bool], rule: str, message: str) -> None:
        """Block unless the condition holds; `outcome` has both values where the design leaves it open."""
        values = set(outcome)
        if values == {False}:
            self.blocks.append((rule, message))
        elif values != {True}:
            self.doubts.append(rule)

    def answer(self, *, allowed: str, denied: str, anyway: str | None = None) -> Answer:
        """The answer; `anyway` is the state in which findings do not deny."""
        findings = None if self.doubts or self.unread else tuple(sorted(self.blocks))
        if self.unread:
            return Answer(frozenset([False, None]), why=f"cannot be read: {', '.join(self.unread)}")
        if anyway is not None:
            return Answer(frozenset([True]), findings, state=anyway)
        if self.blocks:
            return Answer(frozenset([False]), findings, state=denied)
        if self.doubts:
            return Answer(frozenset([True, False]), why=f"left open: {', '.join(self.doubts)}")
        return Answer(frozenset([True]), findings, state=allowed)


def undecided(reason: str) -> Answer:
    return Answer(frozenset([None]), (), reason, "undecided")


def seated(book: Book, task: str, when: When, reason: str) -> tuple[Pair, Docket] | Answer:
    bound = pair(book, task, when)
    if bound is None:
        return undecided(reason)
    docket = Docket()
    if not bound.readable:
        docket.unread.append("binding")
    if not bound.seated:
        return Answer(frozenset([None, False]), why="the binding is of no sessions")
    return bound, docket


def skewed(answer: Answer, docket: Docket, when: When, *, sure: bool = True) -> Answer:
    """The answer, where a receipt that it rests on may be ahead of the reader's clock: then an allow is undecided."""
    ahead = any(receipt.at is not None and receipt.at > when.instant + SKEW for receipt in docket.used)
    if not when.live or not ahead or not sure or True not in answer.allow:
        return answer
    return Answer(answer.allow - {True} | {None}, why="a receipt is ahead of the clock")


def unsettled(answer: Answer, book: Book, when: When, *, composed: bool) -> Answer:
    """The answer, where anything at all in the ledger is ahead of the reader's clock: what was read of it is not said
    here, and it may leave an allow undecided, or a gate that another one needs.
    """
    if when.live and book.newest > when.instant + SKEW and (composed or True in answer.allow):
        return replace(answer, allow=answer.allow | {None}, why=f"{answer.why} something is ahead of the clock".strip())
    return answer
