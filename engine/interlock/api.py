"""The public API: each function builds a request, and gives the answer to it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, Unpack

from interlock.diagnostics import UsageError
from interlock.evaluation.judge import Engine
from interlock.ledger import Ledger
from interlock.model.decision import Decision
from interlock.moment import At, Skew
from interlock.request import Name, Request, Session

if TYPE_CHECKING:
    from interlock.model.explanation import Explanation
    from interlock.model.facts import SelectionView
    from interlock.model.history import History
    from interlock.model.unblock import Unblock


T = TypeVar("T")


class How(TypedDict, total=False):
    """What every question takes: see `evaluate`."""

    at: At
    params: Mapping[str, Any] | None
    engine: Engine
    policy_dirs: Sequence[Name]
    schema_dirs: Sequence[Name]
    lock: Name | None
    waivers: Name | None
    allow_long_waivers: bool
    max_skew: Skew
    sources: Name | None


def evaluate(
    policy: Name,
    *,
    ledger: Ledger | Name | Sequence[Name],
    task: str,
    at: At = None,
    params: Mapping[str, Any] | None = None,
    engine: Engine = "both",
    policy_dirs: Sequence[Name] = (),
    schema_dirs: Sequence[Name] = (),
    lock: Name | None = None,
    waivers: Name | None = None,
    allow_long_waivers: bool = False,
    max_skew: Skew = None,
    sources: Name | None = None,
) -> Decision:
    """Decide one policy for one task.

    `policy` is a shipped id or the path of a file; `ledger` one that was opened, or its path, or a list of paths: one
    ledger at most, and feeds, which are read as one; `task` a name (or id); `at` the instant of the request, an aware
    datetime or what `--at` takes (when not given, that at which the feed was taken, or else now); `params` values by
    name, as Python values or as texts (durations as `180s`); `policy_dirs` further folders of policies, `schema_dirs`
    of own fact kinds, beside the `schemas/facts` of the policies; `lock` the file of a lock, which policies are held
    to; `waivers` that of findings that do not count (`schemas/waivers.schema.json`), each of which the decision shows,
    and none of which ends more than a year away unless `allow_long_waivers`; `sources` the file that maps tables which
    are read beside the ledger (`schemas/config.schema.json`). Environment and configuration files count for nothing.

    For now ("now", or of a ledger without `at`), every fact that is committed counts, whatever its stamp. What would
    be allowed is then undecided where a fact that was read carries a time more than `max_skew` ahead of the clock (a
    timedelta, or a text such as "5s", which is the default). For a named instant, facts stamped later do not count.

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
        schema_dirs=schema_dirs,
        lock=lock,
        waivers=waivers,
        allow_long_waivers=allow_long_waivers,
        max_skew=max_skew,
        sources=sources,
    )[0]


def judge(
    policies: Iterable[Name],
    *,
    ledger: Ledger | Name | Sequence[Name],
    tasks: Sequence[str] | None,
    **how: Unpack[How],
) -> tuple[Decision, ...]:
    """Decide several policies for several tasks (every task of the ledger when None), over one snapshot, at one now.

    Decisions come task by task, and within a task in the order of the policies. Other arguments and errors as in
    `evaluate`; a parameter must be known to at least one of the policies. Raises UsageError too where there is nothing
    to decide: no policy, or no task.
    """
    with _session(policies, ledger, tasks, **how) as session:
        decisions = session.decisions()
        if not decisions:
            raise UsageError(f"the ledger `{session.ledger.path}` holds no task: nothing was judged")
        return decisions


def facts(
    policy: Name, *, ledger: Ledger | Name | Sequence[Name], task: str, **how: Unpack[How]
) -> tuple[tuple[SelectionView, ...], tuple[str, ...]]:
    """The facts that a policy sees of a task, selection by selection, and why it is undecided whatever its rules say.

    Arguments and errors as in `evaluate`.
    """
    from interlock.analysis.facts import answer

    with _session([policy], ledger, [task], **how) as session:
        return answer(session)


def explain(
    policy: Name,
    *,
    ledger: Ledger | Name | Sequence[Name],
    task: str,
    rule: str | None = None,
    every: bool = False,
    **how: Unpack[How],
) -> Explanation:
    """Why a policy decides about a task as it does: each rule that fired, and the parts of its condition.

    With `rule`, that rule alone, also where it did not fire; with `every`, all rules so. Other arguments and errors as
    in `evaluate`.
    """
    from interlock.analysis.explain import answer

    with _session([policy], ledger, [task], **how) as session:
        return answer(session, rule, every=every)


def unblock(
    policy: Name,
    *,
    ledger: Ledger | Name | Sequence[Name],
    task: str,
    without_proof: bool = True,
    **how: Unpack[How],
) -> Unblock:
    """The smallest sets of receipts that would make a policy allow a task, and the findings that none can lift.

    Each set is proved by judging the ledger and it with both evaluators; nothing is written. Those that skip or soften
    what is to be proved are apart, and looked for only where `without_proof` is true. Other arguments and errors as in
    `evaluate`.
    """
    from interlock.analysis.unblock import answer

    with _session([policy], ledger, [task], **how) as session:
        return answer(session, without_proof=without_proof)


def replay(
    policies: Iterable[Name],
    *,
    ledger: Ledger | Name | Sequence[Name],
    task: str,
    since: At = None,
    until: At = None,
    **how: Unpack[How],
) -> History:
    """What policies decided about a task over a stretch of time: every interval of a constant decision, and its cause.

    The stretch is from `since` to `until`, both included; without them, from the task's first receipt to `at`, or to
    its last receipt where that is later. They take what `at` of `evaluate` takes; other arguments
    and errors as in `judge`. A decision is the same for as long as its verdict, state, reason and findings are. A
    change is judged by both evaluators, what lies between by the reference alone.
    """
    from interlock.analysis.replay import answer

    with _session(policies, ledger, [task], **how) as session:
        return answer(session, since, until)


def _session(
    policies: Iterable[Name], ledger: Ledger | Name | Sequence[Name], tasks: Sequence[str] | None, **how: Unpack[How]
) -> Session:
    unknown = [name for name in how if name not in How.__annotations__]
    if unknown:
        raise TypeError(f"unknown argument `{unknown[0]}`")
    asked, about = _listed("policies", policies), None if tasks is None else _listed("tasks", tasks)
    if () in (asked, about):
        raise UsageError(f"no {'task' if asked else 'policy'} is named: there is nothing to decide")
    sources = how.get("sources")
    return Session(
        Request(
            policies=asked,
            tasks=about,
            ledger=ledger,
            at=how.get("at"),
            params=how.get("params") or {},
            engine=how.get("engine", "both"),
            policy_dirs=_listed("policy_dirs", how.get("policy_dirs", ())),
            schema_dirs=_listed("schema_dirs", how.get("schema_dirs", ())),
            lock=how.get("lock"),
            waivers=how.get("waivers"),
            allow_long_waivers=how.get("allow_long_waivers", False),
            max_skew=how.get("max_skew"),
            sources=() if sources is None else sources,
        )
    )


def _listed(name: str, given: Iterable[T]) -> tuple[T, ...]:
    """What is given as a list. Raises UsageError for one text, each of whose letters would be one of the list."""
    if isinstance(given, str | os.PathLike):
        raise UsageError(f"`{name}` is a list; give `[{os.fspath(given)!r}]`")
    return tuple(given)
