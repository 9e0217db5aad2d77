"""What is decided: values only, frozen. `schemas/decision.schema.json` states the printed form."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Severity = Literal["block", "warn", "note"]


class Finding(msgspec.Struct, frozen=True):
    """One rule that fired. `evidence` are the ids of the facts it matched; `data` its machine-readable fields."""

    rule: str
    severity: Severity
    message: str
    fix: str | None = None
    data: dict[str, Any] | None = None
    evidence: tuple[str, ...] = ()


class Told(msgspec.Struct, frozen=True):
    """A finding as a change names it."""

    rule: str
    message: str


class Change(msgspec.Struct, frozen=True):
    """What a decision becomes if no receipt arrives: when (RFC 3339, UTC), and what it then is.

    `appeared` are the findings that come with it, `vanished` those that go.
    """

    at: str
    allow: bool | None
    state: str
    reason: str | None
    appeared: tuple[Told, ...] = ()
    vanished: tuple[Told, ...] = ()


class Head(msgspec.Struct, frozen=True):
    """The ledger that was read: its path, and the `seq` of its newest receipt in the snapshot (0 when it has none)."""

    path: str
    seq: int


class Decision(msgspec.Struct, frozen=True):
    """The answer to a policy's question about one task at one instant.

    `allow` is None when undecided, and undecided is never allowed; `reason` then says why. `now` is RFC 3339, UTC.
    `evidence` are the ids of every fact that was read. `engine` names who judged: `rete`, `reference` or `both`.
    `valid_until` is the first instant at which its verdict, state, reason or findings differ if no receipt arrives, and
    `next_change` what they are then; None where it holds until one does.
    """

    policy: str
    version: int
    task: str
    now: str
    allow: bool | None
    state: str
    reason: str | None
    findings: tuple[Finding, ...]
    outputs: dict[str, Any]
    evidence: tuple[str, ...]
    engine: Literal["rete", "reference", "both"]
    policy_digest: str
    ledger: Head
    valid_until: str | None = None
    next_change: Change | None = None
