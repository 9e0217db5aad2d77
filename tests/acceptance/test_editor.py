"""What an editor with a YAML language server makes of the schemas: it offers every key, and flags what is none.

Whatever schema a shipped file names is examined, in every place that it describes.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import pytest

from interlock import schemas
from tests.helpers.language_server import LanguageServer, serving

ROOT = Path(__file__).parents[2]
PACKAGE = "yaml-language-server@1.22.0"
FILES = sorted((ROOT / "policies").glob("*.yaml"))
MODELINE = re.compile(r"# yaml-language-server: \$schema=(\S+)\n")

Schema = dict[str, Any]


class Place(NamedTuple):
    """A mapping that a schema describes, and a text at the end of which it begins."""

    schema: str
    text: str
    node: Schema

    def __str__(self) -> str:
        return f"{Path(self.schema).name}:{'.'.join(re.findall('[a-z_]+(?=:)', self.text))}"

    def starting(self, text: str) -> str:
        """A whole document that names its schema and ends in the place, where `text` is written."""
        return f"# yaml-language-server: $schema={self.schema}\n{self.text}{text}"


def named(path: Path) -> str:
    """The schema that a file's first line names, empty where it names none."""
    found = MODELINE.match(path.read_text("utf-8"))
    return found[1] if found else ""


def places(name: str) -> Iterator[Place]:
    """Every mapping with keys of its own that a schema describes."""
    whole = json.loads((ROOT / "policies" / name).read_text("utf-8"))
    facts: set[str] = set()

    def below(node: Schema, text: str, above: tuple[str, ...]) -> Iterator[Place]:
        reference = node.get("$ref", "")
        if reference in above or reference in facts:
            return
        if "/fact" in reference:  # there are many, and a fact is the same wherever it stands
            facts.add(reference)
        node = resolved(whole, node)
        above = (*above, reference) if reference else above
        deeper = "\n" + " " * (2 + len(text) - 1 - text.rfind("\n"))
        if "properties" in node:
            yield Place(name, text, node)
        for key, inner in node.get("properties", {}).items():
            yield from below(inner, f"{text}{key}:{deeper}", above)
        if isinstance(node.get("additionalProperties"), dict):
            yield from below(node["additionalProperties"], f"{text}a_name:{deeper}", above)
        if "items" in node:
            yield from below(node["items"], f"{text}- ", above)
        for inner in (*node.get("anyOf", ()), *node.get("oneOf", ())):
            yield from below(inner, text, above)

    return below(whole, "", ())


def resolved(whole: Schema, node: Schema) -> Schema:
    """What a node says, with what it refers to; what it says itself goes before that."""
    if "$ref" not in node:
        return node
    target = whole
    for step in node["$ref"].removeprefix("#/").split("/"):
        target = target[step]
    return {**target, **node}


PLACES = [place for name in sorted(set(map(named, FILES))) for place in places(name)]


def unavailable(why: str) -> NoReturn:
    """No editor can be tried: that is reported, and where everything must hold it is a failure."""
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LanguageServer]:
    npm = shutil.which("npm")
    if npm is None:
        unavailable("no npm, to install a YAML language server with")
    folder = tmp_path_factory.mktemp("server")
    command = [npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--ignore-scripts", PACKAGE]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        unavailable(f"npm cannot install {PACKAGE}: {done.stderr.strip()}")
    with serving([str(folder / "node_modules" / ".bin" / "yaml-language-server"), "--stdio"], ROOT) as found:
        yield found


@pytest.fixture
def draft(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of a file that is being written beside the shipped ones: there is none there yet."""
    return ROOT / "policies" / f"{tmp_path_factory.mktemp('draft').name}.yaml"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_shipped_file_names_its_schema_first(path: Path) -> None:
    assert (path.parent / named(path)).is_file()


@pytest.mark.parametrize("name", sorted(set(map(named, FILES))))
def test_a_schema_is_of_the_draft_that_editors_know(name: str) -> None:
    text = (ROOT / "policies" / name).read_text("utf-8")
    assert json.loads(text)["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert not re.search(r'"(\$defs|prefixItems|unevaluated\w+|dependent\w+|minContains)"', text)


def test_the_fact_kinds_that_an_editor_offers_are_those_there_are() -> None:
    (selection,) = (place.node for place in PLACES if str(place) == "policy.schema.json:facts.a_name")
    assert tuple(selection["properties"]["from"]["examples"]) == schemas.SHIPPED.kinds


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_is_flagged_in_a_shipped_file(path: Path, server: LanguageServer) -> None:
    assert server.faults(path, path.read_text("utf-8")) == []


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES, ids=str)
def test_every_key_is_offered_with_what_it_means(place: Place, server: LanguageServer, draft: Path) -> None:
    text = place.starting("")
    server.faults(draft, text)
    offered = server.offers(draft, text.count("\n"), len(text) - 1 - text.rfind("\n"))
    meant = {key: node["description"] for key, node in place.node["properties"].items()}
    assert {key: offered.get(key) for key in meant} == meant


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES, ids=str)
def test_a_misspelt_key_is_flagged(place: Place, server: LanguageServer, draft: Path) -> None:
    text = place.starting("misspelt: 1\n")
    flagged = server.faults(draft, text)
    assert (text.count("\n") - 1, "Property misspelt is not allowed.") in flagged


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "key"),
    [
        pytest.param(place, key, id=f"{place}.{key}")
        for place in PLACES
        for key, node in place.node["properties"].items()
        if {"enum", "examples"} & node.keys()
    ],
)
def test_every_known_value_is_offered_and_no_other_is_taken_for_one_of_a_closed_set(
    place: Place, key: str, server: LanguageServer, draft: Path
) -> None:
    node = place.node["properties"][key]
    text = place.starting(f"{key}: misspelt")
    flagged = [message for line, message in server.faults(draft, text) if line == text.count("\n")]
    assert any(message.startswith("Value is not accepted.") for message in flagged) is ("enum" in node)
    offered = server.offers(draft, text.count("\n"), len(text) - len("misspelt") - 1 - text.rfind("\n"))
    known = node.get("enum", node.get("examples"))
    assert {value if isinstance(value, str) else json.dumps(value) for value in known} <= offered.keys()
