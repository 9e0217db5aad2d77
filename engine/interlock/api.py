"""What can be asked beside a decision: what a policy saw, why it decides so, what would make it allow, since when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from interlock.diagnostics import UsageError, nearest
from interlock.evaluation.judge import Engine, Judge, Loaded
from interlock.instant import LIMIT, format_instant
from interlock.ledger import Ledger, Snapshot, open_ledger
from interlock.moment import Skew, moment, skew_of
from interlock.request import Name, arguments_for, library, ready

if TYPE_CHECKING:
    from interlock.evaluation.select import Selected
    from interlock.model.explanation import Explanation
    from interlock.model.facts import Sight
    from interlock.model.history import History
    from interlock.model.unblock import Unblock


def facts(
    policy: Name,
    *,
    ledger: Ledger | Name,
    task: str,
    at: str | datetime | None = None,
    params: Mapping[str, Any] | None = None,
    policy_dirs: Sequence[Name] = (),
    lock: Name | None = None,
) -> tuple[tuple[Sight, ...], tuple[str, ...]]:
    """The facts that a policy sees of a task, selection by selection, and why it is undecided whatever its rules say.

    Arguments and errors as in `evaluate`.
    """
    from interlock.analysis.facts import seen

    (loaded,) = ready([policy], library(policy_dirs, cached=lock is None), lock)
    given = arguments_for(loaded, params or {}, [loaded])
    opened = ledger if isinstance(ledger, Ledger) else open_ledger(ledger)
    asked = moment(at, opened)

    def selecting(snapshot: Snapshot) -> Selected:
        return Judge(snapshot, opened.path, asked.now, "reference").facts(loaded, task, given)

    selected = opened.ask(asked.now, selecting, live=asked.live)
    reasons = selected.faults or (() if selected.missing is None else (selected.missing,))
    return seen(loaded.compiled, selected), reasons


def explain(
    policy: Name,
    *,
    ledger: Ledger | Name,
    task: str,
    rule: str | None = None,
    every: bool = False,
    at: str | datetime | None = None,
    params: Mapping[str, Any] | None = None,
    policy_dirs: Sequence[Name] = (),
    lock: Name | None = None,
    max_skew: Skew = None,
) -> Explanation:
    """Why a policy decides about a task as it does: each rule that fired, and the parts of its condition.

    With `rule`, that rule alone, also where it did not fire; with `every`, all rules so. Other arguments and errors as
    in `evaluate`.
    """
    from interlock.analysis.explain import authored, explanation
    from interlock.policy.parse import document

    (loaded,) = ready([policy], library(policy_dirs, cached=lock is None), lock)
    if rule is not None:
        _known_rule(rule, loaded)
    given = arguments_for(loaded, params or {}, [loaded])
    skew = skew_of(max_skew)
    opened = ledger if isinstance(ledger, Ledger) else open_ledger(ledger)
    asked = moment(at, opened)

    def explaining(snapshot: Snapshot) -> Explanation:
        bench = Judge(snapshot, opened.path, asked.now, "both", None, skew)
        return explanation(bench, loaded, task, given, lambda each: every or each.id == rule)

    found = opened.ask(asked.now, explaining, live=asked.live)
    return authored(found, document(loaded.source).data, rule)


def unblock(
    policy: Name,
    *,
    ledger: Ledger | Name,
    task: str,
    at: str | datetime | None = None,
    params: Mapping[str, Any] | None = None,
    policy_dirs: Sequence[Name] = (),
    lock: Name | None = None,
    max_skew: Skew = None,
) -> Unblock:
    """The smallest sets of receipts that would make a policy allow a task, and the findings that none can lift.

    Each set is proved by judging the ledger and it with both evaluators; nothing is written. Arguments and errors as in
    `evaluate`.
    """
    from interlock.analysis.unblock import unblock as answer

    (loaded,) = ready([policy], library(policy_dirs, cached=lock is None), lock)
    given = arguments_for(loaded, params or {}, [loaded])
    skew = skew_of(max_skew)
    opened = ledger if isinstance(ledger, Ledger) else open_ledger(ledger)
    asked = moment(at, opened)

    def answering(snapshot: Snapshot) -> Unblock:
        bench = Judge(snapshot, opened.path, asked.now, "both", None, skew)
        return answer(bench, loaded, task, given)

    return opened.ask(asked.now, answering, live=asked.live)


def _known_rule(rule: str, loaded: Loaded) -> None:
    """Raises UsageError where the policy has no rule of that id."""
    ids = [each.id for each in loaded.policy.rules]
    if rule not in ids:
        near = nearest(rule, ids)
        hint = f"did you mean `{near}`?" if near else f"there is {', '.join(ids) or 'none'}"
        raise UsageError(f"policy `{loaded.policy.id}` has no rule `{rule}`; {hint}")


def replay(
    policies: Iterable[Name],
    *,
    ledger: Ledger | Name,
    task: str,
    since: str | datetime | None = None,
    until: str | datetime | None = None,
    params: Mapping[str, Any] | None = None,
    engine: Engine = "both",
    policy_dirs: Sequence[Name] = (),
    lock: Name | None = None,
) -> History:
    """What policies said of a task over a stretch of time: every interval of a constant decision, and what ended it.

    The stretch is from `since` to `until`, both included; without them, from the task's first receipt to its last.
    They take what `at` of `evaluate` takes; other arguments and errors as in `judge`. A decision is the same for as
    long as its verdict, state, reason and findings are. A change is judged by both evaluators, what lies between by
    the reference alone.
    """
    from interlock.analysis.replay import Stretch, history

    loaded = ready(policies, library(policy_dirs, cached=lock is None), lock)
    given = [arguments_for(each, params or {}, loaded) for each in loaded]
    opened = ledger if isinstance(ledger, Ledger) else open_ledger(ledger)
    first, last = (None if each is None else moment(each, opened).now for each in (since, until))

    def replaying(snapshot: Snapshot) -> History:
        begun, ended = _stretch(snapshot, task, first, last)
        stretch = Stretch(snapshot, opened.path, snapshot.task_label(task), begun, ended, engine)
        return history(stretch, list(zip(loaded, given, strict=True)))

    return opened.ask(LIMIT - 1, replaying)


def _stretch(snapshot: Snapshot, task: str, since: int | None, until: int | None) -> tuple[int, int]:
    """The stretch of time, from the first receipt of a task to its last where it is not given. Raises UsageError."""
    if since is None or until is None:
        first, last = snapshot.span(snapshot.task_id(task))
        if first is None or last is None:
            raise UsageError(f"the task `{task}` has no receipt, so say from when to when")
        since, until = first if since is None else since, last if until is None else until
    if since > until:
        told = f"from {format_instant(since)} to {format_instant(until)}"
        raise UsageError(f"time goes the other way: nothing is {told}")
    return since, until
