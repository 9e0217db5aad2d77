"""The limits of the rules engine: what exceeds them is refused with a message, and the rest works."""

from __future__ import annotations

import pytest

from interlock.diagnostics import EngineError
from interlock.evaluation.rete import Match, Ruleset
from interlock.evaluation.rete.limits import check_facts
from interlock.model.compiled import Branch, Pattern, Relation, Slot, Stratum, Test
from interlock.model.facts import Value
from tests.helpers.branches import Facts, build, fact, facts, join, many, matches, no, rule, some
from tests.helpers.engine import needs_engine

FAR = 2**53
STEPS = (
    "steps, more than the 200,000 the rules engine is given; compare their fields with `==`, "
    "aggregate one (take: count, latest, per: …) or narrow its `where`"
)
TOO_FAR = "too far from 0 for the rules engine: the limit is 9,007,199,254,740,991"


def loops_of(found: list[Match]) -> list[tuple[int, ...]]:
    return [match.loops for match in found]


UNJOINED = rule(some("$"), some("seat"), some("proof"), loops=("s", "p"))
REFUSED: dict[str, tuple[list[Branch], Facts, str]] = {
    "too many facts": (
        [rule(some("proof"))],
        facts(proof=many(2417)),
        (
            "`proof` selects 2,417 facts, more than the 2,000 the rules engine is given; "
            "aggregate it (take: count, latest, per: …) or narrow its `where`"
        ),
    ),
    "unjoined": (
        [UNJOINED],
        facts(seat=many(500), proof=many(400)),
        f"a rule joins `seat` and `proof` in up to 200,501 {STEPS}",
    ),
    "unjoined, before a relation that is empty": (
        [rule(some("seat"), some("proof"), some("verdict"))],
        facts(seat=many(2000), proof=many(2000)),
        f"a rule joins `seat` and `proof` in up to 4,002,000 {STEPS}",
    ),
    "joined by a field that is mostly the same": (
        [rule(some("seat"), some("proof", join("role", "==", "s", "role")))],
        facts(seat=many(501, role="worker"), proof=[*many(400, role="worker"), *many(400, role="manager")]),
        f"a rule joins `seat` and `proof` in up to 200,901 {STEPS}",
    ),
    "compared with facts that must not be there": (
        [rule(some("seat"), some("proof"), no("verdict", join("at", "<", "s", "at")))],
        facts(seat=many(200), proof=many(200), verdict=many(2000)),
        f"a rule joins `seat` and `proof` and `verdict` in up to 840,200 {STEPS}",
    ),
    "too much together": (
        [UNJOINED] * 4,
        facts(seat=many(400), proof=many(400)),
        (
            "the rules together take up to 641,604 steps, more than the 600,000 the rules engine is given; "
            "aggregate the largest selections (take: count, latest, per: …) or narrow their `where`"
        ),
    ),
    "a large number": (
        [rule(some("seat", Test("at", "==", 1)))],
        facts(seat=[fact(at=2**53)]),
        f"`seat.at` is 9,007,199,254,740,992, {TOO_FAR}",
    ),
    "an ordering of text": (
        [rule(some("seat"), some("proof", join("at", "<", "s", "at")))],
        facts(seat=[fact(at="yesterday")]),
        "`seat.at` is text, but a rule needs a number there",
    ),
    "an ordering of own text": (
        [rule(some("seat", Test("at", ">", 0)))],
        facts(seat=[fact(at="yesterday")]),
        "`seat.at` is text, but a rule needs a number there",
    ),
    "a sum with a bool": (
        [rule(some("seat"), some("proof", join("at", "==", "s", "at", plus=1)))],
        facts(seat=[fact(at=True)]),
        "`seat.at` is true, but a rule needs a number there",
    ),
}


@pytest.mark.parametrize(("branches", "given", "message"), REFUSED.values(), ids=REFUSED)
def test_refused_facts(branches: list[Branch], given: Facts, message: str) -> None:
    made = build(*branches)
    with pytest.raises(EngineError) as caught:
        made.run(given)
    assert str(caught.value) == message
    assert [match.target for match in made.run(facts())] == []


def test_refused_facts_of_all_relations_together() -> None:
    with pytest.raises(EngineError) as caught:
        check_facts({f"kind{n}": range(1900) for n in range(11)}, 2000)
    assert str(caught.value) == (
        "the selections hold 20,900 facts, more than the 20,000 the rules engine is given at once; "
        "aggregate the largest (take: count, latest, per: …) or narrow their `where`"
    )


def test_the_limits_can_be_set_for_a_run() -> None:
    made = build(UNJOINED)
    given = facts(seat=many(3), proof=many(3))
    assert len(made.run(given, max_facts=3, max_steps=13)) == 9
    with pytest.raises(EngineError, match="`seat` selects 3 facts, more than the 2 "):
        made.run(given, max_facts=2)
    with pytest.raises(EngineError, match="`seat` and `proof` in up to 13 steps, more than the 12 "):
        made.run(given, max_steps=12)


def test_joined_facts_are_not_refused() -> None:
    made = build(
        rule(
            some("$"),
            some("seat", Test("role", "==", "worker")),
            some("proof", join("at", "==", "s", "at")),
            no("verdict", join("at", "==", "p", "at")),
            loops=("s", "p"),
        )
    )
    given = facts(seat=[*many(1, role="worker"), *many(1999)], proof=many(2000), verdict=many(2000)[1:])
    assert loops_of(made.run(given)) == [(0, 0)]


TOO_MUCH: dict[str, tuple[Branch, str]] = {
    "facts": (
        rule(*(Pattern(f"s{n}", "seat") for n in range(16))),
        "a rule (number 1) joins 16 facts, more than the 15 the rules engine can hold; split it",
    ),
    "facts of a line of decide": (
        Branch(1, tuple(Pattern(f"s{n}", "seat") for n in range(16)), decides=True),
        "a line of `decide` (number 2) joins 16 facts, more than the 15 the rules engine can hold; split it",
    ),
    "patterns": (
        rule(*[no("seat")] * 201),
        "a rule (number 1) looks for 201 facts, more than the 200 the rules engine can hold; split it",
    ),
    "patterns of a relation": (
        rule(*[no("seat")] * 61),
        "a rule looks for `seat` 61 times, more than the 60 the rules engine can hold; split it",
    ),
    "joins": (
        rule(some("seat"), some("proof", *(join("at", "<", "s", "at", plus=n) for n in range(29)))),
        "a rule compares a fact of `proof` with others 29 times, more than the 28 the rules engine can hold; split it",
    ),
    "fields": (
        rule(some("seat"), *(no("seat", join("at", "<", "s", "at", plus=n)) for n in range(60))),
        "the rules read more than 50 fields of `seat`; split the policy",
    ),
    "terms": (
        rule(some("seat"), some("proof", Test("at", "<", 0, ((1, Slot("s", "at")),) * 9))),
        (
            "`proof.at` is compared with a sum of 9 fields, more than the 8 the rules engine can add; "
            "sum some of them in a fact of their own"
        ),
    ),
    "a large constant": (
        rule(some("seat", Test("at", "<", -FAR))),
        f"what `seat.at` is compared with is -9,007,199,254,740,992, {TOO_FAR}",
    ),
    "a large constant in a sum": (
        rule(some("seat"), some("proof", join("at", "<", "s", "at", plus=FAR))),
        f"what `proof.at` is compared with is 9,007,199,254,740,992, {TOO_FAR}",
    ),
}


@pytest.mark.parametrize(("branch", "message"), TOO_MUCH.values(), ids=TOO_MUCH)
def test_refused_rules(branch: Branch, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interlock.evaluation.rete.encoding.MAX_FIELDS", 50)
    with pytest.raises(EngineError) as caught:
        build(branch)
    assert str(caught.value) == message


BUGS: dict[str, tuple[Branch, type[Exception]]] = {
    "unknown relation": (rule(some("seet")), KeyError),
    "unknown column": (rule(some("seat", Test("rolle", "==", 1))), KeyError),
    "unknown column of a slot": (rule(some("seat"), some("proof", join("at", "==", "s", "rolle"))), KeyError),
    "unknown alias": (rule(some("proof", join("at", "==", "s", "at"))), ValueError),
    "later alias": (rule(some("proof", join("at", "==", "s", "at")), some("seat")), ValueError),
    "negated alias": (rule(no("seat"), some("proof", join("at", "==", "no-seat", "at"))), ValueError),
    "one alias twice": (rule(some("seat"), some("seat")), ValueError),
    "loop over nothing": (rule(some("seat"), loops=("p",)), KeyError),
    "loop over what is not there": (rule(no("seat"), loops=("no-seat",)), KeyError),
    "ordering of text": (rule(some("seat", Test("at", "<", "noon"))), ValueError),
    "ordering of a bool": (rule(some("seat", Test("at", "<", True))), ValueError),
    "sum with text": (rule(some("seat"), some("proof", Test("at", "<", "1", ((1, Slot("s", "at")),)))), ValueError),
    "sum with a bool": (rule(some("seat"), some("proof", Test("at", "<", True, ((1, Slot("s", "at")),)))), ValueError),
    "sum with own fields": (
        rule(some("seat"), some("proof", Test("at", "<", 0, ((1, Slot("s", "at")), (1, Slot("p", "at")))))),
        ValueError,
    ),
}


@pytest.mark.parametrize(("branch", "error"), BUGS.values(), ids=BUGS)
def test_a_malformed_branch_is_a_bug(branch: Branch, error: type[Exception]) -> None:
    with pytest.raises(error):
        build(branch)


def test_a_value_that_no_rule_can_test_is_a_bug() -> None:
    made = build(rule(some("seat", Test("note", "!=", None))))
    for value in (("a", "b"), 1.5, b"a"):
        with pytest.raises(TypeError):
            made.run({"seat": [{"note": value}]})  # type: ignore[dict-item]


def test_as_many_patterns_of_a_relation_as_a_c_ruleset_holds() -> None:
    branches = [
        rule(some("seat"), some("proof", join("at", op, "s", "at", plus=n)), loops=("s", "p"), target=n)
        for n in range(75)
        for op in ("==", "<")
    ]
    given = facts(seat=many(3), proof=many(78))
    found = [(m.target, m.decides, m.blocked, m.loops) for m in build(*branches).run(given)]
    assert found == matches(branches, given)


def test_as_many_rules_as_a_c_ruleset_holds() -> None:
    assert [match.target for match in build(*(rule(target=n) for n in range(450))).run({})] == list(range(450))


@needs_engine
def test_as_many_relations_as_a_c_ruleset_holds() -> None:
    names = [tuple(f"kind{n}-{m}" for m in range(3)) for n in range(150)]
    made = Ruleset(
        tuple(Relation(name, ()) for three in names for name in three),
        Stratum(tuple(rule(*(some(name, alias=name) for name in three), target=n) for n, three in enumerate(names))),
    )
    present = {name: [dict[str, Value]()] * (n % 2) for n, three in enumerate(names) for name in three}
    assert [match.target for match in made.run(present)] == list(range(1, 150, 2))
    assert len(made._sessions) == 2  # one that holds too many does not fail: making it never ends
    made.close()


def test_as_many_facts_and_joins_as_a_rule_holds() -> None:
    wide = [Pattern(f"s{n}", "seat", (Test("at", "==", n),)) for n in range(15)]
    made = build(
        rule(*wide, *[no("proof", Test("at", "==", 99))] * 60, *[no("verdict")] * 60, loops=("s14", "s0")),
        rule(some("seat"), some("proof", *[join("at", ">=", "s", "at", plus=n) for n in range(28)]), loops=("s", "p")),
    )
    found = made.run(facts(seat=many(15), proof=many(29)))
    assert loops_of(found) == [(0, 27), (0, 28), (1, 28), (14, 0)]
