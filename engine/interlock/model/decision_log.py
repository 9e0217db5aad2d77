"""What a decision log holds, and the result of judging it again: values only, frozen.

`schemas/decision_log.schema.json` and `schemas/rejudged.schema.json` state the printed forms.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from interlock.model.decision import Decision, Finding, ParamOrigin
from interlock.model.sources import TableSource

Outcome = Literal["same", "different", "unjudged"]


class RecordedRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """The recorded request: the policy's file, further folders of policies and of own kinds, the ledger or the sources
    (all absolute), the parameters that were given, who was to judge, how the instant was named (None: the clock's own),
    whether nothing was to be decided where the newest receipts may be missing from the ledger, how far ahead of the
    clock a time may lie, and the file of the waivers with the digest of its text (None: no waivers);
    `sources` are the tables that were read too, their databases absolute; `origins` say where each of the parameters
    came from, `allow_long_waivers` whether a waiver could end more than a year away."""

    file: str
    policy_dirs: tuple[str, ...]
    ledger: str | tuple[str, ...]
    params: dict[str, str]
    engine: Literal["rete", "reference", "both"]
    at: str | None
    max_skew: str
    strict_ledger: bool = False
    schema_dirs: tuple[str, ...] = ()
    waivers: str | None = None
    waivers_digest: str | None = None
    sources: tuple[TableSource, ...] = ()
    origins: dict[str, ParamOrigin] = {}
    allow_long_waivers: bool = False

    @property
    def live(self) -> bool:
        """Whether it is about the clock's own instant: everything that was committed then counted."""
        return self.at in (None, "now")


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """A decision, and all that it takes to judge it again.

    `params` are the values that the parameters came to. `policies` are the digests of the policy and of those that it
    needs, by id. `head` is the id of the newest receipt, None where there is none. `facts` are digests of all facts
    that were read, needed policies' too, by kind and id. `clock` is what the wall clock showed where `now` was found by
    it (RFC 3339, UTC); None where the instant was named. `ahead` is the latest time that a fact which was read carried,
    where it is later than the decision's instant (RFC 3339). `kinds` are the digests of the schemas of own fact kinds
    that these policies read, by name; it is left out where there are none. Each field follows from the question, the
    ledger and the policies: nothing is recorded that cannot be verified.
    """

    decision: Decision
    asked: RecordedRequest
    params: dict[str, Any]
    policies: dict[str, str]
    head: str | None
    facts: dict[str, dict[str, str]]
    clock: str | None
    ahead: str | None
    kinds: dict[str, str] = {}


class LogEntry(msgspec.Struct, frozen=True):
    """A line of a log: the JSON object as it is written, and the record that it holds."""

    document: dict[str, Any]
    record: Record


class FieldChange(msgspec.Struct, frozen=True):
    """A field that came out otherwise: its dotted name, and its value then and now (None where there is none).

    Fields of the decision are named without `decision.`, other fields of the record as they are: `head`, `params.x`.
    """

    field: str
    before: Any
    after: Any


class FactChange(msgspec.Struct, frozen=True):
    """A fact that is not what it was: `changed`, `missing` from the ledger, `unread` (there as it was, but no longer
    selected), or `new` (read now, and not then)."""

    kind: str
    id: str
    how: Literal["changed", "missing", "unread", "new"]


class Rejudged(msgspec.Struct, frozen=True):
    """The result for a line of a decision log, counted from 1.

    `policy`, `task` and `now` are None where the line cannot be read; `why` says why it could not be judged. `changes`,
    `appeared` and `vanished` (findings) are how the record differs, `facts` the facts that differ, and `notes` explain.
    `ledger` is the path of what was judged from, `policies` the file of each policy that judged, by id.
    """

    line: int
    outcome: Outcome
    policy: str | None = None
    task: str | None = None
    now: str | None = None
    why: str | None = None
    changes: tuple[FieldChange, ...] = ()
    appeared: tuple[Finding, ...] = ()
    vanished: tuple[Finding, ...] = ()
    facts: tuple[FactChange, ...] = ()
    notes: tuple[str, ...] = ()
    decision: Decision | None = None
    ledger: str | None = None
    policies: dict[str, str] = {}
