"""Many ledgers, judged whole: values only, frozen. `schemas/fleet.schema.json` states how they print."""

from __future__ import annotations

from typing import Literal

import msgspec


class PinnedPolicy(msgspec.Struct, frozen=True):
    """A policy by its id and the SHA-256 of its text, as `sha256:…`."""

    policy: str
    digest: str


class Terms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that decisions depend on besides the ledgers and the instant.

    `interlock` is its version; `policies` are those that judge, in their order, and `needs` those that they need, in
    the order in which they do; `kinds` the digests of own fact kinds by name; `params` the parameters as they were
    given, by policy and name; `waivers` the digest of their text, and `sources` that of the tables that are mapped,
    each None where there are none.
    """

    interlock: str
    policies: tuple[PinnedPolicy, ...]
    needs: tuple[PinnedPolicy, ...]
    kinds: dict[str, str]
    params: dict[str, str]
    engine: str
    max_skew: str
    strict_ledger: bool
    waivers: str | None
    sources: str | None


class Counts(msgspec.Struct, frozen=True):
    """How many decisions have which verdict; `waived` are those that allow with waivers."""

    allowed: int = 0
    denied: int = 0
    undecided: int = 0
    waived: int = 0

    @property
    def decisions(self) -> int:
        """All of them."""
        return self.allowed + self.denied + self.undecided

    def __add__(self, other: Counts) -> Counts:
        mine, theirs = msgspec.structs.astuple(self), msgspec.structs.astuple(other)
        return Counts(*(one + two for one, two in zip(mine, theirs, strict=True)))


class Undecided(msgspec.Struct, frozen=True):
    """A decision that is undecided, and why."""

    policy: str
    task: str
    reason: str


class Judged(msgspec.Struct, frozen=True):
    """A ledger, all of whose tasks were judged at the instant `judged_at` (RFC 3339, UTC).

    `lines` are the decisions as JSON, a line each; `counts` those of each policy, in their order. `state` differs
    whenever its files were written to, and is None where that is not known. `taken_over` says that it was judged in an
    earlier run, and not written to since.
    """

    path: str
    judged_at: str
    lines: bytes
    counts: tuple[Counts, ...]
    undecided: tuple[Undecided, ...]
    notes: tuple[str, ...] = ()
    state: str | None = None
    taken_over: bool = False


class Fault(msgspec.Struct, frozen=True):
    """A ledger that could not be judged, and why."""

    path: str
    why: str


class LedgerLine(msgspec.Struct, frozen=True, tag_field="kind", tag="fleet_ledger", forbid_unknown_fields=True):
    """The line that goes before the `decisions` of a ledger; one with a `fault` has none."""

    path: str
    judged_at: str | None
    decisions: int
    fault: str | None
    notes: tuple[str, ...]
    state: str | None
    taken_over: bool


class PolicyCounts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The verdicts of one policy."""

    policy: str
    allowed: int
    denied: int
    undecided: int
    waived: int


class FleetEnd(msgspec.Struct, frozen=True, tag_field="kind", tag="fleet_end", forbid_unknown_fields=True):
    """The last line: nothing is missing before it. `digest` is the SHA-256 of all bytes before it.

    `now` is the instant of the request (RFC 3339, UTC); where it is `live`, everything that was committed counted.
    """

    now: str
    live: bool
    terms: Terms
    ledgers: int
    faults: int
    taken_over: int
    decisions: int
    policies: tuple[PolicyCounts, ...]
    digest: str


class Summary(msgspec.Struct, frozen=True):
    """A fleet for a person: what the last line says, and every undecided decision, fault and note, by ledger.

    `oldest` is the earliest instant at which what was taken over was judged; None where nothing was.

    `verdict` is None where something is undecided and nothing denied.
    """

    end: FleetEnd
    undecided: tuple[tuple[str, Undecided], ...]
    faults: tuple[Fault, ...]
    notes: tuple[str, ...]
    oldest: str | None

    @property
    def verdict(self) -> Literal[True, False] | None:
        """Whether all decisions allow."""
        if any(each.denied for each in self.end.policies):
            return False
        return None if any(each.undecided for each in self.end.policies) else True
