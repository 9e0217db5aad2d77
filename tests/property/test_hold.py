"""What `hold` says is what judging every instant says: at each instant, until when, and over a stretch of time."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

import interlock
from interlock import api
from interlock.instant import SECOND, format_instant, parse_instant
from tests.conftest import EXAMPLES
from tests.helpers.ledgers import ROLES, LedgerBuilder

START = parse_instant("2026-06-11T12:00:00Z")
LENGTH = 40
STATUSES = ("sent", "blocked", "accepted")
CONDITIONS = (
    'proof.status == "blocked"',
    'proof.status != "sent"',
    'now - proof.at >= duration("4s")',
    'now - proof.at > duration("3s") && proof.status == "blocked"',
    'proof.status == "accepted" || now - proof.at < duration("5s")',
)
SELECTIONS = {
    "by role": "take: latest, per: role",
    "named": "take: latest, per: {role: [manager, worker]}",
    "each": "where: proof.status != 'skipped'",
    "recent": "where: now - proof.at <= duration('7s')",
}
State = tuple[str, tuple[str, ...]]


def policy(selection: str, condition: str, hold: int, steady: int) -> str:
    held = f"hold: {hold}s, " if hold else ""
    since = f"hold: {steady}s, " if steady else ""
    return (
        "policy: held\nversion: 1\nquestion: Is it so?\n"
        f"facts: {{proof: {{from: app_smoke_receipt_recorded, {selection}}}}}\n"
        f"rules: [{{id: it, for: proof, when: '{condition}', {held}block: '{{proof.role}} {{proof.id}}'}}]\n"
        f"decide: [{{state: steady, when: '!blocked', {since}allow: true}}, {{state: early, allow: false}}]\n"
    )


def ledger(random: Random, path: Path) -> list[int]:
    """The ledger, and the instants of its receipts."""
    path.unlink(missing_ok=True)
    builder = LedgerBuilder(path).task("demo").bind()
    found = sorted(START + random.randrange(2, LENGTH - 5) * SECOND for _ in range(random.randint(1, 8)))
    for at in found:
        attributes = {"smoke_id": "s", "nonce": "n", "thread_id": "t", "status": random.choice(STATUSES)}
        attributes |= {"role": random.choice(ROLES)}
        builder.receipt("app_smoke_receipt_recorded", at=format_instant(at), attributes=attributes)
    builder.write()
    return found


def grid() -> list[int]:
    """Every instant at which something changes, for all is in whole seconds, or just after one."""
    return [START + second * SECOND + more for second in range(LENGTH) for more in (0, 1)]


def timeline(raw: dict[int, dict[str, str]], begun: int, hold: int, steady: int) -> dict[int, State]:
    """The state and the findings at every instant, by what fires at each without `hold`: messages by their keys."""

    def held(at: int, span: int, holds: Callable[[int], bool]) -> bool:
        if not span:
            return holds(at)
        looked = [each for each in raw if at - span * SECOND <= each <= at]
        return at - span * SECOND >= begun and all(map(holds, looked))

    fired = {
        at: {key: said for key, said in found.items() if held(at, hold, lambda each, key=key: key in raw[each])}  # type: ignore[misc]
        for at, found in raw.items()
    }
    return {
        at: ("steady" if held(at, steady, lambda each: not fired[each]) else "early", tuple(sorted(found.values())))
        for at, found in fired.items()
    }


@pytest.mark.parametrize("selection", SELECTIONS)
def test_what_has_held_is_what_judging_every_instant_says(tmp_path: Path, selection: str) -> None:
    random, path, at_rest = Random(selection), tmp_path / "held.yaml", 0
    for _ in range(4 * EXAMPLES):
        condition, hold, steady = random.choice(CONDITIONS), random.randint(0, 12), random.randint(0, 12)
        begun = ledger(random, tmp_path / "l.db")[0]
        asked: dict[str, Any] = {"ledger": interlock.open_ledger(tmp_path / "l.db"), "task": "demo"}
        keyed = "each" not in selection and "recent" not in selection

        def raw(at: int, asked: dict[str, Any] = asked, keyed: bool = keyed) -> dict[str, str]:
            found = interlock.evaluate(path, **asked, at=format_instant(at), engine="reference").findings
            return {each.message.split()[0 if keyed else 1]: each.message for each in found}

        path.write_text(policy(SELECTIONS[selection], condition, 0, 0), "utf-8")
        expected = timeline({at: raw(at) for at in grid()}, begun, hold, steady)
        path.write_text(policy(SELECTIONS[selection], condition, hold, steady), "utf-8")
        shown = f"{condition} held for {hold} s, steady for {steady} s, since {format_instant(begun)}"
        instants = list(expected)
        for at in random.sample(instants, 6):
            decision = interlock.evaluate(path, **asked, at=format_instant(at))
            found = decision.state, tuple(sorted(each.message for each in decision.findings))
            assert found == expected[at], f"{shown}, at {format_instant(at)}"
            turn = next((each for each in instants if each > at and expected[each] != expected[at]), None)
            if decision.validity == "exact" and turn is not None:
                assert decision.valid_until == format_instant(turn), f"{shown}, from {format_instant(at)}"
            at_rest += decision.state == "steady"
        since = random.choice(instants[: len(instants) // 2])
        told = api.replay([path], **asked, since=format_instant(since), until=format_instant(instants[-1]))
        seen = {
            each.since: (each.state, tuple(sorted(f.message for f in each.findings)))
            for each in told.lanes[0].intervals
        }
        turns = {since: expected[since]} | {
            at: expected[at]
            for before, at in itertools.pairwise(instants)
            if at > since and expected[at] != expected[before]
        }
        assert seen == {format_instant(at): state for at, state in turns.items()}, shown
    assert at_rest
