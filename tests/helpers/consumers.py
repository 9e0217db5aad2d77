"""Reads reports as the tools do that they are meant for. Each reader refuses what is not of its format."""

from __future__ import annotations

import json
import re
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote
from xml.etree import ElementTree

import jsonschema
import xmlschema
from markdown_it import MarkdownIt
from markdown_it.token import Token
from tap.line import Diagnostic, Plan, Result, Version
from tap.parser import Parser

ACCEPTANCE = Path(__file__).resolve().parents[1] / "acceptance"
VERDICTS = ("allowed", "denied", "undecided")
LINKED = re.compile(r"(?i)@\w|[#!$~&%]\w|\bgh-\d|://|\bwww\.")
"""What GitHub or GitLab makes a mention, a reference or a link of, in the text of what it shows."""
LEAKS = {"html_inline", "html_block", "link_open", "image", "fence", "code_block", "hr", "blockquote_open", "s_open"}
"""What a report in Markdown never has: whatever has it was written by the facts."""


class Annotation(NamedTuple):
    """A workflow command as GitHub's runner understands it."""

    level: str
    where: dict[str, str]
    message: str


def junit(text: str) -> ElementTree.Element:
    """The root of a JUnit report, if the schema accepts it, and its sums are those of its cases."""
    _junit_schema().validate(text)
    root = ElementTree.fromstring(text.encode())
    for level in [root, *root.iter("testsuite")]:
        found = {"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"}
        counts = {name: str(len(list(level.iter(tag)))) for name, tag in found.items() if name in level.attrib}
        assert {name: level.attrib[name] for name in counts} == counts
        assert {"tests", "failures", "errors"} <= set(counts)
    return root


def sarif(text: str) -> Any:
    """The document, if the schema of SARIF 2.1.0 accepts it."""
    document = json.loads(text)
    _sarif_schema().validate(document)
    assert document["version"] == "2.1.0"
    return document


def tap(text: str) -> list[Result]:
    """The tests of a TAP stream, as many as planned; none is skipped, and only what fails is to do."""
    lines = list(Parser().parse_text(text))
    version, plan, *tests = lines
    assert isinstance(version, Version)
    assert isinstance(plan, Plan)
    assert [line for line in tests if not isinstance(line, Result | Diagnostic)] == []
    found = [line for line in tests if isinstance(line, Result)]
    assert [test.number for test in found] == list(range(1, plan.expected_tests + 1))
    assert [test for test in found if test.skip or (test.todo and test.ok)] == []
    assert text.count("\n  ---\n") == sum(test.yaml_block is not None for test in found)
    return found


def github(text: str) -> list[Annotation]:
    """The annotations, and nothing else, unescaped as GitHub's runner does."""
    found = []
    for line in text.split("\n")[:-1]:
        command = re.fullmatch(r"::(error|warning|notice) ([^:]*)::(.*)", line)
        assert command, line
        pairs = (pair.split("=", 1) for pair in command[2].split(","))
        where = {name: unquote(value) for name, value in pairs}
        found.append(Annotation(command[1], where, unquote(command[3])))
    return found


def markdown(text: str) -> list[Token]:
    """The tokens of a report as GitHub reads it, inline ones too; none that the facts brought in."""
    reader = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    found = [inner for token in reader.parse(text) for inner in (token, *(token.children or ()))]
    leaks = [token for token in found if token.type in LEAKS and token.content != "<!-- -->"]
    assert leaks == []
    assert [token.content for token in found if token.type == "text" and LINKED.search(token.content)] == []
    return found


def rows(text: str) -> list[str]:
    """The verdicts of a report in Markdown, a row each."""
    found = markdown(text)
    cells = [after for before, after in pairwise(found) if before.type == "td_open"]
    assert len(cells) % 4 == 0
    return [cell.content.strip("*") for cell in cells[::4]]


def verdicts(form: str, text: str) -> dict[str, int]:
    """How many decisions of a report in `text` or `json` have which verdict."""
    if form == "json":
        named = {True: "allowed", False: "denied", None: "undecided"}
        found = [named[json.loads(line)["allow"]] for line in text.splitlines()]
    else:
        found = [line.split(" ")[0] for line in text.splitlines() if line.split(" ")[0] in VERDICTS]
    return {name: found.count(name) for name in VERDICTS}


def passes(form: str, text: str) -> bool:
    """Whether the reader of a report takes it that everything in it passed."""
    match form:
        case "junit":
            root = junit(text)
            return not list(root.iter("failure")) and not list(root.iter("error"))
        case "sarif":
            (run,) = sarif(text)["runs"]
            return not any(result["level"] == "error" for result in run["results"])
        case "tap":
            return all(test.ok or test.todo for test in tap(text))
        case "github":
            return not any(each.level == "error" for each in github(text))
        case "markdown":
            return {re.sub(r" \(waived: \d+\)", "", row) for row in rows(text)} == {"allowed"}
    counts = verdicts(form, text)
    return counts["denied"] == counts["undecided"] == 0 < counts["allowed"]


@cache
def _junit_schema() -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(str(ACCEPTANCE / "junit" / "junit-10.xsd"))


@cache
def _sarif_schema() -> Any:
    schema = json.loads((ACCEPTANCE / "sarif" / "sarif-2.1.0.json").read_text("utf-8"))
    validator = jsonschema.validators.validator_for(schema)
    return validator(schema, format_checker=validator.FORMAT_CHECKER)
