"""A question, and what it takes to answer it.

Every face builds a `Request` and nothing else. A `Session` is the request made good: the only place that opens a
ledger, loads policies, holds a lock, reads waivers or reads the clock.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import msgspec

from interlock.diagnostics import EngineError, UsageError, did_you_mean, digest, meant_or_all
from interlock.evaluation.arguments import arguments
from interlock.evaluation.judge import Engine, Judge, Loaded, closure
from interlock.files import reason
from interlock.instant import SECOND, format_instant
from interlock.language.evaluate import as_printed
from interlock.ledger import BUSY_SECONDS, NEWEST, Ledger, Snapshot, Watched, feed_lines, is_feed, open_ledger
from interlock.ledger.connection import Upto
from interlock.ledger.ledger import refuse_several
from interlock.model.decision import Decision, ParamNote, ParamOrigin
from interlock.moment import Moment, Skew, common, moment, skew_of, wall
from interlock.policy.library import Library

if TYPE_CHECKING:
    from typing import Self

    from interlock.evaluation.waivers import Waivable, Waiver, Waivers
    from interlock.model.sources import TableSource
    from interlock.policy.lock import Lock
    from interlock.policy.waivers import PoliciesOfId
    from interlock.schemas import Catalog
    from interlock.settings import Settled

Name = str | os.PathLike[str]
LONGEST = 367 * 86_400 * SECOND
"""How far ahead a waiver may end that nobody says may be longer: a year, to the end of its last day."""
T = TypeVar("T")
_libraries: dict[tuple[tuple[str, ...], bool, bool, tuple[str, ...]], Library] = {}


CHUNK = 100
"""That many tasks are selected for at a time: their facts are held until they are judged."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """The request as it was given; nothing has been read.

    `policies` are ids or files; `tasks` names or ids, or None for every task of the ledger; `ledger` one that is open,
    or its path, or those of several sources, or None for the nearest of Agent Conveyor; `at` the instant to decide at,
    None for now; `params` values by name, and `origins` where they come from, Python where it does not say;
    `policy_dirs` further folders of policies, `schema_dirs` of own fact kinds, beside the `schemas/facts` of the
    policies; `lock` the file of the lock that is held, and `waivers` that of the waivers, None for none, which end
    within a year unless `allow_long_waivers`; `sources` the tables that are read beside the ledger, or the file that
    maps them. `settings` say where each setting comes from.

    Without `validity` nobody looks ahead: a decision then holds at its own instant, and what comes next is not known.
    Policies that are not `cached` are compiled from their source. With `beside_first`, what a policy needs is looked
    for beside it first. `texts`, by absolute path, are judged in place of what the files hold.
    """

    policies: tuple[Name, ...] = ()
    tasks: tuple[str, ...] | None = None
    ledger: Ledger | Name | Sequence[Name] | None = None
    at: str | datetime | Moment | None = None
    params: Mapping[str, Any] = {}
    origins: Mapping[str, ParamOrigin] = {}
    engine: Engine = "both"
    policy_dirs: tuple[Name, ...] = ()
    schema_dirs: tuple[Name, ...] = ()
    lock: Name | None = None
    waivers: Name | None = None
    allow_long_waivers: bool = False
    max_skew: Skew = None
    strict_ledger: bool = False
    validity: bool = True
    sources: Name | tuple[TableSource, ...] = ()
    cached: bool = True
    beside_first: bool = False
    texts: Mapping[str, str] | None = None
    settings: Mapping[str, Settled] = {}

    def __post_init__(self) -> None:
        """Raise UsageError for an engine that there is not: what a caller in Python gives is a setting of no kind."""
        if self.engine not in get_args(Engine):
            raise UsageError(f"`engine` is `{self.engine}`, not one of {', '.join(get_args(Engine))}")

    def about(self, policies: Iterable[Name], tasks: Sequence[str] | None, **other: Any) -> Request:
        """The same request about these policies and tasks, and with other values of further fields."""
        tasks = None if tasks is None else tuple(tasks)
        return msgspec.structs.replace(self, policies=tuple(policies), tasks=tasks, **other)


def request_of(settings: Mapping[str, Settled], start: str = "", **other: Any) -> Request:
    """The request of these settings. Raises LockError where the lock to be held cannot be found."""
    from interlock.settings import lock_of

    apart = ("lock", "locked", "policy-dir", "schema-dir")
    values = {key: each.value for key, each in settings.items() if key not in apart}
    named = {key.replace("-", "_"): value for key, value in values.items()}
    for key in ("policy-dir", "schema-dir"):
        named |= {f"{key.replace('-', '_')}s": settings[key].value} if key in settings else {}
    return Request(**{**named, "lock": lock_of(settings, start), "settings": settings, **other})


class Session:
    """A request made good. Each part is made on first use, and then stays: one clock, one ledger.

    `watched` is shown how far a feed is read; a writer that holds the ledger locked is waited for, `patience` seconds
    each time. `warn` is given what a person should know about the ledger and the waivers: a text and its label. A
    ledger that the session opened is closed with it.

    Its parts raise UsageError for an unknown policy, task or parameter, or a wrong value; PolicyError for an invalid
    policy or invalid waivers; LockError for a policy that is not the locked one; LedgerError for a ledger that cannot
    be read.
    """

    def __init__(
        self,
        request: Request,
        watched: Watched | None = None,
        patience: float = BUSY_SECONDS,
        warn: Callable[[str, str], None] | None = None,
    ) -> None:
        self.request, self._watched, self._patience, self._warn = request, watched, patience, warn
        self._opened: Ledger | None = None
        self._has_warned = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the ledger, if it was opened here."""
        if self._opened is not None:
            self._opened.close()

    @cached_property
    def library(self) -> Library:
        """The shipped policies and those of the folders; under a lock all are compiled from their source."""
        request = self.request
        cached = request.cached and request.lock is None
        return library(request.policy_dirs, cached, request.beside_first, request.schema_dirs, request.texts)

    @cached_property
    def catalog(self) -> Catalog:
        """The kinds of facts; with a lock, of a project's own only those that it holds."""
        found = self.library.catalog(self.request.policies)
        if self.request.lock is None or not found.own:
            return found
        from interlock.policy.lock import locked_kinds

        return locked_kinds(os.fspath(self.request.lock), found)

    @cached_property
    def policies(self) -> tuple[Loaded, ...]:
        """The policies, with those that they need; with a lock, only what it holds."""
        loaded = self.library.loads(self.request.policies)
        if self.lock is not None:
            self.lock.verify(loaded)
        return loaded

    @cached_property
    def lock(self) -> Lock | None:
        """The lock that is held."""
        if self.request.lock is None:
            return None
        from interlock.policy.lock import read_lock

        return read_lock(os.fspath(self.request.lock))

    @cached_property
    def given(self) -> tuple[Mapping[str, Any], ...]:
        """What is given of each policy's parameters, by a caller or by the lock. A lock's values nobody changes."""
        settings, given = self.request.settings, self.request.params
        outside = [settings[key].origin in ("flag", "environment") for key in ("lock", "locked") if key in settings]
        trusted = any(outside) or not settings
        if self.lock is not None:
            return tuple(self.lock.given(each.policy, given, trusted=trusted) for each in self.policies)
        known = [{parameter.name for parameter in each.policy.parameters} for each in self.policies]
        return tuple({name: value for name, value in given.items() if name in names} for names in known)

    @cached_property
    def arguments(self) -> tuple[dict[str, Any], ...]:
        """The value of every parameter, for each policy. A parameter must be known to one of them."""
        refuse_unknown(self.request.params, self.policies)
        names = [os.fspath(name) for name in self.request.policies]
        return tuple(
            _arguments(each, given, self.policies, name)
            for each, given, name in zip(self.policies, self.given, names, strict=True)
        )

    @cached_property
    def params(self) -> tuple[dict[str, ParamNote], ...]:
        """The value of every parameter as it is reported, for each policy, and where it comes from."""
        return tuple(map(self._noted, self.policies, self.arguments, self.given))

    def _noted(self, loaded: Loaded, values: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, ParamNote]:
        called = {name: self.request.origins.get(name, "python") for name in self.request.params}
        origins: dict[str, ParamOrigin] = {**dict.fromkeys(given, "lock"), **called}
        return {
            each.name: ParamNote(as_printed(values[each.name], each.kind), origins.get(each.name, "default"))
            for each in loaded.policy.parameters
        }

    @cached_property
    def waivers(self) -> Waivers | None:
        """The waivers. They may speak of the policies, of what those need, and of the library's."""
        if self.request.waivers is None:
            return None
        path = os.fspath(self.request.waivers)
        found = _waivers(path, self.policies, self.library, self.latest)
        if self.lock is not None and found.source is not None:
            self.lock.verify_waivers(path, digest(found.source.text))
        if self._warn is not None and found.warnings:
            from interlock.diagnostics import render

            for issue in found.warnings:
                self._warn(render(issue, found.source), "")
        return found

    @property
    def latest(self) -> int | None:
        """The latest instant at which a waiver may end, in microseconds; None where any may be."""
        return None if self.request.allow_long_waivers else wall() + LONGEST

    @cached_property
    def max_skew(self) -> int:
        """How far ahead of the clock a time may lie, in microseconds."""
        return skew_of(self.request.max_skew)

    @cached_property
    def places(self) -> tuple[str, ...]:
        """The path of the ledger, as it was named, or where it was found; those of several sources."""
        named = self.request.ledger
        if isinstance(named, Ledger):
            return named.places
        if named is None:
            from interlock.project import find_ledger, nearest_ledger

            if self.tables and nearest_ledger() is None:
                return ()
            return (find_ledger(),)
        if isinstance(named, str | os.PathLike):
            return (os.fspath(named),)
        found = tuple(os.fspath(each) for each in named)
        if len(found) > 1 or not (found or self.tables):
            refuse_several(found)
        return found

    @cached_property
    def tables(self) -> tuple[TableSource, ...]:
        """The tables that are read beside the ledger."""
        if isinstance(self.request.ledger, Ledger):
            return self.request.ledger.tables
        named = self.request.sources
        if isinstance(named, tuple):
            return named
        from interlock.project import read_sources
        from interlock.settings import tables_of

        return tables_of(read_sources(os.fspath(named)))

    def single(self, what: str, instead: str) -> None:
        """Raises UsageError where there are several sources, of which `what` takes one; `instead` is what to do."""
        if len(self.places) + len(self.tables) > 1:
            listed = " and ".join(f"`{path}`" for path in (*self.places, *(table.path for table in self.tables)))
            raise UsageError(f"{what} takes one source, and not {listed}; {instead}")

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger."""
        if isinstance(self.request.ledger, Ledger):
            return self.request.ledger
        strict = self.request.strict_ledger
        places = self.places[0] if len(self.places) == 1 else self.places
        how: dict[str, Any] = {"strict": strict, "catalog": self.catalog, "tables": self.tables}
        self._opened = open_ledger(places, self._watched, self._patience, **how)
        if self._warn is not None:
            for note in self._opened.notes:
                self._warn(note, "warning")
        return self._opened

    def lines(self, place: str) -> Iterator[bytes] | None:
        """The lines of the feed at one of the places; None where it is a file of SQLite."""
        return feed_lines(place, place, self._watched) if is_feed(place) else None

    @cached_property
    def moment(self) -> Moment:
        """The instant of the request."""
        found = moment(self.request.at, self.ledger)
        if self._warn is not None and self.request.at is None and self.ledger.taken is not None:
            taken = format_instant(found.now)
            self._warn(f"asked as of {taken}, when the feed was taken; `--at now` asks about now", "note")
        return found

    @cached_property
    def common_moment(self) -> Moment:
        """The instant of a request about many ledgers, none of which is opened for it."""
        return common(self.request.at)

    def judge(self, snapshot: Snapshot, engine: Engine | None = None) -> Judge:
        """The judge over a snapshot. Raises EngineError where its engine cannot be had."""
        engine = engine or self.request.engine
        for each in closure(self.policies):
            snapshot.expect(each.compiled.statements, each.reads if self.request.validity else ())
        return Judge(snapshot, self.ledger.path, self.moment.now, engine, self.waivers, self.max_skew)

    def over(self, use: Callable[[Snapshot], T], *, head: Upto = NEWEST, now: int | None = None) -> T:
        """The result of using one snapshot at the instant, or at `now`, of receipts up to the `seq` `head`."""
        self.ledger, self.max_skew  # noqa: B018  # what is wrong with them is reported before the snapshot is taken
        if self.request.policies:
            self.policies, self.arguments, self.waivers  # noqa: B018
            self._refuse_changed()
        at = self.moment if now is None else Moment(now)
        try:
            return self.ledger.ask(at.now, self._warned(use), head, live=at.live, as_of=at.as_of, catalog=self.catalog)
        except EngineError as error:
            raise UsageError(str(error)) from None

    def _warned(self, use: Callable[[Snapshot], T]) -> Callable[[Snapshot], T]:
        """The use of a snapshot, and before it, once, a warning for each waiver that applies to no task."""

        def using(snapshot: Snapshot) -> T:
            if self._warn is not None and not self._has_warned:
                self._has_warned = True
                for grant, why in self.unknown_waivers(snapshot):
                    self._warn(f"{grant.place}: the waiver of `{grant.rule}` applies to nothing: {why}", "warning")
            return use(snapshot)

        return using

    def unknown_waivers(self, snapshot: Snapshot) -> Sequence[tuple[Waiver, str]]:
        """The waivers that apply to no task, and why."""
        waivers = self.waivers if self.request.policies else None
        return () if waivers is None else tuple(waivers.unknown(snapshot.task_id))

    def reported(self, index: int, unknown: Sequence[tuple[Waiver, str]], decision: Decision) -> Decision:
        """The decision of the policy of that index as it is reported: with its parameters, and the waivers of it and of
        what it needs that are `unknown`."""
        decision = msgspec.structs.replace(decision, params=self.params[index])
        if not unknown:
            return decision
        from interlock.evaluation.waivers import about_unknown

        return about_unknown(decision, unknown, {each.policy.id for each in closure([self.policies[index]])})

    def _refuse_changed(self) -> None:
        """Raise UsageError where a policy was compiled over another kind than facts are validated by."""
        if not self.catalog.own:
            return
        for each in closure(self.policies):
            for kind, known in each.kinds.items():
                if self.catalog.digests.get(kind) != known:
                    raise UsageError(f"the schema of `{kind}` was written to while it was read; ask again")

    def one(self, use: Callable[[Judge, Loaded, str, dict[str, Any]], T], engine: Engine | None = None) -> T:
        """The result of using a judge for the only policy, the only task and the arguments of the request."""
        (loaded,), (params,) = self.policies, self.arguments

        def using(snapshot: Snapshot) -> T:
            (task,) = self.tasks(snapshot)
            return use(self.judge(snapshot, engine), loaded, task, params)

        return self.over(using)

    def tasks(self, snapshot: Snapshot) -> Sequence[str]:
        """The tasks of the request."""
        return snapshot.task_labels() if self.request.tasks is None else self.request.tasks

    def decisions(self) -> tuple[Decision, ...]:
        """The decisions, over one snapshot: task by task, and within a task in the order of the policies."""

        def decided(snapshot: Snapshot) -> tuple[Decision, ...]:
            judge, asked = self.judge(snapshot), list(zip(self.policies, self.arguments, strict=True))
            tasks, unknown = list(self.tasks(snapshot)), self.unknown_waivers(snapshot)
            found: list[Decision] = []
            for first in range(0, len(tasks), CHUNK):
                some = tasks[first : first + CHUNK]
                if len(some) > 1:
                    from interlock.evaluation.bulk import prepare

                    prepare(judge, asked, list(map(snapshot.task_label, some)))
                decide = judge.decide if self.request.validity else judge.decide_now
                found += (
                    self.reported(index, unknown, decide(policy, task, values))
                    for task in some
                    for index, (policy, values) in enumerate(asked)
                )
            return tuple(found)

        return self.over(decided)


def library(
    policy_dirs: Sequence[Name] = (),
    cached: bool = True,
    beside_first: bool = False,
    schema_dirs: Sequence[Name] = (),
    texts: Mapping[str, str] | None = None,
) -> Library:
    """The shipped policies and those of further folders; what has been loaded once is kept, but where `texts` stand
    for files.

    For a lock, all are compiled from their source (not `cached`): a lock holds the digests of texts, not of what is
    cached of them. Raises UsageError where a folder cannot be read: a misspelt one must not go unnoticed.
    """
    folders, schemas = ([os.fspath(folder) for folder in each] for each in (policy_dirs, schema_dirs))
    key = tuple(folders), cached, beside_first, tuple(schemas)
    for folder in key[0]:
        try:
            os.listdir(folder)
        except OSError as error:
            raise UsageError(f"cannot read the policies in `{folder}`: {reason(error)}") from None
    if texts is not None:
        return Library(key[0], key[3], cached=cached, beside_first=beside_first, texts=texts)
    if key not in _libraries:
        _libraries[key] = Library(key[0], key[3], cached=cached, beside_first=beside_first)
    return _libraries[key]


def _waivers(path: str, policies: Iterable[Loaded], policies_at: Library, latest: int | None) -> Waivers:
    from interlock.policy.waivers import read_waivers

    return read_waivers(path, waivable_among(policies, policies_at), latest)


def waivable_among(policies: Iterable[Loaded], policies_at: Library) -> PoliciesOfId:
    """What waivers may speak of: these policies, what they need, and those of a library."""
    from interlock.policy.parse import parse_valid
    from interlock.policy.waivers import waivable

    near: dict[str, list[Loaded]] = {}
    for each in closure(policies):
        near.setdefault(each.policy.id, []).append(each)

    def known(identity: str) -> Sequence[Waivable] | str:
        if identity in near:
            return [waivable(each.policy, parse_valid(each.source)) for each in near[identity]]
        if identity in policies_at.ids():
            found = policies_at.load(identity)
            return [waivable(found.policy, parse_valid(found.source))]
        return did_you_mean(identity, {*near, *policies_at.ids()}) or "`interlock policies` lists those that there are"

    return known


def refuse_unknown(params: Iterable[str], every: Sequence[Loaded]) -> None:
    """Raises UsageError for a parameter that none of the policies has."""
    known = {parameter.name for each in every for parameter in each.policy.parameters}
    for name in params:
        if name not in known:
            raise UsageError(f"unknown parameter `{name}`; {meant_or_all(name, sorted(known))}")


def _arguments(loaded: Loaded, params: Mapping[str, Any], every: Sequence[Loaded], asked: str) -> dict[str, Any]:
    """The value of every parameter of a policy, which was requested as `asked`. Raises UsageError for a wrong one."""
    try:
        return arguments(loaded.policy, params)
    except ValueError as error:
        alike = sum(each.policy.id == loaded.policy.id for each in every) > 1
        raise UsageError(f"policy `{asked if alike else loaded.policy.id}`: {error}") from None
