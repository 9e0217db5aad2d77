"""Two versions of a policy over the same history: both are replayed, and their intervals laid over each other."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from interlock.analysis.replay import Ends, Stretch, ends_of, history
from interlock.diagnostics import UsageError
from interlock.evaluation.judge import Loaded
from interlock.instant import INTEGER_BOUND, format_instant, parse_instant
from interlock.ledger import Snapshot
from interlock.model.decision import Finding, ParamNote
from interlock.model.diff import Comparison, Difference, Direction, OneSided, Side, Version
from interlock.model.facts import Value
from interlock.model.history import Interval, Lane
from interlock.moment import At, Moment
from interlock.policy.library import near
from interlock.request import Session

TaskProgress = Callable[[Sequence[str]], Iterable[str]]
"""Lets the names of tasks pass, and shows how many did."""


def answer(
    session: Session, since: At | Moment = None, until: At | Moment = None, watched: TaskProgress = iter
) -> Comparison:
    """Where the two policies of a request decide differently about its tasks.

    Without `since` and `until`, each task is compared from its first receipt to the instant of the request, or to its
    last receipt where that is later; both take what that instant takes. Raises UsageError where there is nothing to
    compare; else as the session does.
    """
    asked = list(zip(session.policies, session.arguments, strict=True))
    ends = ends_of(session, since, until)
    every = session.request.tasks is None

    def comparing(snapshot: Snapshot) -> tuple[dict[str, tuple[int, int]], tuple[str, ...], tuple[Difference, ...]]:
        names = list(dict.fromkeys(map(snapshot.task_label, session.tasks(snapshot))))
        spans = {name: span for name in names if (span := _span(snapshot, name, ends))}
        if not spans:
            raise UsageError(_nothing(names, every))
        found: list[Difference] = []
        for name in watched(list(spans)):
            stretch = Stretch(
                snapshot, session.ledger.path, name, *spans[name], session.request.engine, session.waivers
            )
            found += _differences(stretch, asked)
        return spans, tuple(name for name in names if name not in spans), tuple(found)

    spans, skipped, found = session.over(comparing, now=INTEGER_BOUND - 1)
    return Comparison(*versions(session), tuple(spans), skipped, found, tuple(one_sided(session)))


def versions(session: Session) -> tuple[Version, Version]:
    """The two policies of a request. Raises as the session does; no ledger is opened."""
    named = zip(session.policies, session.request.policies, session.params, strict=True)
    old, new = (_version(each, near(session.library.path(name)), params) for each, name, params in named)
    return old, new


def one_sided(session: Session) -> Iterator[OneSided]:
    """The given parameters that only one of the two policies has."""
    old, new = ({parameter.name for parameter in each.policy.parameters} for each in session.policies)
    for name in session.request.params:
        if (name in old) is not (name in new):
            yield OneSided(name, "old" if name in old else "new")


def overlay(task: str, old: Lane, new: Lane) -> Iterator[Difference]:
    """The stretches over which two lanes of one stretch of time differ, each as long as they differ in one way."""
    lanes = [(lane.intervals, [parse_instant(each.since) for each in lane.intervals]) for lane in (old, new)]
    starts = sorted({start for _, begun in lanes for start in begun})
    last: Difference | None = None
    for start, end in pairwise([*starts, None]):
        assert start is not None
        before, after = (intervals[bisect_right(begun, start) - 1] for intervals, begun in lanes)
        found = _difference(task, start, end, before, after)
        if last is not None and found is not None and _way(last) == _way(found):
            last = Difference(task, last.since, found.until, *_way(last))
            continue
        if last is not None:
            yield last
        last = found
    if last is not None:
        yield last


def _differences(stretch: Stretch, asked: Sequence[tuple[Loaded, Mapping[str, Value]]]) -> Iterator[Difference]:
    lanes = history(stretch, asked).lanes
    yield from overlay(stretch.task, *lanes)


def _difference(task: str, start: int, end: int | None, old: Interval, new: Interval) -> Difference | None:
    sides = [Side(each.allow, each.state, each.reason) for each in (old, new)]
    appeared, vanished = _unlike(old.findings, new.findings)
    if sides[0] == sides[1] and not appeared and not vanished:
        return None
    until = None if end is None else format_instant(end)
    return Difference(task, format_instant(start), until, _change(*sides), sides[0], sides[1], appeared, vanished)


def _way(each: Difference) -> tuple[Any, ...]:
    """In what way they differ, whenever it is."""
    return each.change, each.old, each.new, each.appeared, each.vanished


def _change(old: Side, new: Side) -> Direction:
    if old.allow is new.allow or True not in (old.allow, new.allow):
        return "other"
    return "softer" if new.allow else "stricter"


def _unlike(old: Sequence[Finding], new: Sequence[Finding]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The rules of findings that only the new one makes, and of those that only the old one made.

    Findings are alike that say the same, or say it in other words of the same facts.
    """
    gone, come = list(old), list(new)
    for key in (_said, _shown):
        shared = Counter(map(key, gone)) & Counter(map(key, come))
        gone, come = _without(gone, key, shared), _without(come, key, shared)
    return tuple(dict.fromkeys(f.rule for f in come)), tuple(dict.fromkeys(f.rule for f in gone))


def _said(finding: Finding) -> tuple[object, ...]:
    return finding.rule, finding.severity, finding.message


def _shown(finding: Finding) -> tuple[object, ...]:
    return finding.rule, finding.severity, finding.evidence


def _without(
    findings: list[Finding], key: Callable[[Finding], tuple[object, ...]], shared: Counter[tuple[object, ...]]
) -> list[Finding]:
    left = Counter(shared)
    found = []
    for finding in findings:
        if left[key(finding)] > 0:
            left[key(finding)] -= 1
        else:
            found.append(finding)
    return found


def _span(snapshot: Snapshot, task: str, ends: Ends) -> tuple[int, int] | None:
    """From when to when a task is compared; None where that is never. Raises UsageError for an unknown task."""
    begun, ended = ends.of(snapshot, task)
    return None if begun is None or begun > ended else (begun, ended)


def _nothing(names: Sequence[str], every: bool) -> str:
    if not names:
        return "the ledger holds no task: nothing was compared"
    of = "any task" if every else f"the task `{names[0]}`"
    return f"nothing of {of} was recorded in that time: nothing was compared; give `--from` and `--to`"


def _version(loaded: Loaded, path: str, params: dict[str, ParamNote]) -> Version:
    return Version(loaded.policy.id, path, loaded.policy.digest, params)
