"""Reports on recorded decisions that were judged again: for a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from interlock.escape import harmless
from interlock.model.decision_log import Rejudged
from interlock.reporting.style import RenderContext, shown

_COLOURS = {"same": "green", "different": "red", "unjudged": "yellow"}
_MARGIN = " " * 12


def as_text(found: Rejudged, look: RenderContext) -> str:
    """The outcome and the question on a line; beneath it what differs, and what differs underneath."""
    label = look.paint(found.outcome, _COLOURS[found.outcome]) + " " * (len(_MARGIN) - len(found.outcome))
    asked = "" if found.policy is None else f"{found.policy}  task {found.task} at {found.now}"
    lines = [f"line {found.line:,}: {asked}".rstrip(": ") if asked else f"line {found.line:,}", *_details(found)]
    first, *rest = map(harmless, lines)
    return "".join(f"{line}\n" for line in (label + first, *(_MARGIN + line for line in rest)))


def total(outcomes: Counter[str], policies: Mapping[tuple[str, str], bool], lock: str | None) -> str:
    """How many decisions came out how, and which policies judged: the id and the file of each, and if it is shipped."""
    message = ", ".join(f"{outcomes[name]:,} {name}" for name in _COLOURS if outcomes[name])
    lines = [message or "the log holds no decision: nothing was verified"]
    held = "not held by a lock" if lock is None else f"held by {lock}"
    for (policy, file), shipped in sorted(policies.items()):
        lines.append(f"judged by {policy}: {'shipped with interlock' if shipped else file}, {held}")
    return "".join(f"{harmless(line)}\n" for line in lines)


def _details(found: Rejudged) -> Iterator[str]:
    if found.why is not None:
        yield f"why: {found.why}"
    for change in found.changes:
        yield f"{change.field}: {shown(change.before)} -> {shown(change.after)}"
    yield from (f"no longer: {finding.message}" for finding in found.vanished)
    yield from (f"now: {finding.message}" for finding in found.appeared)
    yield from _facts(found)
    yield from found.notes


def _facts(found: Rejudged) -> Iterable[str]:
    words = {
        "changed": "was changed since",
        "missing": "is gone from the ledger",
        "unread": "is not read any more",
        "new": "is read now, and was not then",
    }
    return (f"{shift.kind} `{shift.id}` {words[shift.how]}" for shift in found.facts)
