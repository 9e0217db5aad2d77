"""The newest and the oldest of a selection, one or several, in all or of each group: SQL takes what sorting gives."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest

import interlock
from interlock import api
from interlock.instant import SECOND, format_instant, parse_instant
from tests.conftest import EXAMPLES
from tests.helpers.ledgers import LedgerBuilder

NOW = parse_instant("2026-06-11T12:00:00Z")
KINDS = ("command_created", "app_autopilot_stopped", "dispatch_watch_heartbeat")
ACTORS = ("manager", "worker", "system")
SPANS = (SECOND // 1_000, SECOND, 10 * SECOND, 3_600 * SECOND, 200_000 * SECOND)
ATTRIBUTES = {"dispatcher_id": "d", "action": "stop", "command_id": "c", "command_type": "t"}
GROUPS = ("manager", "operator")


class Receipt(NamedTuple):
    kind: str
    actor: str
    instant: int
    seq: int


def receipts(random: Random) -> list[Receipt]:
    found = []
    for seq in range(1, random.randint(2, 14)):
        at = NOW + 2 - random.randrange(random.choice(SPANS))
        at -= 0 if random.random() < 0.5 else at % SECOND
        found.append(Receipt(random.choice(KINDS), random.choice(ACTORS), at, seq))
    return found


def write(path: Path, found: Iterable[Receipt]) -> Path:
    path.unlink(missing_ok=True)
    builder = LedgerBuilder(path).task("demo", at="2026-01-01T00:00:00Z")
    for each in found:
        builder.receipt(
            each.kind, at=format_instant(each.instant), actor=each.actor, attributes=ATTRIBUTES, correlation=ATTRIBUTES
        )
    return builder.write()


def line(each: Receipt) -> str:
    """The receipt as a line of a feed."""
    fact = {"kind": each.kind, "id": f"receipt-{each.seq}", "seq": each.seq, "task": "demo", "actor": each.actor}
    fact |= {
        "at": format_instant(each.instant),
        "severity": "info",
        "summary": "",
        "correlation": ATTRIBUTES,
        **ATTRIBUTES,
    }
    return f"{json.dumps(fact)}\n"


def taken(found: list[Receipt], take: str, limit: int, per: str) -> list[str]:
    """What sorting gives: the ids in order of time, then the groups that are named and absent."""
    groups: dict[str, list[Receipt]] = {}
    for each in sorted(found, key=lambda each: (each.instant, each.seq)):
        if each.instant <= NOW:
            groups.setdefault(each.actor if per else "", []).append(each)
    kept = [each for group in groups.values() for each in (group[-limit:] if take == "latest" else group[:limit])]
    there = [f"receipt-{each.seq}" for each in sorted(kept, key=lambda each: (each.instant, each.seq))]
    return [*there, *(f"no {name}" for name in GROUPS if per == "named" and name not in groups)]


@pytest.mark.parametrize("take", ["latest", "earliest"])
@pytest.mark.parametrize("per", ["", "actor", "named"])
@pytest.mark.parametrize("narrowed", [False, True])
def test_the_newest_and_the_oldest_are_those_that_sorting_gives(
    tmp_path: Path, take: str, per: str, *, narrowed: bool
) -> None:
    random = Random(f"{take} {per} {narrowed}")
    policy, feed = tmp_path / "few.yaml", tmp_path / "feed.jsonl"
    for _ in range(5 * EXAMPLES):
        limit, kinds = random.randint(1, 4), random.sample(KINDS, random.randint(1, 2))
        each = {"": "", "actor": "per: actor,", "named": f"per: {{actor: [{', '.join(GROUPS)}]}},"}[per]
        source = "whole" if narrowed else f"[{', '.join(kinds)}]"
        policy.write_text(
            "policy: few\nversion: 1\nquestion: Which?\nfacts:\n"
            f"  whole: {{from: [{', '.join(kinds)}], where: whole.actor != 'system'}}\n"
            f"  few: {{from: {source}, {each} take: {take}, limit: {limit}}}\n"
            "rules: [{id: each, for: few, note: '{few.actor}'}, {id: all, for: whole, note: it}]\n"
            "decide: [{state: so, allow: true}]\n",
            "utf-8",
        )
        found = receipts(random)
        ledger = write(tmp_path / "l.db", found)
        feed.write_text("".join(map(line, found)) or "\n", "utf-8")
        mine = [each for each in found if each.kind in kinds and (not narrowed or each.actor != "system")]
        for over_it in (ledger, feed):
            over: dict[str, Any] = {"ledger": over_it, "task": "demo", "at": format_instant(NOW)}
            seen, _ = api.facts(policy, **over)
            got = [each.id or f"no {each.fields['actor']}" for each in {e.name: e.facts for e in seen}["few"]]
            assert got == taken(mine, take, limit, per), (found, kinds)
            assert len(interlock.evaluate(policy, **over).findings) >= len(got)
