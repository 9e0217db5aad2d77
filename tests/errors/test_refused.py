"""What is said of what other languages write: the whole answer, for each text of the lists in `refused/`.

A list is a policy with `…` in one place, a line of `=`, and the texts to put there: `> TEXT`, with the answer beneath.
`UPDATE_GOLDEN=1` rewrites the answers.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from interlock.diagnostics import PolicyError, Source
from interlock.language import refused, syntax
from interlock.policy.library import make
from interlock.schemas import SHIPPED

HERE = Path(__file__).parent / "refused"
LISTS = sorted(path.stem for path in HERE.glob("*.txt"))
RULE = "=" * 40 + "\n"
LEAST = 120


class Entry(NamedTuple):
    text: str
    answer: str


def read(name: str) -> tuple[str, list[Entry]]:
    frame, _, rest = (HERE / f"{name}.txt").read_text("utf-8").partition(RULE)
    return frame, list(entries(rest))


def entries(rest: str) -> Iterator[Entry]:
    for block in rest.split("\n\n"):
        if block.strip():
            lines = block.splitlines()
            text = [line for line in lines if line.startswith("> ")]
            yield Entry("\n".join(line[2:] for line in text), "\n".join(lines[len(text) :]).strip("\n"))


def answered(frame: str, text: str) -> str:
    """What is said of the policy with the text in its place."""
    before, _, after = frame.partition("…")
    indent = " " * (len(before) - before.rfind("\n") - 1)
    source = Source("probe.yaml", before + text.replace("\n", "\n" + indent) + after)
    try:
        make(source, lambda identity: f"unknown policy `{identity}`", SHIPPED)
    except PolicyError as error:
        return re.sub(r"^probe\.yaml:", "", str(error), flags=re.MULTILINE)
    return "accepted"


@pytest.mark.parametrize("name", LISTS)
def test_every_text_has_its_answer(name: str) -> None:
    frame, found = read(name)
    again = [Entry(entry.text, answered(frame, entry.text)) for entry in found]
    if os.environ.get("UPDATE_GOLDEN"):
        blocks = ["\n".join(f"> {line}" for line in each.text.split("\n")) + f"\n{each.answer}\n" for each in again]
        (HERE / f"{name}.txt").write_text(frame + RULE + "\n".join(blocks), "utf-8")
    assert [entry.answer for entry in again] == [entry.answer for entry in found]


def test_nothing_is_accepted_and_no_text_is_listed_twice() -> None:
    found = [(name, entry) for name in LISTS for entry in read(name)[1]]
    assert [entry.text for _, entry in found if entry.answer == "accepted"] == []
    texts = [(name, entry.text) for name, entry in found]
    assert len(texts) == len(set(texts)) >= LEAST


def test_every_answer_to_a_refused_construct_names_it_and_says_what_to_write() -> None:
    answers = [entry.answer for name in LISTS for entry in read(name)[1]]
    issues = [issue for answer in answers for issue in re.split(r"\n(?=\d+:\d+: )", answer) if "[E303]" in issue]
    assert len(issues) > LEAST // 2
    assert [issue for issue in issues if "\n   = " not in issue] == []


@pytest.mark.parametrize("table", ["names", "functions"])
def test_every_name_that_is_refused_says_what_to_write(table: str) -> None:
    """A row that no answer shows may be of a name that is part of the language by now."""
    hints = {row["write"].partition("{0}")[0] for row in refused.tables()[table]}
    answers = "\n".join(entry.answer for name in LISTS for entry in read(name)[1])
    assert [hint for hint in sorted(hints) if hint not in answers] == []


def test_every_row_of_refused_syntax_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that refuses none of the texts may be of a construct that is part of the language by now."""
    rows: set[int] = set()

    def recording(text: str, stopped: int) -> tuple[refused.Refused, ...]:
        found = refused.refused_syntax(text, stopped)
        rows.update(each.row for each in found)
        return found

    monkeypatch.setattr(syntax, "refused_syntax", recording)
    for name in LISTS:
        frame, found = read(name)
        for entry in found:
            answered(frame, entry.text)
    assert [row for index, row in enumerate(refused.tables()["syntax"]) if index not in rows] == []
