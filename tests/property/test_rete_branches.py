"""The engine and a naive evaluator find the same matches, whatever the branches, the facts and their order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Literal
from unittest import mock

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from interlock.evaluation.rete import Ruleset, ruleset
from interlock.model.compiled import Branch, Column, Pattern, Relation, Slot, Stratum, Test
from interlock.model.expression import Operator
from interlock.model.facts import Value
from tests.helpers.branches import matches
from tests.helpers.engine import needs_engine

pytestmark = needs_engine

LARGEST = 2**53 - 1
RELATIONS = ("$", "seat", 'pro"of', "seat\0é")
INTS = ("at", "count", 'q"{}')  # columns that hold ints and null: they may be ordered and summed
ANY = ("role", "id", "sid", "$not")  # columns that hold anything: they may only be equal or not

HOSTILE = (
    *("", "a", "A", "é", "e\u0301", 'q"uote', "back\\slash", "\\u0061", "a\0b", "\ud800", "\U0001f600"),
    *("x" * 65536, "y" * 65536, "40189", "797186", "0", "1", "true", "null", "{}", "\n", " ", "a ", "a!", "$go", "%d"),
)
numbers = st.integers(-2, 2) | st.sampled_from((LARGEST, -LARGEST, LARGEST - 1, 2**31, -(2**32)))
small = st.integers(-2, 2)
ints: st.SearchStrategy[int | None] = st.none() | small | numbers
anything: st.SearchStrategy[None | bool | int | str] = (
    st.none() | st.booleans() | small | st.sampled_from(HOSTILE) | numbers
)
orderings: st.SearchStrategy[Operator] = st.sampled_from(("<", "<=", ">", ">="))
equalities: st.SearchStrategy[Operator] = st.sampled_from(("==", "==", "!="))
operators = equalities | orderings
signs: st.SearchStrategy[Literal[1, -1]] = st.sampled_from((1, -1))


@st.composite
def constant_tests(draw: st.DrawFn) -> Test:
    if draw(st.booleans()):
        return Test(draw(st.sampled_from(ANY)), draw(equalities), draw(anything))
    return Test(draw(st.sampled_from(INTS)), draw(operators), draw(ints))


@st.composite
def joins(draw: st.DrawFn, alias: str) -> Test:
    """A test against a sum of fields of one fact: an earlier one, or the pattern's own."""
    plain = draw(st.booleans())
    if plain and draw(st.booleans()):
        return Test(draw(st.sampled_from(ANY)), draw(equalities), None, ((1, Slot(alias, draw(st.sampled_from(ANY)))),))
    field = st.sampled_from(INTS)
    if plain:
        return Test(draw(field), draw(operators), draw(st.sampled_from((None, 0))), ((1, Slot(alias, draw(field))),))
    slots = draw(st.lists(st.tuples(signs, st.builds(Slot, st.just(alias), field)), min_size=1, max_size=3))
    own = draw(field) if len(slots) > 1 else draw(field | st.sampled_from(ANY))
    return Test(own, draw(operators if own in INTS else equalities), draw(numbers), tuple(slots))


@st.composite
def sums(draw: st.DrawFn, aliases: tuple[str, ...]) -> Test:
    """A test against a sum of fields of several facts, in which a null only ever is ordered."""
    fields = st.sampled_from(INTS)
    slots = draw(st.lists(st.tuples(signs, st.builds(Slot, st.sampled_from(aliases), fields)), min_size=2, max_size=4))
    op = draw(operators) if len({slot.alias for _, slot in slots}) == 1 else draw(orderings)
    return Test(draw(fields), op, draw(numbers), tuple(slots))


@st.composite
def branches(draw: st.DrawFn) -> Branch:
    patterns: list[Pattern] = []
    bound: tuple[str, ...] = ()
    for number in range(draw(st.integers(0, 4))):
        alias = f"p{number}"
        one: st.SearchStrategy[Test] = constant_tests() | joins(alias)
        if bound:
            one = one | st.sampled_from(bound).flatmap(joins) | st.sampled_from(bound).flatmap(joins)
        if len(bound) > 1:
            one = one | sums(bound)
        tests = draw(st.lists(one, max_size=3))
        negated = draw(st.sampled_from((False, False, True)))
        patterns.append(Pattern(alias, draw(st.sampled_from(RELATIONS)), tuple(tests), negated))
        bound = bound if negated else (*bound, alias)
    if len(bound) > 1 and draw(st.booleans()):
        patterns = _with_equal_sum(draw, patterns, bound)
    loops = draw(st.permutations(bound).flatmap(lambda order: st.sampled_from((order, order[:1], order[:2]))))
    blocked = draw(st.sampled_from((None, None, False, True)))
    return Branch(draw(st.integers(0, 2)), tuple(patterns), tuple(loops), draw(st.booleans()), blocked)


def _with_equal_sum(draw: st.DrawFn, patterns: list[Pattern], bound: tuple[str, ...]) -> list[Pattern]:
    """Adds a pattern with `==` or `!=` against a sum over several facts, and the tests that show it not to be null."""
    slots = tuple((draw(signs), Slot(alias, draw(st.sampled_from(INTS)))) for alias in bound[:3])
    shown = {
        slot.alias: draw(
            st.sampled_from(
                (
                    Test(slot.field, "!=", None),
                    Test(slot.field, "<", 2),
                    Test(slot.field, ">=", -1),
                    Test(slot.field, "==", 1),
                    Test(slot.field, "<=", None, ((1, Slot(slot.alias, slot.field)),)),
                )
            )
        )
        for _, slot in slots
    }
    guarded = [
        Pattern(each.alias, each.relation, (*each.tests, shown[each.alias]), each.negated)
        if each.alias in shown
        else each
        for each in patterns
    ]
    test = Test(draw(st.sampled_from(INTS)), draw(equalities), draw(small), slots)
    return [*guarded, Pattern("last", draw(st.sampled_from(RELATIONS)), (test,), draw(st.booleans()))]


facts_of_one = st.fixed_dictionaries({**dict.fromkeys(INTS, ints), **dict.fromkeys(ANY, anything)})
all_facts = st.fixed_dictionaries({name: st.lists(facts_of_one, max_size=6) for name in RELATIONS})


@contextmanager
def limits(*, patterns: int, rules: int, kinds: int) -> Iterator[None]:
    """Parts the rules among several C rulesets, as many rules are."""
    with (
        mock.patch.object(ruleset, "PATTERNS_OF_A_KIND", patterns),
        mock.patch.object(ruleset, "RULES", rules),
        mock.patch.object(ruleset, "KINDS", kinds),
    ):
        yield


relations = tuple(Relation(name, tuple(Column(c, ((1, c),)) for c in (*INTS, *ANY))) for name in RELATIONS)
whole = {"patterns": 60, "rules": 200, "kinds": 400}
parted = {"patterns": 5, "rules": 1, "kinds": 5}


@settings(max_examples=3 * settings().max_examples, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(branches(), max_size=6), st.lists(all_facts, min_size=1, max_size=3), st.booleans())
def test_the_engine_finds_what_the_naive_evaluator_finds(
    some: list[Branch], runs: list[dict[str, list[dict[str, Value]]]], split: bool
) -> None:
    with limits(**(parted if split else whole)):
        engine = Ruleset(relations, Stratum(tuple(some)))
    with closing(engine):
        for facts in runs:
            expected = matches(some, facts)
            event(f"matches: {min(len(expected), 5)}")
            found = engine.run(facts, max_steps=10**9)
            assert [(m.target, m.decides, m.blocked, m.loops) for m in found] == expected
