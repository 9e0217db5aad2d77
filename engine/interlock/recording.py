"""Decisions on record: each with a digest of every fact that it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256

import msgspec

from interlock.evaluation.judge import Judge, Loaded, closure
from interlock.instant import format_instant
from interlock.language.evaluate import printed
from interlock.ledger.rows import Row, document
from interlock.model.decision_log import Asked, Record
from interlock.model.facts import Value

_DIGITS = 32
"""Hexadecimal digits of a fact's digest: 128 bits."""


def record(
    judge: Judge, loaded: Loaded, task: str, params: Mapping[str, Value], asked: Asked, clock: int | None
) -> Record:
    """Decide, by a judge who has decided nothing yet, and record what the decision rests on.

    `clock` is what the wall clock showed, in microseconds, UTC, where the instant was found by it. Raises as
    `Judge.decide`.
    """
    judge.witness = []
    decision = judge.decide(loaded, task, params)
    newest = judge.judged(loaded, task, params).newest
    kinds = {parameter.name: parameter.kind for parameter in loaded.policy.parameters}
    return Record(
        decision=decision,
        asked=asked,
        params={name: printed(value, kinds[name]) for name, value in params.items()},
        policies={each.policy.id: each.policy.digest for each in closure([loaded])},
        head=judge.snapshot.newest(),
        facts=_facts(judge.witness),
        clock=None if clock is None else format_instant(clock),
        ahead=format_instant(newest.at) if newest is not None and newest.at > judge.now else None,
    )


def fingerprint(row: Row) -> str:
    """The digest of a fact: of its canonical JSON, without its `seq`, which a VACUUM may change."""
    made, wrong = document(row)
    content = [None if i == 2 else value for i, value in enumerate(row[:11])] if wrong else {**made, "seq": None}
    try:
        text = msgspec.json.encode(content, order="sorted")
    except (TypeError, ValueError, RecursionError):
        text = repr(content).encode(errors="backslashreplace")
    return sha256(text).hexdigest()[:_DIGITS]


def _facts(rows: Iterable[Row]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        of_kind = found.setdefault(row[0], {})
        if row[1] not in of_kind:
            of_kind[row[1]] = fingerprint(row)
    return found
