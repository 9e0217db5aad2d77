"""What a source file cites is in the repository: the document, and the section of it that is named."""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(
    path
    for folder in ("engine", "policies", "schemas", "tests", "benchmarks", "docs")
    for suffix in ("py", "sql", "lark", "json", "yaml")
    for path in (ROOT / folder).rglob(f"*.{suffix}")
    if "__pycache__" not in path.parts
)
CITED = re.compile(
    r"(?<![\w.-])((?:\.\./)*(?:[\w-]+/)*[\w-]+\.md)\b(?:`?,? (?:\(?\"([^\"]+)\"|sections? ([\d., and]+)))?"
)
PLACEHOLDERS = {"CODE.md"}


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def prose(path: Path) -> Iterator[str]:
    """The comments and docstrings of a module, each on one line; of any other file, all of it."""
    text = path.read_text("utf-8")
    if path.suffix != ".py":
        yield re.sub(r"\s+(?:--|//)?\s*", " ", text)
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield " ".join(node.value.value.split())
    with path.open("rb") as file:
        comments = [token.string for token in tokenize.tokenize(file.readline) if token.type == tokenize.COMMENT]
    yield " ".join(comment.lstrip("# ") for comment in comments)


def lost(path: Path) -> Iterator[str]:
    """The citations of a file that lead nowhere."""
    for text in prose(path):
        for document, title, numbers in CITED.findall(text):
            target = next((place / document for place in (ROOT, path.parent) if (place / document).is_file()), None)
            if document in PLACEHOLDERS:
                continue
            if target is None:
                yield document
                continue
            titles = re.findall(r"^#+ (.+)$", target.read_text("utf-8"), re.MULTILINE)
            sections = {each.split(".")[0] for each in re.findall(r"\d[\d.]*", numbers)}
            if title and title not in titles:
                yield f'{document}, "{title}"'
            yield from (f"{document}, section {each}" for each in sections if not _starts(titles, f"{each}. "))


def _starts(titles: list[str], number: str) -> bool:
    return any(title.startswith(number) for title in titles)


def test_what_is_cited_is_there() -> None:
    found = {named(path): list(lost(path)) for path in SOURCES}
    assert len(found) > 300
    assert {name: citations for name, citations in found.items() if citations} == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see docs/design/engine.md, section 6", []),
        ('see `docs/design/language.md`, "Decision"', []),
        ("see durable-rules.md", ["durable-rules.md"]),
        ('see `docs/design/language.md`, "Decisions"', ['docs/design/language.md, "Decisions"']),
        ("see docs/design/engine.md, sections 5 and 16.9", ["docs/design/engine.md, section 16"]),
    ],
)
def test_a_citation_that_leads_nowhere_is_found(tmp_path: Path, text: str, expected: list[str]) -> None:
    for name, content in (("cited.py", f"'''Text, {text}.'''\n"), ("cited.sql", f"-- {text}\n")):
        (tmp_path / name).write_text(content)
        assert list(lost(tmp_path / name)) == expected


def test_the_design_is_cited() -> None:
    cited = {document for path in SOURCES for text in prose(path) for document, *_ in CITED.findall(text)}
    assert {f"docs/design/{name}.md" for name in ("engine", "gates", "language", "ledger")} <= cited
