"""A policy's page and its graph. `UPDATE_GOLDEN=1` writes the shipped policies' pages again, for a person to read."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from interlock.policy.library import Library
from tests.acceptance.conftest import Interlock

PAGES = Path(__file__).parents[2] / "policies" / "docs"
AWKWARD = Path(__file__).parent / "pages"
SVG = "{http://www.w3.org/2000/svg}"


def held(path: Path, text: str) -> bool:
    """Whether a file holds the text; asked to, it is written first."""
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, "utf-8")
    return text == path.read_text("utf-8")


@pytest.mark.parametrize("name", Library().ids())
def test_the_page_of_a_shipped_policy_is_what_the_command_writes(name: str, interlock: Interlock) -> None:
    ran = interlock("docs", name)
    assert (ran.code, ran.err) == (0, "")
    assert held(PAGES / f"{name}.md", ran.out)


def test_every_page_has_its_policy() -> None:
    assert sorted(path.stem for path in PAGES.iterdir()) == Library().ids()


@pytest.mark.parametrize(
    ("command", "expected"), [(("docs",), "page.md"), (("show", "--graph=mermaid"), "graph.mmd")], ids=str
)
def test_texts_that_would_be_misread(command: tuple[str, ...], expected: str, interlock: Interlock) -> None:
    ran = interlock(*command, str(AWKWARD / "awkward.yaml"))
    assert (ran.code, ran.err) == (0, "")
    assert held(AWKWARD / expected, ran.out)


def test_a_graph_is_mermaid_unless_a_picture_is_asked_for(interlock: Interlock) -> None:
    graph = interlock("show", "smoke", "--graph")
    assert graph == interlock("show", "smoke", "--graph", "mermaid")
    assert f"```mermaid\n{graph.out}```" in (PAGES / "smoke.md").read_text("utf-8")


@pytest.mark.parametrize("command", [("docs",), ("show", "--graph=mermaid"), ("show", "--graph=svg")], ids=str)
def test_an_invalid_policy_has_neither_page_nor_graph(
    command: tuple[str, ...], interlock: Interlock, folder: Path
) -> None:
    (folder / "mine.yaml").write_text("policy: mine\nversion: 1\nquestion: Is it?\n", "utf-8")
    ran = interlock(*command, "mine.yaml")
    assert (ran.code, ran.out) == (5, "")
    assert "mine.yaml:1:1: error[E100]" in ran.err


def test_a_page_of_a_policy_in_a_further_folder(interlock: Interlock, folder: Path) -> None:
    (folder / "mine.yaml").write_text(
        "policy: mine\nversion: 1\nquestion: Is it?\ndecide: [{state: so, allow: true}]\n", "utf-8"
    )
    ran = interlock("docs", "mine", "--policy-dir", str(folder))
    assert ran.out.startswith(
        "<!-- Written by `interlock docs mine`. -->\n\n# mine\n\n`mine`: **Is it?**\n\n## States\n"
    )
    assert interlock("docs", "min", "--policy-dir", str(folder)).err == (
        "error: unknown policy `min`; did you mean `mine`?\n"
    )


def stub(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes `dot` a script, and the only command there is besides those of the system."""
    (folder / "dot").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "dot").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")


def test_what_graphviz_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interlock: Interlock) -> None:
    stub(tmp_path, 'test "$*" = -Tsvg && cat', monkeypatch)
    ran = interlock("show", str(AWKWARD / "awkward.yaml"), "--graph=svg")
    assert (ran.code, ran.err) == (0, "")
    assert held(AWKWARD / "graph.dot", ran.out)


def test_graphviz_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interlock: Interlock) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    ran = interlock("show", "smoke", "--graph=svg")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "error: no `dot` on the path: install Graphviz (https://graphviz.org), or ask for `--graph=mermaid`\n"
    )


def test_graphviz_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interlock: Interlock) -> None:
    stub(tmp_path, "echo out of paper >&2; exit 7", monkeypatch)
    ran = interlock("show", "smoke", "--graph=svg")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"error: `{tmp_path / 'dot'} -Tsvg` failed with exit code 7: out of paper\n"


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_a_picture(interlock: Interlock) -> None:
    ran = interlock("show", str(AWKWARD / "awkward.yaml"), "--graph=svg")
    assert (ran.code, ran.err) == (0, "")
    shown = [text.text for text in ElementTree.fromstring(ran.out).iter(f"{SVG}text")]
    assert '1. "a" ](x) --> b; <i>%% end #35; \\n &quot;' in shown
