"""`required` selections may stand anywhere: how long a decision holds is exact where a selection was never reached."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import EXAMPLES
from tests.helpers.conditions import Pool
from tests.helpers.policies import NOW, Generated, yaml_text
from tests.property.test_validity_random import check_policy

SECOND = 1_000_000
KINDS = ("app_heartbeat", "app_autopilot_stopped", "command_created", "app_smoke_receipt_recorded")
POOL = Pool(
    strings=("manager", "worker", "x"),
    ints=(0, 1, 2),
    durations=(0, 60 * SECOND, 3600 * SECOND),
    instants=(NOW, NOW - 30 * SECOND, NOW - 60 * SECOND, NOW - 3600 * SECOND, NOW - 3600 * SECOND + 1),
)


def policy(random: Random) -> Generated:
    """Up to six selections, many of them required, whose conditions compare the clock with each other's facts; groups
    may be named, and absent."""
    document: dict[str, object] = {"policy": "random", "version": 1, "question": "Is it so?"}
    document["params"] = {"window": {"type": "duration", "default": "60s"}}
    facts: dict[str, dict[str, object]] = {}
    singles: list[str] = []
    for place in range(random.randint(2, 6)):
        name = f"s{place}"
        written = selection(random, name, singles, [n for n in facts if facts[n].get("take") != "count"])
        facts[name] = written
        if written["take"] in ("latest", "earliest") and "per" not in written:
            singles.append(name)
    document["facts"] = facts
    rules = [{"id": f"about-{n}", "when": f"{term(random, n, singles)} || {n} == null", "note": "so"} for n in singles]
    document["rules"] = [{"id": "always", "note": "so"}, *rules]
    document["decide"] = [{"state": "good", "allow": True}]
    return Generated(yaml_text(document) + "\n", POOL, {})


def selection(random: Random, name: str, singles: list[str], parents: list[str]) -> dict[str, object]:
    written: dict[str, object] = {"from": random.choice(KINDS)}
    if parents and random.random() < 0.3:
        written["from"] = random.choice(parents)
    if random.random() < 0.8:
        joined = random.choice((" && ", " || "))
        written["where"] = joined.join(term(random, name, singles) for _ in range(random.choice((1, 1, 2))))
    written["take"] = random.choice(("all", "latest", "latest", "earliest", "count"))
    if written["take"] != "all" and random.random() < 0.3:
        written["per"] = random.choice(("actor", {"actor": ["manager", "worker"]}))
    if random.random() < 0.6:
        written["required"] = random.choice(("There is none.", "none at {now}"))
    return written


def term(random: Random, name: str, singles: list[str]) -> str:
    """A comparison that the clock turns, or one that it does not, with the facts of any earlier selection."""
    own, other = (random.choice([name, *singles]) for _ in range(2))
    return random.choice(
        (
            f"now - {own}.at {random.choice(('<', '<=', '>', '>='))} params.window",
            f'now - {own}.at <= duration("{random.choice(("1h", "90s"))}")',
            f"{own}.at <= {other}.at",
            f"now - {own}.at > {other}.at - {own}.at",
            f"!(now < {other}.at + params.window)",
            f"now - {other}.at > params.window && {own} == null",
        )
    )


def check(random: Random) -> Counter[str]:
    seen = check_policy(random, policy(random))
    assert not seen["refused"]
    return seen


@given(st.integers(0, 2**64))
def test_a_required_selection_may_stand_anywhere(seed: int) -> None:
    check(Random(seed))


@pytest.mark.slow
def test_fifteen_hundred_policies_with_required_selections_hold_until_they_say() -> None:
    seen: Counter[str] = Counter()
    for seed in range(1_500 * EXAMPLES):
        seen += check(Random(seed))
    assert seen["changes"] > 100
    assert seen["undecided"] > 100
