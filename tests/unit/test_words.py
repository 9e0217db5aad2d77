"""Every text of the repository is in plain technical English: no word of `.ci/words.txt` is left in one."""

from __future__ import annotations

import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIST = ROOT / ".ci" / "words.txt"
SUFFIXES = (".py", ".md", ".json", ".yaml", ".yml", ".toml", ".txt", ".sh")
EXEMPT = ("CHANGELOG.md", "tests/acceptance/sarif/")
"""What was released is described in the words of its time; a published schema is not ours."""
IGNORED = re.compile(
    r"`[^`\n]*`"  # code, in documents and docstrings
    r"|\"[\w$#/.-]*\"|'[\w$#/.-]*'"  # a key, or a reference to one
    r"|^[ ]*(?:- )?[\w-]+:(?=\s|$)"  # a key of YAML
    r"|\{(?:[^{}\n]|\{[^{}\n]*\})*\}",  # an expression within a text
    re.MULTILINE,
)


def words() -> dict[re.Pattern[str], str]:
    """Each expression of the list, and what to write instead."""
    lines = [line for line in LIST.read_text().splitlines() if line and not line.startswith("#")]
    pairs = [line.split(" -> ") for line in lines]
    return {re.compile(rf"\b(?:{found})\b", re.IGNORECASE): better for found, better in pairs}


WORDS = words()
ANY = re.compile("|".join(pattern.pattern for pattern in WORDS), re.IGNORECASE)


def found(text: str) -> Iterator[tuple[int, str, str]]:
    """The line, the word and what to write instead, for each word of the list in a text."""
    kept = IGNORED.sub(lambda match: " " * len(match[0]), text)
    if not ANY.search(kept):
        return
    for number, line in enumerate(kept.splitlines()):
        for pattern, better in WORDS.items():
            yield from ((number, match[0], better) for match in pattern.finditer(line))


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """The texts of a file, each with its first line: of Python its comments and strings, else the whole file."""
    text = path.read_text()
    if path.suffix != ".py":
        yield 1, text
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", None)):
            yield token.start[0], token.string


def tracked() -> list[str]:
    """Every text file that is in the repository, or will be once added."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout: git cannot list the repository")
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split("\0") if name.endswith(SUFFIXES) and (ROOT / name).is_file()]


def test_no_word_of_the_old_dialect_is_left() -> None:
    names = [name for name in tracked() if not name.startswith(EXEMPT) and ROOT / name not in (LIST, Path(__file__))]
    assert [
        f"{name}:{first + number}: `{word}`: write {better}"
        for name in names
        for first, text in prose(ROOT / name)
        for number, word, better in found(text)
    ] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("it is told in a line", ["told"]),
        ("`x` is no instant", ["is no"]),
        ("there is no such file, and it is no longer read", []),
        ('the field `told` and the key "told"', []),
        ("told: a key of YAML", []),
        ("write the lock anew,\nand mend it", ["anew", "mend"]),
        ("f'{told} times'", []),
        ("untold, bearing and amended", []),
    ],
)
def test_what_the_list_finds(text: str, expected: list[str]) -> None:
    assert [word for _, word, _ in found(text)] == expected
