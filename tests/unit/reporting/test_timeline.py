"""The timeline as text: what it holds, what is escaped, and how its axis and its columns come about."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, fromstring

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.instant import SECOND
from interlock.model.history import History
from interlock.reporting.timeline import html, svg
from interlock.reporting.timeline.drawing import shipped
from interlock.reporting.timeline.layout import (
    COLUMN,
    DAY,
    HOUR,
    NARROW,
    WIDTHS,
    Scale,
    clusters,
    columns,
    layouts,
    seats,
    shares,
    stretch,
    tick,
    time_text,
)
from tests.helpers.histories import ACCEPTED, HOSTILE, TINY, flapping, hostile

GOLDEN = Path(__file__).parents[2] / "golden"
RENDER = {"html": html.render, "svg": svg.render}
NAMESPACE = "{http://www.w3.org/2000/svg}"


def bare(text: str) -> str:
    """A page without its style sheet and script, which are files of their own, an element a line."""
    text = re.sub(r"(<(style|script)>).*?(</\2>)", r"\1\3", text, flags=re.DOTALL)
    text = re.sub(r"'sha256-[^']+'", "'sha256-'", text)
    return re.sub(
        r"(</(?:tr|g|p|li|h1|h2|title|svg|thead|caption|div|rect|text|line)>|<meta[^>]*>)(?!\n)", r"\1\n", text
    )


@pytest.mark.parametrize("form", RENDER)
def test_the_small_history(form: str) -> None:
    text = bare(RENDER[form](TINY))
    expected = GOLDEN / f"timeline.{form}"
    if os.environ.get("UPDATE_GOLDEN"):
        expected.write_text(text, "utf-8")
    assert text == expected.read_text("utf-8")


@pytest.mark.parametrize("form", RENDER)
def test_the_same_history_is_the_same_text(form: str) -> None:
    again = msgspec.json.decode(msgspec.json.encode(TINY), type=History)
    assert RENDER[form](again) == RENDER[form](TINY)


def test_nothing_but_what_the_page_holds_is_allowed_to_it() -> None:
    text = html.render(TINY)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    for tag in ("style", "script"):
        ((inside),) = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode() in policy
    assert not re.search(r"(?<!xmlns=\")https?://|@import|url\((?!#)", text)
    assert not re.search(r"<[^>]+ (style|on\w+)=", text)


@pytest.mark.parametrize("history", [TINY, hostile(), flapping(50)], ids=lambda each: str(each.task[:8]))
def test_the_picture_is_xml_that_tells_each_mark_and_interval(history: History) -> None:
    drawing = fromstring(svg.render(history))
    assert drawing.tag == f"{NAMESPACE}svg"
    assert drawing.find(f"{NAMESPACE}title") is not None
    assert drawing.find(f"{NAMESPACE}desc") is not None
    assert {element.tag.removeprefix(NAMESPACE) for element in drawing.iter()} <= {
        *("svg", "title", "desc", "style", "defs", "pattern", "rect", "line", "circle", "g", "text", "tspan")
    }
    pieces = [each for each in drawing.iter(f"{NAMESPACE}g") if each.attrib["class"].startswith("item ")]
    assert len(pieces) == len(list(drawing.iterfind(f".//{NAMESPACE}g[@class='track']/*")))
    assert len(pieces) > 1
    assert all(titled(each) for each in pieces)


def titled(group: Element) -> str:
    return group.findtext(f"{NAMESPACE}title") or ""


def tags(text: str) -> set[str]:
    """The elements that a reader of HTML finds."""
    found: set[str] = set()
    reader = HTMLParser()
    reader.handle_starttag = lambda tag, attrs: found.add(tag)  # type: ignore[method-assign]
    reader.feed(text)
    assert "text" in found
    return found


def test_what_is_hostile_is_shown_and_never_obeyed() -> None:
    for render in RENDER.values():
        text = render(hostile())
        assert "img" not in tags(text)
        assert not re.search("[\x00\x1b\u202e\u2066\ud800]", text)
        assert "\\u202egnp.exe" in text
    assert html.render(hostile()).count("</script>") == 1
    assert HOSTILE not in svg.render(hostile())


@pytest.mark.parametrize(
    "said",
    [
        *("May real work start?", "no smoke session has been started", "the prompt was not sent", "receipt-3"),
        *("conveyor app-smoke record demo", "a lapse: time alone, no receipt", "App smoke started.", "2 min 20 s"),
        *("3 changes", "no longer: <bdi>the prompt was not sent", "the end of what was replayed"),
    ],
)
def test_the_tables_hold(said: str) -> None:
    assert said in html.render(TINY)


def test_a_gate_that_said_nothing_is_still_named() -> None:
    silent = msgspec.structs.replace(TINY.lanes[0], intervals=())
    history = msgspec.structs.replace(TINY, lanes=(silent,), marks=())
    for render in RENDER.values():
        assert "May real work start?" in render(history)


def test_an_actor_that_is_no_seat_has_a_lane_and_a_thousand_share_one() -> None:
    marks = [msgspec.structs.replace(ACCEPTED, seat=None, actor=f"a{i}") for i in range(1_000)]
    found = seats(msgspec.structs.replace(TINY, marks=(*marks, ACCEPTED, msgspec.structs.replace(ACCEPTED, seat=None))))
    assert list(found) == ["worker", "a0", "a1", "a2", "a3", "a4", "others"]
    assert sum(map(len, found.values())) == 1_002


@pytest.mark.parametrize(
    ("span", "width", "labels"),
    [
        (HOUR, 700, ["00:00", "00:10", "00:20", "00:30", "00:40", "00:50", "01:00"]),
        (10 * SECOND, 200, ["00:00:00", "00:00:05", "00:00:10"]),
        (4_000, 400, ["00:00:00.000", "00:00:00.001", "00:00:00.002", "00:00:00.003", "00:00:00.004"]),
        (20, 200, ["00:00:00.000000", "00:00:00.000010", "00:00:00.000020"]),
        (3 * DAY, 400, ["2026-06-22", "2026-06-23", "2026-06-24", "2026-06-25"]),
    ],
)
def test_ticks_are_whole_and_need_no_more_digits_than_they_show(span: int, width: int, labels: list[str]) -> None:
    start = 1_782_086_400 * SECOND
    found = [label for _, label in Scale(start, start + span, width).ticks()]
    assert [label.replace("06-22", "00:00") if len(label) == 5 else label for label in found][1:] == labels[1:]


def test_midnight_is_told_by_its_day() -> None:
    assert tick(1_782_086_400 * SECOND, HOUR) == "06-22"


@given(st.integers(0, 2**52), st.integers(1, 2**52), st.integers(50, 4_000))
def test_an_axis_is_neither_crowded_nor_endless(since: int, span: int, width: int) -> None:
    places = [place for place, _ in Scale(since, min(since + span, 2**53), width).ticks()]
    assert all(0 <= place <= width for place in places)
    assert all(right - left >= 80 for left, right in pairwise(places))


@given(st.lists(st.floats(0, 50)))
def test_columns_hold_every_interval_once_and_each_wide_one_alone(widths: list[float]) -> None:
    found = columns(widths)
    assert [index for first, last in found for index in range(first, last + 1)] == list(range(len(widths)))
    for first, last in found:
        if last > first:
            assert all(width < NARROW for width in widths[first : last + 1])
            assert sum(widths[first:last]) < COLUMN


@given(st.lists(st.floats(0, 500)).map(sorted))
def test_receipts_drawn_as_one_lie_near_each_other_and_no_two_drawings_do(places: list[float]) -> None:
    found = clusters(places)
    assert [index for first, last in found for index in range(first, last + 1)] == list(range(len(places)))
    assert all(places[last] - places[first] < COLUMN for first, last in found)
    assert all(places[after[0]] - places[before[0]] >= COLUMN for before, after in pairwise(found))


@pytest.mark.parametrize("gathered", [columns, lambda sizes: clusters(sorted(sizes))], ids=["columns", "clusters"])
@given(sizes=st.lists(st.floats(0, 0.2)))
def test_what_is_drawn_on_each_width_is_what_is_gathered_there(sizes: list[float], gathered: Any) -> None:
    found = layouts(gathered, sizes, WIDTHS)
    assert list(found) == sorted(found)
    for level, width in enumerate(WIDTHS):
        assert [part for part, levels in found.items() if level in levels] == gathered([each * width for each in sizes])


def test_a_page_holds_what_is_drawn_on_each_width_and_shows_that_of_the_picture() -> None:
    page, picture = (fromstring(text) for text in (chart_of(flapping(100)), svg.render(flapping(100))))
    track = f".//{NAMESPACE}g[@class='track']/*"
    assert [titled(each) for each in page.iterfind(track)] == [titled(each) for each in picture.iterfind(track)]
    hidden = [each for each in page.iterfind(f".//{NAMESPACE}g[@class='other']") if each.get("display") == "none"]
    assert sum(map(len, hidden)) > 100
    assert all(int(each.attrib["data-levels"]) for lane in hidden for each in lane)


def chart_of(history: History) -> str:
    (found,) = re.findall(r'<svg class="picture" xmlns.*?</svg>(?=</div>)', html.render(history), re.DOTALL)
    return str(found)


def test_a_thousand_flips_draw_no_more_than_there_is_room_for() -> None:
    assert 0 < svg.render(flapping(1_000)).count('class="item mixed"') < 1_200 / COLUMN + 10


def test_shares_are_of_time_and_of_number_where_there_is_none() -> None:
    intervals = TINY.lanes[0].intervals
    assert shares(intervals) == pytest.approx({"allowed": 182 / 600, "denied": 378 / 600, "undecided": 40 / 600})
    nothing = [msgspec.structs.replace(each, until=each.since) for each in intervals]
    assert shares(nothing) == {"allowed": 0.25, "denied": 0.5, "undecided": 0.25}


def test_an_allow_of_a_microsecond_among_denials_is_drawn_and_told() -> None:
    _, denied, allowed, _ = TINY.lanes[0].intervals
    ends = ["09:00:01Z", "09:00:01.000001Z", "09:00:02Z", "09:10:00Z"]
    instants = [f"2026-06-22T{end}" for end in ("09:00:00Z", *ends)]
    kinds = (denied, allowed, denied, denied)
    intervals = tuple(
        msgspec.structs.replace(kind, since=since, until=until)
        for kind, (since, until) in zip(kinds, pairwise(instants), strict=True)
    )
    history = msgspec.structs.replace(TINY, lanes=(msgspec.structs.replace(TINY.lanes[0], intervals=intervals),))
    drawing = fromstring(svg.render(history))
    (column,) = (each for each in drawing.iter(f"{NAMESPACE}g") if titled(each).startswith("3 intervals"))
    assert "allowed under 1%, denied 100% of the time" in titled(column)
    heights = {rect.attrib["class"]: float(rect.attrib["height"]) for rect in column.iter(f"{NAMESPACE}rect")}
    assert heights["allowed"] >= 2
    assert heights["allowed"] + heights["denied"] == pytest.approx(heights["frame"], abs=0.1)


def test_a_stretch_over_midnight_tells_its_days() -> None:
    longer = msgspec.structs.replace(TINY, until="2026-06-23T09:00:00Z")
    assert stretch(TINY) == "2026-06-22, 09:00:00Z to 09:10:00Z (10 min)"
    assert stretch(longer) == "2026-06-22 09:00:00Z to 2026-06-23 09:00:00Z (1 d)"
    assert time_text(longer.since, longer) == "2026-06-22 09:00:00Z"


def colours(scheme: str) -> dict[str, str]:
    light, _, dark = shipped("palette.css").partition("@media")
    return dict(re.findall(r"--([\w-]+): (#\w{6});", {"light": light, "dark": dark}[scheme]))


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("front", "back", "least"),
    [
        *((text, back, 4.5) for text in ("ink", "quiet") for back in ("page", "panel")),
        *((text, "page", 4.5) for text in ("allowed", "denied", "undecided", "accent")),
        ("on-allowed", "allowed", 4.5),
        ("ink", "denied-soft", 4.5),
        ("denied", "denied-soft", 3.0),
        ("allowed", "panel", 3.0),
        ("accent", "panel", 3.0),
    ],
)
def test_there_is_contrast_enough(scheme: str, front: str, back: str, least: float) -> None:
    palette = colours(scheme)
    one, other = sorted((luminance(palette[front]), luminance(palette[back])))
    assert (other + 0.05) / (one + 0.05) >= least
