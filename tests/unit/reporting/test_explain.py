"""Explanations as a person reads them."""

from __future__ import annotations

import re
from pathlib import Path

from interlock import explain
from interlock.reporting import RenderContext
from interlock.reporting import explain as explanation


def test_an_explanation_is_wrapped_and_coloured(story_path: Path) -> None:
    found = explain("smoke", ledger=story_path, task="checkout-refactor", at="2026-06-22T09:01:00Z")
    plainly = explanation.as_text(found, RenderContext())
    narrow = explanation.as_text(found, RenderContext(paint=lambda text, colour: f"<{colour}>{text}</>", width=76))
    assert max(len(re.sub("<.*?>", "", line)) for line in narrow.splitlines()) <= 90  # ids are never broken
    assert "<red>denied</>" in narrow.splitlines()[0]
    assert "<green>true</>" in narrow
    assert re.sub(r"<.*?>|\s", "", narrow) == re.sub(r"<.*?>|\s", "", plainly)
