"""The timeline in a real browser: by mouse, by touch, by keyboard, and by what a screen reader sees."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn
from xml.etree.ElementTree import fromstring

import pytest

from interlock.instant import parse_instant
from interlock.model.history import History
from interlock.reporting.timeline import html, svg
from interlock.reporting.timeline.layout import WIDTHS, Scale, columns
from tests.helpers.browser import Page, browsing, chromium
from tests.helpers.histories import TINY, flapping, hostile

AXE = "axe-core@4.11.0"
ITEM = ".track .item"
FOCUSED = "document.activeElement.getAttribute('aria-label')"
TOLD = "(tip => tip.hidden ? '' : tip.textContent)(document.getElementById('tip'))"

pytestmark = pytest.mark.slow


def unavailable(why: str) -> NoReturn:
    """No browser can be tried: that is reported, and where everything must hold it is a failure."""
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    program = chromium()
    if program is None:
        unavailable("no Chromium, to look at a timeline with")
    with browsing(program, tmp_path_factory.mktemp("profile")) as browser:
        yield browser.page()


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The script that checks a page by the rules of accessibility."""
    npm = shutil.which("npm")
    if npm is None:
        unavailable(f"no npm, to install {AXE} with")
    folder = tmp_path_factory.mktemp("axe")
    command = [npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--ignore-scripts", AXE]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        unavailable(f"npm cannot install {AXE}: {done.stderr.strip()}")
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")


def opened(page: Page, history: History, folder: Path, **look: Any) -> Page:
    """A history's page, opened."""
    page.look(**look)
    page.open(written(history, folder))
    page.wait(50)
    return page


def written(history: History, folder: Path) -> Path:
    path = folder / "timeline.html"
    path.write_text(html.render(history), "utf-8")
    return path


def told(page: Page) -> str:
    return str(page.run(TOLD))


@pytest.mark.parametrize("history", [TINY, hostile(), flapping(1_000)], ids=["tiny", "hostile", "flapping"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_asked_for_nothing_goes_wrong_and_nothing_hostile_runs(
    history: History, scheme: str, page: Page, tmp_path: Path
) -> None:
    opened(page, history, tmp_path, prefers_color_scheme=scheme)
    page.hover(ITEM)
    page.run("document.getElementById('tables').open = true")
    assert page.run(f"document.querySelectorAll('{ITEM}').length") > 2
    assert page.asked_for() == [(tmp_path / "timeline.html").as_uri()]
    assert page.complaints() == []
    assert page.run("typeof window.ran") == "undefined"
    assert page.run("document.images.length") == 0
    assert page.run("document.documentElement.scrollWidth <= innerWidth")


def test_the_policy_for_content_forbids_what_is_not_the_pages_own(page: Page, tmp_path: Path) -> None:
    opened(page, TINY, tmp_path)
    page.run("document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = 1'}))")
    page.run("document.body.insertAdjacentHTML('beforeend', '<img src=\"https://example.org/x.png\">')")
    assert page.run("typeof window.ran") == "undefined"
    assert len([each for each in page.complaints() if "Content Security Policy" in each]) == 2


def test_a_person_walks_it_by_keyboard(page: Page, tmp_path: Path) -> None:
    opened(page, TINY, tmp_path)
    while page.run("document.activeElement.getAttribute('role')") != "gridcell":
        page.press("Tab")
    assert page.run(FOCUSED) == "undecided, 09:00:00Z to 09:00:40Z (40 s)"
    assert "no smoke session has been started" in told(page)
    page.press("ArrowRight")
    assert page.run(FOCUSED) == "denied: blocked, 09:00:40Z to 09:03:00Z (2 min 20 s)"
    for said in (
        "the prompt was not sent",
        "conveyor app-smoke record demo",
        "app_smoke_receipt_recorded",
        "receipt-2",
    ):
        assert said in told(page)
    page.press("End")
    assert page.run(FOCUSED) == "denied: blocked, 09:06:02Z to 09:10:00Z (3 min 58 s)"
    page.press("ArrowLeft")
    assert "a lapse: time alone, no receipt" in told(page)
    page.press("Home", "ArrowLeft")
    assert page.run(FOCUSED) == "undecided, 09:00:00Z to 09:00:40Z (40 s)"
    page.press("ArrowDown")
    assert page.run(FOCUSED) == "2 receipts, 09:03:00Z to 09:03:02Z: 1 app_smoke_receipt_recorded, 1 app_heartbeat"
    page.press("ArrowDown", "ArrowDown")
    assert page.run(FOCUSED) == "app_smoke_started at 09:00:40Z"
    page.press("Escape")
    assert told(page) == ""
    page.press("ArrowUp", "ArrowUp", "Enter")
    assert page.run("document.activeElement.matches('table tr')")


def test_one_item_alone_is_a_stop_of_the_tab_key_and_its_focus_is_seen(page: Page, tmp_path: Path) -> None:
    opened(page, TINY, tmp_path)
    assert page.run(f"document.querySelectorAll('{ITEM}[tabindex=\"0\"]').length") == 1
    page.run(f"document.querySelector('{ITEM}').focus()")
    page.press("ArrowRight")
    assert page.run("parseFloat(getComputedStyle(document.activeElement).outlineWidth)") >= 2
    assert page.run("document.activeElement.getAttribute('aria-describedby')") == "tip"
    assert page.run(f"document.querySelectorAll('{ITEM}[tabindex=\"0\"]').length") == 1


def test_zooming_tells_apart_what_was_drawn_as_one(page: Page, tmp_path: Path) -> None:
    opened(page, flapping(1_000), tmp_path)
    page.run(f"document.querySelector('{ITEM}.mixed').focus()")
    before = page.run("document.querySelectorAll('.gate .item').length")
    assert page.run(FOCUSED).endswith("of the time")
    page.press("Enter")
    after = page.run("document.querySelectorAll('.gate .item').length")
    assert after > before
    assert page.run("document.activeElement.closest('.track') !== null")
    page.press("0")
    assert page.run("document.querySelectorAll('.gate .item').length") == before
    page.press("+", "+", "-")
    assert page.run("document.querySelector('.zoom output').textContent") != ""
    while not page.run("document.querySelector('[title=\"Zoom in\"]').disabled"):
        page.run("document.querySelector('[title=\"Zoom in\"]').click()")
    assert page.run(f"document.querySelectorAll('{ITEM}.mixed').length") == 0
    assert page.run("document.querySelectorAll('.gate .item').length") == 1_001
    assert page.complaints() == []


def test_the_page_shows_what_is_laid_out_for_its_width(page: Page, tmp_path: Path) -> None:
    history = flapping(1_000)
    opened(page, history, tmp_path)
    labels = "[...document.querySelectorAll('.track .item')].map((each) => each.getAttribute('aria-label'))"
    pieces = [each for each in fromstring(svg.render(history)).iter() if each.get("class", "").startswith("item ")]
    assert page.run(labels) == [piece[0].text for piece in pieces]
    for _ in range(4):
        width = page.run("Number(document.querySelector('.ground').getAttribute('width'))")
        laid_out = max(each for each in WIDTHS if each <= width)
        axis = Scale(parse_instant(history.since), parse_instant(history.until), laid_out)
        edges = [[axis.x(parse_instant(at)) for at in (each.since, each.until)] for each in history.lanes[0].intervals]
        drawn = page.run("document.querySelector('.gate .track').children.length")
        assert drawn == len(columns([right - left for left, right in edges])) > 1
        page.run("document.querySelector('[title=\"Zoom in\"]').click()")


def test_a_piece_lies_where_its_time_is(page: Page, tmp_path: Path) -> None:
    opened(page, TINY, tmp_path)
    for factor in (1, 2, 4):
        ground, *items = page.run(
            "[...document.querySelectorAll('.gate .ground, .gate .item > svg')]"
            ".map((each) => ['x', 'width'].map((name) => Number(each.getAttribute(name))))"
        )
        seconds = [0, 40, 180, 362, 600]
        assert [x for x, _ in items] == pytest.approx([ground[0] + ground[1] * at / 600 for at in seconds[:-1]])
        assert [x + width for x, width in items] == pytest.approx([*(x for x, _ in items[1:]), sum(ground)])
        assert page.run("document.querySelector('.scroll').scrollWidth") >= ground[1] > 1_000 * factor
        page.run("document.querySelector('[title=\"Zoom in\"]').click()")


def test_the_words_of_what_is_in_sight_stay_in_sight(page: Page, tmp_path: Path) -> None:
    opened(page, flapping(200), tmp_path)
    page.run("document.querySelector('[title=\"Zoom in\"]').click()")
    page.run("document.querySelector('.scroll').scrollLeft = 700")
    page.wait(100)
    for each in ("'.label'", "'.gate:nth-of-type(3) .words'"):
        left = page.run(f"document.querySelector({each}).getBoundingClientRect().left")
        assert 0 < left < 100


SEEN = """(() => {
  const [scroll, ground] = ['.scroll', '.ground'].map((name) => document.querySelector(name));
  const width = Number(ground.getAttribute('width'));
  return [scroll.scrollLeft / width, (scroll.scrollLeft + scroll.clientWidth - 20) / width, width];
})()"""


def under(page: Page, x: float) -> float:
    """What part of the whole stretch is at a place of the window, in pixels."""
    left, right, _ = page.run(SEEN)
    start, wide = page.run(
        "(b => [b.left + 10, b.width - 20])(document.querySelector('.scroll').getBoundingClientRect())"
    )
    return float(left + (x - start) / wide * (right - left))


def mouse(page: Page, kind: str, x: float, y: float, **more: Any) -> None:
    page.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)


def lane(page: Page) -> float:
    """The height of the middle of the first lane, in the window."""
    page.run("document.querySelector('.ground').scrollIntoView({block: 'center'})")
    return float(page.run("(b => b.top + b.height / 2)(document.querySelector('.ground').getBoundingClientRect())"))


def test_buttons_zoom_where_the_pointer_was(page: Page, tmp_path: Path) -> None:
    opened(page, flapping(200), tmp_path)
    y = lane(page)
    mouse(page, "mouseMoved", 1_000, y)
    before = under(page, 1_000)
    page.hover("[title='Zoom in']")
    for _ in range(3):
        page.run("document.querySelector('[title=\"Zoom in\"]').click()")
    assert under(page, 1_000) == pytest.approx(before, abs=0.01)
    page.run("document.querySelector('[title=\"Zoom out\"]').click()")
    assert under(page, 1_000) == pytest.approx(before, abs=0.01)


def test_buttons_zoom_where_the_pinned_interval_is_and_it_stays_pinned(page: Page, tmp_path: Path) -> None:
    opened(page, TINY, tmp_path)
    y = lane(page)
    box = page.run(f"(b => [b.left, b.right])(document.querySelectorAll('{ITEM}.denied')[1].getBoundingClientRect())")
    x = sum(box) / 2
    for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
        mouse(page, kind, x, y, button="left", clickCount=1)
    said, before = told(page), under(page, x)
    assert "has not been there" in said or "heartbeat" in said
    mouse(page, "mouseMoved", 30, y)
    page.run("document.querySelector('[title=\"Zoom in\"]').click()")
    page.wait(100)
    assert under(page, x) == pytest.approx(before, abs=0.01)
    assert told(page) == said


def test_a_drag_moves_the_chart_and_pins_nothing(page: Page, tmp_path: Path) -> None:
    opened(page, flapping(200), tmp_path)
    for _ in range(3):
        page.run("document.querySelector('[title=\"Zoom in\"]').click()")
    y = lane(page)
    before = page.run("document.querySelector('.scroll').scrollLeft")
    mouse(page, "mouseMoved", 800, y)
    mouse(page, "mousePressed", 800, y, button="left", clickCount=1)
    mouse(page, "mouseMoved", 600, y, button="left", buttons=1)
    mouse(page, "mouseReleased", 600, y, button="left", clickCount=1)
    assert page.run("document.querySelector('.scroll').scrollLeft") == before + 200
    page.hover("h1")
    page.wait(400)
    assert told(page) == ""


def test_the_wheel_moves_along_the_axis_and_with_control_zooms(page: Page, tmp_path: Path) -> None:
    opened(page, flapping(200), tmp_path)
    y = lane(page)
    before = under(page, 400)
    mouse(page, "mouseWheel", 400, y, deltaX=0, deltaY=-400, modifiers=2)
    page.wait(50)
    assert page.run(SEEN)[2] > 4_000
    assert under(page, 400) == pytest.approx(before, abs=0.01)
    left = page.run("document.querySelector('.scroll').scrollLeft")
    mouse(page, "mouseWheel", 400, y, deltaX=0, deltaY=120)
    page.wait(200)
    assert page.run("document.querySelector('.scroll').scrollLeft") == pytest.approx(left + 120, abs=1)


def test_tables_can_be_read_on_a_phone(page: Page, tmp_path: Path) -> None:
    opened(page, flapping(1_000), tmp_path, width=390, height=844, phone=True)
    page.run("document.getElementById('tables').open = true")
    assert page.run("document.documentElement.scrollWidth") == 390
    assert page.run("document.documentElement.scrollHeight") < 6_000
    cells = "[...document.querySelectorAll('#tables tbody tr:nth-child(-n + 3) > *')]"
    sides = page.run(f"{cells}.map((each) => each.getBoundingClientRect()).map((b) => [b.left, b.right])")
    assert all(0 <= left <= right <= 390 for left, right in sides)
    shown = page.run("getComputedStyle(document.querySelector('#tables tbody td'), '::before').content")
    assert shown == '"Since"'
    wide = page.run("document.querySelector('#tables tbody td:nth-child(5)').getBoundingClientRect().width")
    assert wide > 300


def test_tables_are_open_in_print(page: Page, tmp_path: Path) -> None:
    opened(page, flapping(40), tmp_path)
    closed = len(page.ask("Page.printToPDF", preferCSSPageSize=True)["data"])
    page.wait(100)
    assert page.run("document.getElementById('tables').open") is False
    page.run("document.getElementById('tables').remove()")
    assert len(page.ask("Page.printToPDF", preferCSSPageSize=True)["data"]) < closed / 1.5


def test_a_thousand_flips_are_there_within_a_second(page: Page, tmp_path: Path) -> None:
    opened(page, flapping(1_000), tmp_path)
    took = page.run("performance.getEntriesByType('navigation')[0].loadEventEnd")
    assert 0 < took < 1_000
    assert (tmp_path / "timeline.html").stat().st_size < 2_000_000


def test_the_mouse_tells_what_it_is_over_and_lets_it_be_read(page: Page, tmp_path: Path) -> None:
    opened(page, TINY, tmp_path)
    page.hover(f"{ITEM}.denied")
    assert "the prompt was not sent" in told(page)
    page.hover("#tip .fix code")
    page.wait(400)
    assert "the prompt was not sent" in told(page)
    page.hover("h1")
    page.wait(400)
    assert told(page) == ""


def test_a_finger_tells_what_it_touches(page: Page, tmp_path: Path) -> None:
    opened(page, TINY, tmp_path, width=390, height=844, phone=True)
    page.tap(f"{ITEM}.denied")
    assert "the prompt was not sent" in told(page)
    box = page.run("(b => [b.left, b.right, b.bottom])(document.getElementById('tip').getBoundingClientRect())")
    assert box == [0, 390, 844]
    low = page.run(f"document.querySelector('{ITEM}.denied').getBoundingClientRect().bottom")
    assert low < page.run("document.getElementById('tip').getBoundingClientRect().top")
    page.tap("h1")
    assert told(page) == ""
    assert page.run("document.documentElement.scrollWidth") == 390


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("history", [TINY, flapping(21)], ids=["tiny", "flapping"])
@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_it_breaks_no_rule_of_accessibility(
    history: History, scheme: str, phone: bool, page: Page, axe: str, tmp_path: Path
) -> None:
    opened(page, history, tmp_path, width=390 if phone else 1280, phone=phone, prefers_color_scheme=scheme)
    page.run("document.getElementById('tables').open = true")
    page.run(f"document.querySelector('{ITEM}').focus()")
    page.wait(200)
    page.run(axe + "; 0")
    found = json.loads(page.run("axe.run().then((found) => JSON.stringify(found))"))
    assert len(found["passes"]) > 20
    assert [(each["id"], [node["html"][:200] for node in each["nodes"][:3]]) for each in found["violations"]] == []


def test_without_its_script_the_page_shows_the_picture_and_the_tables(page: Page, tmp_path: Path) -> None:
    page.ask("Emulation.setScriptExecutionDisabled", value=True)
    try:
        page.open(written(TINY, tmp_path))
        assert page.run("document.querySelector('#chart .gate .ground').getBoundingClientRect().width") > 500
        assert page.run("document.querySelectorAll('#chart .track .item').length") == 6
        assert page.run("document.querySelectorAll('#tables tbody tr').length") == 7
        assert page.complaints() == []
    finally:
        page.ask("Emulation.setScriptExecutionDisabled", value=False)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_picture_alone_is_drawn_in_its_colours(scheme: str, page: Page, tmp_path: Path) -> None:
    path = tmp_path / "timeline.svg"
    path.write_text(svg.render(TINY), "utf-8")
    page.look(prefers_color_scheme=scheme)
    page.open(path)
    ground = page.run("getComputedStyle(document.querySelector('.page')).fill")
    assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(15, 20, 25)"}[scheme]
    assert page.complaints() == []
