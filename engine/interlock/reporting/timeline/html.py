"""A history as one self-contained page: a timeline to walk through, and the same as tables.

It loads nothing from the network, and its content security policy forbids it to. Without its script the chart does not
move.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from xml.etree.ElementTree import Element, tostring

from interlock.instant import parse_instant
from interlock.model.history import History
from interlock.reporting.timeline.drawing import chart, legend
from interlock.reporting.timeline.elements import node, shipped
from interlock.reporting.timeline.layout import WIDTHS, scale, stretch
from interlock.reporting.timeline.tables import ends, isolated, tables


def render(history: History) -> str:
    """One HTML document."""
    styles = "\n" + "".join(map(shipped, ("palette.css", "picture.css", "page.css")))
    script = "\n" + shipped("page.js")
    page = node(
        "html",
        node(
            "head",
            node("meta", charset="utf-8"),
            _policy(styles, script),
            node("meta", name="viewport", content="width=device-width, initial-scale=1"),
            node("meta", name="color-scheme", content="light dark"),
            node("meta", name="referrer", content="no-referrer"),
            node("link", rel="icon", href="data:,"),
            node("title", f"{history.task}: what each gate said"),
            node("style", styles),
        ),
        node("body", _main(history), node("script", script)),
        lang="en",
    )
    return f"<!doctype html>\n{tostring(page, encoding='unicode', method='html')}\n"


def _policy(styles: str, script: str) -> Element:
    allowed = {
        "default-src": "'none'",
        "img-src": "data:",  # the empty icon, without which a browser asks for one
        "style-src": _hash(styles),
        "script-src": _hash(script),
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    content = "; ".join(f"{name} {source}" for name, source in allowed.items())
    return node("meta", http_equiv="Content-Security-Policy", content=content)


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _main(history: History) -> Element:
    return node(
        "main",
        node(
            "header",
            node("p", "interlock replay", class_="over"),
            node("h1", "Task ", isolated(history.task)),
            node("p", f"{stretch(history)}, all times UTC", class_="range"),
        ),
        node("div", ends(history), class_="framed", role="region", tabindex=0, aria_label="The gates"),
        node("section", node("h2", "Timeline", id="timeline"), _timeline(history), aria_labelledby="timeline"),
        node(
            "details",
            node("summary", node("h2", "The same as tables")),
            *tables(history),
            id="tables",
        ),
    )


def _timeline(history: History) -> Element:
    """The chart, which the script lets a person walk through, with what it must know of the axis."""
    steps = [scale(history, width).step for width in WIDTHS]
    samples = [node("li", _sample(sample), " ", words) for sample, words, _ in legend()]
    return node(
        "div",
        node("div", node("ul", *samples, class_="legend", aria_label="Legend"), class_="bar"),
        node("div", chart(history), class_="scroll", tabindex=0, role="region", aria_label="Chart of the timeline"),
        id="chart",
        data_task=history.task,
        data_since=parse_instant(history.since),
        data_until=parse_instant(history.until),
        data_widths=" ".join(f"{width:.0f}" for width in WIDTHS),
        data_steps=" ".join(map(str, steps)),
    )


def _sample(drawn: Element) -> Element:
    """A piece of the chart as an image of its own."""
    drawn.set("class", "picture")
    drawn.set("aria-hidden", "true")
    return drawn
