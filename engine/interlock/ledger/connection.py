"""One connection to SQLite, which sees its database as the canonical relation of facts; and what has one."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache, partial
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from interlock.diagnostics import UsageError
from interlock.instant import LATEST
from interlock.ledger.errors import explained_error, refused, unreadable
from interlock.ledger.functions import define, define_valid
from interlock.schemas import Catalog

if TYPE_CHECKING:
    from interlock.ledger.joined import Joined

STATEMENT_SECONDS = 30.0
"""How long a statement may run without giving a row. Every query of a decision takes milliseconds."""
STEPS_BETWEEN_CHECKS: Final = 100_000
"""Steps of SQLite's virtual machine between two checks of the clock: a few milliseconds."""


class Watchdog:
    """Interrupts a statement of one connection that gives no row for `seconds`.

    It also lets Ctrl-C through while SQLite is busy: Python handles signals only when it runs, and SQLite turns what is
    raised here into an interrupted statement. `expired` distinguishes the two.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.expired = False
        self.seconds, self._deadline = STATEMENT_SECONDS, inf
        connection.set_progress_handler(self._is_over, STEPS_BETWEEN_CHECKS)

    def start(self) -> None:
        """Give the statement its time, from now on."""
        self.expired, self._deadline = False, monotonic() + self.seconds

    def stop(self) -> None:
        """Bound nothing until the next `start`."""
        self._deadline = inf

    def _is_over(self) -> bool:
        self.expired = monotonic() > self._deadline
        return self.expired


Layout = Literal["conveyor", "feed"]
"""Which tables there are: those of Conveyor, or a `FactTable`."""
NEWEST_SEQ: Final[dict[Layout, str]] = {
    "conveyor": "SELECT max(rowid) FROM main.telemetry_events",
    "feed": "SELECT max(seq) FROM main.fact WHERE NOT entity",
}
"""The query for the `seq` of the newest receipt."""
WITHOUT_EVENTS: Final = {
    "registered": "SELECT NULL AS seq, NULL AS at, NULL AS instant, NULL AS session_id WHERE 0",
    "registered_pair": "SELECT NULL AS seq, NULL AS at, NULL AS instant, NULL AS task_id,"
    " NULL AS manager_name, NULL AS worker_name WHERE 0",
}
"""What stands for the views of `events` where a ledger has no such table: no registration is known."""
_DEFINITION: Final = "\nCREATE TEMP VIEW "


@cache
def definitions(layout: Layout) -> dict[str, str]:
    """The query that each view stands for, by the view's name."""
    found: dict[str, str] = {}
    for name in ("sessions", layout):
        with open(os.path.join(os.path.dirname(__file__), f"{name}.sql"), encoding="utf-8") as file:
            for part in file.read().split(_DEFINITION)[1:]:
                view, _, query = part.partition(" AS\n")
                found[view] = query.partition(";")[0]
    found[_LAST_SEAT] = found["entity_seat"].replace("seated_then", "seated_last")
    return found


_LAST_SEAT: Final = "entity_last_seat"
"""The view of seats as they were last, a sixth as dear to prepare as how they were at an instant."""


@lru_cache(1_024)
def last(sql: str) -> str:
    """A statement that sees everything: of seats it reads how they were last, which is the same."""
    parts = sql.split("'")  # every other one is in quotes
    parts[::2] = [part.replace("FROM entity_seat", f"FROM {_LAST_SEAT}") for part in parts[::2]]
    return "'".join(parts)


@lru_cache(1_024)
def needed(sql: str, layout: Layout) -> frozenset[str]:
    """The names of the views that a statement reads, directly or through other views."""
    known = definitions(layout)
    found = frozenset(name for name in known if _names(sql, name))
    return found.union(*(needed(known[name], layout) for name in found))


def _names(sql: str, view: str) -> bool:
    """Whether a statement has the word. A pattern that found all of its words would cost more than most statements."""
    start = sql.find(view)
    while start >= 0:
        end = start + len(view)
        if not (_is_of_a_word(sql[start - 1 : start]) or _is_of_a_word(sql[end : end + 1])):
            return True
        start = sql.find(view, end)
    return False


def _is_of_a_word(character: str) -> bool:
    return character.isalnum() or character == "_"


NEWEST: Final = (1 << 63) - 1
"""The `seq` that none is beyond."""
_SLOW: Final = "check it with `interlock verify-ledger`, and the disk that it lies on"
_forgiving = partial(str, encoding="utf-8", errors="surrogateescape")


class Connection:
    """A connection that runs queries over the canonical relation, for one snapshot after the other.

    `now` is the instant up to which facts are seen, in microseconds, UTC, and `head` the `seq` up to which receipts
    are. Where it is `live`, everything that is committed is seen, whatever its stamp. It is `broken` once a transaction
    could not be ended. `layout` says which tables the relation is made of.
    """

    now = 0
    head = NEWEST
    live = False
    broken = False
    tasks = "main.tasks"
    """The table that names the tasks."""
    _catalog: Catalog | None = None

    def __init__(
        self,
        database: sqlite3.Connection,
        layout: Layout,
        path: str,
        file: str,
        *,
        read_only: bool = True,
        verify: Callable[[sqlite3.Error | None], None] | None = None,
        instead: Mapping[str, str] | None = None,
    ) -> None:
        """Take over an open `database`, whose `file` people know as `path`.

        `verify` raises what explains an error of SQLite's, or what makes all that was read worthless; it is not needed
        where nobody else can write to the database. `instead` are queries that stand for views of the layout.

        Raises sqlite3.Error.
        """
        self.path, self.file, self._verify = path, file, verify
        self._database, self.layout, self._read_only = database, layout, read_only
        self._known = {**definitions(layout), **(instead or {})}
        self._views: frozenset[str] = frozenset()
        self._expected: frozenset[str] = frozenset()
        define(database)
        self.computed: Callable[..., int | None] = lambda *_: None
        database.create_function("computed", -1, self._evaluate)
        database.create_function("asked_instant", 0, lambda: self.now, deterministic=True)
        database.create_function("asked_head", 0, lambda: self.head, deterministic=True)
        if read_only:
            database.execute("PRAGMA query_only = 1")
        self._watchdog = Watchdog(database)

    def know(self, catalog: Catalog) -> None:
        """Take the schemas of the fact kinds from a catalog. A transaction must not be open."""
        if catalog is not self._catalog:
            define_valid(self._database, catalog)
            self._catalog = catalog

    def _evaluate(self, *given: object) -> int | None:
        return self.computed(*given)

    def ask(self, now: int, *, live: bool = False, as_of: int | None = None) -> None:
        """See facts up to `now`; where it is `live` every fact, entities as of `as_of` where that is given."""
        self.live = live
        self.now = now if not live else LATEST if as_of is None else as_of

    def begin(self, now: int, head: int, *, live: bool = False, as_of: int | None = None) -> int:
        """Begin a read transaction, in which receipts up to a `seq` are seen; the `seq` of the newest of them."""
        self.head = head
        self.ask(now, live=live, as_of=as_of)
        self.rows("BEGIN", {})
        return self.newest()

    def newest(self) -> int:
        """The `seq` of the newest receipt up to the `head`; 0 when there is none. Raises LedgerError."""
        found: int | None = self.rows(NEWEST_SEQ[self.layout], {})[0][0]
        return min(found or 0, self.head)

    def end(self) -> None:
        """End the transaction, if there is one, and keep the views that were created in it. Raises LedgerError."""
        if self._database.in_transaction:
            try:
                self._database.execute("COMMIT")
            except sqlite3.DatabaseError as error:
                self.broken = True
                self.verify(error)
                raise explained_error(self.path, self.file, error) from error

    def verify(self, error: sqlite3.Error | None = None) -> None:
        """Raises UnsettledError where the file was read as one that nobody changes, and has changed."""
        if self._verify is not None:
            self._verify(error)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def rows(self, sql: str, binds: Mapping[str, object]) -> list[tuple[Any, ...]]:
        """The rows of a query. Raises LedgerError, and UsageError for a bound text that is not Unicode."""
        sql = self.seen(sql)
        try:
            self.create_views(needed(sql, self.layout))
            self._watchdog.start()
            return self._database.execute(sql, binds).fetchall()
        except UnicodeEncodeError as error:
            text = error.object.encode(errors="backslashreplace").decode()
            raise UsageError(f"`{text}` is not text: it contains bytes that are not UTF-8") from None
        except sqlite3.ProgrammingError:
            raise
        except sqlite3.DatabaseError as error:
            raise self._failure(error, sql, binds) from error
        finally:
            self._watchdog.stop()

    def stream(self, sql: str, binds: Mapping[str, object], *, lenient: bool = False) -> Iterator[tuple[Any, ...]]:
        """The rows of a query, one at a time. Raises LedgerError; FactError for a row that cannot be read.

        Where it is `lenient`, bytes that are not UTF-8 are read as unpaired surrogates.
        """
        sql = self.seen(sql)
        self.create_views(needed(sql, self.layout))
        self._database.text_factory = _forgiving if lenient else str
        try:
            self._watchdog.start()
            for row in self._database.execute(sql, binds):
                yield row
                self._watchdog.start()
        except sqlite3.ProgrammingError:
            raise
        except sqlite3.DatabaseError as error:
            raise self._failure(error, sql, binds) from error
        finally:
            self._watchdog.stop()
            self._database.text_factory = str

    def seen(self, sql: str) -> str:
        """A query as it is run for what is seen now."""
        return last(sql) if self.now == LATEST else sql

    def expect(self, queries: Iterable[str]) -> None:
        """Have the views that these queries read made with the first: each that is made later has SQLite prepare all
        statements again."""
        self._expected = self._expected.union(*(needed(self.seen(sql), self.layout) for sql in queries))

    def prepare(self, use: Callable[[sqlite3.Connection], object]) -> None:
        """Have something changed that this connection alone sees, in memory. Raises LedgerError."""
        if self._read_only:
            self._database.execute("PRAGMA query_only = 0")
        try:
            use(self._database)
        except sqlite3.DatabaseError as error:
            self.verify(error)
            raise explained_error(self.path, self.file, error) from error
        finally:
            if self._read_only:
                self._database.execute("PRAGMA query_only = 1")

    def create_views(self, names: frozenset[str]) -> None:
        """Create the views of these names that are not there yet, in memory and for this connection only."""
        if names <= self._views:
            return
        if self._read_only:
            self._database.execute("PRAGMA query_only = 0")
        try:
            for name in (names | self._expected) - self._views:
                self._database.execute(f"CREATE TEMP VIEW {name} AS {self._known[name]}")
                self._views |= {name}
        finally:
            if self._read_only:  # where it is not, the pragma would have SQLite prepare every query again
                self._database.execute("PRAGMA query_only = 1")

    def damage(self, tick: Callable[[], None]) -> tuple[str, ...]:
        """What SQLite finds damaged in the file, its indexes included; at most 100 findings. Raises LedgerError.

        It reads the whole file, and calls `tick` every few milliseconds. Constraints are not checked: schemas are.
        """

        def ticked() -> int:
            tick()
            return 0

        try:
            self._database.execute("PRAGMA ignore_check_constraints = 1")
            self._database.set_progress_handler(ticked, STEPS_BETWEEN_CHECKS)
            found = self._database.execute("PRAGMA main.integrity_check").fetchall()
        except sqlite3.DatabaseError as error:
            raise self._failure(error, "", {}) from error
        finally:
            self._watchdog = Watchdog(self._database)
        return tuple(str(each) for (each,) in found if each != "ok")

    def _failure(self, error: sqlite3.DatabaseError, sql: str, binds: Mapping[str, object]) -> BaseException:
        """What to raise for an error of a statement."""
        if _is_interrupt(error):
            return self._interrupted()
        self.verify(error)
        if not self._is_of_a_row(error, sql, binds):
            return explained_error(self.path, self.file, error)
        # SQLite swallows what is raised inside a function. Ours raise nothing: either a Ctrl-C fell into one, or a
        # value cannot be read, and then it cannot be read the second time either.
        try:
            for _ in self._database.execute(sql, binds):
                pass
        except sqlite3.DatabaseError as again:
            if _is_interrupt(again):
                return self._interrupted()
            return unreadable(self.path, again)
        return KeyboardInterrupt()

    def _is_of_a_row(self, error: sqlite3.DatabaseError, sql: str, binds: Mapping[str, object]) -> bool:
        """Whether a function failed over a value: the statement itself compiles. SQLite has one code for both."""
        if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_ERROR:
            return False
        try:
            self._database.execute(f"EXPLAIN {sql}", binds).close()
        except sqlite3.DatabaseError:
            return False
        return True

    def _interrupted(self) -> BaseException:
        """Why a statement was interrupted: the watchdog's bound, or Ctrl-C."""
        if not self._watchdog.expired:
            return KeyboardInterrupt()
        seconds = f"{self._watchdog.seconds:g} s"
        return refused(self.path, f"gave no answer to a query within {seconds}, which was then given up; {_SLOW}")


def _is_interrupt(error: sqlite3.DatabaseError) -> bool:
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT


Upto = int | Sequence[int]
"""The `seq` of the newest receipt that is seen; where there are several sources, that of each."""


class FactSource(Protocol):
    """A ledger's file, a feed, or facts in memory, whose facts are read through its `connection`."""

    @property
    def connection(self) -> Connection:
        """The connection that every query goes through."""

    @property
    def joined(self) -> Joined | None:
        """The sources, where it is made of several."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Why what was committed last may be missing here, in sentences."""

    def begin(self, now: int, head: Any, *, live: bool = False, as_of: int | None = None) -> int:
        """Begin a snapshot at `now`, of receipts up to the `seq` `head` (`Upto`); the `seq` of the newest of them.

        It is 0 when there is none. `live` and `as_of` as in `ask`. Raises LedgerError.
        """

    def ask(self, now: int, *, live: bool = False, as_of: int | None = None) -> None:
        """See facts up to `now`; in a `live` snapshot every fact, entities as of `as_of` where that is given."""

    def absent(self) -> dict[str, str]:
        """The kinds of entities that are not recorded here, and the missing table of each. Raises LedgerError."""

    def uncovered(self, kinds: Mapping[str, bool], task: str) -> str | None:
        """Why facts of these kinds (of every task, where True) may be missing though they were recorded; or None."""

    def turns(self) -> tuple[int, ...]:
        """The instants at which what `uncovered` says may change."""

    def newest_at(self, head: int) -> str | None:
        """The id of the receipt whose `seq` is `head`, where it is known though the receipt is not here."""


def doubt(notes: Sequence[str], *, strict: bool) -> str | None:
    """Why nothing can be decided while there are `notes`; None where they are accepted, or there are none."""
    return "; ".join(notes) or None if strict else None
