"""One consistent view of a ledger at one instant, as queries over the canonical relation of facts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import starmap
from typing import TYPE_CHECKING, Any, Final

import msgspec

from interlock.diagnostics import FactError
from interlock.instant import SECOND, format_instant
from interlock.ledger.connection import NEWEST, Connection, FactSource, Upto
from interlock.ledger.rows import Arrival, Row
from interlock.ledger.tasks import Tasks
from interlock.schemas import ENTITIES, Catalog

if TYPE_CHECKING:
    from interlock.ledger.bulk import Bulk
    from interlock.ledger.joined import Joined
    from interlock.ledger.leading import Leading

_COLUMNS = "kind, id, seq, task, at, NULL, actor, severity, summary, correlation, attributes"
_RECEIPTS = (
    f"SELECT {_COLUMNS} FROM receipt WHERE seq >= :least"
    " AND (NOT :so_far OR (instant > asked_instant()) IS NOT TRUE) ORDER BY seq"
)
_CHOSEN = (
    f"SELECT {_COLUMNS} FROM {{source}} WHERE (instant > asked_instant()) IS NOT TRUE"
    " AND (:kinds IS NULL OR kind IN (SELECT value FROM json_each(:kinds)))"
    " AND (:tasks IS NULL OR task_id IN (SELECT value FROM json_each(:tasks))"
    " OR kind IN (SELECT value FROM json_each(:everywhere))){order}"
)
_BY_TASK = " ORDER BY seq, (SELECT tasks.rowid FROM main.tasks WHERE tasks.id = task_id)"
_ARRIVED = (
    "SELECT id, kind, at, instant, actor, summary,"
    " iif(json_valid(attributes), json_extract(attributes, '$.role'), NULL)"
    " FROM receipt WHERE kind IN (SELECT value FROM json_each(:kinds))"
    " AND (task_id = :task OR kind IN (SELECT value FROM json_each(:everywhere)))"
    " AND (instant IS NULL OR instant BETWEEN :since + 1 AND :until) ORDER BY seq"
)
_SESSION = (
    "CASE kind WHEN 'app_heartbeat' THEN iif(json_valid(attributes), json_extract(attributes, '$.session_id'), NULL)"
    " WHEN 'codex_events_ingested' THEN iif(json_valid(correlation), json_extract(correlation, '$.session_id'), NULL)"
    " WHEN 'app_worker_rotation_recorded'"
    " THEN iif(json_valid(attributes), json_extract(attributes, '$.old_worker_session_id'), NULL) END"
)
"""The id of the session that a receipt is about."""
_OF_SESSIONS = "('app_heartbeat', 'codex_events_ingested', 'app_worker_rotation_recorded')"
_ELSEWHERE = (
    "SELECT id, kind, at, instant, actor, summary, NULL FROM receipt"
    f" WHERE kind IN {_OF_SESSIONS} AND task_id IS NOT :task AND at >= :floor AND at < :beyond"
    " AND instant BETWEEN :since + 1 AND :until"
    f" AND {_SESSION} IN (SELECT manager_session_id FROM sitting WHERE task_id = :task"
    " UNION SELECT worker_session_id FROM sitting WHERE task_id = :task) ORDER BY seq"
)
_SESSIONS = (
    "(SELECT manager_session_id FROM sitting WHERE task_id IN (SELECT value FROM json_each(:tasks))"
    " UNION SELECT worker_session_id FROM sitting WHERE task_id IN (SELECT value FROM json_each(:tasks)))"
)
_SESSION_RECEIPTS = (
    f"SELECT {_COLUMNS} FROM receipt WHERE kind IN {_OF_SESSIONS} AND (instant > asked_instant()) IS NOT TRUE"
    " AND (task_id IN (SELECT value FROM json_each(:tasks))) IS NOT TRUE"
    " AND kind NOT IN (SELECT value FROM json_each(:everywhere))"
    f" AND {_SESSION} IN {_SESSIONS} ORDER BY seq"
)
_SESSION_REGISTRATIONS = (
    f"SELECT {_COLUMNS} FROM entity_registration WHERE (instant > asked_instant()) IS NOT TRUE"
    " AND kind NOT IN (SELECT value FROM json_each(:everywhere))"
    f" AND json_extract(attributes, '$.session_id') IN {_SESSIONS}"
)
_CHANGES = (
    "SELECT kind, id, instant_of(at) FROM change_{kind}"
    " WHERE (:task IS NULL OR task_id = :task) AND instant_of(at) IS NOT NULL"
)
_MALFORMED = (
    f"SELECT {_COLUMNS} FROM receipt WHERE kind IN (SELECT value FROM json_each(:kinds)) AND NOT"
    " (typeof(correlation) = 'text' AND typeof(attributes) = 'text' AND json_valid(correlation)"
    " AND json_valid(attributes)) LIMIT 10"
)
_STORED = (
    "SELECT event_type, id, rowid, (SELECT name FROM main.tasks WHERE tasks.id = telemetry_events.task_id), timestamp"
    " FROM main.telemetry_events NOT INDEXED WHERE rowid IN (SELECT value FROM json_each(:seqs))"
)
_READ = (
    "kind IN (SELECT value FROM json_each(:kinds))"
    " AND (+task_id = :task OR kind IN (SELECT value FROM json_each(:everywhere)))"
)
_RECORDED = (
    f"SELECT kind, id, instant FROM receipt WHERE {_READ} AND instant IS NOT NULL AND seq >="
    f" (SELECT min(seq) FROM receipt WHERE {_READ} AND at >= :floor) ORDER BY seq"
)
_BEGUN = (
    "SELECT min(at) FROM (SELECT (SELECT instant FROM receipt WHERE kind = value AND instant IS NOT NULL"
    " AND (+task_id = :task OR value IN (SELECT value FROM json_each(:everywhere))) ORDER BY receipt.at LIMIT 1) AS at"
    " FROM json_each(:kinds))"
)
_COMING = "SELECT kind, at, instant FROM receipt WHERE {of} AND at >= :floor ORDER BY at LIMIT :limit"
_UNREADABLE = "SELECT kind, at FROM receipt WHERE {of} AND at >= :floor AND at < :beyond AND instant IS NULL"
_OF_KIND = f"SELECT {_COLUMNS} FROM entity_{{kind}}"


SMALL: Final = 1_000
"""Of so few receipts, it does not matter which index leads to them."""
_NUMBERED: Final = 13
"""Columns of a selection's row that come before its groups: those of a fact, `suspect` and `number`."""
_SELECTED: Final = Row.__struct_fields__[: _NUMBERED - 1]
"""The columns of a selection's row, without its number."""


class Snapshot:
    """One consistent view of a ledger at one instant: receipts that are committed later are not in it.

    `head` is the `seq` of the newest receipt that is in it, 0 when there is none. `notes` say, in sentences, why what
    was committed last may be missing. `catalog` has the schemas that its facts are validated by.
    """

    notes: tuple[str, ...] = ()

    def __init__(
        self,
        source: FactSource,
        now: int,
        catalog: Catalog,
        head: Upto = NEWEST,
        *,
        live: bool = False,
        as_of: int | None = None,
    ) -> None:
        """Begin at `now`, in microseconds, UTC; of receipts up to the `seq` `head`. Raises LedgerError."""
        self._source: FactSource | None = source
        self._bulk: Bulk | None = None
        self._leading: Leading | None = None
        self.catalog = catalog
        source.connection.know(catalog)
        self.head = source.begin(now, head, live=live, as_of=as_of)
        self._asked: tuple[int, bool, int | None] = (now, live, as_of)
        self.notes = source.notes
        self._tasks = Tasks(self.rows, source.connection.tasks)

    @property
    def live(self) -> bool:
        """Whether every fact that is committed is in it, also those that are stamped later than its instant."""
        return self._connection().live

    def expect(self, queries: Iterable[str], kinds: Iterable[str] = ()) -> None:
        """Be ready for these queries; where facts may come into sight, also for when those of some kinds change."""
        ahead = () if self.live else (_ELSEWHERE, *(_CHANGES.format(kind=each) for each in kinds if each in ENTITIES))
        self._connection().expect((*queries, *ahead))

    def rows(self, sql: str, binds: Mapping[str, object]) -> list[tuple[Any, ...]]:
        """The rows of a query over the canonical relation: the views `receipt` and `entity_KIND`.

        `binds` are the values of its named placeholders. Raises LedgerError, and UsageError for a text that is not
        Unicode.
        """
        return self._connection().rows(sql, binds)

    def selected(
        self,
        sql: str,
        binds: Mapping[str, object],
        *,
        numbers: bool = False,
        computed: Callable[..., int | None] | None = None,
    ) -> list[Row]:
        """The rows of a selection's query, with the groups and the number of each where it takes `numbers`.

        `computed` is the function of that name in its SQL. Raises as `rows`.
        """
        if computed is not None:
            self._connection().computed = computed
        return _rows(self.rows(self._led(sql, binds), binds), numbers=numbers)

    def _led(self, sql: str, binds: Mapping[str, object]) -> str:
        """The query by the better index, where the ledger is so large that it matters."""
        if self.head <= SMALL or "task" not in binds:
            return sql
        if self._leading is None:
            from interlock.ledger.leading import Leading

            self._leading = Leading(self._connection())
        return self._leading.led(sql, binds["task"])

    def selected_of_each(
        self,
        sql: str,
        binds: Sequence[Mapping[str, Any]],
        *,
        groups: int | None = None,
        suspects: bool = True,
        computed: Callable[..., int | None] | None = None,
    ) -> list[list[Row]] | None:
        """The rows of a selection's query for each of some tasks, by one statement; `binds` are the values of each.

        None where each must be queried alone. `groups` is how many groups its number has, None where it takes no
        number; without `suspects`, its rows do not say whether they are. Raises UnsettledError.
        """
        if computed is not None:
            self._connection().computed = computed
        extra = () if groups is None else ("number", *(f"g{place}" for place in range(groups)))
        found = self.bulk.rows(sql, (*(_SELECTED if suspects else _SELECTED[:-1]), *extra), binds)
        return None if found is None else [_rows(rows, numbers=groups is not None) for rows in found]

    @property
    def bulk(self) -> Bulk:
        """What runs queries for many tasks, for as long as the snapshot shows what it shows."""
        if self._bulk is None:
            from interlock.ledger.bulk import Bulk

            self._bulk = Bulk(self._connection())
        return self._bulk

    def receipts(self, *, so_far: bool = False) -> Iterator[Row]:
        """Every receipt, one at a time, in the order of insertion, without the `instant`.

        With `so_far`, only those that are not known to be later than the instant.

        Bytes that are not UTF-8 are read as unpaired surrogates. Raises LedgerError.
        """
        stream, least = self._connection().stream, -(1 << 63)
        try:
            for values in stream(_RECEIPTS, {"least": least, "so_far": so_far}):
                row = Row(*values)
                least = row.seq + 1
                yield row
        except FactError:  # to forgive from the start would make all rows a third dearer
            yield from starmap(Row, stream(_RECEIPTS, {"least": least, "so_far": so_far}, lenient=True))

    def entities(self, kind: str) -> Iterator[Row]:
        """Every entity of a kind, one at a time. Raises LedgerError.

        It raises FactError where one of them cannot be read; what would follow that one is then unknown.
        """
        return starmap(Row, self._connection().stream(_OF_KIND.format(kind=kind), {}))

    def malformed(self, kinds: Iterable[str]) -> list[Row]:
        """Some receipts of these kinds whose documents are not JSON text. Raises LedgerError."""
        return self.selected(_MALFORMED, {"kinds": _listed(kinds)})

    def facts(
        self, tasks: Iterable[str] | None, kinds: Iterable[str] | None, everywhere: Iterable[str]
    ) -> Iterator[Row]:
        """Every fact up to the instant, one at a time: receipts by insertion, then entities.

        Of `tasks` (ids; of every task when None), of `kinds` (every kind when None), and, of the kinds `everywhere`,
        those of every task and of none. Raises LedgerError.
        """
        binds = {"tasks": _listed(tasks), "kinds": _listed(kinds), "everywhere": _listed(everywhere)}
        for query in self._queries(tasks, kinds):
            yield from starmap(Row, self._connection().stream(query, binds))

    def _queries(self, tasks: Iterable[str] | None, kinds: Iterable[str] | None) -> Iterator[str]:
        """The queries whose rows are the facts of `tasks`, of `kinds`."""
        yield _CHOSEN.format(source="receipt", order=" ORDER BY seq")
        absent = self.absent()
        if tasks is not None and kinds is None:  # the earlier state of the tasks' seats follows from these alone
            yield _SESSION_RECEIPTS
            if "registration" not in absent:
                yield _SESSION_REGISTRATIONS
        wanted = None if kinds is None else set(kinds)
        for kind in ENTITIES:
            if (wanted is None or kind in wanted) and kind not in absent:
                yield _CHOSEN.format(source=f"entity_{kind}", order=_BY_TASK if kind == "seat" else "")

    def instant_of(self, receipt: str) -> int | None:
        """When the receipt of that id was written, in microseconds; None when there is none, or it has no time."""
        found = self.rows("SELECT instant FROM receipt WHERE id = :id", {"id": receipt})
        return found[0][0] if found else None

    def instant_of_newest(self) -> int | None:
        """When the newest receipt was written, in microseconds; None when there is none, or it has no time."""
        found = self.rows("SELECT instant FROM receipt ORDER BY seq DESC LIMIT 1", {})
        return found[0][0] if found else None

    def newest(self) -> str | None:
        """The id of the receipt at the head; None when there is none, or a feed does not name it.

        None too where there are several sources: each has a head of its own.
        """
        if self.joined is not None:
            return None
        found = self.rows("SELECT id FROM receipt WHERE seq = :head", {"head": self.head})
        return found[0][0] if found else self._open().newest_at(self.head)

    def fact(self, kind: str, identity: str) -> Row | None:
        """The fact of that kind and id; None when there is none.

        A receipt is found whatever its kind is now. Raises LedgerError.
        """
        source = f"entity_{kind}" if kind in ENTITIES else "receipt"
        found = self.selected(f"SELECT {_COLUMNS} FROM {source} WHERE id = :id", {"id": identity})
        return found[0] if found else None

    def look(self, now: int) -> None:
        """See the facts that are stamped up to another instant, while the question stays what it is."""
        self._connection().now = now

    def ask(self, now: int) -> None:
        """Ask about another instant from here on, in microseconds, UTC: the ledger is seen as it stood then."""
        self._asked = (now, False, None)
        self._open().ask(now)

    @contextmanager
    def history(self) -> Iterator[None]:
        """Within it, ask about other instants; after it, the question and what is seen are what they were."""
        (now, live, as_of), seen = self._asked, self._connection().now
        try:
            yield
        finally:
            self._asked = (now, live, as_of)
            self._open().ask(now, live=live, as_of=as_of)
            self.look(seen)

    @contextmanager
    def upto(self, head: int) -> Iterator[None]:
        """Within it, see receipts up to a `seq` only. Not for several sources, of which each has its own."""
        connection = self._connection()
        whole, connection.head = connection.head, head
        try:
            yield
        finally:
            connection.head = whole

    def recorded(
        self, task: str, kinds: Iterable[str], everywhere: Iterable[str], since: int
    ) -> list[tuple[str, str, int]]:
        """Kind, id and instant of receipts, by insertion, from the first on that is stamped with `since` or later.

        They are of a task (by id), of `kinds`; those `everywhere` are of every task and of none. Raises LedgerError.
        """
        binds = {"task": task, "kinds": _listed(kinds), "everywhere": _listed(everywhere)}
        return self.rows(_RECORDED, binds | {"floor": format_instant(max(since, 0))[:19]})

    def begun(self, task: str, kinds: Iterable[str], everywhere: Iterable[str]) -> int | None:
        """When the first such receipt came; None where none has. Raises LedgerError."""
        binds = {"task": task, "kinds": _listed(kinds), "everywhere": _listed(everywhere)}
        found: int | None = self.rows(_BEGUN, binds)[0][0]
        return found

    def arrived(
        self, task: str, kinds: Iterable[str], everywhere: Iterable[str], since: int, until: int
    ) -> list[Arrival]:
        """The receipts of a task (by id), of `kinds`, that came after `since`, up to `until`, by insertion.

        Those `everywhere` are of every task and of none. Those whose time is none are among them. Raises LedgerError.
        """
        binds = {"task": task, "kinds": _listed(kinds), "everywhere": _listed(everywhere)}
        return list(starmap(Arrival, self.rows(_ARRIVED, {**binds, "since": since, "until": until})))

    def elsewhere(self, task: str, since: int, until: int) -> list[Arrival]:
        """The receipts about the sessions of a task's seats (by id), and are of another task, or of none.

        Those that came after `since`, up to `until`, by insertion. Raises LedgerError.
        """
        binds = {"task": task, "since": since, "until": until, "floor": format_instant(since)[:19]}
        binds["beyond"] = format_instant(until + SECOND)[:19]
        return list(starmap(Arrival, self.rows(_ELSEWHERE, binds)))

    def coming(self, task: str | None, kind: str | None, floor: str, limit: int) -> list[tuple[str, str, int | None]]:
        """Kind, `at` and instant of the first receipts of a task or kind from a text of `at` on. Raises LedgerError."""
        binds = {"task": task, "kind": kind, "floor": floor, "limit": limit}
        return self.rows(_COMING.format(of=_of(task)), binds)

    def unreadable(self, task: str | None, kind: str | None, floor: str, beyond: str | None) -> list[tuple[str, str]]:
        """Kind and `at` of receipts whose time is none, from one text on, before another if any. Raises LedgerError."""
        binds = {"task": task, "kind": kind, "floor": floor, "beyond": b"" if beyond is None else beyond}
        return self.rows(_UNREADABLE.format(of=_of(task)), binds)

    def span(self, task: str) -> tuple[int | None, int | None]:
        """When the first receipt of a task (by id) came, and the last; None where it has none. Raises LedgerError."""
        return self.rows("SELECT min(instant), max(instant) FROM receipt WHERE task_id = :task", {"task": task})[0]

    def changes(self, kind: str, task: str | None) -> list[tuple[str, str, int]]:
        """When entities of a kind changed, of a task (by id) or of all, and what did: kind, id and instant.

        Raises LedgerError.
        """
        return self.rows(_CHANGES.format(kind=kind), {"task": task})

    def contradicted(self, rows: Iterable[Row]) -> list[str]:
        """The receipts for which the table differs from an index.

        SQLite takes what is in an index from there. A receipt that an index lacks is not found, and not noticed.
        """
        if self._connection().layout != "conveyor":
            return []
        rows = [row for row in rows if row.kind not in ENTITIES and isinstance(row.seq, int)]
        if self.joined is not None:
            rows = self.joined.of_conveyor(rows)
        rows_by_seq = {row.seq: row for row in rows}
        if not rows_by_seq:
            return []
        stored = set(self.rows(_STORED, {"seqs": _listed(rows_by_seq)}))
        return [
            f"{row.kind} `{row.id}` is not what an index of the ledger says; check it with `interlock verify-ledger`"
            for row in rows_by_seq.values()
            if (row.kind, row.id, row.seq, row.task, row.at) not in stored
        ]

    def damage(self, tick: Callable[[], None]) -> tuple[str, ...]:
        """What SQLite finds damaged in the ledger's file, in its own words; none in a feed. Raises LedgerError.

        It reads the whole file, and calls `tick` every few milliseconds.
        """
        return self._connection().damage(tick)

    def turns(self) -> tuple[int, ...]:
        """The instants at which it turns out that what was recorded by then is not known here; none for a ledger."""
        return self._open().turns()

    def absent(self) -> dict[str, str]:
        """The kinds of entities for which this ledger has no table, and the tables' names. Raises LedgerError."""
        return self._open().absent()

    @property
    def joined(self) -> Joined | None:
        """The sources, where there are several; None where there is one."""
        return self._open().joined

    def task_name(self, identity: str) -> str:
        """The name of the task of that id. Raises LedgerError."""
        found = self.rows(f"SELECT name FROM {self._connection().tasks} WHERE id = :id", {"id": identity})
        return str(found[0][0])

    def uncovered(self, kinds: Mapping[str, bool], task: str) -> str | None:
        """Why facts of these kinds (of every task, where True) may lack here, though they were recorded; or None."""
        return self._open().uncovered(kinds, task)

    def _open(self) -> FactSource:
        if self._source is None:
            raise RuntimeError("the snapshot is over")
        return self._source

    def _connection(self) -> Connection:
        return self._open().connection

    def task_id(self, text: str) -> str:
        """The id of the task of that name or id.

        Raises UsageError when there is none, or when the text may mean several.
        """
        return self._tasks.find(text).id

    def task_label(self, text: str) -> str:
        """The label of the requested task: its name, or its id where the name is ambiguous.

        Raises UsageError as `task_id`.
        """
        return self._tasks.find(text).label

    def task_labels(self) -> list[str]:
        """The label of every task so far, oldest first. Raises UsageError for a task that no text means alone."""
        return self._tasks.labels()

    def close(self) -> None:
        """The snapshot is over: it answers no more."""
        if self._bulk is not None:
            self._bulk.close()
        self._source = None


def _rows(found: list[tuple[Any, ...]], *, numbers: bool) -> list[Row]:
    if numbers:
        return list(starmap(Row, ((*values[:_NUMBERED], values[_NUMBERED:]) for values in found)))
    return [Row(*values[: _NUMBERED - 1]) for values in found]


def _listed(values: Iterable[str | int] | None) -> str | None:
    return None if values is None else msgspec.json.encode(list(values)).decode()


def _of(task: str | None) -> str:
    """The condition that leads through the index of a task's receipts, or of a kind's."""
    return "kind = :kind" if task is None else "task_id = :task"
