"""A decision that changed while it was watched, for a person: a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from interlock.escape import harmless
from interlock.model.decision import Decision, verdict_word
from interlock.model.watch import Change, Moved, Mover
from interlock.reporting.style import RenderContext, counted, display_width, lasting, padded, wrapped
from interlock.reporting.text import VERDICT_COLOURS

_BY: dict[Mover, str] = {
    "receipts": "by",
    "time": "by time alone",
    "policy": "by another version of the policy",
    "other": "by something that is not a receipt",
}
_SHOWN = 3
"""That many receipts are cited."""


class Columns(msgspec.Struct, frozen=True):
    """The widths of the longest policy's id, and of the longest task, which is None where there is only one."""

    policy: int
    task: int | None = None

    @staticmethod
    def of(decisions: Sequence[Decision], *, tasks: bool) -> Columns:
        """Those of some decisions; with the tasks if they are named."""
        policy = max((len(each.policy) for each in decisions), default=0)
        task = max((display_width(harmless(each.task)) for each in decisions), default=0)
        return Columns(policy, task if tasks else None)


def line(change: Change, look: RenderContext, wide: Columns) -> str:
    """When which policy decides what, what is left to be lifted, until when it lasts, and what moved it.

    The instant is cut to the second. The line is wrapped to the reader's width.
    """
    after, before = change.after, change.before
    word = verdict_word(after.allow)
    state = f"{before.state} -> {after.state}" if before is not None and before.state != after.state else after.state
    who = f"{after.policy:{wide.policy}}"
    who += "" if wide.task is None else f"  {padded(harmless(after.task), wide.task)}"
    head = f"{after.now[:19]}Z  {who}  "
    parts = [harmless(state), *_left(after), lasting(after), _moved(change.moved)]
    lines = list(wrapped(f"{head}{word:9}  {'; '.join(filter(None, parts))}", look.width, "", "    "))
    painted = look.paint(word, VERDICT_COLOURS[word])
    return "\n".join(each.replace(f"  {word}", f"  {painted}", 1) if each.startswith(head) else each for each in lines)


def _left(decision: Decision) -> Iterator[str]:
    """Why it is undecided; or how many findings are left, and the first of them."""
    reasons = (decision.reason or "").splitlines()
    if reasons and (decision.allow is None or not decision.findings):
        yield harmless(reasons[0]) + (f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else "")
        return
    counts = [each for each in decision.findings if not each.waived and each.severity != "note"]
    left = [each for each in counts if each.severity == "block"] or counts
    if left and decision.allow is not True:
        yield f"{counted(len(left), 'finding')} left: {harmless(left[0].message)}"
    elif left:
        yield f"{counted(len(left), 'warning')}: {harmless(left[0].message)}"


def _moved(moved: Moved | None) -> str:
    if moved is None:
        return ""
    cited = [harmless(f"{each.kind} {each.id}") for each in moved.receipts[:_SHOWN]]
    more = len(moved.receipts) - _SHOWN
    return f"{_BY[moved.by]} {', '.join(cited)}{f' and {more} more' if more > 0 else ''}".rstrip()
