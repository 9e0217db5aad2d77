"""Verdicts and decisions: values only, frozen. `schemas/decision.schema.json` states the printed form."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from interlock.model.facts import Fact


class Firing(msgspec.Struct, frozen=True):
    """A rule (by its index) that fired, and the facts it ranged over, in the order of its `for`."""

    rule: int
    facts: tuple[Fact, ...] = ()

    def identity(self) -> tuple[object, ...]:
        """What makes it this firing and no other."""
        return (self.rule, *(fact.identity() for fact in self.facts))


class Verdict(msgspec.Struct, frozen=True):
    """All firings, what was derived, and the index of the line that holds."""

    firings: tuple[Firing, ...]
    derived: dict[str, tuple[Fact, ...]]
    line: int

    def identity(self) -> tuple[object, ...]:
        """Equal for two evaluators exactly when they agree, in whatever order they found things."""
        derived = {name: frozenset(map(Fact.identity, facts)) for name, facts in self.derived.items() if facts}
        return (frozenset(map(Firing.identity, self.firings)), tuple(sorted(derived.items(), key=str)), self.line)


Severity = Literal["block", "warn", "note"]
VerdictName = Literal["allowed", "denied", "undecided"]
FailOn = Literal["block", "warn"]
"""What counts as a failure: a decision that does not allow (`block`), or a finding that warns too (`warn`)."""


def verdict_word(allow: bool | None) -> VerdictName:
    """A verdict as people read it: None is undecided."""
    return "undecided" if allow is None else "allowed" if allow else "denied"


def advice_lines(fix: str | None, hint: str | None) -> list[str]:
    """What to do, in lines: after `fix:` each command on a line of its own, and after `hint:` each sentence."""
    commands = (fix or "").splitlines()
    return [*(["fix:"] if commands else []), *commands, *(f"hint: {line}" for line in (hint or "").splitlines())]


class WaiverNote(msgspec.Struct, frozen=True):
    """Why a finding does not count: for what reason, before which instant (RFC 3339, UTC), and by whose word."""

    reason: str
    expires: str
    by: str

    @property
    def text(self) -> str:
        """All of it in a line, for people."""
        return f"waived by {self.by} until {self.expires}: {self.reason}"


class Finding(msgspec.Struct, frozen=True):
    """One rule that fired. `evidence` are the ids of the facts it matched; `data` its machine-readable fields.

    A `fix` is commands, one a line, of which each is a whole one; a `hint` is prose, in lines.

    What is `waived` did not count when the decision was made. A rule that begins with `interlock:` is not a rule of the
    policy: interlock reports waivers under it.
    """

    rule: str
    severity: Severity
    message: str
    fix: str | None = None
    data: dict[str, Any] | None = None
    evidence: tuple[str, ...] = ()
    waived: WaiverNote | None = None
    hint: str | None = None


ParamOrigin = Literal["default", "flag", "python", "mcp", "lock"]
"""Where a parameter's value comes from: the policy (`default`), a caller (the command line, Python, an agent), or the
lock that is held, where it differs from the default."""


class ParamNote(msgspec.Struct, frozen=True):
    """The value that a parameter came to, as it is printed, and where that comes from."""

    value: Any
    origin: ParamOrigin


class FindingSummary(msgspec.Struct, frozen=True):
    """A finding as a change names it."""

    rule: str
    message: str


class NextState(msgspec.Struct, frozen=True):
    """What a decision becomes if no receipt arrives: when (RFC 3339, UTC), and what it then is.

    `appeared` are the findings that come with it, `vanished` those that go.
    """

    at: str
    allow: bool | None
    state: str
    reason: str | None
    appeared: tuple[FindingSummary, ...] = ()
    vanished: tuple[FindingSummary, ...] = ()


class SourceHead(msgspec.Struct, frozen=True, omit_defaults=True):
    """One of several sources that were read: its path, and the `seq` and the id of its newest receipt.

    `evidence` are the ids of those facts of the decision's evidence that are from it.
    """

    path: str
    seq: int
    newest: str | None = None
    evidence: tuple[str, ...] = ()


class Head(msgspec.Struct, frozen=True, omit_defaults=True):
    """The ledger that was read: its path, and the `seq` of its newest receipt in the snapshot (0 when it has none).

    `notes` say why what was committed last may be missing from it. Where several `sources` were read, the path names
    them all, and the `seq` is the largest.
    """

    path: str
    seq: int
    notes: tuple[str, ...] = ()
    sources: tuple[SourceHead, ...] = ()


class Decision(msgspec.Struct, frozen=True):
    """The answer to a policy's question about one task at one instant.

    `allow` is None when undecided, and undecided is never allowed; `reason` then says why, `fix` and `hint` what to do,
    as those of a finding. Where it denies, they are what the policy says of its state. `now` is RFC 3339, UTC.
    `evidence` are the ids of every fact that was read. `engine` names who judged: `rete`, `reference` or `both`.
    `valid_until` is the first instant at which its verdict, state, reason or findings differ if no receipt arrives, and
    `next_change` what they are then; None where it holds until one does. Where `validity` is `partial`, looking further
    ahead would have taken too much work: it holds at least until `valid_until`, and what comes next is not known.
    `params` has each of the policy's parameters by name.
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
    next_change: NextState | None = None
    validity: Literal["exact", "partial"] = "exact"
    params: dict[str, ParamNote] = {}
    fix: str | None = None
    hint: str | None = None

    @property
    def waived(self) -> int:
        """How many findings did not count, because somebody waived them."""
        return sum(finding.waived is not None for finding in self.findings)

    def passes(self, fail_on: FailOn = "block") -> bool:
        """Whether it allows; where warnings are to fail, whether it does so without a finding that warns or blocks."""
        if fail_on == "block":
            return self.allow is True
        return self.allow is True and all(each.severity == "note" or each.waived for each in self.findings)
