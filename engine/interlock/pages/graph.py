"""A policy as boxes and arrows: what is selected, which rules read it, which states the rules lead to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from interlock.language.walk import selections, walk
from interlock.model.expression import Blocked, Node
from interlock.model.policy import Policy, Rule
from interlock.pages.words import EFFECTS, loops, taken
from interlock.policy.compile.dependencies import of_rule

Sort = Literal[
    "fact", "need", "derived", "block", "warn", "note", "derive", "blocked", "allow", "deny", "undecided"
]  # fmt: skip

COLOURS: dict[Sort, tuple[str, str]] = {
    "block": ("#fde2e1", "#b3261e"),
    "warn": ("#fff3cd", "#8a6d00"),
    "note": ("#e0f0fb", "#1f6391"),
    "allow": ("#d9f2dd", "#22702f"),
    "deny": ("#fde2e1", "#b3261e"),
    "undecided": ("#fff3cd", "#8a6d00"),
}
"""What a box is filled with, and its line; boxes of other sorts have no colour. The text in all of them is black."""


class Box(msgspec.Struct, frozen=True):
    """Something that is drawn: `id` is unique in the graph and plain, `lines` are what stands in it."""

    id: str
    sort: Sort
    lines: tuple[str, ...]


class Arrow(msgspec.Struct, frozen=True):
    """`target` reads `source`. With a `label`, the way from the one to the other is taken only then: a dotted line."""

    source: str
    target: str
    label: str = ""


class Graph(msgspec.Struct, frozen=True):
    """The boxes in the order of the policy's file, and the arrows between them."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


def drawn(policy: Policy) -> Graph:
    """The graph of a policy: facts → rules → states.

    An arrow leads to whatever reads a thing, be it only in a message. A dotted arrow leads from each line of `decide`
    to the next, and from what can be missing to *undecided*.
    """
    boxes, ids = _sources(policy)
    arrows: list[Arrow] = []
    for index, selection in enumerate(policy.selections):
        where = selections(selection.where) if selection.where is not None else {}
        parent = [selection.parent] if selection.parent is not None else []
        arrows += _reads([*parent, *where], f"fact{index}", ids)
    for index, rule in enumerate(policy.rules):
        boxes.append(_of_rule(rule, f"rule{index}"))
        arrows += _reads([*rule.loops, *_named(of_rule(rule))], f"rule{index}", ids)
        if rule.derive is not None:
            arrows.append(Arrow(f"rule{index}", ids[rule.derive]))
    decided, ways = _states(policy, ids)
    missing = _missing(policy, ids)
    return Graph((*boxes, *decided, *([_UNDECIDED] if missing else [])), (*arrows, *ways, *missing))


_UNDECIDED = Box("undecided", "undecided", ("undecided", "never allowed"))


def _sources(policy: Policy) -> tuple[list[Box], dict[str, str]]:
    """The boxes of what rules read, and the id of each by its name."""
    boxes = []
    for index, need in enumerate(policy.needs):
        each = ", for each of the tasks" if need.tasks is not None else ""
        boxes.append(Box(f"need{index}", "need", (need.name, f"the decision of {need.policy}{each}")))
    for index, selection in enumerate(policy.selections):
        boxes.append(Box(f"fact{index}", "fact", (selection.name, taken(selection))))
    for index, (name, fields) in enumerate(policy.derived.items()):
        boxes.append(Box(f"derived{index}", "derived", (name, f"derived: {', '.join(fields)}")))
    return boxes, {box.lines[0]: box.id for box in boxes}


def _of_rule(rule: Rule, identity: str) -> Box:
    derived = f" {rule.derive}" if rule.derive is not None else ""
    return Box(identity, rule.effect, (rule.id, f"{EFFECTS[rule.effect]}{derived}{loops(rule.loops)}"))


def _states(policy: Policy, ids: dict[str, str]) -> tuple[list[Box], list[Arrow]]:
    """A box for each line of `decide`; where some line asks whether a rule blocked, one for that too."""
    boxes, arrows = [], []
    asking = [line for line in policy.decide if line.when is not None and _asks_blocked(line.when)]
    if asking:
        boxes.append(Box("blocked", "blocked", ("blocked", "some rule blocked")))
        arrows += [Arrow(f"rule{i}", "blocked") for i, rule in enumerate(policy.rules) if rule.effect == "block"]
    for index, line in enumerate(policy.decide):
        identity = f"state{index}"
        boxes.append(Box(identity, "allow" if line.allow else "deny", (line.state, _verdict(line.allow))))
        arrows += _reads(_named([line.when] if line.when is not None else []), identity, ids)
        arrows += [Arrow("blocked", identity)] if line in asking else []
        arrows += [Arrow(f"state{index - 1}", identity, "otherwise")] if index else []
    return boxes, arrows


def _missing(policy: Policy, ids: dict[str, str]) -> list[Arrow]:
    """What makes the decision undecided where it is not there, or undecided itself."""
    empty = [Arrow(ids[s.name], _UNDECIDED.id, "if there is none") for s in policy.selections if s.required is not None]
    return empty + [Arrow(ids[n.name], _UNDECIDED.id, "if undecided") for n in policy.needs if not n.asks_undecided]


def _verdict(allow: bool) -> str:
    return "allowed" if allow else "denied"


def _asks_blocked(condition: Node) -> bool:
    return any(isinstance(node, Blocked) for node in walk(condition))


def _named(nodes: Iterable[Node]) -> list[str]:
    return [name for node in nodes for name in selections(node)]


def _reads(names: Iterable[str], target: str, ids: dict[str, str]) -> list[Arrow]:
    return [Arrow(ids[name], target) for name in dict.fromkeys(names)]
