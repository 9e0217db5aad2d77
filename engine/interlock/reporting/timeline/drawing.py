"""The timeline of a history: one lane a gate and one a seat under one axis, as an SVG element without its colours.

Everything that it shows by colour it shows by form too, and says in a `title`. It is self-contained as a picture, or in
a page, whose script moves along the axis what is drawn here: there it holds what is drawn for each width of the axis.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element

import msgspec

from interlock.escape import harmless
from interlock.instant import parse_instant
from interlock.model.decision import verdict_word
from interlock.model.history import History, Interval, Lane, Mark
from interlock.reporting.params import params_text
from interlock.reporting.style import counted
from interlock.reporting.timeline.layout import (
    GLYPHS,
    WIDTHS,
    Run,
    Scale,
    changes,
    clusters,
    columns,
    cut,
    layouts,
    mixed_summary,
    receipt_summary,
    scale,
    seats,
    shares,
    standing,
    stretch,
    summary,
)


def node(tag: str, *content: Element | str | None, **attributes: object) -> Element:
    """An element with what it holds, in order; None is left out, of the attributes too.

    An attribute is named as in Python: `class_` is `class`, `aria_label` is `aria-label`. Characters that a reader
    obeys rather than shows (controls, marks of direction) are spelled out; line ends of a text are kept.
    """
    element = Element(tag)
    for name, value in attributes.items():
        if value is not None:
            element.set(name.removesuffix("_").replace("_", "-"), harmless(str(value)))
    for part in content:
        if isinstance(part, str):
            _append(element, harmless(part, keep="\n"))
        elif part is not None:
            element.append(part)
    return element


def shipped(name: str) -> str:
    """The text of a style sheet or script that lies beside this module."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def _append(element: Element, text: str) -> None:
    if len(element):
        element[-1].tail = (element[-1].tail or "") + text
    else:
        element.text = (element.text or "") + text


_TRACK = 1152.0
"""The width of the axis, in pixels; one of `WIDTHS`."""
_BAR = 26
_GATE, _SEAT = 64, 52
"""How high a lane is, its line of words included."""
_LEAST, _LEAST_COLUMN = 3, 6
"""The least widths of an interval and of a column."""
_LEAST_SHARE = 0.1
"""The part of a column that a verdict has at least, however short it was: what was said is seen."""
_LETTER = 7.6
"""About how wide a letter is, in pixels."""


class _Frame(msgspec.Struct, frozen=True):
    """What is around the lanes: the room at either side and above. `widths` are those that there is a layout for."""

    side: int
    head: int
    widths: tuple[float, ...]

    @property
    def width(self) -> float:
        return _TRACK + 2 * self.side

    @property
    def level(self) -> int:
        return self.widths.index(_TRACK)


_ALONE = _Frame(24, 130, (_TRACK,))
_IN_PAGE = _Frame(10, 34, WIDTHS)


def picture(history: History) -> Element:
    """The timeline with a headline and a legend; its classes are those of `picture.css`."""
    drawing = _drawing(history, _ALONE)
    drawing[3:3] = _head(history, _ALONE)
    drawing.insert(3, node("rect", class_="page", width="100%", height="100%"))
    return drawing


def chart(history: History) -> Element:
    """The timeline for a page, which has a headline and a legend of its own.

    A piece has the numbers of its first and last row in the table of its lane (`data-rows`), a bit for each width of
    `WIDTHS` for which it is drawn (`data-levels`), and the width that its words need (`data-room`).
    """
    return _drawing(history, _IN_PAGE)


def legend() -> Iterator[tuple[Element, str, int]]:
    """Samples of what is drawn, each with its words, and how wide both are."""
    for name in GLYPHS:
        yield _bar(name, 0, 0, 22, 16), f"{GLYPHS[name]} {name}", 124
    yield _mixed(dict.fromkeys(GLYPHS, 1 / 3), 0, 0, 14, 16), "many changes, by share of the time", 264
    yield _receipts(1, 8, 8), "a receipt", 104
    yield _receipts(3, 8, 8), "several", 80


def _drawing(history: History, frame: _Frame) -> Element:
    axis = scale(history, _TRACK)
    marked = seats(history)
    height = frame.head + _GATE * len(history.lanes) + _SEAT * len(marked) + 8
    drawing = node(
        "svg",
        node("title", f"What each gate said of task {history.task}"),
        node("desc", _described(history)),
        _patterns(),
        node("g", *_axis(axis, frame, height), class_="axis"),
        class_="picture",
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_rounded(frame.width)} {height}",
        role="img",
        aria_label=f"What each gate said of task {history.task}, {stretch(history)}",
    )
    top = frame.head
    for lane in history.lanes:
        drawing.append(_gate(lane, history, frame, top))
        top += _GATE
    for name, marks in marked.items():
        drawing.append(_seat(name, marks, history, frame, top))
        top += _SEAT
    return drawing


def _described(history: History) -> str:
    ends = [f"{lane.policy} ends {standing(lane.intervals[-1])}" for lane in history.lanes if lane.intervals]
    params = [f"{lane.policy} with {text}" for lane in history.lanes if (text := params_text(lane.params))]
    return "; ".join([stretch(history), *ends, *params])


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


def _head(history: History, frame: _Frame) -> Iterator[Element]:
    yield node("text", cut(history.task, 70), class_="task", x=frame.side, y=34)
    yield node("text", f"{stretch(history)}, all times UTC", class_="quiet", x=frame.side, y=56)
    x = frame.side
    for sample, words, width in legend():
        wide = float(sample.attrib["width"])
        sample.set("x", str(x))
        sample.set("y", _rounded(70 + float(sample.attrib["y"])))
        yield sample
        yield node("text", words, x=_rounded(x + wide + 7), y=83)
        x += width


def _axis(axis: Scale, frame: _Frame, height: int) -> Iterator[Element]:
    for place, label in axis.ticks():
        x = _rounded(frame.side + place)
        yield node("line", class_="rule", x1=x, y1=frame.head - 10, x2=x, y2=height - 8)
        # a label at the very end would leave the picture
        anchor = "end" if place > axis.width - 40 else "start" if place < 20 else "middle"
        yield node("text", label, class_="tick", x=x, y=frame.head - 16, text_anchor=anchor)


def _gate(lane: Lane, history: History, frame: _Frame, top: int) -> Element:
    whole = scale(history, 1)
    edges = [(whole.x(parse_instant(each.since)), whole.x(parse_instant(each.until))) for each in lane.intervals]
    layout = layouts(columns, [right - left for left, right in edges], frame.widths)
    pieces = []
    for first, last in layout:
        x, width = frame.side + _TRACK * edges[first][0], _TRACK * (edges[last][1] - edges[first][0])
        pieces.append(_piece(lane.intervals[first : last + 1], history, frame, (x, top + 22, width)))
    alone = frame is _ALONE
    params = params_text(lane.params)
    said = lane.question if alone else changes(lane)
    words = _words(lane.policy, f"{params}; {said}" if params else said, frame, top)
    return node(
        "g",
        words,
        *(_end(lane, frame, top) if alone else ()),
        *_track(layout, pieces, frame, (top + 22, _BAR)),
        class_="lane gate",
        role="group",
        aria_label=f"{lane.policy}: {changes(lane)}",
    )


def _seat(name: str, marks: Sequence[Mark], history: History, frame: _Frame, top: int) -> Element:
    whole = scale(history, 1)
    places = [whole.x(parse_instant(mark.at)) for mark in marks]
    layout = layouts(clusters, places, frame.widths)
    pieces = []
    for first, last in layout:
        title = node("title", receipt_summary(marks[first : last + 1], history))
        drawn = _receipts(last - first + 1, frame.side + _TRACK * places[first], top + 33)
        pieces.append(node("g", title, drawn, class_="item mark" if first == last else "item many"))
    return node(
        "g",
        _words(name, counted(len(marks), "receipt"), frame, top),
        *_track(layout, pieces, frame, (top + 22, 22)),
        class_="lane seat",
        role="group",
        aria_label=f"receipts of {name}",
    )


def _track(
    layout: dict[Run, list[int]], pieces: Sequence[Element], frame: _Frame, place: tuple[int, int]
) -> Iterator[Element]:
    """A lane's ground, its pieces, and, hidden, those for other widths of the axis. `place` is its y and height."""
    top, height = place
    yield node("rect", class_="ground", x=frame.side, y=top, width=_rounded(_TRACK), height=height)
    shown, hidden = node("g", class_="track"), node("g", class_="other", display="none")
    for ((first, last), levels), piece in zip(layout.items(), pieces, strict=True):
        if frame is not _ALONE:
            piece.set("data-rows", f"{first} {last}")
            piece.set("data-levels", str(sum(1 << level for level in levels)))
        if frame.level in levels:
            shown.append(piece)
        else:
            del piece[1].attrib["x"]  # which only the script that shows it knows
            hidden.append(piece)
    yield from (shown, hidden) if len(hidden) else (shown,)


def _piece(intervals: Sequence[Interval], history: History, frame: _Frame, place: tuple[float, int, float]) -> Element:
    """One interval, or a column of many that are too narrow to be distinguished. `place` is its x, y and width."""
    x, y, width = place
    if len(intervals) > 1:
        title = node("title", mixed_summary(intervals, history))
        return node("g", title, _mixed(shares(intervals), x, y, max(_LEAST_COLUMN, width), _BAR), class_="item mixed")
    (interval,) = intervals
    name = verdict_word(interval.allow)
    words = cut(f"{GLYPHS[name]} {interval.state}", 30)
    room = int(len(words) * _LETTER + 22)
    wide = " wide" if width >= room else ""
    bar = _bar(name, x, y, max(_LEAST, width), _BAR)
    if wide or frame is not _ALONE:
        middle = float(bar.attrib["height"]) / 2
        bar.append(
            node("text", words, class_="words light" if name == "allowed" else "words", x=10, y=_rounded(middle + 4.5))
        )
    needed = None if frame is _ALONE else room
    return node("g", node("title", summary(interval, history)), bar, class_=f"item {name}{wide}", data_room=needed)


def _bar(name: str, x: float, y: float, width: float, height: float) -> Element:
    """A verdict's bar: an image of its own, which cuts off what leaves it, and half of the stroke."""
    low = 0.0 if name != "undecided" else height * 0.2  # a form of its own besides the pattern
    return node(
        "svg",
        node("rect", class_=name, width="100%", height="100%"),
        x=_rounded(x),
        y=_rounded(y + low),
        width=_rounded(width),
        height=_rounded(height - 2 * low),
    )


def _mixed(parts: dict[str, float], x: float, y: float, width: float, height: float) -> Element:
    """A column: the share of each verdict, one above the other."""
    column = node("svg", x=_rounded(x), y=_rounded(y), width=_rounded(width), height=_rounded(height))
    top = height
    seen = {name: max(_LEAST_SHARE, share) if share else 0 for name, share in parts.items()}
    for name in ("allowed", "undecided", "denied"):
        part = seen[name] / sum(seen.values()) * height
        top -= part
        if part:
            column.append(node("rect", class_=name, y=_rounded(top), width="100%", height=_rounded(part)))
    column.append(node("rect", class_="frame", width="100%", height=_rounded(height)))
    return column


def _receipts(number: int, x: float, y: float) -> Element:
    wide = 16 if number == 1 else 12 + 6 * len(str(number))
    form = {"x": _rounded(x - wide / 2), "y": _rounded(y - 9), "width": wide, "height": 18}
    if number == 1:
        return node("svg", node("circle", class_="mark", cx=8, cy=9, r=5), **form)
    pill = node("rect", class_="many", x=1, y=1, width=wide - 2, height=16, rx=8)
    return node("svg", pill, node("text", str(number), class_="number", x=_rounded(wide / 2), y=12.5), **form)


def _words(name: str, more: str, frame: _Frame, top: int) -> Element:
    return node(
        "text",
        node("tspan", cut(name, 32), class_="name"),
        node("tspan", cut(" ".join(more.split()), 70), class_="quiet", dx=10),
        class_="label",
        x=frame.side,
        y=top + 14,
    )


def _end(lane: Lane, frame: _Frame, top: int) -> Iterator[Element]:
    for last in lane.intervals[-1:]:
        text = f"{GLYPHS[verdict_word(last.allow)]} {cut(standing(last), 40)}"
        yield node("text", text, class_="end", x=_rounded(frame.width - frame.side), y=top + 14)


def _rounded(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")
