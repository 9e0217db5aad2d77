"""What a decision tells of waivers: those that let something pass, here or in what it needs, and those that did not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from interlock import instant
from interlock.decision import Decision, Finding, Waiver
from interlock.waivers import Grant

EXPIRED = "interlock:waiver-expired"
UNUSED = "interlock:waiver-unused"
NEEDED = "interlock:waived-need"


def waiver(grant: Grant) -> Waiver:
    """The grant as a decision prints it."""
    return Waiver(grant.reason, instant.format_instant(grant.until), grant.by)


def with_waivers(decision: Decision, given: Sequence[Grant], now: int, needed: Iterable[Decision]) -> Decision:
    """The decision, with findings that tell of its waivers at the instant `now`, and of those of what it needs."""
    told = (*_passed_on(needed), *_of_no_effect(decision, given, now))
    return msgspec.structs.replace(decision, findings=(*decision.findings, *told)) if told else decision


def _passed_on(needed: Iterable[Decision]) -> Iterator[Finding]:
    """What was waived, or is not any longer, in a needed decision: it bears on this one too."""
    for decision in needed:
        for finding in decision.findings:
            message = f"`{decision.policy}` for {decision.task}: {finding.message}"
            if finding.waived:
                yield msgspec.structs.replace(finding, rule=NEEDED, message=message, fix=None, data=None)
            elif finding.rule == EXPIRED:
                yield msgspec.structs.replace(finding, message=message)


def _of_no_effect(decision: Decision, given: Sequence[Grant], now: int) -> Iterator[Finding]:
    """The waivers that have expired; and of a decision that was made, those whose rule found nothing."""
    fired = {finding.rule for finding in decision.findings}
    for grant in given:
        about = f"the waiver of `{grant.rule}` by {grant.by} ({grant.reason})"
        if now >= grant.until:
            ended = instant.format_instant(grant.until)
            yield Finding(EXPIRED, "warn", f"{about} expired at {ended}", "renew the waiver, or take it out")
        elif decision.allow is not None and grant.rule not in fired:
            yield Finding(UNUSED, "note", f"{about} is not needed: the rule found nothing", "take the waiver out")
