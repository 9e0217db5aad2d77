"""What a decision tells of waivers: those that let something pass, here or in what it needs, and those that did not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from interlock import instant
from interlock.decision import Decision, Finding, Waiver
from interlock.waivers import Grant, Waivers

EXPIRED = "interlock:waiver-expired"
UNUSED = "interlock:waiver-unused"
UNPINNED = "interlock:waiver-unpinned"
VOID = "interlock:waiver-void"
NEEDED = "interlock:waived-need"


def waiver(grant: Grant) -> Waiver:
    """The grant as a decision prints it."""
    return Waiver(grant.reason, instant.format_instant(grant.until), grant.by)


def with_waivers(
    decision: Decision, given: Sequence[Grant], waivers: Waivers, now: int, needed: Iterable[Decision]
) -> Decision:
    """The decision, with findings about its waivers (`given`) at the instant `now`, and about those of its needs."""
    told = (*_passed_on(needed), *_about(decision, given, waivers, now))
    return msgspec.structs.replace(decision, findings=(*decision.findings, *told)) if told else decision


def _passed_on(needed: Iterable[Decision]) -> Iterator[Finding]:
    """What was waived, or is not any longer, in a needed decision: it bears on this one too."""
    for decision in needed:
        for finding in decision.findings:
            message = f"`{decision.policy}` for {decision.task}: {finding.message}"
            if finding.waived:
                yield msgspec.structs.replace(finding, rule=NEEDED, message=message, fix=None, data=None)
            elif finding.rule in (EXPIRED, UNPINNED, VOID):
                yield msgspec.structs.replace(finding, message=message)


def _about(decision: Decision, given: Sequence[Grant], waivers: Waivers, now: int) -> Iterator[Finding]:
    """What is to be known about the waivers: those that have expired, are void, name no digest, or are not needed."""
    fired = {finding.rule for finding in decision.findings}
    for grant in given:
        about = f"the waiver of `{grant.rule}` by {grant.by} ({grant.reason})"
        digest = waivers.digests.get((decision.policy_digest, grant.rule), decision.policy_digest)
        if now >= grant.until:
            ended = instant.format_instant(grant.until)
            yield Finding(EXPIRED, "warn", f"{about} expired at {ended}", "renew the waiver, or take it out")
            continue
        if not waivers.applies(grant, decision.policy_digest):
            message = f"{about} does not apply: it is for a rule with the digest {grant.digest}"
            yield Finding(VOID, "warn", message, f"review the rule, then write `digest: {digest}`")
            continue
        if grant.digest is None:
            message = f"{about} names no digest: a rewritten rule inherits it"
            yield Finding(UNPINNED, "warn", message, f"add `digest: {digest}`")
        if decision.allow is not None and grant.rule not in fired:
            yield Finding(UNUSED, "note", f"{about} is not needed: the rule found nothing", "take the waiver out")
