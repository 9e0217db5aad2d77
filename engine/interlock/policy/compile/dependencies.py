"""What a policy reads of each selection: the fields that are taken out of its facts."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from interlock.language.walk import children, reference, selections
from interlock.model.expression import Count, Exists, Field, Node, Present, Size, Type, VariableRef
from interlock.model.policy import DecideLine, Policy, Rule, Template, values


def paths_read(policy: Policy) -> dict[str, dict[str, Type]]:
    """For each selection that must run, the paths that anything reads of its facts, with the type of each.

    A selection runs if a rule, a line, an output or another selection's condition names it, or if it is required.
    """
    found: dict[str, dict[str, Type]] = {s.name: {} for s in policy.selections if s.required is not None}
    for node, variables in _everything(policy):
        note(node, variables, found)
    known = {s.name: s for s in policy.selections}
    wanted = {name: paths for name, paths in found.items() if name in known}
    for name, paths in wanted.items():
        keys = (*known[name].per, *(path for path, _ in known[name].absences))
        paths.update({path: known[name].fields[path] for path in keys})
    return {name: wanted[name] for name in known if name in wanted}


def _everything(policy: Policy) -> Iterator[tuple[Node, dict[str, str]]]:
    """Every expression over selected facts, each with the selections that its variables range over."""
    for selection in policy.selections:
        if selection.where is not None:
            yield selection.where, {selection.name: ""}
    for rule in policy.rules:
        for node in of_rule(rule):
            yield node, {name: name for name in rule.loops}
        for name in rule.loops:
            yield Exists(name, "", rule.condition), {loop: loop for loop in rule.loops}
    for line in policy.decide:
        for node in line.expressions:
            yield node, {}
    for _, node in values(policy.outputs):
        yield node, {}


def of_rule(rule: Rule) -> list[Node]:
    """Every expression of a rule."""
    templates = [*([] if rule.message is None else [rule.message]), *rule.advice.templates]
    return [rule.condition, *expressions(*templates), *rule.data.values(), *rule.values.values()]


def every_expression(policy: Policy) -> Iterator[Node]:
    """Every expression of a policy, those that it gives to its needs included."""
    for need in policy.needs:
        yield from (need.tasks, *need.given.values()) if need.tasks is not None else need.given.values()
    for selection in policy.selections:
        yield from [selection.where] if selection.where is not None else []
        yield from expressions(selection.required) if selection.required is not None else []
        yield from expressions(*selection.advice.templates)
    for rule in policy.rules:
        yield from of_rule(rule)
        yield from [rule.hold] if rule.hold is not None else []
    for line in policy.decide:
        yield from [line.hold] if line.hold is not None else []
        yield from line.expressions
    for _, node in values(policy.outputs):
        yield node


def expressions(*templates: Template) -> list[Node]:
    """The expressions inside messages."""
    return [node for template in templates for node in template.expressions]


def note(node: Node, variables: dict[str, str], found: dict[str, dict[str, Type]]) -> None:
    """Add what an expression reads: paths by selection. `variables` has the selection that each of them ranges over."""
    of = reference(node)
    name = variables.get(of.name, "") if isinstance(of, VariableRef) else of.selection if of is not None else ""
    if name:
        paths = found.setdefault(name, {})
        if isinstance(node, Field) and not (node.path in paths and paths[node.path].key is not None):
            paths[node.path] = node.type
        if isinstance(node, Present) and node.groups:
            paths["seq"] = Type("int", nullable=False)
    if isinstance(node, Exists | Size | Count):
        found.setdefault(node.selection, {})
    if isinstance(node, Exists | Count):
        variables = {**variables, node.variable: node.selection}
    for inner in children(node):
        note(inner, variables, found)


class Levels(msgspec.Struct, frozen=True):
    """`of` gives each rule's level by its index; levels in `recursive` run until nothing new is derived.

    There are `count` levels; the lines of `decide` are on the last.
    """

    of: tuple[int, ...]
    count: int
    recursive: frozenset[int]


def levels(rules: tuple[Rule, ...], decide: tuple[DecideLine, ...]) -> Levels:
    """Level 0 reads no derived fact. The checker has refused cycles through negation, so this terminates."""
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
