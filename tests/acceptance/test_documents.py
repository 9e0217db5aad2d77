"""Every command and example in the README, the guides and the language reference is run.

`UPDATE_GOLDEN=1` writes what was printed into them, for a person to read.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "policies").rglob("*.md")])
"""Every document for people, which are the pages of the site."""
DOCUMENTS = [page for page in PAGES if "```console\n" in page.read_text()]
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLE = re.compile(r"^```python\n(.*?)^```\n\n```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def run(command: str, folder: Path) -> str:
    """What a command prints, on both streams, and its exit code where it is not 0."""
    binaries = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "120"}
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return done.stdout.decode().replace(f"{ROOT}{os.sep}", "") + (
        f"[exit {done.returncode}]\n" if done.returncode else ""
    )


def played(block: str, folder: Path) -> str:
    """The block as it comes out when its commands are run again."""
    commands = [line for line in block.splitlines() if line.startswith("$ ")]
    return "".join(f"{command}\n{run(command[2:], folder)}" for command in commands)


def digested(block: str, folder: Path) -> str:
    """The waiver with the digest that its rule has now."""
    written = dict(re.findall(r"(policy|rule|digest): (\S+)", block))
    listed = run(f"interlock show {written['policy']} --digests", folder).splitlines()
    (digest,) = [line.split("  ")[0] for line in listed if line.endswith(f"  {written['rule']}")]
    return block.replace(written["digest"], digest)


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.slow
@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_the_commands_print_what_the_document_says(document: Path, tmp_path: Path) -> None:
    text = document.read_text()
    for language, block in BLOCK.findall(text):
        if language == "yaml" and (name := re.search(r"^policy: (\S+)$", block, re.MULTILINE)):
            end = "_test.yaml" if "\ncases:" in block else ".yaml"
            (tmp_path / (name[1] + end)).write_text(block)
        elif language == "yaml" and "schemas/waivers.schema.json" in block:
            again = digested(block, tmp_path)
            if os.environ.get("UPDATE_GOLDEN"):
                text = text.replace(block, again)
            else:
                assert block == again
            (tmp_path / "waivers.yaml").write_text(again)
        elif language == "console":
            again = played(block, tmp_path)
            if os.environ.get("UPDATE_GOLDEN"):
                text = text.replace(block, again)
            else:
                assert block == again
    if os.environ.get("UPDATE_GOLDEN"):
        document.write_text(text)


@pytest.mark.slow
def test_the_python_examples_print_what_the_document_says(tmp_path: Path) -> None:
    document = DOCS / "python.md"
    text = document.read_text()
    run("interlock demo --write story.db", tmp_path)
    examples = EXAMPLE.findall(text)
    assert len(examples) == text.count("```python\n") > 3
    for example, printed in examples:
        (tmp_path / "example.py").write_text(example)
        again = run("python example.py", tmp_path)
        assert again
        if os.environ.get("UPDATE_GOLDEN"):
            text = text.replace(f"{example}```\n\n```text\n{printed}", f"{example}```\n\n```text\n{again}")
        else:
            assert printed == again
    if os.environ.get("UPDATE_GOLDEN"):
        document.write_text(text)


def test_the_document_holds_the_recipes_that_are_run() -> None:
    recipes = sorted((ROOT / "tests" / "acceptance" / "recipes").iterdir())
    assert len(recipes) == 3
    text = (DOCS / "ci.md").read_text()
    assert [recipe.name for recipe in recipes if f"\n{recipe.read_text()}```\n" not in text] == []


def test_the_readme_is_short() -> None:
    assert len(README.read_bytes()) <= 10_240


def test_every_guide_shows_what_is_printed() -> None:
    names = {
        "README.md",
        "policies/REFERENCE.md",
        "docs/operators.md",
        "docs/authors.md",
        "docs/ci.md",
        "docs/fleet.md",
    }
    assert names <= set(map(named, DOCUMENTS))


@pytest.mark.parametrize("document", PAGES, ids=named)
def test_every_link_leads_to_a_document(document: Path) -> None:
    """To a page of the site: `mkdocs build --strict` in `.ci/run` agrees."""
    for target, anchor in LINK.findall(document.read_text()):
        linked = document.parent / target if target else document
        assert linked.resolve() in PAGES, target
        if anchor:
            titles = re.findall(r"^#+ (.+)$", linked.read_text(), re.MULTILINE)
            assert anchor in [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles], anchor


@pytest.mark.parametrize("document", [page for page in PAGES if page.name != "CONTRIBUTING.md"], ids=named)
def test_every_path_of_the_repository_exists(document: Path) -> None:
    """CONTRIBUTING.md names paths of the package too: `tests/unit/test_tasks.py` looks for those."""
    paths = re.findall(r"`((?:engine|policies|schemas|tests|docs|benchmarks|\.ci)/[\w./-]*)`", document.read_text())
    assert [path for path in paths if not (ROOT / path).exists()] == []


def leaves(nav: Any) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
    else:
        for each in nav.values() if isinstance(nav, dict) else nav:
            yield from leaves(each)


def test_the_site_has_every_document_once() -> None:
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]
    assert sorted(leaves(nav)) == sorted(map(named, PAGES))
