"""Random facts for the selections of a compiled policy, as the ledger could have given them."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from interlock.evaluation.arguments import arguments
from interlock.evaluation.from_rows import with_previous
from interlock.instant import INTEGER_BOUND
from interlock.language.evaluate import Environment
from interlock.model.compiled import CompiledPolicy, Query
from interlock.model.expression import Type
from interlock.model.facts import Fact, Value
from interlock.model.policy import Selection
from tests.helpers.conditions import Pool
from tests.helpers.policies import HOSTILE, NEED, NOW, TASK

LARGEST = INTEGER_BOUND - 1


class Read(dict[str, Value]):
    """A fact's fields, of which only those may be read that the compiled policy says are read."""

    def __init__(self, fields: Mapping[str, Value], paths: frozenset[str]) -> None:
        super().__init__(fields)
        self.paths = paths

    def get(self, path: str, default: Any = None) -> Any:
        assert path in self.paths, f"`{path}` is read, but not selected"
        return super().get(path, default)


def known(random: Random, compiled: CompiledPolicy, pool: Pool, given: Mapping[str, Any], most: int = 4) -> Environment:
    """Facts for every selection that runs and every need, and the parameters' values."""
    policy = compiled.policy
    params = arguments(policy, given)
    author = _Author(random, pool, most)
    selections = {selection.name: selection for selection in policy.selections}
    facts = {q.selection: author.selected(selections[q.selection], q) for q in compiled.queries}
    for need in policy.needs:
        tasks = dict.fromkeys(params["p" + need.tasks.name[1:]] or ()) if need.tasks else [TASK]  # type: ignore[union-attr, arg-type]
        facts[need.name] = [author.decided(str(task)) for task in tasks]
    keys = {s.name: s.per[0] for s in policy.selections if s.shape == "map" and s.name in facts}
    keys |= {need.name: "task" for need in policy.needs if need.tasks is not None}
    maps = {name: {fact.fields.get(key): fact for fact in facts[name]} for name, key in keys.items()}
    return Environment(NOW, TASK, params, {name: tuple(some) for name, some in facts.items()}, maps)


def shuffled(random: Random, known: Environment) -> Environment:
    """The same facts, those of each selection in another order, and the selections too."""
    names = random.sample([*known.facts], len(known.facts))
    facts = {name: tuple(random.sample(known.facts[name], len(known.facts[name]))) for name in names}
    return Environment(known.now, known.task, known.params, facts, known.maps)


class _Author:
    def __init__(self, random: Random, pool: Pool, most: int) -> None:
        self.random, self.pool, self.most = random, pool, most
        self.made = 0

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def selected(self, selection: Selection, query: Query) -> list[Fact]:
        paths = frozenset({*query.paths, *query.previous})
        aggregate = selection.take in ("count", "min", "max", "sum")
        single = selection.shape == "single"
        least = 1 if (single and aggregate) or selection.required is not None else 0
        count = self.random.randint(least, 1 if single else max(least, self.most))
        found: dict[object, Fact] = {}
        groups: list[Value] = list(selection.groups) if aggregate else []
        for index in range(len(groups) or count):
            fields = {path: self.value(of) for path, of in selection.fields.items() if aggregate or path in paths}
            if groups:
                fields[selection.per[0]] = groups[index]
            fact = self.fact(selection, fields, paths, aggregate=aggregate)
            group = tuple(str(fields.get(path)) for path in selection.per)
            found.setdefault(group if selection.per else index, fact)
        for path, named in selection.absences:
            own = selection.per == (path,) and named in selection.groups
            if own or self.chance(0.3):  # of the selections that it narrows, a condition may have let it in
                alone = Fact(selection.name, Read({path: named}, paths), absent=True)
                group = tuple(str(alone.fields.get(path)) for path in selection.per)
                found.setdefault(group if selection.per else (path, named), alone)
        return with_previous(list(found.values()), selection, query)

    def fact(self, selection: Selection, fields: dict[str, Value], paths: frozenset[str], *, aggregate: bool) -> Fact:
        if aggregate:
            return Fact(selection.name, fields)
        self.made += 1
        fields |= {"seq": self.made} if "seq" in fields else {}  # every fact has one
        left = {path: value for path, value in fields.items() if value is not None or self.chance(0.5)}
        return Fact(self.random.choice(selection.kinds), Read(left, paths), f"id-{self.made}", self.made)

    def decided(self, task: str) -> Fact:
        allow = self.random.choice((None, True, False))
        state = "undecided" if allow is None else self.random.choice(("bad", "good"))
        values = {path: None if allow is None else self.value(of) for path, of in NEED.items()}
        decision = {"allow": allow, "state": state, "reason": None, "task": task, "undecided": allow is None}
        return Fact("peer", {**values, **decision})

    def value(self, of: Type) -> Value:
        if of.nullable and self.chance(0.25):
            return None
        pick = self.random.choice
        match of.kind:
            case "string":
                if of.enum and self.chance(0.95):
                    return pick(of.enum)
                return pick(self.pool.strings if self.chance(0.9) else HOSTILE)
            case "int":
                return pick(self.pool.ints) if self.chance(0.97) else pick((LARGEST, -LARGEST, 5))
            case "timestamp":
                return pick(self.pool.instants) if self.chance(0.97) else pick((0, LARGEST, NOW + 1))
            case "duration":
                return pick(self.pool.durations)
            case "bool":
                return pick((True, False))
            case "list":
                return tuple(pick(self.pool.strings) for _ in range(self.random.randint(0, 3)))
        return True
