"""Random policies, as YAML text: selections of real fact kinds, rules on several strata, all that the language has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from random import Random
from typing import Any, NamedTuple

from interlock import schemas
from interlock.instant import INTEGER_BOUND, SECOND, format_duration, format_instant
from interlock.model.expression import Type
from interlock.policy.check.selections import candidate_fields, previous_fields
from tests.helpers.conditions import COMPARED, Fields, Pool, Sight, Thing, Writer

NOW = 1_781_179_200 * SECOND
TASK = "demo"
LARGEST = INTEGER_BOUND - 1
ENTITIES = schemas.ENTITIES
RECEIPTS = tuple(kind for kind in schemas.SHIPPED.kinds if kind not in ENTITIES)
HOSTILE: tuple[str, ...] = ("", " ", "a", "A", "é", "e\u0301", 'q"uote', "it's", "back\\slash", "\\u0061", "a\0b")
HOSTILE += ("😀", "0", "1", "true", "null", "{}", "{{", "\n", "a ", "$", "%d", "x" * 200, "\u2028", "\x7f")
NEED = {
    "verdict": Type("string", ("accepted", "blocked")),
    "count": Type("int"),
    "since": Type("timestamp"),
    "ready.worker": Type("bool"),
}
PEER = """
policy: peer
version: 1
question: Is the peer well?
decide:
  - {state: bad, when: blocked, allow: false}
  - {state: good, allow: true}
outputs:
  verdict: 'blocked ? "accepted" : "blocked"'
  count: 'blocked ? 1 : 2'
  since: now
  ready: {worker: blocked}
"""


class Generated(NamedTuple):
    """A policy and the values that its facts are best made of."""

    text: str
    pool: Pool
    arguments: dict[str, Any]


class _Shape(NamedTuple):
    shape: str
    fields: Fields
    key: Type | None = None
    narrowable: bool = False


def policy(random: Random, *, wide: bool = False) -> Generated:
    """A policy, and arguments for its parameters. A `wide` one has functions, lists, `?:` and the like."""
    return _Author(random, wide=wide).write()


class _Author:
    def __init__(self, random: Random, *, wide: bool) -> None:
        self.random, self.wide = random, wide
        self.pool = _pool(random)
        self.texts = tuple(text for text in self.pool.strings if "\0" not in text)
        self.params: dict[str, Type] = {}
        self.known: dict[str, _Shape] = {}
        self.derived: dict[str, dict[str, Type]] = {}
        self.arguments: dict[str, Any] = {}
        self.depth = random.choice((0, 0, 0, 0, 1, 2))

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def write(self) -> Generated:
        document: dict[str, Any] = {"policy": "random", "version": 1, "question": "Is it so?"}
        document["params"] = {f"p{i}": self.param(f"p{i}") for i in range(self.random.randint(0, 3))}
        if self.chance(0.15):
            document["needs"] = {"peer": self.need()}
        document["facts"] = {}
        for index in range(self.random.choice((1, 2, 2, 3))):
            document["facts"][f"s{index}"] = self.selection(f"s{index}")
        everywhere = self.sight("condition")
        for word in ("when", "unless"):
            if self.chance(0.1):
                document[word] = Writer(self.random, everywhere).condition(1)
        document["rules"] = [rule for i in range(self.random.choice((1, 2, 2, 3))) for rule in self.rules(f"r{i}")]
        document["decide"] = self.decide()
        if self.chance(0.3):
            document["outputs"] = {"one": Writer(self.random, self.sight("value", blocked=True)).condition(1)}
        document = {key: value for key, value in document.items() if value != {}}
        return Generated(yaml_text(document) + "\n", self.pool, self.arguments)

    # -- what there is to name

    def param(self, name: str) -> dict[str, Any]:
        kind = self.random.choice(("string", "string", "int", "bool", "duration", "timestamp", "list"))
        enum = self.texts[:2] if kind == "string" and self.chance(0.2) else ()
        of = Type(kind, enum)  # type: ignore[arg-type]
        self.params[name] = of
        written: dict[str, Any] = {"type": kind, **({"enum": list(enum)} if enum else {})}
        way = self.random.choice(("default", "optional", "given"))
        if way == "default":
            written["default"] = self.argument(of)
        if way == "optional":
            written["optional"] = True
        if way == "given" or self.chance(0.5):
            self.arguments[name] = self.argument(of)
        return written

    def argument(self, of: Type) -> Any:
        pick = self.random.choice
        match of.kind:
            case "list":
                return [pick(self.texts) for _ in range(self.random.randint(0, 3))]
            case "string":
                return pick(of.enum or self.texts)
            case "bool":
                return pick((True, False))
            case "int":
                return pick(self.pool.ints)
            case "duration":
                return format_duration(abs(pick(self.pool.durations)))
        return format_instant(pick(self.pool.instants))

    def need(self) -> dict[str, Any]:
        fields = {
            "allow": Type("bool"),
            "state": Type("string", ("bad", "good", "undecided")),
            "undecided": Type("bool"),
            "task": Type("string"),
            **NEED,
        }
        lists = [name for name, of in self.params.items() if of.kind == "list"]
        if lists and self.chance(0.5):
            self.known["peer"] = _Shape("map", fields, fields["task"])
            return {"policy": "peer", "tasks": f"params.{lists[0]}"}
        self.known["peer"] = _Shape("single", fields)
        return {"policy": "peer"}

    def selection(self, name: str) -> dict[str, Any]:
        written: dict[str, Any] = {}
        parents = [n for n, shape in self.known.items() if shape.narrowable]
        if parents and self.chance(0.3):
            written["from"] = parent = self.random.choice(parents)
            fields = {path: of for path, of in self.known[parent].fields.items() if not path.startswith("previous")}
        else:
            kinds = self.kinds()
            written["from"] = kinds if len(kinds) > 1 else kinds[0]
            fields = self.some_of(candidate_fields(schemas.SHIPPED, tuple(kinds)))
            if self.chance(0.2):
                written["scope"] = self.random.choice(("task", "ledger"))
        if self.chance(0.25):
            singles = {n: s for n, s in self.known.items() if s.shape == "single"}
            sight = self.sight("where", (Thing(name, fields), Thing(name, fields)), singles)
            written["where"] = Writer(self.random, sight).condition(1)
        if self.chance(0.15):
            written["required"] = self.random.choice(("There is none.", "none for {task} at {now}"))
        self.known[name] = taken = self.taken(written, fields)
        if taken.shape == "many" and self.chance(0.25):
            grouping = [path for path in ("role", "actor") if path in fields]
            written["previous"] = self.random.choice(grouping) if grouping else True
            before = previous_fields(dict(taken.fields), ())
            self.known[name] = taken._replace(fields={**taken.fields, **before})
        return written

    def kinds(self) -> list[str]:
        if self.chance(0.35):
            return [self.random.choice(("seat", *ENTITIES))]
        return self.random.sample(RECEIPTS, self.random.choice((1, 1, 1, 2)))

    def some_of(self, fields: Fields) -> dict[str, Type]:
        """A few of a fact's fields, so that the same ones are often compared."""
        paths = self.random.sample([*fields], min(len(fields), self.random.randint(3, 6)))
        grouping = [path for path in ("role", "actor", "at") if path in fields]
        return {path: fields[path] for path in dict.fromkeys([*paths, *self.random.sample(grouping, 1)])}

    def taken(self, written: dict[str, Any], fields: Fields) -> _Shape:
        take = self.random.choice(("all", "all", "latest", "earliest", "count", "min", "max", "sum"))
        numbers = [p for p, of in fields.items() if of.kind in (("int",) if take == "sum" else ("int", "timestamp"))]
        if take in ("min", "max", "sum") and not numbers:
            take = "count"
        if take == "all":
            return _Shape("many", fields, narrowable=True)
        written["take"] = take
        given = dict(fields)
        per = self.per(written, fields)
        if take == "count":
            given = {**{path: fields[path] for path in per}, "count": Type("int")}
        elif take in ("min", "max", "sum"):
            written["of"] = of = self.random.choice(numbers)
            given = {**{path: fields[path] for path in per}, "value": Type(fields[of].kind)}
        if take in ("latest", "earliest") and self.chance(0.25):
            written["limit"] = self.random.randint(1, 3)
            return _Shape("many", given, narrowable=True)
        key = fields[per[0]] if len(per) == 1 else None
        return _Shape("map" if per else "single", given, key, narrowable=take in ("latest", "earliest"))

    def per(self, written: dict[str, Any], fields: Fields) -> list[str]:
        able = [path for path, of in fields.items() if of.kind in ("string", "int", "bool") and path != "count"]
        if not able or self.chance(0.45):
            return []
        per = self.random.sample(able, min(len(able), self.random.choice((1, 1, 1, 1, 2))))
        written["per"] = per if len(per) > 1 else per[0]
        if len(per) == 1 and fields[per[0]].kind == "string" and self.chance(0.4):
            values = list(dict.fromkeys(fields[per[0]].enum or self.pool.strings))
            written["per"] = {per[0]: self.random.sample(values, min(len(values), 2))}
        return per

    # -- rules

    def sight(
        self,
        place: Any,
        things: tuple[Thing, ...] = (),
        known: Mapping[str, _Shape] | None = None,
        *,
        blocked: bool = False,
    ) -> Sight:
        known = self.known if known is None else known
        singles = tuple(Thing(n, s.fields) for n, s in known.items() if s.shape == "single")
        maps = {n: (s.key, s.fields) for n, s in known.items() if s.shape == "map" and s.key}
        many = {n: s.fields for n, s in known.items() if s.shape != "single"} | self.derived
        return Sight(self.pool, (*things, *singles), maps, many, self.params, place, blocked, wide=self.wide)

    def loops(self) -> list[str]:
        names = [*self.known, *self.derived, *self.derived]
        wanted = self.random.choice((0, 1, 1, 1, 2, 2, 3))
        return self.random.sample([*dict.fromkeys(names)], min(len({*names}), wanted))

    def rules(self, name: str) -> list[dict[str, Any]]:
        """A rule; a derived fact is sometimes followed by a rule that derives more of it from itself."""
        loops = self.loops()
        rule = self.ranging(name, loops)
        if self.chance(0.65):
            effect = self.random.choice(("block", "block", "warn", "note"))
            return [{**rule, effect: self.message(loops), **self.extras(loops)}]
        fields = {f"f{i}": self.random.choice(COMPARED) for i in range(self.random.randint(1, 3))}
        derived = self.random.choice([*self.derived, f"d{len(self.derived)}"])
        fields = {path: of.kind for path, of in self.derived.get(derived, {}).items()} or fields
        first = {**rule, "derive": {derived: self.values(fields, loops)}}
        self.derived.setdefault(derived, {path: Type(kind) for path, kind in fields.items()})  # type: ignore[arg-type]
        if self.chance(0.6):
            return [first]
        again = list(dict.fromkeys([derived, *loops[:1]]))
        more = {**self.ranging(f"{name}-again", again), "derive": {derived: self.values(fields, again)}}
        return [first, more]

    def ranging(self, name: str, loops: list[str]) -> dict[str, Any]:
        rule: dict[str, Any] = {"id": name}
        if loops:
            rule["for"] = loops[0] if len(loops) == 1 and self.chance(0.7) else loops
        sight = self.sight("condition", self.looped(loops))
        for word in self.random.choice((("when",), ("when",), ("unless",), ("when", "unless"), ())):
            rule[word] = Writer(self.random, sight).condition(self.depth + self.random.choice((0, 1, 1)))
        return rule

    def looped(self, loops: list[str]) -> tuple[Thing, ...]:
        fields = {**{name: shape.fields for name, shape in self.known.items()}, **self.derived}
        return tuple(Thing(name, fields[name]) for name in loops) * 2

    def values(self, fields: Mapping[str, str], loops: list[str]) -> dict[str, str]:
        """The fields of a derived fact; no sums, so that a recursion comes to an end."""
        writer = Writer(self.random, self.sight("value", self.looped(loops)))
        return {path: writer.operand(kind).text for path, kind in fields.items()}

    def message(self, loops: list[str]) -> str:
        thing = Writer(self.random, self.sight("value", self.looped(loops))).thing()
        shown = [path for path, of in thing.fields.items() if of.kind not in ("object", "list")] if thing else []
        return f"it is {{{thing.text}.{self.random.choice(shown)}}}" if thing and shown else "it is"

    def extras(self, loops: list[str]) -> dict[str, Any]:
        writer = Writer(self.random, self.sight("value", self.looped(loops)))
        return {"data": {"holds": writer.condition(1)}} if self.chance(0.2) else {}

    def decide(self) -> list[dict[str, Any]]:
        sight = self.sight("condition", blocked=True)
        lines: list[dict[str, Any]] = []
        for index in range(self.random.choice((0, 1, 1, 2))):
            when = "blocked" if self.chance(0.4) else Writer(self.random, sight).condition(1)
            lines.append({"state": f"state{index}", "when": when, "allow": self.chance(0.5)})
        return [*lines, {"state": "last", "allow": self.chance(0.5)}]


def _pool(random: Random) -> Pool:
    strings = tuple(random.sample(HOSTILE, 3))
    ints: tuple[int, ...] = (0, random.choice((1, 2)), random.choice((-1, 3, 10)))
    ints += (random.choice((LARGEST, -LARGEST, LARGEST - 1, 2**31, -(2**32))),) if random.random() < 0.1 else ()
    durations: tuple[int, ...] = (0, random.choice((1, SECOND, 180 * SECOND)), 3600 * SECOND)
    durations += (LARGEST,) if random.random() < 0.03 else ()
    near = random.choice(durations[1:3])
    instants: tuple[int, ...] = (NOW, NOW - near, NOW - near - 1, NOW - near + 1)
    instants += (random.choice((0, LARGEST, NOW + 1)),) if random.random() < 0.1 else ()
    return Pool(strings, ints, durations, instants)


def yaml_text(value: Any, indent: str = "") -> str:
    """The value as block YAML, every scalar as JSON writes it."""
    if isinstance(value, dict):
        rows = [(json.dumps(key, ensure_ascii=False) + ":", member) for key, member in value.items()]
    elif isinstance(value, list) and value:
        rows = [("-", member) for member in value]
    else:
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\x7f").replace("\u2028", "\\L")
    lines = []
    for head, member in rows:
        nested = isinstance(member, dict | list) and member
        inner = f"\n{yaml_text(member, indent + '  ')}" if nested else f" {yaml_text(member)}"
        lines.append(f"{indent}{head}{inner}")
    return "\n".join(lines)
