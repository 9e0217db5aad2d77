"""What is recorded already and comes into sight after the instant of the request, read a piece at a time."""

from __future__ import annotations

from collections.abc import Iterable

from interlock import instant, schemas
from interlock.evaluation.budget import CANDIDATE, TURN, Budget, ExhaustedError
from interlock.evaluation.reads import BEHIND, Reads, seconds
from interlock.language.next_change import NEVER
from interlock.ledger import Snapshot

_PIECE = 64
"""That many receipts are read at once."""
_MOST = 100_000
"""More receipts of one second are not examined."""
_DAY = 86_402 * instant.SECOND
"""How long before its text a time that is none may come into sight."""
_SESSIONS = BEHIND["seat"]


class Coming:
    """The instants at which facts come into sight. Those before `known` are known."""

    def __init__(self, snapshot: Snapshot, wanted: Reads, since: int, budget: Budget) -> None:
        """Read what is `wanted` after `since`. Raises LedgerError, ExhaustedError."""
        self.snapshot, self.budget, self.known, self.piece = snapshot, budget, since + 1, _PIECE
        self.kinds: dict[int, set[str]] = {}
        self.tasks = {task: snapshot.task_id(task) for task in wanted}
        self.wanted = wanted
        for task, kinds in wanted.items():
            for kind in schemas.ENTITIES:
                if kind in kinds:
                    self._note_entities(kind, None if kinds[kind] else self.tasks[task], since)

    def after(self, now: int, until: int) -> int:
        """The first such instant after one, up to another; NEVER where there is none.

        Raises LedgerError, ExhaustedError.
        """
        while True:
            found = min((at for at in self.kinds if now < at < self.known), default=NEVER)
            if found < NEVER or self.known >= until:
                return found
            self._read_on()

    def _note_entities(self, kind: str, task: str | None, since: int) -> None:
        changes = self.snapshot.changes(kind, task)
        self.budget.spend(len(changes))
        for _, _, at in changes:
            if at > since:
                self.kinds.setdefault(at, set()).add(kind)

    def _read_on(self) -> None:
        """Read the next receipts of each index that leads to them; all are known up to where the first piece ends."""
        floor, horizon = instant.format_instant(self.known)[:19], NEVER
        sources = list(self._sources())
        read = [(serves, self._piece(task, kind, floor)) for task, kind, serves in sources]
        for _, rows in read:
            if len(rows) == self.piece:
                last = max((at for _, _, at in rows if at is not None), default=0)
                horizon = min(horizon, last - last % instant.SECOND)
        if horizon <= self.known:
            self.piece *= 4
            if self.piece > _MOST:
                raise ExhaustedError
            return
        for serves, rows in read:
            for kind, _, at in rows:
                if at is not None and kind in serves and self.known <= at < horizon:
                    self.kinds.setdefault(at, set()).update(serves[kind])
        self._read_unreadable(sources, floor, horizon)
        for task, kinds in self.wanted.items():
            if "seat" in kinds:
                for beat in self.snapshot.elsewhere(self.tasks[task], self.known - 1, horizon - 1):
                    if beat.instant is not None:
                        self.kinds.setdefault(beat.instant, set()).add("seat")
        self.known = horizon

    def _sources(self) -> Iterable[tuple[str | None, str | None, dict[str, set[str]]]]:
        """Where receipts are found: by task, or by kind, and which kinds of facts each kind of them changes."""
        for task, kinds in self.wanted.items():
            serves: dict[str, set[str]] = {}
            for kind in kinds:
                for behind in BEHIND.get(kind, ()) if kind in schemas.ENTITIES else (kind,):
                    serves.setdefault(behind, set()).add(kind)
            yield self.tasks[task], None, serves
            for behind, served in serves.items():
                if any(kinds[kind] for kind in served):
                    yield None, behind, {behind: served}
                elif "seat" in served:  # a beat of another task may be of the same session
                    yield None, behind, {}

    def _piece(self, task: str | None, kind: str | None, floor: str) -> list[tuple[str, str, int | None]]:
        rows = self.snapshot.coming(task, kind, floor, self.piece)
        self.budget.spend(TURN // 2 + len(rows))
        return rows

    def _read_unreadable(
        self, sources: Iterable[tuple[str | None, str | None, dict[str, set[str]]]], floor: str, horizon: int
    ) -> None:
        """Note when a receipt whose time is none comes into sight."""
        beyond = None if horizon == NEVER else instant.format_instant(horizon + _DAY)[:19]
        for task, kind, serves in sources:
            if not serves:
                continue
            for of, text in self.snapshot.unreadable(task, kind, floor, beyond):
                self.budget.spend(CANDIDATE)
                for at in seconds(str(text), self.known, min(horizon, instant.LATEST)) if of in serves else ():
                    self.kinds.setdefault(at, set()).update(serves[of])
