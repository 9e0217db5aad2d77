"""Small random policies whose decision hangs on every receipt that they read: numbers, edges, and what is absent."""

from __future__ import annotations

from random import Random

from tests.helpers.policies import RECEIPTS, Generated, policy, yaml_text

_NUMBERS = ("==", "!=", ">=", "<=", ">", "<")


def sensitive(random: Random) -> Generated:
    """A policy of one selection that allows, or denies, by one condition about it."""
    kinds = random.sample(RECEIPTS, random.choice((1, 1, 2)))
    take = random.choice(("count", "count", "min", "max", "latest", "earliest", "all", "all"))
    facts: dict[str, object] = {"from": kinds if len(kinds) > 1 else kinds[0]}
    if random.random() < 0.4:
        facts["scope"] = random.choice(("task", "ledger"))
    if random.random() < 0.4:
        facts["where"] = f"s.{_about(random)}"
    if take != "all":
        facts["take"] = take
    if take in ("min", "max"):
        facts["of"] = random.choice(("at", "seq"))
    condition = _condition(random, take, str(facts.get("of")))
    allow = random.random() < 0.5
    document = {
        "policy": "random",
        "version": 1,
        "question": "Is it so?",
        "facts": {"s": facts},
        "decide": [{"state": "so", "when": condition, "allow": allow}, {"state": "not", "allow": not allow}],
    }
    return Generated(yaml_text(document) + "\n", policy(random).pool, {})


def _about(random: Random) -> str:
    field, values = random.choice(
        (
            ("actor", ('"worker"', '"manager"', '"dispatch"', '"operator"')),
            ("severity", ('"info"', '"warning"')),
            ("summary", ('""', '"It happened."')),
        )
    )
    return f"{field} {random.choice(('==', '!='))} {random.choice(values)}"


def _condition(random: Random, take: str, of: str) -> str:
    if take == "count":
        return f"s.count {random.choice(_NUMBERS)} {random.randrange(5)}"
    if take in ("min", "max"):
        value = "timestamp('2026-06-11T12:00:00Z')" if of == "at" else str(random.randrange(9))
        return random.choice((f"s.value {random.choice(_NUMBERS)} {value}", "s.value == null"))
    if take == "all":
        macro = f"s.{random.choice(('exists', 'all'))}(x, x.{_about(random)})"
        return random.choice((macro, f"!{macro}"))
    age = f"now - s.at {random.choice(('<=', '>'))} duration('{random.choice(('1s', '3m', '1h'))}')"
    return random.choice((f"s.{_about(random)}", "s == null", "s != null", age))
