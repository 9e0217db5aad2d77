"""Conditions mean in CEL what they mean here: the same text, over facts without nulls, by CEL's C++ implementation.

Two things are ours: a field that is missing is null, and macros over a map range over its facts, not its keys.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.instant import SECOND, format_instant
from interlock.language.evaluate import Environment, Failure, evaluate, outcome
from interlock.language.scope import Scope
from interlock.language.scope import SelectionType as Names
from interlock.language.typecheck import typecheck
from interlock.model.expression import Type
from interlock.model.facts import Fact, Value
from tests.conftest import EXAMPLES
from tests.helpers.conditions import Pool, Sight, Thing, Writer

cel = pytest.importorskip("cel_expr_python.cel", reason="CEL's C++ implementation has no release for this Python")
strings = pytest.importorskip("cel_expr_python.ext.ext_strings")
bindings = pytest.importorskip("cel_expr_python.ext.ext_bindings")
optionals = pytest.importorskip("cel_expr_python.ext.ext_optional")

CASES = 4_000 * EXAMPLES
ROLE = Type("string", ("manager", "worker"), nullable=False)
FIELDS = {
    "role": ROLE,
    "text": Type("string", nullable=False),
    "n": Type("int", nullable=False),
    "flag": Type("bool", nullable=False),
    "at": Type("timestamp", nullable=False),
    "age": Type("duration", nullable=False),
    "inner.n": Type("int", nullable=False),
}
PARAMS = {
    "limit": Type("duration", nullable=False),
    "word": Type("string", nullable=False),
    "names": Type("list", nullable=False, item=Type("string", nullable=False)),
}
SCOPE = Scope(
    "condition",
    PARAMS,
    {"x": Names("single", FIELDS), "m": Names("map", FIELDS, ROLE), "l": Names("many", FIELDS)},
    {"y": FIELDS},
)
NOW = 1_781_179_200 * SECOND
ENVIRONMENT = cel.NewEnv(
    variables={}, extensions=[strings.ExtStrings(), bindings.ExtBindings(), optionals.ExtOptional()]
)


def pool(random: Random) -> Pool:
    strings = ("manager", "worker", "", "é\n\"'\\", "\u2028", "👩", "ab", "ab!")
    instants = tuple(NOW + random.choice((-1, 0, 1)) * random.choice((1, SECOND, 180 * SECOND)) for _ in range(4))
    return Pool(strings, (0, 1, 2, -1, 2**53 - 1, -(2**53 - 1)), (0, SECOND, 180 * SECOND, 90 * 60 * SECOND), instants)


def fact(random: Random, values: Pool, role: str | None = None) -> Fact:
    """A fact with every field."""
    return Fact(
        "thing",
        {
            "role": role or random.choice(ROLE.enum),
            "text": random.choice(values.strings),
            "n": random.choice(values.ints),
            "flag": random.choice((True, False)),
            "at": random.choice(values.instants),
            "age": random.choice(values.durations),
            "inner.n": random.choice(values.ints),
        },
    )


def literal(value: Value, kind: str) -> str:
    """A value as CEL writes it."""
    match kind:
        case "timestamp":
            assert isinstance(value, int)
            return f'timestamp("{format_instant(value)}")'
        case "duration":
            assert isinstance(value, int)
            return f'duration("{value // SECOND}s")'
        case "list":
            assert isinstance(value, tuple)
            return f"[{', '.join(literal(member, 'string') for member in value)}]"
        case "string":
            return '"' + "".join(f"\\U{ord(char):08x}" for char in str(value)) + '"'
    return str(value).lower()


def written(one: Fact) -> str:
    """A fact as CEL writes a map."""
    parts = [f'"{path}": {literal(one.fields[path], FIELDS[path].kind)}' for path in FIELDS if "." not in path]
    return "{" + ", ".join([*parts, f'"inner": {{"n": {one.fields["inner.n"]}}}']) + "}"


def by_cel(text: str, known: Environment, maps: Mapping[str, Fact]) -> bool | None:
    """What CEL makes of the condition; None where it has an error for what is null here."""
    names = {
        "x": written(known.facts["x"][0]),
        "y": written(known.variables["y"]),
        "m": "{" + ", ".join(f'"{key}": {written(one)}' for key, one in maps.items()) + "}",
        "l": f"[{', '.join(map(written, known.facts['l']))}]",
        "params": "{" + ", ".join(f'"{p}": {literal(known.params[p], PARAMS[p].kind)}' for p in PARAMS) + "}",
        "now": literal(known.now, "timestamp"),
        "task": literal(known.task, "string"),
    }
    for name, value in names.items():  # a list of one binds a name to a value
        text = f"[dyn({value})].exists({name}, {text})"
    found = ENVIRONMENT.compile(text).eval(data={})
    assert found.type() in (cel.Type.BOOL, cel.Type.ERROR), (text, found.type())
    return found.value() if found.type() == cel.Type.BOOL else None


def case(random: Random, *, wide: bool = False) -> str:
    """Compare one condition over one set of facts; how it came out."""
    values = pool(random)
    things = (Thing("x", FIELDS), Thing("y", FIELDS))
    sight = Sight(values, things, {"m": (ROLE, FIELDS)}, {"l": FIELDS}, PARAMS, nulls=False, wide=wide)
    text = Writer(random, sight).condition(3)
    node, faults = typecheck(text, SCOPE, "bool")
    if node is None:
        codes = {"E209", "E411", *(("E311", "E422", "E210") if wide else ())}
        assert {fault.code for fault in faults} <= codes, (text, faults)
        return "refused"
    maps: dict[str, Fact] = {role: fact(random, values, role) for role in ROLE.enum}
    keyed: dict[Value, Fact] = dict(maps.items())
    facts = {"x": (fact(random, values),), "l": tuple(fact(random, values) for _ in range(random.randrange(4)))}
    params: dict[str, Value] = {
        "limit": random.choice(values.durations),
        "word": random.choice(values.strings),
        "names": tuple(random.sample(values.strings, 2)),
    }
    known = Environment(
        NOW, "demo", params, {**facts, "m": tuple(maps.values())}, {"m": keyed}, {"y": fact(random, values)}
    )
    expected = by_cel(text, known, maps)
    found = outcome(node, known)
    if isinstance(found, Failure):
        assert expected is None, (text, found.why)
        return "without a value"
    if expected is None:
        return "undefined in CEL"
    assert found is expected, text
    return str(expected)


@pytest.mark.slow
def test_conditions_agree_with_cel() -> None:
    seen = Counter(case(Random(seed)) for seed in range(CASES))
    assert seen["True"] > CASES / 5
    assert seen["False"] > CASES / 5
    assert seen["refused"] + seen["undefined in CEL"] < CASES / 4


@given(st.integers(0, 2**64))
def test_a_condition_agrees_with_cel(seed: int) -> None:
    case(Random(seed))


@pytest.mark.slow
def test_conditions_with_functions_agree_with_cel() -> None:
    seen = Counter(case(Random(seed), wide=True) for seed in range(CASES))
    assert min(seen["True"], seen["False"]) > CASES / 4
    assert seen["without a value"] > CASES / 100
    assert seen["refused"] + seen["undefined in CEL"] < CASES / 4


@given(st.integers(0, 2**64))
def test_a_condition_with_functions_agrees_with_cel(seed: int) -> None:
    case(Random(seed), wide=True)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true || false && false", True),
        ("(true || false) && false", False),
        ("!false && false", False),
        ("!(false && false)", True),
        ("1 + 2 == 3 && 2 - 1 - 1 == 0", True),
        ("5 - (2 - 1) == 4", True),
        ("-1 + 2 == 1", True),
        ("1 < 2 || 1 / 0 > 2", True),
        ("1 in [1, 2] == true", True),
        ("1 in []", False),
        ('"a" in ["b", "a"]', True),
        ("'it''s' == \"its\"", None),
        (r"'it\'s' == " + '"it\'s"', True),
        (r'"\u00e9\n\t\\" == "é' + r'\n\t\\"', True),
        ('duration("1h30m") == duration("90m")', True),
        ('duration("1500ms") > duration("1s")', True),
        ('duration("1d") == duration("24h")', None),
        ('timestamp("2026-06-11T12:00:00.500Z") - timestamp("2026-06-11T12:00:00Z") == duration("500ms")', True),
        ('timestamp("2026-06-11T12:00:00Z") + duration("1s") > timestamp("2026-06-11T12:00:00.999Z")', True),
        ("1 == 1 == true", True),
        ("1 < 2 < 3", None),
        ("true ? false : true", False),
        ("1 = 1", None),
        ("true & false", None),
        ("1 == 1u", None),
        ("null == null", True),
    ],
)
def test_what_both_say(text: str, value: bool | None) -> None:
    """None: it is refused here. Whatever is not refused means in CEL what it means here."""
    node, _ = typecheck(text, Scope("condition"), "bool")
    if value is None:
        assert node is None
        return
    assert node is not None
    assert evaluate(node, Environment(0, "", {}, {})) is value
    assert ENVIRONMENT.compile(text).eval(data={}).value() is value
