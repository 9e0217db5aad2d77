"""Conditions on lists of objects, maps and objects: random ones over random facts, here and by C++ CEL.

What a fact does not have is an error in CEL and null here, so such cases are only counted. As a `where`, on the rows of
a ledger, a condition must say the same as on a fact.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

import interlock as api
from interlock.diagnostics import Source
from interlock.evaluation.from_rows import selected_fields
from interlock.instant import parse_instant
from interlock.language.evaluate import Environment, Failure, outcome
from interlock.language.scope import Scope, SelectionType
from interlock.language.structures import is_structured
from interlock.language.typecheck import typecheck
from interlock.model.compiled import Query
from interlock.model.facts import Fact
from interlock.policy.check.selections import candidate_fields
from interlock.schemas.build import built
from interlock.schemas.catalog import Catalog
from tests.conftest import EXAMPLES

cel = pytest.importorskip("cel_expr_python.cel", reason="CEL's C++ implementation has no release for this Python")
optionals = pytest.importorskip("cel_expr_python.ext.ext_optional")
bindings = pytest.importorskip("cel_expr_python.ext.ext_bindings")

CASES = 3_000 * EXAMPLES
NOW = "2026-01-01T12:00:00Z"
TEXTS, NUMBERS, FRACTIONS = ("a", "b", "ab", ""), (0, 1, 2, -3), (0.5, 1.0, -2.25)
STAMPS = ("2026-01-01T00:00:00Z", "2026-01-01T12:00:00Z", "2026-01-02T00:00:00Z")
ENVIRONMENT = cel.NewEnv(variables={}, extensions=[optionals.ExtOptional(), bindings.ExtBindings()])


class Shape(NamedTuple):
    """What a value is: a scalar by its kind, or a list or map of something, or an object with fields."""

    kind: str
    inner: Any = None


BOX = Shape("object", {"size": Shape("int"), "name": Shape("string"), "open": Shape("bool")})
STEP = Shape(
    "object",
    {
        "name": Shape("string"),
        "n": Shape("int"),
        "cost": Shape("double"),
        "at": Shape("timestamp"),
        "box": BOX,
        "tags": Shape("list", Shape("string")),
        "env": Shape("map", Shape("string")),
    },
)
WHOLE: dict[str, Shape] = {
    "name": Shape("string"),
    "count": Shape("int"),
    "box": BOX,
    "other": BOX,
    "steps": Shape("list", STEP),
    "more": Shape("list", STEP),
    "tags": Shape("list", Shape("string")),
    "labels": Shape("map", Shape("string")),
    "boxes": Shape("map", BOX),
    "grid": Shape("list", Shape("list", Shape("int"))),
}
_WORDS = {"string": "string", "int": "integer", "double": "number", "bool": "boolean"}


def schema(shape: Shape) -> dict[str, Any]:
    match shape.kind:
        case "timestamp":
            return {"type": "string", "format": "date-time"}
        case "list":
            return {"type": "array", "items": schema(shape.inner)}
        case "map":
            return {"type": "object", "additionalProperties": schema(shape.inner)}
        case "object":
            return {"type": "object", "properties": {name: schema(each) for name, each in shape.inner.items()}}
    return {"type": _WORDS[shape.kind]}


TEXT = json.dumps({"title": "thing", "description": "A thing.", **schema(Shape("object", WHOLE))})
CATALOG = Catalog([built("thing", Source("thing.schema.json", TEXT))])
FIELDS = candidate_fields(CATALOG, ("thing",))
OWN = {path: of for path, of in FIELDS.items() if path.partition(".")[0] in WHOLE}
SCOPE = Scope("condition", {}, {"x": SelectionType("single", FIELDS)})


def value(random: Random, shape: Shape, lacking: float) -> Any:
    """A random value, as JSON has it; fields of objects are missing as often as `lacking` says."""
    match shape.kind:
        case "list":
            return [value(random, shape.inner, lacking) for _ in range(random.choice((0, 1, 2, 3)))]
        case "map":
            keys = random.sample(TEXTS[:3], random.randrange(4))
            return {key: value(random, shape.inner, lacking) for key in keys}
        case "object":
            there = [name for name in shape.inner if random.random() >= lacking]
            return {name: value(random, shape.inner[name], lacking) for name in there}
    pools: dict[str, tuple[Any, ...]] = {"string": TEXTS, "int": NUMBERS, "double": FRACTIONS, "timestamp": STAMPS}
    return random.choice(pools.get(shape.kind, (True, False)))


def literal(given: Any, shape: Shape) -> str:
    """A value as CEL writes it."""
    match shape.kind:
        case "list":
            return f"[{', '.join(literal(each, shape.inner) for each in given)}]"
        case "map":
            return "{" + ", ".join(f'"{key}": {literal(each, shape.inner)}' for key, each in given.items()) + "}"
        case "object":
            parts = (f'"{name}": dyn({literal(each, shape.inner[name])})' for name, each in given.items())
            return "{" + ", ".join(parts) + "}"
        case "timestamp":
            return f'timestamp("{given}")'
    return json.dumps(given)


class Writer:
    """Writes random conditions over what is in sight: paths, each with the shape of what is there."""

    def __init__(self, random: Random) -> None:
        self.random, self.count = random, 0

    def condition(self, sight: list[tuple[str, Shape]], depth: int) -> str:
        ways: list[Callable[[list[tuple[str, Shape]], int], str]]
        ways = [self.test, self.test, self.test, self.presence, self.same]
        if depth:
            ways += [self.macro, self.macro, self.macro, self.joined, self.joined, self.chosen, self.counted]
        return self.random.choice(ways)(sight, depth)

    def some(self, sight: list[tuple[str, Shape]], *kinds: str) -> tuple[str, Shape]:
        """Something in sight of one of these kinds, or a literal."""
        found, waiting = [], list(sight)
        while waiting:
            path, shape = waiting.pop()
            found += [(path, shape)] if shape.kind in kinds else []
            if shape.kind == "object":
                waiting += [(f"{path}.{name}", each) for name, each in shape.inner.items()]
        return self.random.choice(found) if found else ("x.tags", WHOLE["tags"])

    def test(self, sight: list[tuple[str, Shape]], _: int) -> str:
        path, shape = self.some(sight, "string", "int", "double", "timestamp", "bool", "list", "map")
        random = self.random
        match shape.kind:
            case "string":
                text = json.dumps(random.choice(TEXTS))
                return random.choice(
                    (f"{path} == {text}", f"{path}.startsWith({text})", f"{path} in [{text}, 'b']", f"{text} < {path}")
                )
            case "int":
                return f"{path} {random.choice(('==', '<', '>=', '!='))} {random.choice((*NUMBERS, 1.5))}"
            case "double":
                return f"{path} {random.choice(('==', '<', '>='))} {random.choice((*FRACTIONS, 1))}"
            case "timestamp":
                return f'{path} {random.choice(("<", "==", ">="))} timestamp("{random.choice(STAMPS)}")'
            case "bool":
                return path
            case "list":
                return f"{path}.size() {random.choice(('==', '>'))} {random.choice(NUMBERS[:3])}"
        key = random.choice(TEXTS[:3])
        if shape.inner.kind == "string" and random.random() < 0.5:
            return f'"{key}" in {path} && {path}["{key}"] != "a"'
        return random.choice((f'"{key}" in {path}', f"{path}.exists(k, k == '{key}')", f"{path}.size() < 2"))

    def presence(self, sight: list[tuple[str, Shape]], _: int) -> str:
        owner, shape = self.some(sight, "object")
        if shape.kind != "object" or self.random.random() < 0.3:
            return f"{self.some(sight, 'list')[0]} != null"
        name = self.random.choice(list(shape.inner))
        if shape.inner[name].kind == "int" and self.random.random() < 0.5:
            return f"{owner}.?{name}.orValue(2) == 2"
        return f"has({owner}.{name})"

    def same(self, sight: list[tuple[str, Shape]], _: int) -> str:
        path, shape = self.some(sight, "object", "list", "map")
        alike = [each for each in (self.some(sight, shape.kind) for _ in range(8)) if each[1] == shape]
        return f"{path} {self.random.choice(('==', '!='))} {alike[0][0] if alike else path}"

    def joined(self, sight: list[tuple[str, Shape]], depth: int) -> str:
        left, right = (self.condition(sight, depth - 1) for _ in range(2))
        return self.random.choice((f"({left}) && ({right})", f"({left}) || ({right})", f"!({left})"))

    def chosen(self, sight: list[tuple[str, Shape]], depth: int) -> str:
        asked, yes, no = (self.condition(sight, depth - 1) for _ in range(3))
        return f"(({asked}) ? ({yes}) : ({no}))"

    def macro(self, sight: list[tuple[str, Shape]], depth: int) -> str:
        path, shape = self.some(sight, "list", "map")
        self.count += 1
        name, item = f"v{self.count}", shape.inner if shape.kind == "list" else Shape("string")
        inner = [(name, item), *self.random.sample(sight, min(2, len(sight)))]
        if shape.kind == "map" and shape.inner.kind == "object":
            inner.append((f"{path}[{name}]", shape.inner))
        word = self.random.choice(("exists", "all", "exists_one"))
        kept = f".filter({name}, {self.condition(inner, 0)})" if self.random.random() < 0.3 else ""
        return f"{path}{kept}.{word}({name}, {self.condition(inner, depth - 1)})"

    def counted(self, sight: list[tuple[str, Shape]], depth: int) -> str:
        path, shape = self.some(sight, "list")
        self.count += 1
        name = f"v{self.count}"
        kept = f"{path}.filter({name}, {self.condition([(name, shape.inner)], depth - 1)})"
        if shape.inner.kind == "object" and self.random.random() < 0.5:
            return f"{kept}.map({name}, {name}.name).exists(w{name}, w{name} == 'a')"
        return f"{kept}.size() {self.random.choice(('==', '>='))} {self.random.choice(NUMBERS[:3])}"


def made(random: Random) -> tuple[str, dict[str, Any]]:
    """A condition, and a fact's data: whole in half of the cases."""
    data = value(random, Shape("object", WHOLE), random.choice((0.0, 0.0, 0.15)))
    return Writer(random).condition([(f"x.{name}", shape) for name, shape in WHOLE.items()], 3), data


def by_cel(text: str, data: dict[str, Any]) -> bool | None:
    whole = f"cel.bind(x, dyn({literal(data, Shape('object', WHOLE))}), {text})"
    found = ENVIRONMENT.compile(whole).eval(data={})
    return found.value() if found.type() == cel.Type.BOOL else None


def case(random: Random) -> str:
    text, data = made(random)
    node, faults = typecheck(text, SCOPE, "bool")
    if node is None:
        assert {fault.code for fault in faults} <= {"E311"}, (text, faults)
        return "refused"
    shapes = {path: of for path, of in OWN.items() if is_structured(of)}
    shapes |= {name: read(text, name) for name in ("box", "other")}
    fields = selected_fields(data, Query("x", "", paths={path: of.kind for path, of in OWN.items()}, shapes=shapes))
    known = Environment(parse_instant(NOW), "t", {}, {"x": (Fact("thing", fields),)})
    found, expected = outcome(node, known), by_cel(text, data)
    if isinstance(found, Failure):
        assert expected is None, (text, data, found.why)
        return "without a value"
    if expected is None:
        return "undefined in CEL"
    assert found is expected, (text, data)
    return str(expected)


def read(text: str, name: str) -> Any:
    """The type of an object where it is read as a value."""
    node, _ = typecheck(f"x.{name} == x.{name}", SCOPE, "bool")
    assert node is not None
    return node.left.type  # type: ignore[union-attr]


@pytest.mark.slow
def test_conditions_on_structures_agree_with_cel() -> None:
    seen = Counter(case(Random(seed)) for seed in range(CASES))
    assert min(seen["True"], seen["False"]) > CASES / 5
    assert seen["refused"] < CASES / 20


@given(st.integers(0, 2**64))
def test_a_condition_on_structures_agrees_with_cel(seed: int) -> None:
    case(Random(seed))


POLICY = """
policy: gate
version: 1
question: Is it so?
facts:
  taken: {{from: thing, where: {where}, take: latest}}
  x: {{from: thing, take: latest}}
rules:
  - {{id: so, when: {when}, block: it is so}}
  - {{id: taken, when: taken != null, block: it is taken}}
decide:
  - {{state: "yes", when: blocked, allow: false}}
  - {{state: "no", allow: true}}
"""


def whole_policy(random: Random, folder: Path) -> str:
    """Judge a condition in a rule and in a `where`, by both evaluators; CEL must say the same."""
    text, data = made(random)
    expected = by_cel(text, data)
    where = re.sub(r"\bx\.", "taken.", text)
    (folder / "gate.yaml").write_text(POLICY.format(where=json.dumps(where), when=json.dumps(text)), "utf-8")
    fact = {"kind": "thing", "id": "x", "seq": 1, "task": "t", "at": "2026-01-01T00:00:00.000Z", **data}
    (folder / "feed.ndjson").write_text(json.dumps(fact) + "\n", "utf-8")
    decision = api.evaluate(
        folder / "gate.yaml", ledger=folder / "feed.ndjson", task="t", at=NOW, schema_dirs=[folder / "kinds"]
    )
    if decision.allow is None:
        assert expected is None, (text, data, decision.reason)
        return "undecided"
    found = sorted(finding.rule for finding in decision.findings)
    assert found in ([], ["so", "taken"]), (text, data, found)
    assert expected in (None, bool(found)), (text, data, found)
    return str(bool(found))


def policies(count: int, start: int, folder: Path) -> Counter[str]:
    """So many policies, judged."""
    (folder / "kinds").mkdir(exist_ok=True)
    (folder / "kinds" / "thing.schema.json").write_text(TEXT, "utf-8")
    return Counter(whole_policy(Random(seed), folder) for seed in range(start, start + count))


def test_policies_agree_with_cel(tmp_path: Path) -> None:
    seen = policies(60, 0, tmp_path)
    assert min(seen["True"], seen["False"]) > 10


@pytest.mark.slow
def test_many_policies_agree_with_cel(tmp_path: Path) -> None:
    seen = policies(CASES // 5, 1_000, tmp_path)
    assert min(seen["True"], seen["False"]) > CASES // 50
