"""A history as one self-contained picture: SVG, in dark and in light."""

from __future__ import annotations

import re
from xml.etree.ElementTree import indent, tostring

from interlock.model.history import History
from interlock.reporting.timeline.drawing import node, picture, shipped


def render(history: History) -> str:
    """One SVG document."""
    drawing = picture(history)
    drawing.set("width", drawing.attrib["viewBox"].split()[2])
    drawing.insert(2, node("style", _styles()))
    indent(drawing)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{tostring(drawing, encoding="unicode")}\n'


def failure(message: str) -> str:
    """The picture of what could not be replayed, and why."""
    text = node("text", f"error: {message}", x=10, y=30, font_family="monospace", font_size=14)
    drawing = node("svg", text, xmlns="http://www.w3.org/2000/svg", width=1000, height=50)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{tostring(drawing, encoding="unicode")}\n'


def _styles() -> str:
    """The style sheet with its colours in their places, as few readers of SVG but browsers know variables."""
    light, _, dark = shipped("palette.css").partition("@media")
    night = "\n".join(rule for rule in _coloured(dark).splitlines() if re.search("fill: #|stroke: #", rule))
    return f"\n{_coloured(light)}@media (prefers-color-scheme: dark) {{\n{night}\n}}\n"


def _coloured(palette: str) -> str:
    colours = dict(re.findall(r"(--[\w-]+): (\S+);", palette))
    return re.sub(r"var\((--[\w-]+)\)", lambda found: colours[found[1]], shipped("picture.css"))
