"""For how long a decision holds, and what comes then, in words."""

from __future__ import annotations

from interlock.instant import SECOND, parse_instant
from interlock.model.decision import Change, Decision

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def validity(decision: Decision, change: Change) -> str:
    """Such as `allowed for another 1 min 47 s; then denied: worker heartbeat is not fresh`.

    The time is rounded down: never is more promised than is true.
    """
    lasting = lasts(parse_instant(change.at) - parse_instant(decision.now))
    before, after = verdict(decision.allow), verdict(change.allow)
    return f"{before} for another {lasting}; then {'still ' if after == before else ''}{after}{_why(decision, change)}"


def partial(decision: Decision, until: str) -> str:
    """Such as `allowed for at least another 30 s`, where what comes then was not looked for."""
    lasting = parse_instant(until) - parse_instant(decision.now)
    if lasting < SECOND:
        return f"{verdict(decision.allow)} now; for how long would take too much work to find out"
    return f"{verdict(decision.allow)} for at least another {lasts(lasting)}; to look further would take too much work"


def verdict(allow: bool | None) -> str:
    """`allowed`, `denied` or `undecided`."""
    return "undecided" if allow is None else "allowed" if allow else "denied"


def lasts(duration: int) -> str:
    """A duration, in microseconds, for people: its two greatest units, rounded down."""
    left, shown = duration // SECOND, []
    for name, seconds in _UNITS:
        count, left = divmod(left, seconds)
        shown.append(f"{count} {name}" if count else "")
    first = next((place for place, text in enumerate(shown) if text), None)
    return "less than 1 s" if first is None else " ".join(filter(None, shown[first : first + 2]))


def _why(decision: Decision, change: Change) -> str:
    """What comes with the change, or goes."""
    if change.allow is None:
        return f": {(change.reason or '').partition(chr(10))[0]}"
    if change.appeared:
        more = len(change.appeared) - 1
        return f": {change.appeared[0].message}" + (f" (and {more} more)" if more else "")
    if change.state != decision.state:
        return f": {change.state}"
    return f", no longer: {change.vanished[0].message}" if change.vanished else ""
