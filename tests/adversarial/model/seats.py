"""Who was bound at an instant, and when each seat was last seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.adversarial.model import stamps
from tests.adversarial.model.rows import MISSING, ROLES, Book, Receipt, Row

ROTATED = "app_worker_rotation_recorded"
BEATS = ("app_heartbeat", "codex_events_ingested")


@dataclass(frozen=True)
class When:
    """The instant of the request; `live` asks about now, where all that is committed counts."""

    instant: int
    live: bool

    def sees(self, at: int | None) -> bool | None:
        """Whether what has this stamp has arrived; None where the stamp cannot be read."""
        if self.live:
            return True
        return None if at is None else at <= self.instant

    def misses(self, receipt: Receipt) -> bool:
        """Whether a receipt came later, also where its time cannot be read but says so much."""
        if receipt.at is None and receipt.near is not None and not self.live:
            return receipt.near[0] > self.instant
        return self.sees(receipt.at) is False


@dataclass(frozen=True)
class Seat:
    """A role's place. `heartbeats` are the values that the newest heartbeat may have: more than one where the ledger's
    rows do not agree, MISSING among them where a row that may set it cannot be read.
    """

    role: str
    session: Row | None
    heartbeats: frozenset[Any]

    def of(self, column: str) -> Any:
        """A text column of the session; None where there is no session, MISSING where it is not text."""
        value = None if self.session is None else self.session[column]
        return value if value is None or isinstance(value, str) else MISSING


@dataclass(frozen=True)
class Pair:
    """The binding that was active, and its seats, manager first. `state` is the binding's as of the instant."""

    binding: Row
    state: Any
    seats: tuple[Seat, ...]
    readable: bool

    @property
    def seated(self) -> bool:
        """Whether the binding is of sessions; old ones are not."""
        return all(seat.session is not None for seat in self.seats)


def pair(book: Book, task: str, when: When) -> Pair | None:
    """The pair that was bound to a task (by id) at the instant; None where there was none."""
    found: list[tuple[int, int, Row]] = []
    unread: list[tuple[int, int]] = []
    for row in book.tables["bindings"]:
        if row["task_id"] != task:
            continue
        begun, ended = book.time(row["created_at"]), book.time(row["ended_at"])
        key = (begun or 0, row["seq"])
        bound = row["state"] in ("active", "ending")
        if not when.live and row["state"] in ("ended", "invalid"):
            unread += [key] if ended is None and row["ended_at"] is not None else []
            bound = ended is not None and ended > when.instant
        if bound and when.sees(begun) is not False:
            found.append((*key, row))
            unread += [(1 << 62, 0)] if begun is None else []
    if not found:
        return None
    *newest, row = max(found, key=lambda each: each[:2])
    readable = not any(key > tuple(newest) for key in unread)
    seats = tuple(_seat(book, role, row[f"{role}_session_id"], when) for role in ROLES)
    return Pair(row, row["state"] if row["state"] == "ending" else "active", seats, readable)


def _seat(book: Book, role: str, identity: Any, when: When) -> Seat:
    session = book.session(identity)
    if session is None:
        return Seat(role, None, frozenset([None]))
    later = _later(book, session["id"], when)
    if later:  # the thread is the one that was replaced first since
        first = min(later, key=lambda each: each.seq)
        session = {**session, "codex_app_thread_id": first.of("old_worker_thread_id")}
    return Seat(role, session, _heartbeats(book, session, when))


def _heartbeats(book: Book, session: Row, when: When) -> frozenset[Any]:
    """What a session's heartbeat may have been. What its row says held already where it is not later than that."""
    known = book.time(session["last_heartbeat_at"])
    if known is None and session["last_heartbeat_at"] is not None:
        return frozenset([MISSING])
    if when.live:
        return frozenset([known])
    newest = max(_proofs(book, session, when), default=None)
    if known is not None and known <= when.instant:
        return frozenset([known, max(newest or known, known)])
    if known is None and not _later(book, session["id"], when):
        return frozenset([None, newest])  # nothing emptied it since
    return frozenset([newest])


def _later(book: Book, session: Any, when: When) -> list[Receipt]:
    """The rotations of a session after the instant."""
    return [each for each in rotations(book, session) if not when.live and when.sees(each.at) is False]


def _proofs(book: Book, session: Row, when: When) -> list[stamps.Stamp]:
    """The stamps of the heartbeats up to the instant that no rotation emptied by then.

    A receipt is after a rotation that stands before it in the ledger; a registration, which stands elsewhere, after one
    whose second is over. A rotation that cannot be read may be of any session of its task.
    """
    emptied = [each for each in rotations(book, session["id"], unread=True) if when.sees(each.at) is not False]
    head = max((each.seq for each in emptied), default=-(1 << 63))
    found = [
        receipt.at
        for receipt in book.of_kinds(*BEATS)
        if receipt.at is not None and when.sees(receipt.at)
        if receipt.seq > head and session_of_beat(receipt) == session["id"]
    ]
    over = max((end(each.at) for each in emptied), default=-1)
    return found + [at for at in registrations(book, session) if at <= when.instant and at > over]


def end(at: stamps.Stamp | None) -> int:
    """The last moment that a stamp may mean."""
    if at is None:
        return 1 << 62
    return at + stamps.SECOND - 1 if at.cut else at


def rotations(book: Book, session: Any, *, unread: bool = False) -> list[Receipt]:
    """The rotations that gave a session another thread, and left it without a heartbeat; with `unread`, and those of
    its tasks that cannot be read.
    """
    columns = ("manager_session_id", "worker_session_id")
    tasks = {row["task_id"] for row in book.tables["bindings"] if session in [row[column] for column in columns]}
    found = []
    for receipt in book.of_kinds(ROTATED):
        updated = receipt.of("session_updated", bool) is True
        mine = updated and receipt.of("old_worker_session_id") == session
        if mine or (unread and receipt.attributes is None and receipt.task_id in tasks):
            found.append(receipt)
    return found


def session_of_beat(receipt: Receipt) -> Any:
    return receipt.of("session_id", correlation=receipt.kind != "app_heartbeat")


def registrations(book: Book, session: Row) -> list[stamps.Stamp]:
    """When a session was registered: by itself, or with a disposable pair."""
    found = []
    for at, kind, payload in book.registrations:
        alone = kind == "session_registered" and payload.get("session_id") == session["id"]
        together = kind != "session_registered" and session["name"] in (payload.get("manager"), payload.get("worker"))
        found += [at] if alone or together else []
    return found
