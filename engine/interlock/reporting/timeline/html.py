"""A history as one self-contained page: a timeline to walk through, and all of it as tables.

It loads nothing from the network, and its content security policy forbids it to. Without its script the chart does not
move.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from xml.etree.ElementTree import Element, tostring

from interlock.instant import parse_instant
from interlock.model.decision import Finding, verdict_word
from interlock.model.history import Cause, History, Interval, Lane, Mark
from interlock.reporting.params import params_text
from interlock.reporting.style import counted
from interlock.reporting.timeline.drawing import chart, legend, node, shipped
from interlock.reporting.timeline.layout import (
    GLYPHS,
    WIDTHS,
    changes,
    lasted,
    scale,
    seats,
    standing,
    stretch,
    time_text,
)


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


def failure(message: str) -> str:
    """The page of what could not be replayed, and why."""
    policy = node("meta", content="default-src 'none'")
    policy.set("http-equiv", "Content-Security-Policy")
    head = node("head", node("meta", charset="utf-8"), policy, node("title", "nothing was replayed"))
    page = node("html", head, node("body", node("pre", f"error: {message}")), lang="en")
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
            *lane_tables(history),
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
    drawn.set("class", "picture")
    drawn.set("aria-hidden", "true")
    return drawn


def ends(history: History) -> Element:
    """One row a gate: its question, and what it says at the end."""
    return node(
        "table",
        node("caption", "The gates and what each says at the end"),
        _header("Gate", "Question", "At the end", "Changes"),
        node("tbody", *(_end(lane) for lane in history.lanes)),
        class_="ends",
    )


def lane_tables(history: History) -> Iterator[Element]:
    """One table a gate, then one for the receipts of each seat."""
    for number, lane in enumerate(history.lanes):
        caption = node("caption", node("b", isolated(lane.policy)), " ", isolated(lane.question), f" {changes(lane)}")
        header = _header("It said", "Since", "Until", "For", "Why", "What ended it")
        rows = _intervals(lane, history, number)
        yield _framed(caption, header, node("tbody", *rows), of=lane.policy, kind="gate")
    number = len(history.lanes)
    for name, marks in seats(history).items():
        caption = node("caption", node("b", isolated(name)), f" {counted(len(marks), 'receipt')}")
        header = _header("At", "Kind", "Receipt", "By", "What it says")
        rows = (_mark(mark, history, f"r{number}-{row}") for row, mark in enumerate(marks))
        yield _framed(caption, header, node("tbody", *rows), of=name, kind="seat")
        number += 1


def isolated(text: str, **attributes: object) -> Element:
    """A text of the ledger: whatever direction it is written in, it turns nothing around it."""
    return node("bdi", text, **attributes)


def _framed(caption: Element, header: Element, body: Element, of: str, kind: str) -> Element:
    """A table that scrolls by itself where there is no room for it."""
    table = node("table", caption, header, body, data_lane=of, data_kind=kind)
    return node("div", table, class_="framed", role="region", tabindex=0, aria_label=f"Table of {of}")


def _header(*names: str) -> Element:
    return node("thead", node("tr", *(node("th", name, scope="col") for name in names)))


def _end(lane: Lane) -> Element:
    last = lane.intervals[-1] if lane.intervals else None
    return node(
        "tr",
        node("th", isolated(lane.policy), scope="row"),
        node("td", isolated(lane.question), _params(lane)),
        node("td", _badge(last) if last else None),
        node("td", f"{max(0, len(lane.intervals) - 1):,}", class_="number"),
    )


def _params(lane: Lane) -> Element | None:
    """The parameters that were set, where some were."""
    text = params_text(lane.params)
    return node("p", "params: ", isolated(text), class_="params") if text else None


def _badge(interval: Interval) -> Element:
    name = verdict_word(interval.allow)
    glyph = node("span", GLYPHS[name], aria_hidden="true")
    return node("span", glyph, " ", isolated(standing(interval)), class_=f"badge {name}")


def _intervals(lane: Lane, history: History, number: int) -> Iterator[Element]:
    for row, interval in enumerate(lane.intervals):
        after = lane.intervals[row + 1].cause if row + 1 < len(lane.intervals) else None
        last = row + 1 == len(lane.intervals)
        yield node(
            "tr",
            node("th", _badge(interval), scope="row"),
            node("td", _time(interval.since, history)),
            node("td", _time(interval.until, history)),
            node("td", lasted(interval.since, interval.until)),
            node("td", *_why(interval)),
            node("td", *(["the end of what was replayed"] if last else _ended(after or Cause(), history))),
            id=f"r{number}-{row}",
            data_verdict=verdict_word(interval.allow),
            data_state=interval.state,
            data_since=parse_instant(interval.since),
            data_until=parse_instant(interval.until),
        )


def _why(interval: Interval) -> Iterator[Element]:
    if interval.reason:
        yield node("p", isolated(interval.reason))
    yield from _advised(interval)
    if interval.findings:
        yield node("ul", *map(_finding, interval.findings))


def _finding(finding: Finding) -> Element:
    label = node("span", finding.severity, class_=f"severity {finding.severity}")
    return node("li", label, " ", isolated(finding.message), *_advised(finding))


def _advised(of: Interval | Finding) -> Iterator[Element]:
    for command in (of.fix or "").splitlines():
        yield node("span", "fix: ", node("code", command), class_="fix")
    for hint in (of.hint or "").splitlines():
        yield node("span", "hint: ", isolated(hint), class_="fix")


def _ended(cause: Cause, history: History) -> Iterator[Element]:
    if cause.receipts:
        yield node("ul", *(_cited(mark, history) for mark in cause.receipts))
    else:
        yield node("p", "a lapse: time alone, no receipt")
    for label, messages in (("then also: ", cause.appeared), ("no longer: ", cause.vanished)):
        if messages:
            yield node("ul", *(node("li", label, isolated(message)) for message in messages), class_="changed")


def _cited(mark: Mark, history: History) -> Element:
    said = isolated(mark.summary) if mark.summary else None
    at = _time(mark.at, history)
    return node("li", node("code", mark.kind), " at ", at, " ", said, " ", node("code", mark.id, class_="id"))


def _mark(mark: Mark, history: History, row: str) -> Element:
    return node(
        "tr",
        node("th", _time(mark.at, history), scope="row"),
        node("td", node("code", mark.kind)),
        node("td", node("code", mark.id, class_="id")),
        node("td", isolated(mark.actor) if mark.actor else None),
        node("td", isolated(mark.summary) if mark.summary else None),
        id=row,
        data_since=parse_instant(mark.at),
    )


def _time(at: str, history: History) -> Element:
    return node("time", time_text(at, history), datetime=at)
