"""What a gate said over a stretch of time: values only, frozen. `schemas/history.schema.json` states the printed form.

Every instant is RFC 3339 text in UTC.
"""

from __future__ import annotations

import msgspec

from interlock.model.decision import Finding, ParamNote


class Mark(msgspec.Struct, frozen=True):
    """A receipt as it is cited: its id, kind, instant and sentence, and the seat that it is of (`manager`, `worker`),
    where it is of one."""

    id: str
    kind: str
    at: str
    seat: str | None = None
    actor: str | None = None
    summary: str | None = None


class Cause(msgspec.Struct, frozen=True):
    """What ended the interval before: the receipts that arrived at that instant and are to blame, or, where there is
    none, a lapse: time alone. `appeared` and `vanished` are the messages of the findings that changed."""

    receipts: tuple[Mark, ...] = ()
    appeared: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()


class Interval(msgspec.Struct, frozen=True):
    """A stretch over which a policy decided the same: from `since` on, up to but without `until`.

    `allow` is None when undecided; `reason` then says why, or what the policy says of a state that denies, and `fix`
    and `hint` what to do. `cause` is None for the first interval of a lane.
    """

    since: str
    until: str
    allow: bool | None
    state: str
    reason: str | None
    findings: tuple[Finding, ...]
    cause: Cause | None = None
    fix: str | None = None
    hint: str | None = None


class Lane(msgspec.Struct, frozen=True):
    """One policy's intervals, without a gap, over the whole stretch."""

    policy: str
    version: int
    title: str
    question: str
    policy_digest: str
    intervals: tuple[Interval, ...]
    params: dict[str, ParamNote] = {}


class History(msgspec.Struct, frozen=True):
    """The lanes of one task, and the receipts of that stretch that any of the policies could see, in their order."""

    task: str
    since: str
    until: str
    lanes: tuple[Lane, ...]
    marks: tuple[Mark, ...]
