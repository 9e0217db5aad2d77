"""The picture of a history: one lane a gate and one a seat under one axis, as an SVG element without its colours.

Everything that it shows by colour it shows by form too, and tells in a `title`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element

from interlock.instant import parse_instant
from interlock.model.history import History, Interval, Lane, Mark
from interlock.reporting.timeline.elements import node
from interlock.reporting.timeline.layout import (
    GLYPHS,
    Scale,
    changes,
    clusters,
    columns,
    counted,
    mixture,
    scale,
    seats,
    shares,
    standing,
    stretch,
    summary,
    told,
    verdict,
)

_WIDTH, _SIDE, _HEAD = 1200, 24, 130
_BAR = 26
_GATE, _SEAT = 64, 52
"""How high a lane is, its line of words included."""
_LEAST = 0.1
"""The part of a column that a verdict has at least, however short it was: what was said is seen."""
_LETTER = 7.6
"""About how wide a letter is, in pixels."""


def picture(history: History) -> Element:
    """The drawing; its classes are those of `picture.css`."""
    axis = scale(history, _WIDTH - 2 * _SIDE)
    marked = seats(history)
    height = _HEAD + _GATE * len(history.lanes) + _SEAT * len(marked) + 8
    drawing = node(
        "svg",
        node("title", f"What each gate said of task {history.task}"),
        node("desc", _described(history)),
        _patterns(),
        node("rect", class_="page", width=_WIDTH, height=height),
        *_head(history),
        class_="picture",
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_WIDTH} {height}",
        role="img",
        aria_label=f"What each gate said of task {history.task}, {stretch(history)}",
    )
    drawing.extend(_axis(axis, height))
    top = _HEAD
    for lane in history.lanes:
        drawing.append(_gate(lane, history, axis, top))
        top += _GATE
    for name, marks in marked.items():
        drawing.append(_seat(name, marks, history, axis, top))
        top += _SEAT
    return drawing


def _described(history: History) -> str:
    ends = [f"{lane.policy} ends {standing(lane.intervals[-1])}" for lane in history.lanes if lane.intervals]
    return "; ".join([stretch(history), *ends])


def _patterns() -> Element:
    stripes = node(
        "pattern",
        node("rect", class_="base", width=8, height=8),
        node("line", class_="stripe", x1=0, y1=0, x2=0, y2=8),
        id="interlock-denied",
        width=8,
        height=8,
        patternUnits="userSpaceOnUse",
        patternTransform="rotate(45)",
    )
    dots = node(
        "pattern",
        node("rect", class_="page", width=5, height=5),
        node("circle", class_="dot", cx=2.5, cy=2.5, r=0.8),
        id="interlock-undecided",
        width=5,
        height=5,
        patternUnits="userSpaceOnUse",
    )
    return node("defs", stripes, dots)


def _head(history: History) -> Iterator[Element]:
    yield node("text", cut(history.task, 70), class_="task", x=_SIDE, y=34)
    yield node("text", f"{stretch(history)}, all times UTC", class_="quiet", x=_SIDE, y=56)
    x = _SIDE
    for name in GLYPHS:
        yield _bar(name, x, 70, 22, 16)
        yield node("text", f"{GLYPHS[name]} {name}", x=x + 29, y=83)
        x += 124
    yield from _mixed(dict.fromkeys(GLYPHS, 1 / 3), x, 70, 14, 16)
    yield node("text", "many changes: each verdict's share of the time", x=x + 22, y=83)
    yield node("circle", class_="mark", cx=x + 350, cy=78, r=5)
    yield node("text", "a receipt", x=x + 362, y=83)
    yield from _several(3, x + 450, 78)
    yield node("text", "several", x=x + 466, y=83)


def _axis(axis: Scale, height: int) -> Iterator[Element]:
    for place, label in axis.ticks():
        x = _rounded(_SIDE + place)
        yield node("line", class_="rule", x1=x, y1=_HEAD - 10, x2=x, y2=height - 8)
        # a label at the very end would leave the picture
        anchor = "end" if place > axis.width - 40 else "start" if place < 20 else "middle"
        yield node("text", label, class_="tick", x=x, y=_HEAD - 16, text_anchor=anchor)


def _gate(lane: Lane, history: History, axis: Scale, top: int) -> Element:
    group = node(
        "g",
        *_words(lane.policy, lane.question, top),
        *_end(lane, top),
        node("rect", class_="track", x=_SIDE, y=top + 22, width=_WIDTH - 2 * _SIDE, height=_BAR),
        role="group",
        aria_label=f"{lane.policy}: {changes(lane)}",
    )
    edges = [(axis.x(parse_instant(each.since)), axis.x(parse_instant(each.until))) for each in lane.intervals]
    for first, end in columns([right - left for left, right in edges]):
        x, width = _SIDE + edges[first][0], edges[end][1] - edges[first][0]
        group.append(_piece(lane.intervals[first : end + 1], history, x, top + 22, width))
    return group


def _end(lane: Lane, top: int) -> Iterator[Element]:
    """What the gate says at the end, if it says anything."""
    for last in lane.intervals[-1:]:
        text = f"{GLYPHS[verdict(last)]} {cut(standing(last), 40)}"
        yield node("text", text, class_="end", x=_WIDTH - _SIDE, y=top + 14)


def _piece(intervals: Sequence[Interval], history: History, x: float, y: int, width: float) -> Element:
    """One interval, or a column of many that are too narrow to be told apart."""
    if len(intervals) == 1:
        (interval,) = intervals
        name = verdict(interval)
        title = node("title", summary(interval, history))
        return node("g", title, _bar(name, x, y, max(3, width), _BAR), *_label(interval, x, y, width))
    since, until = told(intervals[0].since, history), told(intervals[-1].until, history)
    parts = shares(intervals)
    title = node("title", f"{counted(len(intervals), 'interval')}, {since} to {until}: {mixture(parts)}")
    return node("g", title, *_mixed(parts, x, y, max(6, width), _BAR))


def _bar(name: str, x: float, y: float, width: float, height: float) -> Element:
    low = 0.0 if name != "undecided" else height * 0.2  # a form of its own besides the pattern
    inset = 0 if name == "allowed" else min(0.75, width / 4)  # half of the stroke
    return node(
        "rect",
        class_=name,
        x=_rounded(x + inset),
        y=_rounded(y + low + inset),
        width=_rounded(width - 2 * inset),
        height=_rounded(height - 2 * low - 2 * inset),
    )


def _mixed(parts: dict[str, float], x: float, y: float, width: float, height: float) -> Iterator[Element]:
    top = y + height
    seen = {name: max(_LEAST, share) if share else 0 for name, share in parts.items()}
    for name in ("allowed", "undecided", "denied"):
        part = seen[name] / sum(seen.values()) * height
        top -= part
        if part:
            size = {"width": _rounded(width), "height": _rounded(part)}
            yield node("rect", class_=name, x=_rounded(x), y=_rounded(top), **size)
    yield node("rect", class_="mixed", x=_rounded(x), y=_rounded(y), width=_rounded(width), height=_rounded(height))


def _label(interval: Interval, x: float, y: int, width: float) -> Iterator[Element]:
    name = verdict(interval)
    text = cut(f"{GLYPHS[name]} {interval.state}", int((width - 22) / _LETTER))
    if width < 70:
        return
    if name != "allowed":
        yield node(
            "rect", class_="plate", x=_rounded(x + 6), y=y + 4, width=_rounded(len(text) * _LETTER + 8), height=18
        )
    yield node("text", text, class_="on-allowed" if name == "allowed" else None, x=_rounded(x + 10), y=y + 17.5)


def _seat(name: str, marks: Sequence[Mark], history: History, axis: Scale, top: int) -> Element:
    middle = top + 33
    group = node(
        "g",
        *_words(name, counted(len(marks), "receipt"), top),
        node("rect", class_="track", x=_SIDE, y=top + 22, width=_WIDTH - 2 * _SIDE, height=22),
        role="group",
        aria_label=f"receipts of {name}",
    )
    places = [axis.x(parse_instant(mark.at)) for mark in marks]
    for first, end in clusters(places):
        together = marks[first : end + 1]
        title = "; ".join(f"{told(mark.at, history)} {mark.kind}" for mark in together[:12])
        more = f"; and {len(together) - 12} more" if len(together) > 12 else ""
        x = _SIDE + places[first]
        drawn = _several(len(together), x, middle) if len(together) > 1 else _one(x, middle)
        group.append(node("g", node("title", title + more), *drawn))
    return group


def _one(x: float, y: float) -> Iterator[Element]:
    yield node("circle", class_="mark", cx=_rounded(x), cy=y, r=5)


def _several(number: int, x: float, y: float) -> Iterator[Element]:
    wide = 10 + 6 * len(str(number))
    yield node("rect", class_="many", x=_rounded(x - wide / 2), y=y - 8, width=wide, height=16, rx=8)
    yield node("text", str(number), class_="number", x=_rounded(x), y=y + 3.5)


def _words(name: str, more: str, top: int) -> Iterator[Element]:
    yield node(
        "text",
        node("tspan", cut(name, 32), class_="name"),
        node("tspan", cut(" ".join(more.split()), 70), class_="quiet", dx=10),
        x=_SIDE,
        y=top + 14,
    )


def cut(text: str, room: int) -> str:
    """A text with at most so many characters; where it has more it ends in an ellipsis."""
    return text if len(text) <= room else f"{text[: max(0, room - 1)]}…"


def _rounded(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")
