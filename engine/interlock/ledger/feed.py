"""A feed: facts as lines of JSON, read once into a private database that SQLite keeps in a file without a name.

Every line is validated. A feed with a bad line, or one that was cut off, is refused whole: what it does not say may be
what would have denied.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from interlock import schemas
from interlock.diagnostics import LedgerError
from interlock.instant import LATEST, parse_instant
from interlock.ledger.connection import Connection, doubt
from interlock.ledger.errors import refused
from interlock.ledger.lines import OPENING, Entries, read_line
from interlock.ledger.table import FactTable, Origin
from interlock.schemas import Catalog

SHOWN: Final = 20
"""That many bad lines are listed."""
ENOUGH: Final = 1_000
"""After that many bad lines nothing more is read: to say what is wrong with one takes long."""


class Coverage:
    """What a feed says that it holds: `head` and `tasks` are those of the ledger that was exported, None otherwise.

    `notes` say why what was committed last may be missing. Where it is `strict`, nothing is known to be complete then.
    """

    def __init__(self, about: dict[str, Any] | None, types: Iterable[str], *, strict: bool) -> None:
        """Of a feed whose first line is `about` it, if it says anything, with receipts of `types` that no kind has."""
        self._about, self._types, self._strict = about, tuple(types), strict
        self.notes: tuple[str, ...] = () if about is None else tuple(about.get("notes", ()))
        self.head: int | None = None if about is None else int(about["head"])
        self.tasks: list[str] | None = None if about is None else about["tasks"]
        self.taken = None if about is None else parse_instant(about["at"])
        """When it was taken; None where it does not say."""

    def uncovered(self, kinds: Mapping[str, bool], task: str, asked: int) -> str | None:
        """Why facts of these kinds (of every task, where True) may be missing for a question about an instant.

        None if unknown.
        """
        if (unread := self._unread(kinds)) is not None or self._about is None:
            return unread
        if (lost := doubt(self.notes, strict=self._strict)) is not None:
            return lost
        tasks, held, everywhere = self._about["tasks"], self._about["kinds"], self._about["everywhere"]
        lacking = [kind for kind in kinds if held is not None and kind not in held]
        lacking += [kind for kind, every in kinds.items() if every and tasks is not None and kind not in everywhere]
        if lacking:
            named = ", ".join(f"`{kind}`" for kind in sorted(set(lacking)))
            return f"the feed was not exported for this policy: it leaves out facts of {named}"
        if tasks is not None and task not in tasks:
            return f"the feed was not exported for the task `{task}`"
        return self._untold(asked)

    def _unread(self, kinds: Iterable[str]) -> str | None:
        """Why facts may be missing that are here under a type which no kind has; or None."""
        from interlock.ledger.events import meant

        receipts = [kind for kind in kinds if kind not in schemas.ENTITIES]
        for event_type in self._types:
            if (kind := meant(event_type, receipts)) is not None:
                return (
                    f"the feed has events of the type `{event_type}`, which no kind has; if `{kind}` is meant, name the"
                    " type in its schema (`x-cloudevents-type`), and else leave them out"
                )
        return None

    def turns(self) -> tuple[int, ...]:
        """The instants at which what `uncovered` says may change: when it was taken, and what follows that."""
        return () if self.taken is None else (self.taken, self.taken + 1)

    def newest_at(self, head: int) -> str | None:
        """The id of the receipt that was the ledger's newest, though it is not in the feed."""
        return None if self._about is None or self._about["head"] != head else self._about.get("newest")

    def _untold(self, asked: int) -> str | None:
        """Why the feed does not cover the instant of the request, if it does not.

        What was recorded after it was taken is not in it; and an earlier state can be derived only from all kinds.
        """
        assert self._about is not None
        assert self.taken is not None
        taken = self._about["at"]
        if asked > self.taken:
            return f"the feed was taken at {taken}, and nobody knows what was recorded since; ask with `--at {taken}`"
        if asked < self.taken and self._about["kinds"] is not None:
            return f"the feed was exported for some policies, as of {taken}; ask with `--at {taken}`, or export all"
        return None


class Feed:
    """The facts of a feed. It serves snapshots for as long as it is open: what was read does not change."""

    joined: None = None
    _asked = 0

    def __init__(self, path: str, lines: Iterable[bytes], catalog: Catalog, *, strict: bool = False) -> None:
        """Read all lines, by the schemas of a catalog. Raises LedgerError, with every bad line, up to a number.

        Where it is `strict`, nothing is known to be complete while there are `notes`.
        """
        table = FactTable()
        with table.filling(path):
            table.places = [(path, "line")]
            self._covered = read_feed(path, lines, table, catalog, strict=strict)
            self.notes = self._covered.notes
            # A feed of some tasks also has receipts of others, which are of the sessions that were seated there.
            table.complete(self._covered.tasks)
            self.connection = Connection(table.connection, "feed", path, path)

    def begin(self, now: int, head: int, *, live: bool = False, as_of: int | None = None) -> int:
        """Begin a snapshot at `now`, of receipts up to a `seq`.

        It gives the `seq` of the newest such receipt of the ledger that was exported, or else here.
        """
        self._asked = LATEST if live else now
        found = self.connection.begin(now, head, live=live or now == self._covered.taken, as_of=as_of)
        return found if self._covered.head is None else min(self._covered.head, head)

    def ask(self, now: int, *, live: bool = False, as_of: int | None = None) -> None:
        """As for a ledger. At the instant at which the feed was taken, all that it holds was committed."""
        self._asked = LATEST if live else now
        self.connection.ask(now, live=live or now == self._covered.taken, as_of=as_of)

    @property
    def taken(self) -> int | None:
        """When it was taken, in microseconds, UTC; None where it does not say."""
        return self._covered.taken

    def current(self) -> bool:
        """Always: it has been read whole."""
        return True

    def close(self) -> None:
        """Let go of the facts."""
        self.connection.close()

    def absent(self) -> dict[str, str]:
        """None: no kind of entities has a table of its own."""
        return {}

    def uncovered(self, kinds: Mapping[str, bool], task: str) -> str | None:
        """Why facts of these kinds (of every task, where True) may be missing from the feed; None if unknown."""
        return self._covered.uncovered(kinds, task, self._asked)

    def turns(self) -> tuple[int, ...]:
        """The instants at which what `uncovered` says may change."""
        return self._covered.turns()

    def newest_at(self, head: int) -> str | None:
        """The id of the receipt that was the ledger's newest, though it is not in the feed."""
        return self._covered.newest_at(head)


_TYPES: Final = "SELECT DISTINCT kind FROM main.fact WHERE NOT entity AND source = ?"


def read_feed(
    path: str, lines: Iterable[bytes], table: FactTable, catalog: Catalog, source: int = 0, *, strict: bool = False
) -> Coverage:
    """Read all lines of a feed into a table, as the source of that index. Raises LedgerError, with the bad lines."""
    content = _Content(path, table, catalog, source)
    content.read(lines)
    types = [kind for (kind,) in table.connection.execute(_TYPES, (source,)) if kind not in catalog.kinds]
    return Coverage(content.about, types, strict=strict)


class _Content:
    """What the lines of a feed hold: facts, for a table, and what the first line says `about` the feed, if it does."""

    def __init__(self, path: str, table: FactTable, catalog: Catalog, source: int) -> None:
        self.path, self.table, self.catalog, self._source = path, table, catalog, source
        self.about: dict[str, Any] | None = None
        self._ended: dict[str, Any] | None = None

    def read(self, lines: Iterable[bytes]) -> None:
        """Read all lines. Raises LedgerError."""
        bad: list[str] = []
        entries, count, faulty = Entries(self.path, lines), 0, 0
        for number, line in entries:
            if not count:
                self.table.places[self._source] = self.path, entries.noun
            wrong = self._add(line, number, count)
            if wrong:
                faulty += 1
                bad += [f"  {entries.noun} {number:,}: {'; '.join(wrong)}"] if len(bad) < SHOWN else []
                if faulty == ENOUGH:
                    break
            else:
                count += 1
        if faulty:
            more = [f"  and {faulty - len(bad):,} more"] if faulty > len(bad) else []
            more += ["  what follows was not read; `interlock verify-ledger` reads all"] if faulty == ENOUGH else []
            least = "at least " if faulty == ENOUGH else ""
            head = f"the feed `{self.path}` has {least}{faulty:,} bad {entries.noun}{'s' if faulty > 1 else ''}:"
            raise LedgerError("\n".join([head, *bad, *more]))
        if not count:
            raise refused(self.path, "holds no fact")
        if self.about is not None and self._ended is None:
            raise refused(self.path, "was cut off: its last line is missing; export it again")

    def _add(self, line: bytes, number: int, count: int) -> tuple[str, ...]:
        """Take a line in; what is wrong with it."""
        found = read_line(line, number, self.catalog)
        if found.faults:
            return tuple(each.text for each in found.faults)
        if self._ended is not None:
            return ("it comes after the feed's last line; one file holds one feed",)
        if found.about is not None:
            return self._note(found.about, count)
        assert found.row is not None
        if (other := self.table.enter(found.row.kind, self._source)) is not None:
            return (f"{found.row.kind} `{found.row.id}` is an entity, and those are taken from `{other}`",)
        origin = Origin(self._source, number, found.repeats, found.unnumbered)
        clash = self.table.add(found.row, origin)
        return () if clash is None or clash.repeated else (clash.message,)

    def _note(self, about: dict[str, Any], count: int) -> tuple[str, ...]:
        """Take in a line about the feed. `count` is how many lines came before it."""
        if about["kind"] == OPENING:
            self.about = about
            return ("it must be the first line",) if count else ()
        self._ended = about
        facts = count - (self.about is not None)
        lost = f"the feed has {facts:,} facts, not the {about['facts']:,} that it had"
        return (lost,) if facts != about["facts"] else ()
