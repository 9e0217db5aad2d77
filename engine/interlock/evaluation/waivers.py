"""What a decision reports about waivers: those that were applied, here or in its needs, and those that were not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from interlock import instant
from interlock.model.decision import Decision, Finding, WaiverNote
from interlock.model.waivers import Waiver, Waivers

if TYPE_CHECKING:
    from interlock.evaluation.judged import Evaluated

FindingOrigin = tuple[str, ...]
"""Where a finding was made: the policy, the task, the rule and the message."""
EXPIRED = "interlock:waiver-expired"
UNUSED = "interlock:waiver-unused"
UNPINNED = "interlock:waiver-unpinned"
VOID = "interlock:waiver-void"
NEEDED = "interlock:waived-need"


def waiver(grant: Waiver) -> WaiverNote:
    """The grant as a decision prints it."""
    return WaiverNote(grant.reason, instant.format_instant(grant.until), grant.by)


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
                inherited = msgspec.structs.replace(inherited, rule=NEEDED, fix=None, data=None)
            found.setdefault(origin, inherited)
    return found


def _about(decision: Decision, given: Sequence[Waiver], waivers: Waivers, now: int) -> Iterator[Finding]:
    """What is to be known about the waivers: those that have expired, are void, name no digest, or are not needed."""
    fired = {finding.rule for finding in decision.findings}
    for grant in given:
        about = f"the waiver of `{grant.rule}` by {grant.by} ({grant.reason})"
        digest = waivers.digests.get((decision.policy_digest, grant.rule), decision.policy_digest)
        if now >= grant.until:
            ended = instant.format_instant(grant.until)
            yield Finding(EXPIRED, "warn", f"{about} expired at {ended}", "renew the waiver, or remove it")
            continue
        if not waivers.applies(grant, decision.policy_digest):
            message = f"{about} does not apply: it is for a rule with the digest {grant.digest}"
            yield Finding(VOID, "warn", message, f"review the rule, then write `digest: {digest}`")
            continue
        if grant.digest is None:
            message = f"{about} names no digest: a rewritten rule inherits it"
            yield Finding(UNPINNED, "warn", message, f"add `digest: {digest}`")
        if decision.allow is not None and grant.rule not in fired:
            yield Finding(UNUSED, "note", f"{about} is not needed: the rule found nothing", "remove the waiver")
