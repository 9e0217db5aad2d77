"""`interlock new-kind`: a first schema, which every receipt that it was written from meets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from interlock.cli import main
from tests.acceptance.conftest import Interlock
from tests.helpers.ledgers import LedgerBuilder

FILE = Path("schemas", "facts", "tests_passed.schema.json")
HEAD = {"specversion": "1.0", "source": "/ci", "type": "com.example.TestsPassed", "subject": "web"}


def events(*data: dict[str, Any]) -> None:
    told = [{**HEAD, "id": str(n), "time": "2026-01-01T00:00:00Z", "data": each} for n, each in enumerate(data)]
    Path("events.json").write_text(json.dumps(told))


def written(*args: str) -> dict[str, Any]:
    """The schema that the command writes."""
    with pytest.raises(SystemExit) as exited:
        main.main(["new-kind", "tests_passed", *args])
    assert not exited.value.code
    found: dict[str, Any] = json.loads(FILE.read_text())
    return found


INFERRED: list[tuple[str, list[dict[str, Any]], dict[str, Any], list[str]]] = [
    ("plain", [{"a": 1, "b": "x"}, {"a": 2}], {"a": {"type": "integer"}, "b": {"type": "string"}}, ["a"]),
    ("null", [{"a": None}, {"a": True}], {"a": {"type": ["boolean", "null"]}}, ["a"]),
    ("nothing but null", [{"a": None}], {"a": {"$comment": "null in every receipt so far"}}, ["a"]),
    ("fractions", [{"a": 1}, {"a": 1.5}], {"a": {"type": "number"}}, ["a"]),
    ("mixed", [{"a": 1}, {"a": "1"}], {"a": {"type": ["integer", "string"]}}, ["a"]),
    (
        "instants, in any offset",
        [{"a": "2026-01-01T00:00:00Z"}, {"a": "2026-01-01T02:00:00.5+02:00"}],
        {"a": {"type": "string", "format": "date-time"}},
        ["a"],
    ),
    ("days are texts", [{"a": "2026-01-01"}], {"a": {"type": "string"}}, ["a"]),
    ("lists", [{"a": []}, {"a": ["x"]}], {"a": {"type": "array", "items": {"type": "string"}}}, ["a"]),
    ("an empty list", [{"a": []}], {"a": {"type": "array"}}, ["a"]),
    (
        "mappings",
        [{"a": {"b": 1, "c": "x"}}, {"a": {"b": 2}}],
        {
            "a": {
                "type": "object",
                "required": ["b"],
                "properties": {"b": {"type": "integer"}, "c": {"type": "string"}},
            }
        },
        ["a"],
    ),
    (
        "a name that every fact has",
        [{"id": 7}],
        {"attributes": {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}},
        ["attributes"],
    ),
    ("few words, seldom", [{"a": "x"}, {"a": "y"}] * 4, {"a": {"type": "string"}}, ["a"]),
    ("few words, often", [{"a": "x"}, {"a": "y"}] * 25, {"a": {"type": "string", "enum": ["x", "y"]}}, ["a"]),
    ("one word seldom", [{"a": "x"}] * 60 + [{"a": "y"}], {"a": {"type": "string"}}, ["a"]),
    ("texts that are not words", [{"a": "x y"}] * 60, {"a": {"type": "string"}}, ["a"]),
]


@pytest.mark.parametrize(("data", "fields", "required"), [each[1:] for each in INFERRED], ids=[e[0] for e in INFERRED])
def test_what_is_inferred(
    data: list[dict[str, Any]],
    fields: dict[str, Any],
    required: list[str],
    interlock: Interlock,
    capfd: pytest.CaptureFixture[str],
) -> None:
    events(*data)
    schema = written("--ledger", "events.json")
    assert (schema["properties"], schema["required"]) == (fields, required)
    assert schema["x-cloudevents-type"] == "com.example.TestsPassed"
    ran = interlock("verify-ledger", "--ledger", "events.json")
    assert (ran.code, ": all valid" in ran.out) == (0, True), ran


def test_a_ledger_and_a_feed(interlock: Interlock, folder: Path) -> None:
    made = LedgerBuilder("l.db").task("web")
    made.receipt("tests_passed", at="2026-01-01T00:00:00Z", attributes={"n": 1}, correlation={"run": "r"})
    made.receipt("other", at="2026-01-01T00:00:00Z", attributes={"m": 1})
    made.write()
    events({"n": 2, "o": "x"})
    schema = written("--ledger", "l.db", "--ledger", "events.json")
    belongs = {"type": "object", "properties": {"run": {"type": "string"}}}
    assert schema["properties"] == {"n": {"type": "integer"}, "o": {"type": "string"}, "correlation": belongs}
    assert schema["required"] == ["n"]
    assert interlock("verify-ledger", "--ledger", "l.db").code == 0
    assert interlock("kinds", "tests_passed").out.startswith(f"tests_passed: a receipt, {FILE}\n")


def test_without_a_source_it_is_one_to_go_on_from(interlock: Interlock, folder: Path) -> None:
    schema = written()
    assert schema["properties"] == {"by": {"description": "Who did it.", "type": "string", "minLength": 1}}
    assert interlock("kinds", "--own").code == 0


REFUSED = [
    (
        ("tests_passed",),
        "`schemas/facts/tests_passed.schema.json` is there already; remove it, or give the kind another",
    ),
    (("seat",), "`seat` is a fact kind that ships with interlock; give yours another name"),
    (("a b",), "`a b` cannot be the name of a kind; letters, digits, `_`, `.` and `-`, a letter or `_` first"),
    (("../up",), "`../up` cannot be the name of a kind"),
    (("feed",), "`feed` is a reserved word"),
    (
        ("tests_failed", "--ledger", "events.json"),
        "no receipt of the kind `tests_failed` is in events.json; there is `com",
    ),
    (("x", "--dir", "events.json/x"), "cannot write `events.json/x/x.schema.json`: not a directory"),
]


@pytest.mark.parametrize(("args", "message"), REFUSED)
def test_nothing_is_written_where_something_is_wrong(
    args: tuple[str, ...], message: str, interlock: Interlock, folder: Path
) -> None:
    events({"n": 1})
    FILE.parent.mkdir(parents=True)
    FILE.write_text("{}")
    ran = interlock("new-kind", *args)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"error: {message}"), ran.err


def test_a_source_that_cannot_be_read(interlock: Interlock, folder: Path) -> None:
    assert interlock("new-kind", "x", "--ledger", "gone.db").code == 6
