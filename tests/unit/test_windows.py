"""What differs on Windows and can be examined elsewhere: paths with drives and other signs between folders."""

from __future__ import annotations

import ntpath
import os

import pytest

from interlock.cli.options import _reports
from interlock.ledger.conveyor import quoted as quoted_path
from interlock.policy.library import Library
from interlock.reporting import sarif

LIBRARY = Library()


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sep", "\\")
    monkeypatch.setattr(os, "path", ntpath)


@pytest.mark.parametrize(
    ("file", "quoted"), [("C:\\led ger.db", "/C%3A/led%20ger.db"), ("\\\\host\\share\\l.db", "//host/share/l.db")]
)
def test_the_uri_of_a_ledger(file: str, quoted: str, windows: None) -> None:
    assert quoted_path(file).replace(":", "%3A") == quoted


def test_the_uri_of_a_policy(windows: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif, "is_shipped", lambda _: False)  # the folders of this installation are none of Windows'
    assert sarif.uri("C:\\gates\\smoke.yaml") == "file:///C%3A/gates/smoke.yaml"
    assert sarif.uri("gates\\smoke.yaml") == "gates/smoke.yaml"


def test_a_report_may_go_to_a_drive() -> None:
    assert _reports(None, None, ("junit:C:\\ci\\out.xml",)) == (("junit", "C:\\ci\\out.xml"),)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["gates/smoke", "gates\\smoke", "C:\\gates\\smoke", "smoke.yaml"])
def test_a_policy_is_named_by_its_path_with_either_sign(name: str, windows: None) -> None:
    assert LIBRARY.path(name) == name
