"""Why a policy decided as it did, rule by rule: values only. `schemas/explanation.schema.json` states the printed form.

Instants and durations are text, and every expression is in the notation of the language.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from interlock.model.decision import ParamNote, Severity
from interlock.model.facts import Value


class Cited(msgspec.Struct, frozen=True, omit_defaults=True):
    """A receipt (or entity) that something rests on. A derived or counted fact and a needed decision have only a kind:
    the name that the policy gives them; so does the fact of an absent named group, of which `absent` is the value."""

    kind: str
    id: str | None = None
    at: str | None = None
    absent: str | None = None


class ValueRead(msgspec.Struct, frozen=True):
    """A value that a condition met: its name as the condition has it, and what it was."""

    name: str
    value: Value


class MissingFacts(msgspec.Struct, frozen=True):
    """What was looked for and is not there: facts of a selection that meet `condition`.

    `of` says what the selection takes of which facts; `where` is its own condition. Both conditions have the values
    that were known, and name fields only. `facts` is how many facts the selection has.
    """

    selection: str
    of: str
    where: str | None
    condition: str | None
    facts: int


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """A condition, or a part of one: its text, whether it holds, the values that it met and the receipts they are of.

    `parts` are what it is made of by the operator `op`: whether they hold decides whether it does. For `exists` and
    `all`, `looked_at` is how many facts were examined and `found` how many were found: those that meet the condition
    of an `exists`, those that break an `all`. `among` shows the first of these, and where an `exists` found none, the
    facts that came nearest.
    """

    text: str
    holds: bool
    reads: tuple[ValueRead, ...] = ()
    receipts: tuple[Cited, ...] = ()
    sought: tuple[MissingFacts, ...] = ()
    op: Literal["&&", "||", "!"] | None = None
    parts: tuple[Part, ...] = ()
    looked_at: int | None = None
    found: int | None = None
    among: tuple[ExaminedFact, ...] = ()


class ExaminedFact(msgspec.Struct, frozen=True):
    """A fact that `exists` or `all` examined, and their condition for it."""

    fact: Cited
    part: Part


class Clause(msgspec.Struct, frozen=True):
    """A `when` or `unless` as its author wrote it; `everywhere` if it is given for all rules of the policy."""

    word: str
    text: str
    everywhere: bool = False


class HoldExplained(msgspec.Struct, frozen=True, omit_defaults=True):
    """For how long a condition must hold (a duration), and since when it has; without `since` it does not hold."""

    least: str
    since: str | None = None


class Combination(msgspec.Struct, frozen=True, omit_defaults=True):
    """A rule at one combination of the facts that it ranges over: whether it fired, with what message, and why."""

    fired: bool
    facts: tuple[Cited, ...]
    part: Part
    message: str | None = None
    fix: str | None = None
    hint: str | None = None
    hold: HoldExplained | None = None


class RuleExplained(msgspec.Struct, frozen=True):
    """A rule and its cases: `fired` is for how many combinations it fired, `combinations` how many there are.

    `severity` is None where it derives the fact `derives`. `clauses` are its condition as written.
    """

    rule: str
    severity: Severity | None
    derives: str | None
    line: int
    ranges: tuple[str, ...]
    clauses: tuple[Clause, ...]
    combinations: int
    fired: int
    cases: tuple[Combination, ...]


class LineExplained(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of `decide`: `taken` or passed over, and why; without `part` it holds always, or was not reached."""

    state: str
    allow: bool
    taken: bool
    reached: bool
    part: Part | None
    hold: HoldExplained | None = None


class NeedExplained(msgspec.Struct, frozen=True):
    """A needed decision. `allow` is None when it is undecided; `reason` then says why."""

    name: str
    policy: str
    task: str
    allow: bool | None
    state: str
    reason: str | None


class Explanation(msgspec.Struct, frozen=True):
    """Why a policy decided as it did. `sought` is what was required and not found, where that left it undecided."""

    policy: str
    version: int
    task: str
    now: str
    allow: bool | None
    state: str
    reason: str | None
    needs: tuple[NeedExplained, ...]
    sought: tuple[MissingFacts, ...]
    rules: tuple[RuleExplained, ...]
    lines: tuple[LineExplained, ...]
    policy_digest: str
    params: dict[str, ParamNote] = {}
