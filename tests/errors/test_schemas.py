"""What is said of the schema of an own fact kind that cannot be gone by: the whole answer, for each in `schemas/`.

A text is a file's name after `=== `, its content, and after `---` the answer. `UPDATE_GOLDEN=1` rewrites the answers.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from interlock.diagnostics import PolicyError
from interlock.schemas.own import catalog_of
from tests.helpers.wording import ours

HERE = Path(__file__).parent / "schemas"
LISTS = sorted(path.stem for path in HERE.glob("*.txt"))
LEAST = 60


class Entry(NamedTuple):
    file: str
    text: str
    answer: str


def entries(name: str) -> Iterator[Entry]:
    for block in (HERE / f"{name}.txt").read_text("utf-8").split("=== ")[1:]:
        head, _, answer = block.partition("---\n")
        file, _, text = head.partition("\n")
        yield Entry(file, text, answer.strip("\n"))


EVERY = [(name, entry) for name in LISTS for entry in entries(name)]


def answered(entry: Entry, folder: Path) -> str:
    """What is said of a folder that holds the file alone."""
    (folder / "facts").mkdir(exist_ok=True)
    for old in (folder / "facts").iterdir():
        old.unlink()
    (folder / "facts" / entry.file).write_text(entry.text, "utf-8")
    try:
        catalog_of(["facts"])
    except PolicyError as error:
        return ours(str(error))
    return "accepted"


@pytest.mark.parametrize("name", LISTS)
def test_every_schema_has_its_answer(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = list(entries(name))
    again = [entry._replace(answer=answered(entry, tmp_path)) for entry in found]
    if os.environ.get("UPDATE_GOLDEN"):
        blocks = [f"=== {each.file}\n{each.text}---\n{each.answer}\n" for each in again]
        (HERE / f"{name}.txt").write_text("\n".join(blocks), "utf-8")
    assert [entry.answer for entry in again] == [entry.answer for entry in found]


def test_nothing_is_accepted_and_no_schema_is_listed_twice() -> None:
    assert [entry for _, entry in EVERY if entry.answer == "accepted"] == []
    texts = [(entry.file, entry.text) for _, entry in EVERY]
    assert len(texts) == len(set(texts)) >= LEAST


def test_every_answer_has_its_place_and_its_code() -> None:
    for _, entry in EVERY:
        assert re.match(rf"facts/{re.escape(entry.file)}:\d+:\d+: error\[E90[1-6]\]: [`a-zJU]", entry.answer), entry


def test_a_schema_of_ten_thousand_fields_works_and_one_without_end_does_not(tmp_path: Path) -> None:
    large = {"type": "object", "properties": {f"field_{n}": {"type": "integer"} for n in range(10_000)}}
    (tmp_path / "wide.schema.json").write_text(json.dumps(large))
    fields = catalog_of([str(tmp_path)]).fields("wide")
    assert fields["field_9999"].kind == "int"
    doubling = {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)} | {
        "d40": {"type": "string"}
    }
    (tmp_path / "wide.schema.json").write_text(json.dumps({"$ref": "#/$defs/d0", "$defs": doubling}))
    with pytest.raises(PolicyError, match="more than 100,000 schemas"):
        catalog_of([str(tmp_path)])
