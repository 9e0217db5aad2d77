"""A graph as a picture: written in Graphviz's language, drawn by its command `dot`."""

from __future__ import annotations

import shutil
import subprocess

from interlock.errors import UsageError
from interlock.pages.graph import COLOURS, Arrow, Box, Graph, Sort

_SHAPES: dict[Sort, str] = {
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
        told = done.stderr.decode(errors="replace").strip()
        raise UsageError(f"`{command} -Tsvg` failed with exit code {done.returncode}: {told}")
    return done.stdout.decode()


def dot(graph: Graph) -> str:
    """The graph in the language of Graphviz."""
    lines = [
        "digraph {",
        "rankdir=LR",
        'node [fontname="sans-serif", shape=box, style=filled]',
        'edge [fontname="sans-serif"]',
        *map(_box, graph.boxes),
        *map(_arrow, graph.arrows),
    ]
    return "\n  ".join(lines) + "\n}\n"


def _box(box: Box) -> str:
    label = "\\n".join(line.translate(_ESCAPES) for line in box.lines)
    shape = f", shape={_SHAPES[box.sort]}" if box.sort in _SHAPES else ""
    fill, line = COLOURS.get(box.sort, ("white", "black"))
    return f'{box.id} [label="{label}"{shape}, fillcolor="{fill}", color="{line}"]'


def _arrow(arrow: Arrow) -> str:
    look = f' [style=dashed, label="{arrow.label}"]' if arrow.label else ""
    return f"{arrow.source} -> {arrow.target}{look}"
