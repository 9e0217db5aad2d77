"""A real browser without a window: Chromium, spoken to over a pipe in its DevTools protocol. It needs no package."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from threading import Timer
from typing import Any

PATIENCE = 240.0
"""Seconds after which a browser that does not answer is ended."""
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-component-update",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
)
KEYS = {
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
    "Home": 36,
    "End": 35,
    "Escape": 27,
    "Tab": 9,
}
KEYS |= {"Enter": 13}

Message = dict[str, Any]


def chromium() -> str | None:
    """The path of the browser, None where there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """The pipe to a running browser."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.to, self.back = process.stdin, process.stdout
        self.numbers = count(1)
        self.waiting = b""
        self.events: list[Message] = []

    def ask(self, method: str, session: str | None = None, **params: Any) -> Message:
        """The browser's answer to a command; whatever happens meanwhile is kept in `events`."""
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": params, **({"sessionId": session} if session else {})}
        self.to.write(json.dumps(message).encode() + b"\0")
        self.to.flush()
        while (heard := self.heard()).get("id") != number:
            self.events.append(heard)
        assert "error" not in heard, (method, heard["error"])
        result: Message = heard["result"]
        return result

    def heard(self) -> Message:
        """The next message, which ends in a NUL."""
        while b"\0" not in self.waiting:
            more = self.back.read1(1 << 16)  # type: ignore[attr-defined]
            assert more, "the browser ended"
            self.waiting += more
        line, _, self.waiting = self.waiting.partition(b"\0")
        found: Message = json.loads(line)
        return found

    def page(self) -> Page:
        """A new, empty page."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        for domain in ("Page", "Runtime", "Network", "Log"):
            page.ask(f"{domain}.enable")
        return page


class Page:
    """One page, and what a person does with it."""

    def __init__(self, browser: Browser, session: str) -> None:
        self.browser, self.session = browser, session

    def ask(self, method: str, **params: Any) -> Message:
        return self.browser.ask(method, self.session, **params)

    def look(self, width: int = 1280, height: int = 900, *, phone: bool = False, **media: str) -> None:
        """Be seen in a window of a size, on a phone or not, and with media features such as a dark scheme."""
        scale = 2 if phone else 1
        self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=phone
        )
        self.ask("Emulation.setTouchEmulationEnabled", enabled=phone)
        features = [{"name": name.replace("_", "-"), "value": value} for name, value in media.items()]
        self.ask("Emulation.setEmulatedMedia", features=features)

    def open(self, path: Path) -> None:
        """Load a file, until all of it is there."""
        self.browser.events.clear()
        self.ask("Page.navigate", url=path.as_uri())
        while not self._happened("Page.loadEventFired"):
            self.browser.events.append(self.browser.heard())

    def wait(self, milliseconds: int) -> None:
        """Let the page go on for a while, and draw at least once."""
        self.run(f"new Promise((done) => requestAnimationFrame(() => setTimeout(done, {milliseconds})))")

    def run(self, script: str) -> Any:
        """The value of an expression; a promise is waited for."""
        found = self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def press(self, *keys: str) -> None:
        """Press keys one after another."""
        for key in keys:
            text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
            code = KEYS.get(key, ord(text.upper()) if text else 0)
            stroke: Mapping[str, Any] = {"key": key, "windowsVirtualKeyCode": code}
            self.ask("Input.dispatchKeyEvent", type="keyDown", text=text, **stroke)
            self.ask("Input.dispatchKeyEvent", type="keyUp", **stroke)

    def hover(self, selector: str) -> None:
        """Move the mouse over the middle of the first such element."""
        x, y = self._middle(selector)
        self.ask("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def tap(self, selector: str) -> None:
        """Touch the middle of the first such element."""
        x, y = self._middle(selector)
        self.ask("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
        self.ask("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
        self.wait(100)

    def shot(self, path: Path, *, whole: bool = False) -> None:
        """What is seen, as PNG; or the whole page."""
        found = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(found["data"]))

    def complaints(self) -> list[str]:
        """Every error and warning that the browser has reported since the page was opened."""
        told = [event["entry"]["text"] for event in self._heard("Log.entryAdded")]
        told += [event["exceptionDetails"] for event in self._heard("Runtime.exceptionThrown")]
        told += [event["args"] for event in self._heard("Runtime.consoleAPICalled")]
        return [str(each) for each in told]

    def asked_for(self) -> list[str]:
        """Every address that the page has requested since it was opened, itself included."""
        return [event["request"]["url"] for event in self._heard("Network.requestWillBeSent")]

    def _heard(self, method: str) -> Iterator[Message]:
        self.run("0")  # what has happened before is delivered before
        events = list(self.browser.events)
        return (e["params"] for e in events if e.get("method") == method and e.get("sessionId") == self.session)

    def _happened(self, method: str) -> bool:
        return any(e.get("method") == method and e.get("sessionId") == self.session for e in self.browser.events)

    def _middle(self, selector: str) -> tuple[float, float]:
        box = f"document.querySelector({json.dumps(selector)})"
        self.run(f"{box}.scrollIntoView({{block: 'center', inline: 'nearest', behavior: 'instant'}})")
        x, y = self.run(f"(b => [b.left + b.width / 2, b.top + b.height / 2])({box}.getBoundingClientRect())")
        return x, y


@contextmanager
def browsing(program: str, profile: Path) -> Iterator[Browser]:
    """A browser with a profile of its own; it is ended when it is no longer needed, or no longer answers."""
    # it listens on descriptor 3 and answers on 4
    command = ["sh", "-c", 'exec "$@" 3<&0 4>&1 </dev/null >/dev/null', "sh", program, *FLAGS]
    command.append(f"--user-data-dir={profile}")
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    watch = Timer(PATIENCE, process.kill)
    watch.start()
    try:
        with process:
            yield Browser(process)
            process.kill()
    finally:
        watch.cancel()
        process.kill()
