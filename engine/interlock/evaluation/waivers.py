"""Waivers: which findings do not count, for which tasks, and until when; and what a decision reports about them.

A decision reports those that were applied, here or in its needs, and those that were not. `policy/waivers.py` reads a
file of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from interlock import instant
from interlock.diagnostics import Issue, Location, Source, UsageError
from interlock.model.decision import Decision, Finding, WaiverNote
from interlock.model.policy import Policy

if TYPE_CHECKING:
    from interlock.evaluation.judged import Evaluated


class Waivable(msgspec.Struct, frozen=True):
    """A policy, and the digest of each of its rules by the rule's id."""

    policy: Policy
    digests: Mapping[str, str]


class Waiver(msgspec.Struct, frozen=True):
    """A rule of a policy that is waived for a task (a name or id), before the instant `until` (microseconds, UTC).

    `digest` is that of the rule, or of the whole policy, for which it was granted; None where none is named. `place` is
    where its task is written.
    """

    policy: str
    rule: str
    task: str
    reason: str
    until: int
    by: str
    digest: str | None = None
    place: Location | None = None


class Waivers(msgspec.Struct, frozen=True):
    """All that a file waives. Of a policy, a rule and a task there is at most one grant.

    `digests` are those of rules, by the digest of the policy's text and the rule's id. `warnings` are about places of
    `source`, the file.
    """

    grants: tuple[Waiver, ...] = ()
    digests: Mapping[tuple[str, str], str] = {}
    warnings: tuple[Issue, ...] = ()
    source: Source | None = None

    def applies(self, grant: Waiver, policy_digest: str) -> bool:
        """Whether a grant is for the policy of that digest: a rule that was rewritten since does not inherit it."""
        known = (None, policy_digest, self.digests.get((policy_digest, grant.rule)))
        return grant.digest in known

    def of(self, policy: str, task: str, identity: Callable[[str], str]) -> Sequence[Waiver]:
        """What is waived of a policy for a task, expired or not.

        `identity` gives the id of a task by its name or id, and raises UsageError where the name is ambiguous: so a
        grant for a name that two tasks have applies to neither, unless the request uses that name.
        """
        found: dict[str, Waiver] = {}
        for grant in self.grants:
            if grant.policy == policy and (grant.task == task or _one(grant.task, identity) == identity(task)):
                found.setdefault(grant.rule, grant)
        return tuple(found.values())

    def unknown(self, identity: Callable[[str], str]) -> Iterator[tuple[Waiver, str]]:
        """The grants that apply to no task, and why: there is none of that name, or there are several."""
        for grant in self.grants:
            try:
                identity(grant.task)
            except UsageError as error:
                yield grant, str(error)


def _one(task: str, identity: Callable[[str], str]) -> str | None:
    with suppress(UsageError):
        return identity(task)
    return None


FindingOrigin = tuple[str, ...]
"""Where a finding was made: the policy, the task, the rule and the message."""
EXPIRED = "interlock:waiver-expired"
UNUSED = "interlock:waiver-unused"
UNPINNED = "interlock:waiver-unpinned"
VOID = "interlock:waiver-void"
UNKNOWN = "interlock:waiver-unknown-task"
NEEDED = "interlock:waived-need"


def waiver(grant: Waiver) -> WaiverNote:
    """The grant as a decision prints it."""
    return WaiverNote(grant.reason, instant.format_instant(grant.until), grant.by)


def about_unknown(decision: Decision, unknown: Sequence[tuple[Waiver, str]], policies: Collection[str]) -> Decision:
    """The decision, with a note for each waiver of one of the policies that applies to no task."""
    found = tuple(
        Finding(UNKNOWN, "note", f"{_named(grant)} applies to nothing: {why}", hint="correct its task, or remove it")
        for grant, why in unknown
        if grant.policy in policies
    )
    return msgspec.structs.replace(decision, findings=(*decision.findings, *found)) if found else decision


def with_waivers(
    judged: Evaluated, given: Sequence[Waiver], waivers: Waivers, now: int
) -> tuple[Decision, Mapping[FindingOrigin, Finding]]:
    """The decision, with findings about its waivers (`given`) at the instant `now`, and about those of its needs; and
    of all these the ones that matter to what needs it."""
    decision = judged.decision
    inherited = _inherited(judged)
    about = tuple(_about(decision, given, waivers, now))
    own = [each for each in (*decision.findings, *about) if each.waived or each.rule in (EXPIRED, UNPINNED, VOID)]
    found: dict[FindingOrigin, Finding] = {
        (decision.policy, decision.task, each.rule, each.message): each for each in own
    }
    if inherited or about:
        decision = msgspec.structs.replace(decision, findings=(*decision.findings, *inherited.values(), *about))
    return decision, {**found, **inherited}


def _inherited(judged: Evaluated) -> dict[FindingOrigin, Finding]:
    """What was waived, or is not any longer, in what it needs: each once, however often that is needed."""
    found: dict[FindingOrigin, Finding] = {}
    for each in (each for _, decisions in judged.needs for each in decisions):
        for origin, finding in each.waivers.items():
            message = f"`{each.decision.policy}` for {each.decision.task}: {finding.message}"
            inherited = msgspec.structs.replace(finding, message=message)
            if finding.waived:
                inherited = msgspec.structs.replace(inherited, rule=NEEDED, fix=None, hint=None, data=None)
            found.setdefault(origin, inherited)
    return found


def _about(decision: Decision, given: Sequence[Waiver], waivers: Waivers, now: int) -> Iterator[Finding]:
    """What is to be known about the waivers: those that have expired, are void, name no digest, or are not needed."""
    fired = {finding.rule for finding in decision.findings}
    for grant in given:
        about = _named(grant)
        digest = waivers.digests.get((decision.policy_digest, grant.rule), decision.policy_digest)
        if now >= grant.until:
            ended = instant.format_instant(grant.until)
            yield Finding(EXPIRED, "warn", f"{about} expired at {ended}", hint="renew the waiver, or remove it")
            continue
        if not waivers.applies(grant, decision.policy_digest):
            message = f"{about} does not apply: it is for a rule with the digest {grant.digest}"
            yield Finding(VOID, "warn", message, hint=f"review the rule, then write `digest: {digest}`")
            continue
        if grant.digest is None:
            message = f"{about} names no digest: a rewritten rule inherits it"
            yield Finding(UNPINNED, "warn", message, hint=f"add `digest: {digest}`")
        if decision.allow is not None and grant.rule not in fired:
            yield Finding(UNUSED, "note", f"{about} is not needed: the rule found nothing", hint="remove the waiver")


def _named(grant: Waiver) -> str:
    return f"the waiver of `{grant.rule}` by {grant.by} ({grant.reason})"
