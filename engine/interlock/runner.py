"""The use cases: paths, names and parameters in, decisions out. The public API is this module, re-exported."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from interlock import instant
from interlock.decision import Decision
from interlock.errors import EngineError, UsageError
from interlock.evaluation import Engine, Judge, Loaded, arguments
from interlock.ledger import Ledger, open_ledger
from interlock.library import Library
from interlock.source import nearest

Name = str | os.PathLike[str]
_libraries: dict[tuple[str, ...], Library] = {}


def evaluate(
    policy: Name,
    *,
    ledger: Ledger | Name,
    task: str,
    at: str | datetime | None = None,
    params: Mapping[str, Any] | None = None,
    engine: Engine = "both",
    policy_dirs: Sequence[Name] = (),
) -> Decision:
    """Decide one policy for one task.

    `policy` is a shipped id or the path of a file; `ledger` one that was opened, or its path; `task` a name (or id);
    `at` the instant that is asked about (RFC 3339 text or an aware datetime; now when not given); `params` values by
    name, as Python values or as texts (durations as `180s`).

    Raises UsageError for an unknown policy, task or parameter, or a wrong value; PolicyError for an invalid policy;
    LedgerError for a ledger that cannot be read. A decision that cannot be made is a value: `allow` is then None.
    """
    return judge([policy], ledger=ledger, tasks=[task], at=at, params=params, engine=engine, policy_dirs=policy_dirs)[0]


def judge(
    policies: Iterable[Name],
    *,
    ledger: Ledger | Name,
    tasks: Sequence[str] | None,
    at: str | datetime | None = None,
    params: Mapping[str, Any] | None = None,
    engine: Engine = "both",
    policy_dirs: Sequence[Name] = (),
) -> tuple[Decision, ...]:
    """Decide several policies for several tasks (every task of the ledger when None), over one snapshot, at one now.

    Decisions come task by task, and within a task in the order of the policies. Arguments and errors as in `evaluate`;
    a parameter must be known to at least one of the policies.
    """
    now = moment(at)
    policies_at = library(policy_dirs)
    loaded = [policies_at.load(policy) for policy in policies]
    given = [_arguments(each, params or {}, loaded) for each in loaded]
    opened = ledger if isinstance(ledger, Ledger) else open_ledger(ledger)
    with opened.snapshot(now) as snapshot:
        bench = Judge(snapshot, opened.path, now, engine, policies_at.load)
        names = snapshot.task_names() if tasks is None else tasks
        try:
            return tuple(bench.decide(p, task, a) for task in names for p, a in zip(loaded, given, strict=True))
        except EngineError as error:
            raise UsageError(str(error)) from None


def library(policy_dirs: Sequence[Name] = ()) -> Library:
    """The shipped policies and those of further folders; what has been loaded once is kept."""
    folders = tuple(os.fspath(folder) for folder in policy_dirs)
    return _libraries.setdefault(folders, Library(folders))


def moment(at: str | datetime | None) -> int:
    """The instant asked about, in microseconds, UTC. Raises UsageError."""
    if at is None:
        return time.time_ns() // 1_000
    if isinstance(at, datetime):
        if at.tzinfo is None:
            raise UsageError(f"`{at}` has no time zone; give an aware datetime")
        at = at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    try:
        return instant.parse_instant(at)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _arguments(loaded: Loaded, params: Mapping[str, Any], every: Sequence[Loaded]) -> dict[str, Any]:
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
