"""What matches, what the rules engine is sent for it, and that a ruleset runs as often as wanted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from interlock.diagnostics import EngineError
from interlock.evaluation.rete import Match, session
from interlock.evaluation.rete.rules import Translator
from interlock.model.compiled import Branch, Pattern, Slot, Test
from interlock.model.expression import Operator
from tests.helpers.branches import RELATIONS, build, fact, facts, join, many, no, rule, some


def loops_of(found: list[Match]) -> list[tuple[int, ...]]:
    return [match.loops for match in found]


def test_a_branch_without_patterns_matches_once() -> None:
    assert build(rule(target=3)).run({}) == [Match(3, False, None, ())]


def test_a_stratum_without_branches_matches_nothing() -> None:
    assert build().run(facts()) == []


def test_matches_are_each_there_once_and_sorted() -> None:
    one = some("seat", alias="s")
    made = build(
        Branch(1, (one,), ("s",), blocked=True),
        Branch(1, (one,), ("s",), blocked=False),
        Branch(1, (one, some("proof")), ("s",)),
        Branch(1, (one, some("verdict")), ("s",)),
        Branch(0, (one,), decides=True),
        Branch(0, (one,)),
    )
    found = made.run(facts(seat=[fact(), fact()], proof=[fact(), fact()], verdict=[fact()]))
    assert found == [
        Match(0, False, None, ()),
        Match(0, True, None, ()),
        Match(1, False, None, (0,)),
        Match(1, False, None, (1,)),
        Match(1, False, False, (0,)),
        Match(1, False, False, (1,)),
        Match(1, False, True, (0,)),
        Match(1, False, True, (1,)),
    ]


def test_loops_are_places_in_their_relation_in_the_order_of_the_branch() -> None:
    made = build(rule(some("seat"), some("proof", join("role", "==", "s", "role")), loops=("p", "s")))
    found = made.run(
        facts(
            seat=[fact(role="manager"), fact(role="worker")],
            proof=[fact(role="worker"), fact(role="nobody"), fact(role="manager")],
        )
    )
    assert loops_of(found) == [(0, 1), (2, 0)]


def test_one_fact_may_fill_two_places() -> None:
    made = build(rule(some("seat", alias="a"), some("seat", alias="b"), loops=("a", "b")))
    assert loops_of(made.run(facts(seat=[fact(), fact()]))) == [(0, 0), (0, 1), (1, 0), (1, 1)]


@pytest.mark.parametrize("negated", [False, True])
@pytest.mark.parametrize("op", ["<", "<=", ">", ">="])
@pytest.mark.parametrize(("own", "other"), [(None, 5), (5, None), (None, None), (4, 5), (5, 5), (6, 5)])
def test_an_ordering_with_a_null_is_false(own: int | None, other: int | None, op: Operator, negated: bool) -> None:
    holds = False
    if own is not None and other is not None:
        holds = {"<": own < other, "<=": own <= other, ">": own > other, ">=": own >= other}[op]
    shapes = {
        "constant": rule(Pattern("s", "seat", (Test("at", op, other),), negated)),
        "join": rule(some("proof"), Pattern("s", "seat", (join("at", op, "p", "count"),), negated)),
        "shifted": rule(some("proof"), Pattern("s", "seat", (join("count", op, "p", "count", plus=7),), negated)),
        "subtracted": rule(some("proof"), Pattern("s", "seat", (join("at", op, "p", "note", sign=-1),), negated)),
        "own fields": rule(Pattern("s", "seat", (join("at", op, "s", "note"),), negated)),
    }
    shifted = None if own is None else own + 7
    opposite = None if other is None else -other
    given = facts(seat=[fact(at=own, count=shifted, note=other)], proof=[fact(count=other, note=opposite)])
    assert {name: bool(build(branch).run(given)) for name, branch in shapes.items()} == dict.fromkeys(
        shapes, holds != negated
    )


ALL_DIFFERENT: tuple[None | bool | int | str, ...] = (
    *(None, False, True, 0, 1, -1, 2**53 - 1, 1 - 2**53, "", "0", "1", "a", "a ", "true", "false", "null", "None"),
    *("é", "e\u0301", "\\u00e9", 'q"', "back\\slash", "a\0b", "\ud800", "x" * 65536, "y" * 65536, "%d"),
)


def test_values_equal_themselves_and_nothing_else() -> None:
    made = build(rule(some("seat"), some("proof", join("note", "==", "s", "note")), loops=("s", "p")))
    same = [fact(note=value) for value in ALL_DIFFERENT]
    assert loops_of(made.run(facts(seat=same, proof=same))) == [(i, i) for i in range(len(ALL_DIFFERENT))]


def test_constants_equal_the_same_value_and_no_other() -> None:
    constants = [Test("note", "==", value) for value in ALL_DIFFERENT]
    made = build(*(rule(some("seat", test), loops=("s",), target=i) for i, test in enumerate(constants)))
    found = made.run(facts(seat=[fact(note=value) for value in ALL_DIFFERENT]))
    assert [(match.target, *match.loops) for match in found] == [(i, i) for i in range(len(ALL_DIFFERENT))]


def test_a_sum_with_a_null_is_null() -> None:
    made = build(rule(some("seat"), some("proof", join("at", "==", "s", "at", plus=5)), loops=("s", "p")))
    given = facts(seat=[fact(at=None), fact(at=1)], proof=[fact(at=None), fact(at=5), fact(at=6)])
    assert loops_of(made.run(given)) == [(0, 0), (1, 2)]


@pytest.mark.parametrize("op", ["<", "<=", ">", ">="])
def test_null_is_beyond_every_sum(op: Operator) -> None:
    far = 2**53 - 1 if op[0] == "<" else 1 - 2**53
    shifted = rule(some("seat"), some("proof", join("at", op, "s", "at", plus=far)))
    both = Test("at", op, far, ((1, Slot("s", "count")), (1, Slot("v", "at")), (-1, Slot("v", "count"))))
    added = rule(some("seat"), some("verdict"), some("proof", both))
    ends = [fact(at=-far), fact(at=far), fact(at=0)]
    given = facts(seat=[fact(count=far)], proof=ends, verdict=[fact(at=far)])
    assert build(shifted, added).run(given) == []
    assert len(build(added).run({**given, "verdict": [fact(at=0, count=0)]})) == 1


@pytest.mark.parametrize(("op", "found"), [("<", [0]), ("<=", [0, 1]), (">", [2]), (">=", [1, 2])])
def test_a_sum_over_facts(op: Operator, found: list[int]) -> None:
    total = Test("at", op, 10, ((1, Slot("s", "at")), (-1, Slot("p", "at")), (1, Slot("s", "count"))))
    made = build(rule(some("seat"), some("proof"), some("verdict", total), loops=("v",)))
    given = facts(seat=[fact(at=5, count=1)], proof=[fact(at=3)], verdict=[fact(at=12), fact(at=13), fact(at=14)])
    assert [place for (place,) in loops_of(made.run(given))] == found


def sum_of_two(op: Operator, *shown: Test) -> Branch:
    total = Test("at", op, 0, ((1, Slot("s", "at")), (-1, Slot("p", "at"))))
    return rule(
        some("seat", *shown), some("proof", Test("at", ">", -(2**53) + 1)), some("verdict", total), loops=("v",)
    )


def test_a_sum_over_facts_needs_every_field_unless_the_rule_tests_it() -> None:
    given = facts(seat=[fact(), fact(at=9)], proof=[fact(at=2)], verdict=[fact(at=7), fact()])
    with pytest.raises(EngineError) as caught:
        build(sum_of_two("==")).run(given)
    assert str(caught.value) == (
        "`seat.at` is null, but a rule adds it to fields of other facts; let the rule test it for null first"
    )
    assert loops_of(build(sum_of_two("==", Test("at", "!=", None))).run(given)) == [(0,)]
    assert loops_of(build(sum_of_two("!=", Test("at", "==", 9))).run(given)) == [(1,)]
    assert loops_of(build(sum_of_two("<=")).run(given)) == [(0,)]


def test_what_the_engine_is_asked() -> None:
    tests = (join("at", "<", "s", "at"), join("at", ">", "p", "count"), Test("role", "!=", None), Test("at", "<=", 5))
    asked = Translator(RELATIONS).rule(rule(some("seat"), some("proof", *tests)))
    assert asked.patterns == [
        {"v0": {"$and": [{"f0": 1}]}},
        {
            "v1": {
                "$and": [
                    {"f0": 2},
                    {"$neq": {"f4": 2**57}},
                    {"$lte": {"f1": 5}},
                    {"$gt": {"f2": {"$m": "f3"}}},
                    {"$lt": {"f1": {"v0": "f1"}}},
                    {"$neq": {"f0": {"g": "f0"}}},
                ]
            }
        },
    ]


@contextmanager
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The texts of the facts that the engine is sent."""
    texts: list[str] = []
    real = session._engine

    class Spy:
        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

        def assert_fact(self, handle: int, text: str) -> object:
            texts.append(text)
            return real.assert_fact(handle, text)

    monkeypatch.setattr(session, "_engine", Spy())
    yield texts
    monkeypatch.undo()


def test_only_the_fields_that_are_read_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    made = build(rule(some("seat", Test("at", ">", 1), Test("role", "==", "worker"))))
    with sent(monkeypatch) as texts:
        assert made.run(facts(seat=[fact(at=7, role="manager", note="secret")], proof=[fact(at=8)])) == []
    assert [text.count('"f') for text in texts] == [3, 1]


def test_a_missing_relation_or_field_is_a_bug() -> None:
    made = build(rule(some("seat", Test("at", ">", 1))))
    with pytest.raises(KeyError):
        made.run({"proof": []})
    with pytest.raises(KeyError):
        made.run({"seat": [{"role": "worker"}]})


def fnv(text: str) -> int:
    value = 0x811C9DC5
    for byte in text.encode():
        value = (value ^ byte) * 16777619 & 0xFFFFFFFF
    return value


def test_no_two_names_have_the_same_hash() -> None:
    reserved = ["g", "id", "sid", "$s", "$m", "$l", "$r", "$i", "$and", "$or", "$eq", "$neq", "$lt", "$lte", "$gt"]
    reserved += ["$gte", "$ex", "$nex", "$add", "$sub", "$mul", "$forward", "$not", "$all", "$any", "all", "dist"]
    fields = [f"f{n}" for n in range(241)]
    aliases = [f"{kind}{n}" for kind in "vn" for n in range(200)]
    assert len({fnv(name) for name in (*reserved, *fields, *aliases)}) == len((*reserved, *fields, *aliases))
    ids = ["999999", "sid-s", *(f"{n:06d}" for n in range(20_000))]
    assert len({fnv(each) for each in ids}) == len(ids)


def test_a_ruleset_runs_again_and_again() -> None:
    made = build(rule(some("seat", Test("role", "==", "worker")), no("proof"), loops=("s",)))
    for _ in range(600):  # two sessions each: more than the 1,024 that a C ruleset can hold
        assert loops_of(made.run(facts(seat=[fact(role="manager"), fact(role="worker")]))) == [(1,)]
        assert made.run(facts(seat=[fact(role="worker")], proof=[fact()])) == []


def test_threads_take_turns() -> None:
    made = build(rule(some("seat"), some("proof", join("at", "==", "s", "at")), loops=("s", "p")))
    wrong: list[object] = []

    def work(offset: int) -> None:
        given = facts(seat=many(5), proof=many(10)[offset:])
        wrong.extend(
            found
            for found in [loops_of(made.run(given)) for _ in range(100)]
            if found != [(n, n - offset) for n in range(offset, 5)]
        )

    threads = [threading.Thread(target=work, args=(offset,)) for offset in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_closed_ruleset_does_not_run() -> None:
    made = build(rule())
    made.close()
    made.close()
    with pytest.raises(ValueError, match="closed"):
        made.run({})
