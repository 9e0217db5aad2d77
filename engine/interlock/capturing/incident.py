"""What a ledger says at the instant of a decision: the facts that were read for it, and what was decided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec

from interlock import schemas
from interlock.capturing.bench import Fact, Told, told
from interlock.errors import UsageError
from interlock.evaluation.judge import Judge, Loaded
from interlock.ledger import Ledger, Snapshot
from interlock.ledger.export import Export, Extent
from interlock.ledger.lines import CLOSING, OPENING
from interlock.model.facts import Value
from interlock.model.policy import Policy
from interlock.moment import moment
from interlock.runner import Name, arguments_for, extent, library

MOST = 10_000
"""Facts that a test case may hold."""


class Incident(msgspec.Struct, frozen=True):
    """A decision and all facts that were read for it, whole.

    `every` are the policy and those whose decisions it needed; `given` are the parameters that were given, by name.
    """

    loaded: Loaded
    every: tuple[Loaded, ...]
    task: str
    now: int
    params: dict[str, Value]
    given: tuple[str, ...]
    facts: tuple[Fact, ...]
    told: Told


def incident(
    policy: Name,
    *,
    ledger: Ledger,
    task: str,
    at: str | datetime | None,
    params: Mapping[str, Any],
    policy_dirs: Sequence[Name],
) -> Incident:
    """Decide, and gather the facts. Arguments as in `runner.evaluate`.

    Raises UsageError, also where some fact is invalid; PolicyError, LedgerError.
    """
    policies_at = library(policy_dirs)
    loaded = policies_at.load(policy)
    values = arguments_for(loaded, params, [loaded])
    asked = moment(at, ledger)
    now = asked.now
    with ledger.snapshot(now, live=asked.live) as snapshot:
        bench = Judge(snapshot, ledger.path, now, "both")
        task = bench.decide(loaded, task, values).task
        names = _names([each.task for each in bench.decided.values()], snapshot, now)
        values = {name: _renamed(value, names, snapshot) for name, value in values.items()}
        decision = bench.decide(loaded, names[task], values)
        wanted = extent(tuple(names.values()), [policies_at.path(policy)], policy_dirs)
        every = tuple(dict.fromkeys(each.loaded for each in bench.decided.values()))
        read = {identity for made in bench.decided.values() for identity in made.decision.evidence}
        summed = {kind for each in every for kind in _summed(each.policy)}
        lines = map(msgspec.json.decode, Export(snapshot, now, wanted).lines())
        facts = tuple(islice(_read(lines, read, summed, names[task]), MOST + 1))
    if len(facts) > MOST:
        raise UsageError(f"the decision rests on more than {MOST:,} facts, which are too many for a test case")
    return Incident(loaded, every, names[task], now, values, tuple(params), facts, told(decision))


def _names(asked: Iterable[Any], snapshot: Snapshot, now: int) -> dict[str, str]:
    """The names of the tasks that were judged, by their labels, some of which are ids."""
    words = list(dict.fromkeys(asked))
    return dict(zip(words, Export(snapshot, now, Extent(words, [], [])).names or (), strict=True))


def _renamed(value: Value, names: Mapping[str, str], snapshot: Snapshot) -> Value:
    """The tasks in a parameter's list by their names."""

    def name(text: str) -> str:
        with suppress(UsageError):
            return names.get(snapshot.task_label(text), text)
        return text

    return tuple(map(name, value)) if isinstance(value, tuple) else value


def _summed(policy: Policy) -> Iterable[str]:
    """The kinds of facts that are counted, summed or compared: of them a decision does not name each that it read."""
    return (kind for each in policy.selections if each.take in ("count", "min", "max", "sum") for kind in each.kinds)


def _read(facts: Iterable[Fact], read: set[str], summed: set[str], task: str) -> Iterable[Fact]:
    """Those that were read, and the other tasks themselves: to be asked about, a task must be there."""
    for fact in facts:
        kind, identity = fact["kind"], fact.get("id")
        if kind in (OPENING, CLOSING):
            continue
        if identity in read and schemas.faults(kind, fact):
            raise UsageError(
                f"{kind} `{identity}` is invalid, and a test case holds valid facts; `interlock verify-ledger` tells "
                "what is wrong with it"
            )
        if identity in read or kind in summed or (kind == "task" and fact["task"] != task):
            yield fact
