"""The levels that rules run on: each after all that derives what it reads, a positive cycle on one level of its own."""

from __future__ import annotations

import msgspec

from interlock.language.walk import selections
from interlock.model.expression import Node
from interlock.model.policy import Line, Rule


class Levels(msgspec.Struct, frozen=True):
    """`of` gives each rule's level by its index; levels in `recursive` run until nothing new is derived.

    There are `count` levels; the lines of `decide` are on the last.
    """

    of: tuple[int, ...]
    count: int
    recursive: frozenset[int]


def levels(rules: tuple[Rule, ...], decide: tuple[Line, ...]) -> Levels:
    """Level 0 reads no derived fact. The checker has refused cycles through a negation, so this comes to an end."""
    reads = [_reads(rule) for rule in rules]
    makers: dict[str, set[str]] = {}
    for rule, names in zip(rules, reads, strict=True):
        if rule.derive:
            makers.setdefault(rule.derive, set()).update(names)
    derived = {name: {read for read in names if read in makers} for name, names in makers.items()}
    around = {name: _reached(name, derived) for name in derived}
    height: dict[str, int] = {}

    def level(name: str) -> int:
        """The level on which facts of this name are derived: one for all names of a cycle."""
        if name not in height:
            cycle = {other for other in around[name] if name in around[other]} | {name}
            below = [level(other) for member in cycle for other in derived[member] if other not in cycle]
            height.update(dict.fromkeys(cycle, 1 + max(below, default=-1)))
        return height[name]

    def above(names: set[str]) -> int:
        """The first level on which all facts of these names are there."""
        return 1 + max((level(name) for name in names if name in makers), default=-1)

    own = [level(rule.derive) if rule.derive else above(names) for rule, names in zip(rules, reads, strict=True)]
    last = above({name for line in decide if line.when is not None for name in selections(line.when)})
    recursive = frozenset(level(name) for name in derived if name in around[name])
    return Levels(tuple(own), max([*own, last]) + 1, recursive)


def _reads(rule: Rule) -> set[str]:
    nodes: list[Node] = [rule.condition, *rule.values.values()]
    return {*rule.loops, *(name for node in nodes for name in selections(node))}


def _reached(start: str, edges: dict[str, set[str]]) -> set[str]:
    found, waiting = set[str](), [start]
    while waiting:
        for step in edges[waiting.pop()]:
            if step not in found:
                found.add(step)
                waiting.append(step)
    return found
