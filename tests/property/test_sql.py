"""Selections by SQL select what the language says: compared with a model in plain Python, over random receipts."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

import interlock
from interlock.diagnostics import Source
from interlock.evaluation.select import Selecting
from interlock.instant import SECOND, format_instant, parse_instant
from interlock.language.evaluate import Environment, Failure, evaluate
from interlock.model.expression import LIST, Type
from interlock.model.facts import Fact, Value
from interlock.model.policy import Policy, Selection
from interlock.policy.library import make
from interlock.schemas import SHIPPED
from tests.conftest import EXAMPLES
from tests.helpers.conditions import Pool, Sight, Thing, Writer
from tests.helpers.ledgers import LedgerBuilder

LEDGERS, POLICIES = 100 * EXAMPLES, 12
KIND = "app_smoke_receipt_recorded"
NOW = parse_instant("2026-06-11T12:00:03.500Z")
FIELDS = {
    "role": Type("string", ("manager", "worker"), nullable=False),
    "status": Type("string", ("sent", "received", "accepted", "blocked", "skipped"), nullable=False),
    "smoke_id": Type("string", nullable=False),
    "nonce": Type("string", nullable=False),
    "thread_id": Type("string"),
    "seq": Type("int", nullable=False),
    "at": Type("timestamp", nullable=False),
    "task": Type("string"),
    "actor": Type("string", nullable=False),
}
PARAMS = {"limit": Type("duration"), "word": Type("string"), "names": LIST, "since": Type("timestamp")}
POOL = Pool(
    ("a", "b", "", "it's", 'q"\\', "é👩"),
    (1, 2, 3, 5, 8),
    (0, SECOND, 2 * SECOND),
    tuple(NOW + shift * SECOND // 2 for shift in (-7, -5, -3, -1, 0)),
)
PER: tuple[Any, ...] = (None, "role", "smoke_id", ["role", "status"], {"role": ["worker", "manager"]})
PER += ({"status": ["accepted", "sent", "skipped"]}, {"actor": ["manager", "worker"]})


def rows(random: Random) -> list[Fact]:
    """Receipts of two tasks and of none, in the order of insertion; several of one instant, some after now."""
    found = []
    for seq in range(1, random.randint(3, 14)):
        at = (
            NOW
            - NOW % SECOND
            + random.choice((-3, -2, -2, -1, 0, 1)) * SECOND
            + random.choice((0, 0, 250_000, 500_000))
        )
        fields: dict[str, Value] = {
            path: random.choice(of.enum or POOL.strings) for path, of in FIELDS.items() if of.kind == "string"
        }
        fields |= {"thread_id": random.choice((None, *POOL.strings[:2])), "seq": seq, "at": at}
        fields |= {
            "task": random.choice(("demo", "demo", "other", None)),
            "actor": random.choice(("manager", "worker")),
        }
        found.append(Fact(KIND, fields, f"receipt-{seq}", seq))
    return found


def write(folder: Path, facts: list[Fact], random: Random) -> Path:
    """A ledger of these receipts; the texts of their times with and without fractions."""
    builder = LedgerBuilder(folder / f"{random.getrandbits(64):x}.db").task("demo").bind().task("other").bind()
    for fact in facts:
        own = {path: fact.fields[path] for path in ("role", "status", "smoke_id", "nonce", "thread_id")}
        if own["thread_id"] is None and random.random() < 0.5:
            del own["thread_id"]
        at = format_instant(int(str(fact.fields["at"])))
        columns: dict[str, Any] = {"attributes_json": json.dumps(own, ensure_ascii=random.random() < 0.5)}
        columns |= {"task_id": {"demo": "task-1", "other": "task-2"}.get(str(fact.fields["task"]))}
        if "." not in at and random.random() < 0.5:
            at = at.replace("Z", random.choice((".000Z", "+00:00")))
        builder.receipt(KIND, at=at, actor=str(fact.fields["actor"]), **columns)
    return builder.write()


def selection(random: Random, name: str, parent: str | None, *, wide: bool) -> dict[str, Any]:
    """One selection as it is written."""
    sight = Sight(POOL, (Thing(name, FIELDS),), params=PARAMS, place="where", wide=wide)
    made: dict[str, Any] = {"from": parent or KIND}
    if random.random() < 0.8:
        made["where"] = Writer(random, sight).condition(random.choice((0, 1, 2)))
    if parent is None and random.random() < 0.3:
        made["scope"] = "ledger"
    made["take"] = random.choice(("all", "all", "latest", "latest", "earliest", "count", "min", "max", "sum"))
    per = random.choice(PER)
    if made["take"] != "all" and per is not None:
        made["per"] = per
    if made["take"] in ("min", "max"):
        made["of"] = random.choice(("seq", "at"))
    if made["take"] == "sum":
        made["of"] = "seq"
    return made


def policy(random: Random, *, wide: bool = False) -> Policy | None:
    """Three selections, of which the later may narrow the earlier; None where the checker refuses a condition."""
    facts: dict[str, Any] = {}
    for name in ("first", "second", "third"):
        parents = [known for known, made in facts.items() if made["take"] in ("all", "latest", "earliest")]
        facts[name] = selection(random, name, random.choice([None, *parents]), wide=wide)
    text = {
        "policy": "random",
        "version": 1,
        "question": "What is selected?",
        "params": {name: {"type": of.kind, "optional": True} for name, of in PARAMS.items()},
        "facts": facts,
        "decide": [{"state": "done", "allow": True}],
    }
    single = {name for name, made in facts.items() if made["take"] != "all" and "per" not in made}
    text["outputs"] = {name: f"{name} != null" if name in single else f"{name}.size()" for name in facts}
    try:
        return make(Source("random", json.dumps(text, ensure_ascii=False)), lambda _: "none", SHIPPED).policy
    except interlock.PolicyError as error:
        assert {issue.code for issue in error.issues} <= {"E411", "E422"}, error
        return None


class Undecided(Exception):
    """A condition has no value for a receipt that may decide."""


# -- the model


def modelled(policy: Policy, facts: list[Fact], params: dict[str, Value]) -> dict[str, list[Any]]:
    """What each selection selects, by the language's definition."""
    found: dict[str, list[Fact]] = {}
    shown: dict[str, list[Any]] = {}
    for each in policy.selections:
        if each.parent:
            candidates = found[each.parent]
        else:
            seen = [fact for fact in facts if int(str(fact.fields["at"])) <= NOW]
            candidates = [fact for fact in seen if each.scope == "ledger" or fact.fields["task"] == "demo"]
        known = Environment(NOW, "demo", params, {})
        where = each.where
        if where is not None:
            candidates = [fact for fact in candidates if evaluate(where, known.bind(each.name, fact))]
        found[each.name], shown[each.name] = taken(each, candidates)
    return shown


def order(fact: Fact) -> tuple[int, int]:
    return int(str(fact.fields["at"])), fact.seq


def taken(each: Selection, candidates: list[Fact]) -> tuple[list[Fact], list[Any]]:
    """What is taken of the candidates: the facts, and how they are shown."""
    if each.take == "all":
        return candidates, shown_as(candidates)
    group: Callable[[Fact], tuple[Value, ...]] = lambda fact: tuple(fact.fields.get(path) for path in each.per)  # noqa: E731
    groups = {key: [f for f in candidates if group(f) == key] for key in dict.fromkeys(map(group, candidates))}
    if each.take in ("latest", "earliest"):
        facts = [newest for some in groups.values() for newest in one(each, some)]
        lacking = [value for value in each.groups if (value,) not in groups]
        facts += [Fact(each.name, {each.per[0]: value}, absent=True) for value in lacking]
        return facts, shown_as(facts)
    numbers = {key: number(each, facts) for key, facts in groups.items()}
    named: list[tuple[Value, ...]] = [(value,) for value in each.groups] or ([()] if not each.per else [])
    nothing = 0 if each.take == "count" else None
    wanted = named or list(numbers)
    return [], sorted(([*key, numbers.get(key, nothing)] for key in wanted), key=str)


def one(each: Selection, facts: list[Fact]) -> list[Fact]:
    """The newest or oldest of a group: one that is there, else (once per group) that of an absent group."""
    there = sorted((fact for fact in facts if not fact.absent), key=order)
    if there:
        return [there[-1 if each.take == "latest" else 0]]
    return sorted(facts, key=lambda fact: ("actor" in fact.fields, str(fact.fields)))[:1] if each.per else []


def shown_as(facts: list[Fact]) -> list[str]:
    """The facts that are there, by their time, then those of absent groups, by what is not null."""
    there = sorted((fact for fact in facts if not fact.absent), key=order)
    absent = [{k: v for k, v in fact.fields.items() if v is not None} for fact in facts if fact.absent]
    return [*(str(fact.id) for fact in there), *sorted(map(str, absent))]


def number(each: Selection, facts: list[Fact]) -> int | None:
    values = [int(str(fact.fields[each.of])) for fact in facts if not fact.absent] if each.of else []
    if each.take == "count":
        return len(facts)
    taken: dict[str, Callable[[list[int]], int]] = {"min": min, "max": max, "sum": sum}
    return taken[each.take](values) if values else None


def selected(policy: Policy, ledger: interlock.Ledger, params: dict[str, Value]) -> dict[str, list[Any]]:
    """What SQL selects."""
    from interlock.policy.compile import compile_policy

    compiled, _ = compile_policy(policy, SHIPPED)
    assert compiled is not None
    with ledger.snapshot(NOW) as snapshot:
        result = Selecting(snapshot, ("task-1", "demo"), NOW, params, {}).select(compiled)
    if any("has no value" in fault for fault in result.faults):
        raise Undecided("\n".join(result.faults))
    assert (result.faults, result.missing) == ((), None)
    shown: dict[str, list[Any]] = {}
    for each in policy.selections:
        facts = result.facts[each.name]
        if each.take in ("count", "min", "max", "sum"):
            value = "count" if each.take == "count" else "value"
            shown[each.name] = sorted(
                ([*(fact.fields[path] for path in each.per), fact.fields[value]] for fact in facts), key=str
            )
        else:
            there = [fact for fact in facts if not fact.absent]
            shown[each.name] = [*(str(fact.id) for fact in there), *shown_as([f for f in facts if f.absent])]
    return shown


@pytest.mark.parametrize("part", range(3))
def test_sql_selects_by_functions_what_the_language_says(tmp_path: Path, part: int) -> None:
    """What has no value for a receipt is a fault; where one of several is taken, only if it may be that one."""
    seen = {"compared": 0, "undecided": 0, "passed over": 0}
    for seed in range(part * LEDGERS // 5, (part + 1) * LEDGERS // 5):
        random = Random(seed)
        facts = rows(random)
        ledger = interlock.open_ledger(write(tmp_path, facts, random))
        for made in filter(None, (policy(random, wide=True) for _ in range(POLICIES))):
            params: dict[str, Value] = {
                "limit": random.choice((None, SECOND)),
                "word": random.choice((None, *POOL.strings)),
                "names": random.choice((None, ("a", "b"), ())),
                "since": random.choice((None, *POOL.instants)),
            }
            try:
                expected = modelled(made, facts, params)
            except Failure as failure:
                expected, why = {}, failure.why
            try:
                found = selected(made, ledger, params)
            except Undecided as undecided:
                assert not expected, (seed, undecided, made.selections)
                seen["undecided"] += 1
                continue
            if not expected:
                assert {each.take for each in made.selections} & {"latest", "earliest"}, (seed, why, made.selections)
                seen["passed over"] += 1
                continue
            assert found == expected, (seed, made.selections)
            seen["compared"] += 1
        ledger.close()
    assert seen["compared"] > POLICIES * LEDGERS / 5 * 0.4, seen
    assert seen["undecided"] > 0, seen


@pytest.mark.parametrize("part", range(5))
def test_sql_selects_what_the_language_says(tmp_path: Path, part: int) -> None:
    compared = nonempty = 0
    for seed in range(part * LEDGERS // 5, (part + 1) * LEDGERS // 5):
        random = Random(seed)
        facts = rows(random)
        ledger = interlock.open_ledger(write(tmp_path, facts, random))
        for made in filter(None, (policy(random) for _ in range(POLICIES))):
            params: dict[str, Value] = {
                "limit": random.choice((None, SECOND)),
                "word": random.choice((None, *POOL.strings)),
                "names": random.choice((None, ("a", "b"), ())),
                "since": random.choice((None, *POOL.instants)),
            }
            expected = modelled(made, facts, params)
            assert selected(made, ledger, params) == expected, (seed, made.selections)
            compared += 1
            nonempty += any(itertools.chain(*expected.values()))
        ledger.close()
    assert compared > POLICIES * LEDGERS / 5 * 0.6
    assert nonempty > compared / 2
