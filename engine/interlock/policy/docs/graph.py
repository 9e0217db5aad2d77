"""A policy as boxes and arrows: what is selected, which rules read it, which states the rules lead to."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from typing import Literal

import msgspec

from interlock.diagnostics import UsageError
from interlock.instant import format_duration
from interlock.language.unparse import notation
from interlock.language.walk import selections, walk
from interlock.model.decision import verdict_word
from interlock.model.expression import Blocked, Constant, Node
from interlock.model.policy import Effect, Policy, Rule, Selection, Take
from interlock.policy.compile.dependencies import of_rule

Sort = Literal[
    "fact", "need", "derived", "block", "warn", "note", "derive", "blocked", "allow", "deny", "undecided"
]  # fmt: skip

NODE_COLOURS: dict[Sort, tuple[str, str]] = {
    "block": ("#fde2e1", "#b3261e"),
    "warn": ("#fff3cd", "#8a6d00"),
    "note": ("#e0f0fb", "#1f6391"),
    "allow": ("#d9f2dd", "#22702f"),
    "deny": ("#fde2e1", "#b3261e"),
    "undecided": ("#fff3cd", "#8a6d00"),
}
"""What a box is filled with, and its line; boxes of other sorts have no colour. The text in all of them is black."""


class Box(msgspec.Struct, frozen=True):
    """Something that is drawn: `id` is unique in the graph and plain, `lines` are its text."""

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

    An arrow leads to whatever reads a thing, even if only in a message. A dotted arrow leads from each line of `decide`
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
    effect = f"{EFFECTS[rule.effect]}{derived}{loops(rule.loops)}{_holding(rule.hold)}"
    return Box(identity, rule.effect, (rule.id, effect))


def _holding(hold: Node | None) -> str:
    return "" if hold is None else f", held for {_span(hold)}"


def _span(hold: Node) -> str:
    if isinstance(hold, Constant) and isinstance(hold.value, int):
        return format_duration(hold.value)
    return notation(hold)


def _states(policy: Policy, ids: dict[str, str]) -> tuple[list[Box], list[Arrow]]:
    """A box for each line of `decide`; where some line asks whether a rule blocked, one for that too."""
    boxes, arrows = [], []
    asking = [line for line in policy.decide if line.when is not None and _asks_blocked(line.when)]
    if asking:
        boxes.append(Box("blocked", "blocked", ("blocked", "some rule blocked")))
        arrows += [Arrow(f"rule{i}", "blocked") for i, rule in enumerate(policy.rules) if rule.effect == "block"]
    for index, line in enumerate(policy.decide):
        identity = f"state{index}"
        boxes.append(
            Box(
                identity,
                "allow" if line.allow else "deny",
                (line.state, f"{verdict_word(line.allow)}{_holding(line.hold)}"),
            )
        )
        arrows += _reads(_named([line.when] if line.when is not None else []), identity, ids)
        arrows += [Arrow("blocked", identity)] if line in asking else []
        arrows += [Arrow(f"state{index - 1}", identity, "otherwise")] if index else []
    return boxes, arrows


def _missing(policy: Policy, ids: dict[str, str]) -> list[Arrow]:
    """What makes the decision undecided where it is not there, or undecided itself."""
    empty = [Arrow(ids[s.name], _UNDECIDED.id, "if there is none") for s in policy.selections if s.required is not None]
    return empty + [Arrow(ids[n.name], _UNDECIDED.id, "if undecided") for n in policy.needs if not n.asks_undecided]


def _asks_blocked(condition: Node) -> bool:
    return any(isinstance(node, Blocked) for node in walk(condition))


def _named(nodes: Iterable[Node]) -> list[str]:
    return [name for node in nodes for name in selections(node)]


def _reads(names: Iterable[str], target: str, ids: dict[str, str]) -> list[Arrow]:
    return [Arrow(ids[name], target) for name in dict.fromkeys(names)]


_SHAPES: dict[Sort, tuple[str, str]] = {
    "fact": ("[(", ")]"),
    "need": ("[[", "]]"),
    "derived": ("[/", "/]"),
    "blocked": ("((", "))"),
    "allow": ("([", "])"),
    "deny": ("([", "])"),
    "undecided": ("([", "])"),
}
_SPECIAL = re.compile(r"[^\w ,:-]|(?<![^\W_])[-_]|[-_](?![^\W_])")
"""What Mermaid, the Markdown in its labels or HTML may take for more than a character."""


def mermaid(graph: Graph) -> str:
    """The graph as a Mermaid flowchart, drawn from left to right."""
    sorts = dict.fromkeys(box.sort for box in graph.boxes if box.sort in NODE_COLOURS)
    lines = [
        "flowchart LR",
        *map(_box, graph.boxes),
        *map(_arrow, graph.arrows),
        *map(_look, sorts),
    ]
    return "\n  ".join(lines) + "\n"


def _box(box: Box) -> str:
    start, end = _SHAPES.get(box.sort, ("[", "]"))
    look = f":::{box.sort}Box" if box.sort in NODE_COLOURS else ""
    return f'{box.id}{start}"{"<br/>".join(map(_label, box.lines))}"{end}{look}'


def _look(sort: Sort) -> str:
    fill, line = NODE_COLOURS[sort]
    return f"classDef {sort}Box fill:{fill},stroke:{line},color:#000"


def _arrow(arrow: Arrow) -> str:
    return f"{arrow.source} {f'-. {arrow.label} .->' if arrow.label else '-->'} {arrow.target}"


def _label(text: str) -> str:
    return _SPECIAL.sub(lambda match: f"#{ord(match[0])};", text)


_DOT_SHAPES: dict[Sort, str] = {
    "fact": "cylinder",
    "need": "component",
    "derived": "parallelogram",
    "blocked": "circle",
    "allow": "oval",
    "deny": "oval",
    "undecided": "oval",
}
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "&": "&amp;", "\n": " "})


def svg(graph: Graph) -> str:
    """The graph as SVG. Raises UsageError where Graphviz is not there, or fails."""
    command = shutil.which("dot")
    if command is None:
        raise UsageError("no `dot` on the path: install Graphviz (https://graphviz.org), or ask for `--graph=mermaid`")
    done = subprocess.run([command, "-Tsvg"], input=dot(graph).encode(), capture_output=True, check=False)
    if done.returncode:
        message = done.stderr.decode(errors="replace").strip()
        raise UsageError(f"`{command} -Tsvg` failed with exit code {done.returncode}: {message}")
    return done.stdout.decode()


def dot(graph: Graph) -> str:
    """The graph in the language of Graphviz."""
    lines = [
        "digraph {",
        "rankdir=LR",
        'node [fontname="sans-serif", shape=box, style=filled]',
        'edge [fontname="sans-serif"]',
        *map(_dot_box, graph.boxes),
        *map(_dot_arrow, graph.arrows),
    ]
    return "\n  ".join(lines) + "\n}\n"


def _dot_box(box: Box) -> str:
    label = "\\n".join(line.translate(_ESCAPES) for line in box.lines)
    shape = f", shape={_DOT_SHAPES[box.sort]}" if box.sort in _DOT_SHAPES else ""
    fill, line = NODE_COLOURS.get(box.sort, ("white", "black"))
    return f'{box.id} [label="{label}"{shape}, fillcolor="{fill}", color="{line}"]'


def _dot_arrow(arrow: Arrow) -> str:
    look = f' [style=dashed, label="{arrow.label}"]' if arrow.label else ""
    return f"{arrow.source} -> {arrow.target}{look}"


EFFECTS: dict[Effect, str] = {"block": "blocks", "warn": "warns", "note": "notes", "derive": "derives"}
_TAKEN: dict[Take, str] = {
    "all": "all of",
    "latest": "the latest of",
    "earliest": "the earliest of",
    "count": "the number of",
    "min": "the least",
    "max": "the greatest",
    "sum": "the sum of",
}


def taken(selection: Selection, show: Callable[[str], str] = str) -> str:
    """What a selection takes of which facts, such as `the latest of seat for each role`; `show` shows the names."""
    source = [selection.parent] if selection.parent is not None else selection.kinds
    of = f" {show(selection.of)} of" if selection.of is not None else ""
    where = " of the whole ledger" if selection.scope == "ledger" and selection.parent is None else ""
    named = f" of {listed_values(selection.groups, show)}" if selection.groups else ""
    each = f" for each {listed_values(selection.per, show)}{named}" if selection.per else ""
    what = f"the {selection.limit} {selection.take} of" if selection.limit else _TAKEN[selection.take]
    return f"{what}{of} {listed_values(source, show)}{where}{each}"


def loops(names: tuple[str, ...], show: Callable[[str], str] = str) -> str:
    """What a rule ranges over, such as ` for each seat`; nothing where it ranges over nothing."""
    return f" for each {listed_values(names, show)}" if names else ""


def listed_values(names: tuple[str, ...] | list[str], show: Callable[[str], str] = str, last_word: str = "and") -> str:
    """Names joined for people: `a`, `a and b`, `a, b and c`."""
    *most, last = map(show, names)
    return f"{', '.join(most)} {last_word} {last}" if most else last
