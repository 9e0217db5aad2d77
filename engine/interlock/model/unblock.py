"""What would make a policy allow: values only. `schemas/unblock.schema.json` states the printed form."""

from __future__ import annotations

from typing import Any

import msgspec

from interlock.model.decision import ParamNote


class ReceiptStep(msgspec.Struct, frozen=True):
    """A receipt that is recorded: its kind, the fields that it must have, by whom, for which task (None: for none), and
    when."""

    kind: str
    fields: dict[str, Any]
    who: str
    task: str | None
    at: str


class Plan(msgspec.Struct, frozen=True, omit_defaults=True):
    """A set of steps, in their order, that makes the policy allow with `state`; none of them can be left out.

    The first is recorded at `at`: where that is later than the instant of the request, the clock must reach it first.
    So are the others, or each a second after the one before it. The first recorded at `by` they do as well, and a
    second later no more; it is None where no such limit was found. Where `until` is given, it allows from then on, if
    nothing else is recorded: something must have held for so long.
    """

    state: str
    at: str
    by: str | None
    steps: tuple[ReceiptStep, ...]
    until: str | None = None


class HeldFact(msgspec.Struct, frozen=True):
    """A fact that a blocker rests on, or of which there is none (without `id`).

    `replaced_by` are the kinds of receipts that take its place: none does for an entity. `who` makes such a fact.
    """

    kind: str
    id: str | None
    at: str | None
    replaced_by: tuple[str, ...]
    who: str


class Permanent(msgspec.Struct, frozen=True):
    """A finding (of `rule`), or why it is undecided (no rule), that no receipt can lift for as long as the facts of
    `holds` are what the policy sees. Where there is none of these, nothing ever lifts it."""

    rule: str | None
    message: str
    holds: tuple[HeldFact, ...]


class Fix(msgspec.Struct, frozen=True):
    """What the policy's author says would fix a finding, or (no rule) the decision: commands, prose, or both."""

    rule: str | None
    message: str
    fix: str | None
    hint: str | None


class Unblock(msgspec.Struct, frozen=True):
    """The smallest plans, each proved by judging the ledger and its receipts with both evaluators.

    Those of `without_proof` skip or soften what is to be proved, or need a waiver.

    `judged` is how many sets of receipts were tried; where `bounded`, there were more, so that what was not found may
    yet be there. `allow`, `state` and `reason` are of the decision as it is.
    """

    policy: str
    task: str
    now: str
    allow: bool | None
    state: str
    reason: str | None
    plans: tuple[Plan, ...]
    without_proof: tuple[Plan, ...]
    permanent: tuple[Permanent, ...]
    fixes: tuple[Fix, ...]
    judged: int
    bounded: bool
    policy_digest: str
    params: dict[str, ParamNote] = {}
