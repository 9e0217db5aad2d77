"""The use cases: paths, names and parameters in, decisions out. The public API is this module, re-exported."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from interlock.diagnostics import EngineError, UsageError, nearest
from interlock.evaluation.arguments import arguments
from interlock.evaluation.judge import Engine, Judge, Loaded, closure
from interlock.ledger import Ledger, Snapshot, open_ledger
from interlock.model.decision import Decision
from interlock.moment import Skew, moment, skew_of
from interlock.policy.library import Library

if TYPE_CHECKING:
    from interlock.ledger.export import Extent
    from interlock.model.waivers import Waivable, Waivers

Name = str | os.PathLike[str]
_libraries: dict[tuple[tuple[str, ...], bool], Library] = {}


def evaluate(
    policy: Name,
    *,
    ledger: Ledger | Name,
    task: str,
    at: str | datetime | None = None,
    params: Mapping[str, Any] | None = None,
    engine: Engine = "both",
    policy_dirs: Sequence[Name] = (),
    lock: Name | None = None,
    waivers: Name | None = None,
    max_skew: Skew = None,
) -> Decision:
    """Decide one policy for one task.

    `policy` is a shipped id or the path of a file; `ledger` one that was opened, or its path; `task` a name (or id);
    `at` the instant that is asked about (RFC 3339 text or an aware datetime; now when not given); `params` values by
    name, as Python values or as texts (durations as `180s`); `lock` the file of a lock, which policies are held to;
    `waivers` that of findings that do not count (`schemas/waivers.schema.json`), each of which the decision tells.

    Asked about now (without `at`, or with "now"), every fact that is committed counts, whatever its stamp. What would
    be allowed is then undecided where a fact that was read carries a time more than `max_skew` ahead of the clock (a
    timedelta, or a text such as "5s", which is the default). Asked about an instant, facts stamped later do not count.

    Raises UsageError for an unknown policy, task or parameter, or a wrong value; PolicyError for an invalid policy or
    invalid waivers; LockError for a policy that is not the locked one; LedgerError for a ledger that cannot be read. A
    decision that cannot be made is a value: `allow` is then None.
    """
    return judge(
        [policy],
        ledger=ledger,
        tasks=[task],
        at=at,
        params=params,
        engine=engine,
        policy_dirs=policy_dirs,
        lock=lock,
        waivers=waivers,
        max_skew=max_skew,
    )[0]


def judge(
    policies: Iterable[Name],
    *,
    ledger: Ledger | Name,
    tasks: Sequence[str] | None,
    at: str | datetime | None = None,
    params: Mapping[str, Any] | None = None,
    engine: Engine = "both",
    policy_dirs: Sequence[Name] = (),
    lock: Name | None = None,
    waivers: Name | Waivers | None = None,
    max_skew: Skew = None,
) -> tuple[Decision, ...]:
    """Decide several policies for several tasks (every task of the ledger when None), over one snapshot, at one now.

    Decisions come task by task, and within a task in the order of the policies. Arguments and errors as in `evaluate`;
    a parameter must be known to at least one of the policies.
    """
    policies_at, names = library(policy_dirs, cached=lock is None), list(policies)
    loaded = ready(names, policies_at, lock)
    given = [arguments_for(each, params or {}, loaded) for each in loaded]
    waived = waivers_of(waivers, names, policies_at) if isinstance(waivers, str | os.PathLike) else waivers
    skew = skew_of(max_skew)
    opened = ledger if isinstance(ledger, Ledger) else open_ledger(ledger)
    asked = moment(at, opened)

    def decided(snapshot: Snapshot) -> tuple[Decision, ...]:
        bench = Judge(snapshot, opened.path, asked.now, engine, waived, skew)
        names = snapshot.task_labels() if tasks is None else tasks
        return tuple(bench.decide(p, task, a) for task in names for p, a in zip(loaded, given, strict=True))

    try:
        return opened.ask(asked.now, decided, live=asked.live)
    except EngineError as error:
        raise UsageError(str(error)) from None


def ready(policies: Iterable[Name], policies_at: Library, lock: Name | None) -> tuple[Loaded, ...]:
    """The policies, with those that they need; with a lock, only what it holds.

    Raises UsageError, PolicyError, LockError.
    """
    loaded = policies_at.loads(policies)
    if lock is not None:
        from interlock.policy.lock import hold

        hold(os.fspath(lock), loaded)
    return loaded


def library(policy_dirs: Sequence[Name] = (), *, cached: bool = True) -> Library:
    """The shipped policies and those of further folders; what has been loaded once is kept.

    For a lock, all are compiled from their source (not `cached`): a lock holds the digests of texts, not of what is
    cached of them.
    """
    folders = tuple(os.fspath(folder) for folder in policy_dirs)
    if (folders, cached) not in _libraries:
        _libraries[folders, cached] = Library(folders, cached=cached)
    return _libraries[folders, cached]


def extent(tasks: Sequence[str] | None, policies: Iterable[Name], policy_dirs: Sequence[Name] = ()) -> Extent:
    """What must be exported of tasks (every task when None) for policies, and those that they need.

    For no policy in particular, that is every kind of facts. What shipped policies and those of `policy_dirs` read of
    every task is exported of every task. Raises UsageError, PolicyError.
    """
    from interlock.ledger.export import Extent

    policies_at = library(policy_dirs)
    names = list(policies)
    loaded = policies_at.loads(names or policies_at.ids())
    kinds = {"task": False}  # so that every task is known, those of which nothing else is read too
    for each in closure(loaded):
        for kind, everywhere in each.policy.kinds().items():
            kinds[kind] = kinds.get(kind, False) or everywhere
    return Extent(tasks, sorted(kinds) if names else None, sorted(kind for kind, every in kinds.items() if every))


def waivers_of(path: Name, policies: Iterable[Name], policies_at: Library) -> Waivers:
    """The waivers of a file. They may speak of the policies, of what those need, and of the library's.

    Raises UsageError, PolicyError.
    """
    from interlock.policy.parse import document
    from interlock.policy.waivers import read, waivable

    near: dict[str, list[Loaded]] = {}
    for each in closure(policies_at.loads(policies)):
        near.setdefault(each.policy.id, []).append(each)

    def known(identity: str) -> Sequence[Waivable] | str:
        if identity in near:
            return [waivable(each.policy, document(each.source)) for each in near[identity]]
        if identity in policies_at.ids():
            found = policies_at.load(identity)
            return [waivable(found.policy, document(found.source))]
        close = nearest(identity, {*near, *policies_at.ids()})
        return f"did you mean `{close}`?" if close else "`interlock policies` lists those that there are"

    return read(os.fspath(path), known)


def arguments_for(loaded: Loaded, params: Mapping[str, Any], every: Sequence[Loaded]) -> dict[str, Any]:
    """The value of every parameter of a policy. Raises UsageError for a wrong one, or one that none of `every` has."""
    known = {parameter.name for each in every for parameter in each.policy.parameters}
    for name in params:
        if name not in known:
            near = nearest(name, known)
            hint = f"did you mean `{near}`?" if near else f"there is {', '.join(sorted(known)) or 'none'}"
            raise UsageError(f"unknown parameter `{name}`; {hint}")
    try:
        return arguments(loaded.policy, params)
    except ValueError as error:
        raise UsageError(f"policy `{loaded.policy.id}`: {error}") from None
