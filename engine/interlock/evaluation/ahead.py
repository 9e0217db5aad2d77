"""Looking ahead: what a policy reads, when more of it comes into sight, and how much work finding that may take.

Work is measured in what is examined and never in time, so that it is reproducible: a few times what judging took, and
a little for small decisions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING

from interlock import instant, schemas
from interlock.diagnostics import EngineError
from interlock.evaluation.judged import judgements, passed
from interlock.language.evaluate import Environment, evaluate
from interlock.language.next_change import NEVER
from interlock.language.walk import MACROS, children
from interlock.ledger import Snapshot
from interlock.model.expression import Node
from interlock.model.facts import Fact, Value
from interlock.model.policy import Rule, merge_kinds

if TYPE_CHECKING:
    from interlock.evaluation.judge import Loaded
    from interlock.evaluation.judged import Evaluated


NODE, CANDIDATE, ROW, COUNTED, TURN = 1, 6, 40, 4, 500
"""About the microseconds that it takes to evaluate a part of a condition, to read a fact whose condition the clock may
change, to read and validate a fact, to count one in SQL, and to judge where there is next to nothing to be judged."""
SHARE = 2
"""How many times the work of judging may be spent."""
LEAST = 16_000
"""What may be spent in any case."""
FactsByName = Mapping[str, Sequence[Fact]]


class ExhaustedError(Exception):
    """The work that may be spent is spent."""


class Budget:
    """The work that is left."""

    def __init__(self, judged: Evaluated) -> None:
        self.left = LEAST + SHARE * judging(judged)

    def spend(self, cost: int) -> None:
        """Take from it what is about to be done. Raises ExhaustedError where that is more than is left."""
        self.left -= cost
        if self.left < 0:
            raise ExhaustedError

    def paid(self, facts: list[Fact], each: int) -> list[Fact]:
        """The facts, once what they cost is taken from it. Raises ExhaustedError."""
        self.spend(TURN // 5 + len(facts) * each)
        return facts


def judging(judged: Evaluated) -> int:
    """The work that it takes at least to judge, what is needed included: each decision counts once."""
    return sum(map(_judging, judgements(judged)))


def _judging(judged: Evaluated) -> int:
    """That of one decision: the facts read and counted, and each combination of them."""
    facts: FactsByName = judged.known.facts if judged.known is not None else judged.facts
    numbers = (fact.fields.get("count") for each in facts.values() for fact in each if fact.id is None)
    counted = sum(number for number in numbers if isinstance(number, int))
    looks = sum(_combinations(rule, facts) for rule in judged.loaded.policy.rules)
    return TURN + ROW * len(judged.decision.evidence) + COUNTED * counted + NODE * looks


def looking(rules: Iterable[Rule], facts: FactsByName) -> int:
    """The most work that evaluating every part of the rules' conditions takes, for each combination of the facts."""
    cost = 0
    for rule in rules:
        nodes = [rule.condition, *rule.values.values(), *(rule.message.expressions if rule.message else ())]
        cost += _combinations(rule, facts) * sum(weight(node, facts) for node in nodes)
    return NODE * cost


def weight(node: Node, facts: FactsByName) -> int:
    """How many parts an expression has; those of an `exists` once for each fact that it ranges over."""
    inner = sum(weight(child, facts) for child in children(node))
    return 1 + (inner * len(facts.get(node.selection, ())) if isinstance(node, MACROS) else inner)


MAX_EVALUATED = 2_000_000
"""That many parts of conditions are evaluated at most for what the rules engine does not judge: about two seconds."""


def check_work(loaded: Loaded, facts: FactsByName) -> None:
    """Raises EngineError where macros inside macros, or counts for each fact, would take too long."""
    work = {name: 0 for name, _ in loaded.ranging}
    for name, node in loaded.ranging:
        work[name] += len(facts.get(name, ((),))) * weight(node, facts)
    for name, cost in work.items():
        if cost > MAX_EVALUATED:
            of = "the parameters" if name == "$" else f"each fact of `{name}`"
            raise EngineError(
                f"what is evaluated of {of} takes up to {cost:,} steps, more than the {MAX_EVALUATED:,} that are taken;"
                " aggregate the largest selection (take: count, latest, per: …) or narrow its `where`"
            )


def _combinations(rule: Rule, facts: FactsByName) -> int:
    return prod(len(facts.get(name, ())) for name in rule.loops)


BEHIND = {
    "seat": ("app_heartbeat", "codex_events_ingested", "app_worker_rotation_recorded"),
    "wake_action": ("app_wakeup_dispatch_planned",),
    "smoke_seat": ("app_smoke_receipt_recorded",),
}
"""The receipts that entities are made of."""
UNDATED = ""
"""Arrives beside the kind of a receipt whose time is none."""
_OFFSET = 86_400
"""Seconds: no offset of RFC 3339 reaches a day."""


Reads = dict[str, dict[str, bool]]
"""The kinds that are read of a task (by name), and whether those of every task are."""


def reads(loaded: Loaded, task: str, params: Mapping[str, Value]) -> Reads:
    """What a policy and those that it needs read, task by task."""
    found: Reads = {}
    waiting = [(loaded, task, params)]
    seen = set[tuple[object, ...]]()
    while waiting:
        each, name, given = waiting.pop()
        key = (each, name, tuple(sorted(given.items())))
        if key in seen:
            continue
        seen.add(key)
        kinds = found.setdefault(name, {})
        merge_kinds(kinds, each.reads)
        known = Environment(0, name, given, {})
        for need in each.policy.needs:
            listed = (name,) if need.tasks is None else evaluate(need.tasks, known)
            needed = each.needs[need.policy]
            passing = passed(need, needed.policy, known)
            waiting += [(needed, of, passing) for of in (listed if isinstance(listed, tuple) else ())]
    return found


def seconds(text: str, since: int, until: int) -> list[int]:
    """When a time that is none comes into sight: ranges of time are taken on texts (`policy.compile.times`)."""
    found = []
    for ahead in (0, 1, _OFFSET + 1):
        low, high = since // instant.SECOND, until // instant.SECOND + 1
        while low < high:
            middle = (low + high) // 2
            if instant.format_instant((middle + ahead) * instant.SECOND)[:19] > text:
                high = middle
            else:
                low = middle + 1
        found.append(low * instant.SECOND)
    return found


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
                    self.kinds.setdefault(at, set()).update(serves[of], (UNDATED,))
