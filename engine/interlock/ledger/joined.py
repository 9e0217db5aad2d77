"""Several sources in one question: one ledger of Conveyor at most, and any number of feeds and of further tables.

All are seen as one relation, at one instant, in one snapshot. A receipt that several sources have counts once, if all
say the same of it, and else nothing is read. Entities come from one source alone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from interlock.instant import LATEST, format_instant
from interlock.ledger.connection import NEWEST, Connection, Upto, definitions
from interlock.ledger.conveyor import Beside, ConveyorFile
from interlock.ledger.errors import refused
from interlock.ledger.feed import Coverage, read_feed
from interlock.ledger.mapped import read_table
from interlock.ledger.rows import Row
from interlock.ledger.table import FactTable, is_same
from interlock.model.sources import TableSource
from interlock.schemas import Catalog

_COLUMNS: Final = "kind, id, seq, task, at, actor, severity, summary, correlation, attributes, source, place"
# Of the types of Conveyor's columns: SQLite searches both parts of the view by their indexes only if these are alike.
_BESIDE: Final = """
CREATE TEMP TABLE beside (kind TEXT, id TEXT, seq INTEGER, task TEXT, at TEXT, actor TEXT, severity TEXT, summary TEXT,
                          correlation TEXT, attributes TEXT, source INTEGER, place INTEGER, task_id TEXT,
                          twin INTEGER DEFAULT 0);
CREATE INDEX temp.beside_kind ON beside (kind, at);
CREATE INDEX temp.beside_task ON beside (task_id, at);
CREATE INDEX temp.beside_id ON beside (id);
CREATE TEMP TABLE known_task (id TEXT, name TEXT, created_at TEXT);
"""
_HELD: Final = f"SELECT {_COLUMNS} FROM main.fact WHERE NOT entity"
_PLACED: Final = f"INSERT INTO temp.beside ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_RECEIPTS: Final = """
UNION ALL
SELECT kind, id, seq, task_id, task, at, instant_of(at) AS instant, actor, severity, summary, correlation, attributes
FROM temp.beside
WHERE NOT twin AND +seq <= asked_head_of(source)
"""
"""What is added to the view of Conveyor's receipts."""
_TWINS: Final = (
    "SELECT beside.kind, beside.id, beside.seq, beside.task, beside.at, NULL, beside.actor, beside.severity,"
    " beside.summary, beside.correlation, beside.attributes, beside.source, beside.place,"
    " twin.event_type, twin.id, twin.rowid, (SELECT name FROM main.tasks WHERE tasks.id = twin.task_id),"
    " twin.timestamp, NULL, twin.actor, twin.severity, twin.summary, twin.correlation_json, twin.attributes_json"
    " FROM temp.beside JOIN main.telemetry_events AS twin ON twin.id = beside.id"
)
_UNCLEAR: Final = (
    "SELECT beside.task, beside.source FROM temp.beside JOIN main.tasks ON tasks.name = beside.task"
    " GROUP BY beside.task HAVING count(DISTINCT tasks.id) > 1 LIMIT 1"
)
_SETTLE: Final = """
UPDATE temp.beside SET twin = EXISTS (SELECT 1 FROM main.telemetry_events WHERE telemetry_events.id = beside.id);
UPDATE temp.beside SET task_id = coalesce((SELECT tasks.id FROM main.tasks WHERE tasks.name = beside.task), task);
DELETE FROM temp.known_task;
INSERT INTO temp.known_task SELECT id, name, created_at FROM main.tasks ORDER BY rowid;
INSERT INTO temp.known_task SELECT task, task, min(at) FROM temp.beside
WHERE task IS NOT NULL AND task NOT IN (SELECT name FROM main.tasks) AND {askable} GROUP BY task ORDER BY min(rowid);
"""
_FED: Final = {
    "feed": "SELECT source, kind, id, seq, task AS task_id, at FROM main.fact WHERE NOT entity",
    "conveyor": "SELECT source, kind, id, seq, task_id, at FROM temp.beside WHERE NOT twin",
}
"""The receipts that are not the ledger's."""
_NEWEST: Final = "SELECT source, max(seq) FROM fed WHERE seq <= asked_head_of(source) GROUP BY source"
_OF_SOURCE: Final = "SELECT id FROM fed WHERE source = :source AND seq = :seq"
_OF_LEDGER: Final = "SELECT id FROM main.telemetry_events WHERE rowid = :seq"
_KINDS: Final = "(SELECT value FROM json_each(:kinds))"
_CHOSEN: Final = (
    f"{{it}}.kind IN {_KINDS} AND (:everywhere OR {{it}}.task_id = :task)"
    " AND +{it}.seq <= asked_head_of({it}.source) AND (instant_of({it}.at) > asked_instant()) IS NOT TRUE"
)
_CHOSEN_OF_LEDGER: Final = (
    f"{{it}}.event_type IN {_KINDS} AND (:everywhere OR {{it}}.task_id = :task)"
    " AND +{it}.rowid <= asked_head() AND (instant_of({it}.timestamp) > asked_instant()) IS NOT TRUE"
)
_ONE_MOMENT: Final = (
    "{at} >= substr(one.at, 1, 19) AND {at} < substr(one.at, 1, 19) || '~'"
    " AND instant_of(one.at) <= instant_of({at}) + iif(instr({at}, '.'), 0, 999999)"
    " AND instant_of({at}) <= instant_of(one.at) + iif(instr(one.at, '.'), 0, 999999)"
)
"""That two stamps, of which one is that of `one`, may mean one moment; the first line is found by an index."""
_UNORDERED: Final = (
    "SELECT one.kind, one.id, one.source, other.kind, other.id, other.source FROM fed AS one CROSS JOIN fed AS other"
    f" WHERE {_CHOSEN.format(it='one')} AND {_CHOSEN.format(it='other')} AND one.source < other.source"
    f" AND {_ONE_MOMENT.format(at='other.at')} LIMIT 1"
)
_UNORDERED_BY_LEDGER: Final = (
    "SELECT one.kind, one.id, one.source, other.event_type, other.id, :ledger"
    " FROM fed AS one CROSS JOIN main.telemetry_events AS other"
    f" WHERE {_CHOSEN.format(it='one')} AND {_CHOSEN_OF_LEDGER.format(it='other')}"
    f" AND {_ONE_MOMENT.format(at='other.timestamp')} LIMIT 1"
)
_SPREAD: Final = f"SELECT DISTINCT source FROM fed AS it WHERE {_CHOSEN.format(it='it')}"
_SPREAD_TO_LEDGER: Final = (
    f"SELECT :ledger FROM main.telemetry_events AS it WHERE {_CHOSEN_OF_LEDGER.format(it='it')} LIMIT 1"
)
_SINCE: Final = (
    "SELECT source, kind, id, seq, instant_of(at) FROM fed WHERE seq > json_extract(:heads, '$[' || source || ']')"
    " ORDER BY seq"
)
_SINCE_OF_LEDGER: Final = (
    "SELECT :ledger, event_type, id, rowid, instant_of(timestamp) FROM main.telemetry_events WHERE rowid > :head"
    " ORDER BY rowid"
)
_SEQ: Final = "SELECT seq FROM fed WHERE source = :source AND id = :id"
_SEQ_OF_LEDGER: Final = "SELECT rowid FROM main.telemetry_events WHERE id = :id"
_LATER: Final = "SELECT kind, id FROM main.fact WHERE source = ? AND instant_of(at) > ? LIMIT 1"
_ORIGINS: Final = {
    "feed": "SELECT id, source FROM main.fact WHERE id IN (SELECT value FROM json_each(:ids))",
    "conveyor": (
        "SELECT asked.value, coalesce((SELECT source FROM temp.beside WHERE beside.id = asked.value AND NOT twin),"
        " {conveyor}) FROM json_each(:ids) AS asked"
    ),
}


class JoinedHead(NamedTuple):
    """The path of a source, and the `seq` and the id of its newest receipt: 0 and None where it has none."""

    path: str
    seq: int
    newest: str | None


class Joined:
    """The sources as one. It serves snapshots for as long as it is `current`.

    `paths` are those of the sources, in the order in which they were named.
    """

    _asked = 0
    _ends: tuple[JoinedHead, ...] = ()

    def __init__(
        self,
        path: str,
        paths: Sequence[str],
        table: FactTable,
        covered: Mapping[int, Coverage],
        *,
        opened: Callable[[Beside], ConveyorFile] | None = None,
        conveyor: int | None = None,
        current: Callable[[], bool] = lambda: True,
    ) -> None:
        """Join a table of facts, whose sources say what each has `covered`, with a ledger of Conveyor.

        `opened` opens that ledger; it is the source of the index `conveyor`. `current` says whether what the table
        was filled from is what it was. Raises LedgerError.
        """
        self.path, self.paths = path, tuple(paths)
        self._table, self._covered, self._conveyor, self._unchanged = table, covered, conveyor, current
        self._opened, self._heads = opened, [NEWEST] * len(paths)
        self._file: ConveyorFile | None = None
        if opened is None:
            database = table.connection
            database.create_function("asked_head_of", 1, self._heads.__getitem__)
            instead = {
                name: query.replace("asked_head()", "asked_head_of(source)")
                for name, query in definitions("feed").items()
                if "asked_head()" in query
            }
            self.connection = Connection(database, "feed", path, path, instead=instead)
            self.connection.prepare(lambda found: found.execute(f"CREATE TEMP VIEW fed AS {_FED['feed']}"))
        else:
            self._open(opened)

    def _open(self, opened: Callable[[Beside], ConveyorFile]) -> None:
        """Open the ledger of Conveyor. Raises LedgerError."""
        self._file = opened(self._beside)
        self.connection = self._file.connection
        self.connection.tasks = "temp.known_task"

    taken: None = None
    """Each source was taken at an instant of its own."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Why what was committed last may be missing, in sentences."""
        noted = () if self._file is None else self._file.notes
        return (*noted, *(note for each in self._covered.values() for note in each.notes))

    @property
    def joined(self) -> Joined:
        """Itself."""
        return self

    def _beside(self, database: sqlite3.Connection) -> Mapping[str, str]:
        """Put the table's receipts beside those of the ledger, and give what stands for the view of them.

        Raises sqlite3.Error.
        """
        database.executescript(_BESIDE)
        database.create_function("asked_head_of", 1, self._heads.__getitem__)
        database.executemany(_PLACED, self._table.connection.execute(_HELD))
        database.execute(f"CREATE TEMP VIEW fed AS {_FED['conveyor']}")
        return {"receipt": definitions("conveyor")["receipt"].rstrip() + _RECEIPTS}

    def current(self) -> bool:
        """Whether what was read has not changed since; the ledger of Conveyor is opened again. Raises LedgerError."""
        if self._file is not None and self._opened is not None and not self._file.current():
            self.connection.close()
            self._open(self._opened)
        return self._unchanged()

    def close(self) -> None:
        """Let go of the sources."""
        self.connection.close()
        self._table.connection.close()

    def begin(self, now: int, head: Upto, *, live: bool = False, as_of: int | None = None) -> int:
        """Begin a snapshot at `now`, of the receipts of each source up to its `seq`; the largest that there is.

        Raises LedgerError.
        """
        self._asked = LATEST if live else now
        self._heads[:] = [head] * len(self.paths) if isinstance(head, int) else head
        own = NEWEST if self._conveyor is None else self._heads[self._conveyor]
        newest = self.connection.begin(now, own, live=live, as_of=as_of)
        if self._conveyor is not None:
            self._settle()
        self._ends = self._ended(newest)
        return max(each.seq for each in self._ends)

    def _settle(self) -> None:
        """Find what the ledger has too, and which of its tasks are meant. Raises LedgerError."""
        ids: dict[str, tuple[Any, ...]] = {}
        for (
            *one,
            source,
            place,
            kind,
            identity,
            seq,
            task,
            at,
            instant,
            actor,
            severity,
            summary,
            corr,
            attr,
        ) in self.connection.rows(_TWINS, {}):
            other = Row(kind, identity, seq, task, at, instant, actor, severity, summary, corr, attr)
            if not is_same(Row(*one), other, unnumbered=True):
                ids.setdefault(identity, (kind, source, place))
        if ids:
            identity, (kind, source, place) = next(iter(ids.items()))
            where = self._table.where(source, place, None)
            assert self._conveyor is not None
            raise refused(self.paths[self._conveyor], f"contradicts {where} about {kind} `{identity}`")
        for task, source in self.connection.rows(_UNCLEAR, {}):
            raise refused(
                self.paths[source], f"has facts of the task `{task}`, and `{self._named()}` has several of that name"
            )
        askable = " AND ".join(self._askable()) or "1"
        self.connection.prepare(lambda database: _each(database, _SETTLE.format(askable=askable)))

    def _askable(self) -> Iterator[str]:
        """Conditions on the rows that name tasks: a feed of some tasks also has receipts of others."""
        for source, covered in self._covered.items():
            if covered.tasks is not None:
                listed = ", ".join("'" + task.replace("'", "''") + "'" for task in covered.tasks)
                yield f"(source <> {source} OR task IN ({listed}))"

    def _named(self) -> str:
        return self.path if self._conveyor is None else self.paths[self._conveyor]

    def ask(self, now: int, *, live: bool = False, as_of: int | None = None) -> None:
        """See facts up to `now`; in a `live` snapshot every fact, entities as of `as_of` where that is given."""
        self._asked = LATEST if live else now
        self.connection.ask(now, live=live, as_of=as_of)

    def absent(self) -> dict[str, str]:
        """The kinds of entities for which there is no table, and the tables' names. Raises LedgerError."""
        return {} if self._file is None else self._file.absent()

    def uncovered(self, kinds: Mapping[str, bool], task: str) -> str | None:
        """Why facts of these kinds may be missing, by the first source that knows; or None."""
        if self._file is not None and (lost := self._file.uncovered(kinds, task)) is not None:
            return lost
        for source, covered in self._covered.items():
            if (why := covered.uncovered(kinds, task, self._asked)) is not None:
                return f"`{self.paths[source]}`: {why}"
        return None

    def turns(self) -> tuple[int, ...]:
        """The instants at which what `uncovered` says may change."""
        return tuple(sorted({at for each in self._covered.values() for at in each.turns()}))

    def newest_at(self, head: int) -> str | None:  # noqa: ARG002
        """None: `heads` says it of each source."""
        return None

    def heads(self) -> tuple[JoinedHead, ...]:
        """The newest receipt of each source in this snapshot, in their order."""
        return self._ends

    def _ended(self, newest: int) -> tuple[JoinedHead, ...]:
        """Where each source ends; `newest` is the `seq` where the ledger of Conveyor does."""
        ends = dict(self.connection.rows(_NEWEST, {}))
        if self._conveyor is not None:
            ends[self._conveyor] = newest
        return tuple(self._head(source, ends.get(source, 0)) for source in range(len(self.paths)))

    def _head(self, source: int, seq: int) -> JoinedHead:
        covered = self._covered.get(source)
        if covered is not None and covered.head is not None:
            seq = min(covered.head, self._heads[source])
        query = _OF_LEDGER if source == self._conveyor else _OF_SOURCE
        found = self.connection.rows(query, {"source": source, "seq": seq})
        known = None if covered is None else covered.newest_at(seq)
        return JoinedHead(self.paths[source], seq, found[0][0] if found else known)

    def since(self, heads: Sequence[int]) -> list[tuple[int, str, str, int, int | None]]:
        """The source, kind, id, `seq` and instant of receipts beyond the head of each source, in the order of `seq`.

        Raises LedgerError.
        """
        found = self.connection.rows(_SINCE, {"heads": msgspec.json.encode(heads).decode()})
        if self._conveyor is not None:
            binds = {"ledger": self._conveyor, "head": heads[self._conveyor]}
            found = sorted([*found, *self.connection.rows(_SINCE_OF_LEDGER, binds)], key=lambda row: row[3])
        return found

    def seq_of(self, source: int, identity: str) -> int | None:
        """The `seq` of a receipt of a source; None where it has none of that id. Raises LedgerError."""
        query = _SEQ_OF_LEDGER if source == self._conveyor else _SEQ
        found = self.connection.rows(query, {"source": source, "id": identity})
        return found[0][0] if found else None

    def origins(self, ids: Iterable[str]) -> list[tuple[str, int]]:
        """The facts of these ids, each with the index of the source that it is from. Raises LedgerError."""
        query = _ORIGINS["feed" if self._conveyor is None else "conveyor"].format(conveyor=self._conveyor)
        return self.connection.rows(query, {"ids": msgspec.json.encode(list(ids)).decode()})

    def of_conveyor(self, rows: Sequence[Row]) -> list[Row]:
        """Those of some receipts that the ledger of Conveyor has. Raises LedgerError."""
        own = {identity for identity, source in self.origins(row.id for row in rows) if source == self._conveyor}
        return [row for row in rows if row.id in own]

    def unordered(self, selections: Iterable[tuple[Sequence[str], bool]], task: str, *, numbers: bool) -> str | None:
        """Why it is not known which fact of some selection is the later; or None.

        Each of the `selections` orders receipts of some kinds, of every task where it says so, else of `task` (by id).
        With `numbers` it compares their `seq`, which orders the receipts of one source only. Raises LedgerError.
        """
        for kinds, everywhere in selections:
            binds = {"kinds": msgspec.json.encode(list(kinds)).decode(), "everywhere": everywhere, "task": task}
            spread = sorted(self._both(_SPREAD, _SPREAD_TO_LEDGER, binds)) if numbers else []
            if len(spread) > 1:
                paths = " and ".join(f"`{self.paths[source]}`" for (source,) in spread)
                return f"the policy compares `seq`, which orders the receipts of one source only, and there are {paths}"
            for kind, one, source, other_kind, other, of in self._both(_UNORDERED, _UNORDERED_BY_LEDGER, binds):
                return (
                    f"neither of {kind} `{one}` of `{self.paths[source]}` and {other_kind} `{other}` of"
                    f" `{self.paths[of]}` is known to be the later: their stamps may mean one moment"
                )
        return None

    def _both(self, query: str, of_ledger: str, binds: dict[str, Any]) -> list[tuple[Any, ...]]:
        """The rows of a query, and of that which is about the ledger of Conveyor too, where there is one."""
        found = self.connection.rows(query, binds)
        if self._conveyor is None:
            return found
        return [*found, *self.connection.rows(of_ledger, {**binds, "ledger": self._conveyor})]


def _each(database: sqlite3.Connection, script: str) -> None:
    """Run the statements of a script in the transaction that is open."""
    for statement in script.split(";\n"):
        if statement.strip():
            database.execute(statement)


def join(
    paths: Sequence[str],
    feeds: Mapping[int, Iterable[bytes]],
    tables: Mapping[int, TableSource],
    catalog: Catalog,
    opened: Callable[[Beside], ConveyorFile] | None,
    current: Callable[[], bool],
    patience: float,
    *,
    strict: bool = False,
) -> Joined:
    """Read the lines of feeds and the rows of tables, each the source of an index, and join them with a ledger.

    `opened` opens that ledger of Conveyor: the one of the `paths` that is neither. `current` says whether the tables
    are as they were read. Raises LedgerError.
    """
    (conveyor,) = [index for index in range(len(paths)) if index not in feeds and index not in tables] or (None,)
    table, path = FactTable(), " + ".join(paths)
    with table.filling(path):
        table.places = [(each, "line") for each in paths]
        table.entities_of = conveyor
        covered = {
            index: read_feed(paths[index], lines, table, catalog, index, strict=strict)
            for index, lines in feeds.items()
        }
        for index, mapped in tables.items():
            covered[index] = read_table(mapped, table, catalog, index, patience, strict=strict)
        table.index()
        for index, each in covered.items():
            table.name_tasks(each.tasks, index)
            _refuse_later(paths[index], each, table, index)
        return Joined(path, paths, table, covered, opened=opened, conveyor=conveyor, current=current)


def _refuse_later(path: str, covered: Coverage, table: FactTable, source: int) -> None:
    """Raises LedgerError where an exported feed has facts that are stamped later than it was taken.

    Alone it counts as a whole at that instant; beside others it cannot.
    """
    if covered.taken is not None:
        for kind, identity in table.connection.execute(_LATER, (source, covered.taken)):
            late = f"has {kind} `{identity}`, stamped later than it was taken ({format_instant(covered.taken)})"
            raise refused(path, f"{late}; ask about it alone")
