"""Judging recorded decisions again: by the same policy, at the same instant, over the receipts that there were then."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

import msgspec

from interlock import rete
from interlock.decision import Decision, Finding
from interlock.errors import LedgerError, PolicyError, UsageError
from interlock.instant import parse_instant
from interlock.ledger import STANDARD_INPUT, Ledger, Snapshot, open_ledger
from interlock.moment import Moment
from interlock.record import Change, Record, Rejudged, Shift
from interlock.recording import fingerprint
from interlock.runner import extent, recorded

_COMPARED = ("allow", "state", "reason")
_LATE = (
    "SELECT kind, id FROM receipt WHERE seq > :head AND instant <= :now"
    " AND kind IN (SELECT value FROM json_each(:kinds)) ORDER BY seq"
)
_TIMES = "SELECT seq, instant FROM receipt WHERE instant IS NOT NULL ORDER BY seq"


class Court:
    """Judges recorded decisions again, each over the ledger that it names, or over one that stands in for all.

    A ledger is opened once, and kept open.
    """

    def __init__(self, ledger: Ledger | None = None, policy_dirs: Sequence[str] = ()) -> None:
        self._instead, self._policy_dirs = ledger, tuple(policy_dirs)
        self._open: dict[tuple[str, bool], Ledger] = {}
        self._times: dict[Ledger, tuple[list[int], list[int]]] = {}

    def judge(self, line: int, found: Record | str) -> Rejudged:
        """What comes of a line of a log. Raises LedgerError when a ledger cannot be read."""
        if isinstance(found, str):
            return Rejudged(line, "unjudged", why=found)
        decision = found.decision
        told = Rejudged(line, "unjudged", decision.policy, decision.task, decision.now)
        try:
            return self._rejudged(told, found)
        except LedgerError:
            raise
        except PolicyError as error:
            return msgspec.structs.replace(told, why=f"the policy is invalid: {error.issues[0].message}")
        except (UsageError, ValueError) as error:
            return msgspec.structs.replace(told, why=str(error))

    def close(self) -> None:
        """Let go of the ledgers that were opened here."""
        for ledger in self._open.values():
            ledger.close()

    def _rejudged(self, told: Rejudged, before: Record) -> Rejudged:
        ledger = self._ledger(before)
        now = parse_instant(before.decision.now)
        policy, dirs = self._policy(before)
        head, notes = self._head(before, ledger, now, extent([], [policy], dirs).kinds or ())
        engine = before.decision.engine if rete.AVAILABLE else "reference"
        (again,) = recorded(
            [policy],
            ledger=ledger,
            tasks=[before.decision.task],
            at=_asked(before, now),
            max_skew=before.asked.max_skew,
            params=before.asked.params,
            engine=engine,
            policy_dirs=dirs,
            head=head,
        )
        after = msgspec.json.decode(msgspec.json.encode(again), type=Record)
        changes = tuple(_changes(before.decision, after.decision))
        appeared = _only(after.decision.findings, before.decision.findings)
        vanished = _only(before.decision.findings, after.decision.findings)
        facts: tuple[Shift, ...] = ()
        if before.facts != after.facts:
            asked = _asked(before, now)
            with ledger.snapshot(now, head, live=asked.live, as_of=asked.as_of) as snapshot:
                facts = tuple(_shifts(before, after, snapshot))
        return msgspec.structs.replace(
            told,
            outcome="different" if changes or appeared or vanished else "same",
            changes=changes,
            appeared=appeared,
            vanished=vanished,
            facts=facts,
            notes=(*_circumstances(before, after), *notes),
            decision=after.decision,
        )

    def _ledger(self, before: Record) -> Ledger:
        if self._instead is not None:
            return self._instead
        path = before.asked.ledger
        if path == STANDARD_INPUT:
            raise UsageError("it was judged on a feed from standard input; name a ledger with `--ledger PATH`")
        key = path, before.asked.strict_ledger
        if key not in self._open:
            self._open[key] = open_ledger(path, strict=before.asked.strict_ledger)
        return self._open[key]

    def _policy(self, before: Record) -> tuple[str, list[str]]:
        """The policy's file, or where it is gone its id; and the folders in which policies are looked for."""
        asked = before.asked
        dirs = [folder for folder in asked.policy_dirs if os.path.isdir(folder)]
        policy = asked.file if os.path.isfile(asked.file) else before.decision.policy
        return policy, [*dirs, *self._policy_dirs]

    def _head(self, before: Record, ledger: Ledger, now: int, kinds: Sequence[str]) -> tuple[int, list[str]]:
        """The `seq` of the receipt that was the newest, and what is to be told of the ledger since.

        A receipt is known by its id: a VACUUM may number receipts anew. One that took the place of another came later.
        """
        seq = before.decision.ledger.seq
        with ledger.snapshot(now) as snapshot:
            head, notes = seq, []
            if before.head is not None:
                found = snapshot.fact("receipt", before.head)
                head, notes = (max(0, seq - 1), _gone(before.head, snapshot, seq)) if found is None else (found[2], [])
            late = self._late(ledger, snapshot, head, now, kinds)
        return head, notes + late

    def _late(self, ledger: Ledger, snapshot: Snapshot, head: int, now: int, kinds: Sequence[str]) -> list[str]:
        """What is to be told of receipts that were appended since, and bear times from before."""
        if ledger not in self._times:
            self._times[ledger] = _times(snapshot)
        seqs, earliest = self._times[ledger]
        place = bisect_right(seqs, head)
        if place == len(seqs) or earliest[place] > now:
            return []
        binds = {"head": head, "now": now, "kinds": msgspec.json.encode(kinds).decode()}
        late = snapshot.rows(_LATE, binds)
        if not late:
            return []
        named = ", ".join(f"{kind} `{identity}`" for kind, identity in late[:3]) + (", …" if late[3:] else "")
        return [f"appended since with earlier times, and not judged by: {len(late):,} ({named})"]


def _asked(before: Record, now: int) -> Moment:
    """The question as it was asked. A live one sees entities as they were then, or as far ahead as was read."""
    if not before.asked.live:
        return Moment(now)
    return Moment(now, live=True, as_of=now if before.ahead is None else max(now, parse_instant(before.ahead)))


def _times(snapshot: Snapshot) -> tuple[list[int], list[int]]:
    """The `seq` of every receipt, and the earliest instant of it and all after it."""
    rows = snapshot.rows(_TIMES, {})
    earliest = list(accumulate((row[1] for row in reversed(rows)), min))
    return [row[0] for row in rows], earliest[::-1]


def _gone(receipt: str, snapshot: Snapshot, seq: int) -> list[str]:
    """What is to be told when the receipt that was the newest, of that `seq`, is not there."""
    head = snapshot.head
    if head < seq:
        return [
            f"the ledger ends at {head}, before the decision's {seq}: it is an older copy, or receipts were deleted"
        ]
    if snapshot.newest() is None:  # a feed may leave out even its own newest
        return []
    return [f"the receipt that was the newest, `{receipt}`, is gone"]


def _changes(before: Decision, after: Decision) -> Iterator[Change]:
    for field in _COMPARED:
        was, now = getattr(before, field), getattr(after, field)
        if was != now:
            yield Change(field, was, now)
    yield from _differing("outputs", before.outputs, after.outputs)


def _differing(path: str, before: Any, after: Any) -> Iterator[Change]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys([*before, *after]):
            yield from _differing(f"{path}.{name}", before.get(name), after.get(name))
    elif (type(before), before) != (type(after), after):
        yield Change(path, before, after)


def _only(findings: Sequence[Finding], others: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings that the others do not have, whatever evidence each names."""
    left = [msgspec.structs.replace(other, evidence=()) for other in others]
    found = []
    for finding in findings:
        bare = msgspec.structs.replace(finding, evidence=())
        if bare in left:
            left.remove(bare)
        else:
            found.append(finding)
    return tuple(found)


def _shifts(before: Record, after: Record, snapshot: Snapshot) -> Iterator[Shift]:
    """The facts that are not what they were. `snapshot` is of the instant and the head of both."""
    for kind, identity, digest in _each(before.facts):
        now = after.facts.get(kind, {}).get(identity)
        row = snapshot.fact(kind, identity) if now is None else None
        if now is None and row is None:
            yield Shift(kind, identity, "missing")
        elif (now or fingerprint(row or ())) != digest:
            yield Shift(kind, identity, "changed")
        elif now is None:
            yield Shift(kind, identity, "unread")
    for kind, identity, _ in _each(after.facts):
        if identity not in before.facts.get(kind, {}):
            yield Shift(kind, identity, "new")


def _each(facts: dict[str, dict[str, str]]) -> Iterator[tuple[str, str, str]]:
    return ((kind, identity, digest) for kind, of_kind in facts.items() for identity, digest in of_kind.items())


def _circumstances(before: Record, after: Record) -> Iterator[str]:
    """What else is not as it was: the policies, the parameters, and who judged."""
    for policy in dict.fromkeys([*before.policies, *after.policies]):
        if before.policies.get(policy) != after.policies.get(policy):
            yield f"the policy `{policy}` was changed since"
    for name in dict.fromkeys([*before.params, *after.params]):
        was, now = before.params.get(name), after.params.get(name)
        if was != now:
            yield f"the parameter `{name}` was {_value(was)}, and is {_value(now)}"
    if before.decision.engine != after.decision.engine:
        yield f"it was judged by {before.decision.engine}, and is by {after.decision.engine}"


def _value(value: Any) -> str:
    return "not there" if value is None else f"`{value}`"
