"""A graph as text of Mermaid, which code hosts draw inside Markdown."""

from __future__ import annotations

import re

from interlock.pages.graph import COLOURS, Arrow, Box, Graph, Sort

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
    sorts = dict.fromkeys(box.sort for box in graph.boxes if box.sort in COLOURS)
    lines = [
        "flowchart LR",
        *map(_box, graph.boxes),
        *map(_arrow, graph.arrows),
        *map(_look, sorts),
    ]
    return "\n  ".join(lines) + "\n"


def _box(box: Box) -> str:
    start, end = _SHAPES.get(box.sort, ("[", "]"))
    look = f":::{box.sort}Box" if box.sort in COLOURS else ""
    return f'{box.id}{start}"{"<br/>".join(map(_label, box.lines))}"{end}{look}'


def _look(sort: Sort) -> str:
    fill, line = COLOURS[sort]
    return f"classDef {sort}Box fill:{fill},stroke:{line},color:#000"


def _arrow(arrow: Arrow) -> str:
    return f"{arrow.source} {f'-. {arrow.label} .->' if arrow.label else '-->'} {arrow.target}"


def _label(text: str) -> str:
    return _SPECIAL.sub(lambda match: f"#{ord(match[0])};", text)
