"""The order in which derived facts come to be: a negation waits until what it negates is complete.

A rule *waits* for the derived facts it ranges over, and waits *fully* for those it asks about with `exists`, `all`
or as absent: fully means that all of them must be there first. A cycle through a full wait has no answer.
"""

from __future__ import annotations

from interlock.checker.report import Report
from interlock.language.walk import children
from interlock.model.expression import Node, Not, Some
from interlock.model.policy import Rule


def check_strata(report: Report, rules: tuple[Rule, ...]) -> None:
    """Refuse a cycle through a negation, with the names of the facts on it."""
    derived = {rule.derive for rule in rules if rule.derive}
    positive: dict[str, set[str]] = {name: set() for name in derived}
    full: dict[str, set[str]] = {name: set() for name in derived}
    for rule in rules:
        if rule.derive:
            positive[rule.derive] |= {loop for loop in rule.loops if loop in derived}
            for name, negated in asked(rule.condition):
                if name in derived:
                    (full if negated else positive)[rule.derive].add(name)
            for node in rule.values.values():
                full[rule.derive] |= {name for name, _ in asked(node) if name in derived}
    for index, rule in enumerate(rules):
        for name in sorted(full.get(rule.derive or "", ())):
            path = _path(name, rule.derive or "", positive, full)
            if path and rule.derive:
                names = " → ".join(f"`{step}`" for step in (rule.derive, *path))
                hint = "a fact cannot rest on its own absence: derive it under another name"
                report.at("E508", ("rules", index), f"a cycle through a negation: {names}", hint)


def asked(node: Node, negated: bool = False) -> list[tuple[str, bool]]:
    """The selections asked about with a macro, each with whether their absence counts."""
    if isinstance(node, Some):
        return [(node.selection, negated), *asked(node.condition, negated)]
    inner = not negated if isinstance(node, Not) else negated
    return [found for child in children(node) for found in asked(child, inner)]


def _path(start: str, goal: str, positive: dict[str, set[str]], full: dict[str, set[str]]) -> list[str] | None:
    """A way from one derived fact to another along what each waits for."""
    ways, seen = [[start]], {start}
    while ways:
        way = ways.pop(0)
        if way[-1] == goal:
            return way
        for step in sorted(positive.get(way[-1], set()) | full.get(way[-1], set())):
            if step not in seen:
                seen.add(step)
                ways.append([*way, step])
    return None
