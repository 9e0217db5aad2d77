"""The schemas themselves: sound, complete, true to the real ledgers, and read alike by both validators."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jsonschema.validators import validator_for

from interlock import schemas
from interlock.instant import parse_instant
from interlock.ledger import open_ledger
from interlock.resources import data_folder
from interlock.schemas.diagnose import complaints
from interlock.schemas.documents import schema
from interlock.schemas.validate import is_fact, made_type

FOLDER = Path(data_folder("schemas"))
FILES = sorted(FOLDER.rglob("*.json"))
OWN = [path for path in FILES if path.name != "policy.schema.json"]
ENVELOPE = ("kind", "id", "seq", "task", "at", "actor", "severity", "summary", "correlation")
LARGEST = 2**53 - 1

Fact = dict[str, Any]

LATER = parse_instant("2026-12-31T00:00:00Z")
ENTITIES = schemas.ENTITIES
COLUMNS = "kind, id, seq, task, at, actor, severity, summary, correlation, attributes"


def fact(row: tuple[Any, ...]) -> Fact:
    """A row of the canonical relation as `docs/design/ledger.md` makes a fact of it."""
    made: Fact = {**dict(zip(ENVELOPE, row, strict=False)), "correlation": json.loads(row[8])}
    lifted = json.loads(row[9])
    hidden = {name: value for name, value in lifted.items() if name in ENVELOPE}
    return {**lifted, **made, **({"attributes": hidden} if hidden else {})}


def facts(path: Path) -> Iterator[Fact]:
    with open_ledger(path).snapshot(LATER) as snapshot:
        for view in ("receipt", *(f"entity_{kind}" for kind in ENTITIES)):
            for row in snapshot.rows(f"SELECT {COLUMNS} FROM {view}", {}):
                yield fact(row)


@pytest.fixture(scope="session")
def samples(conformance: Path) -> dict[str, list[Fact]]:
    """Up to five real facts of each kind."""
    found: dict[str, list[Fact]] = {}
    for name in ("ledger.db", "history.db"):
        for each in facts(conformance / name):
            found.setdefault(each["kind"], []).append(each)
    return {kind: members[:5] for kind, members in found.items()}


@pytest.mark.parametrize("name", ["ledger.db", "story.db", "history.db", "same-second.db"])
def test_every_real_fact_is_valid(conformance: Path, name: str) -> None:
    found = [each for each in facts(conformance / name) if each["kind"] in schemas.SHIPPED.kinds]
    assert [
        (each["kind"], each["id"], errors)
        for each in found
        if (errors := schemas.fact_errors(schemas.SHIPPED, each["kind"], each))
    ] == []
    assert len(found) > 150 or name == "same-second.db"


def test_every_kind_of_the_real_ledger_has_a_schema_and_no_unreal_one(
    samples: dict[str, list[Fact]], ledger_path: Path
) -> None:
    assert {each["kind"] for each in facts(ledger_path)} <= set(schemas.SHIPPED.kinds) <= set(samples)


def test_every_real_field_is_described(samples: dict[str, list[Fact]]) -> None:
    unknown = {
        f"{kind}.{name}"
        for kind, members in samples.items()
        if kind in schemas.SHIPPED.kinds
        for each in members
        for name in (*each, *(f"correlation.{key}" for key in each.get("correlation", {})))
        if name not in _described(kind)
    }
    assert unknown == set()


def _described(kind: str) -> set[str]:
    whole = schema(f"facts/{kind}")
    parts = [*whole["allOf"], whole]
    top = {name for part in parts for name in part["properties"]}
    inner = {f"correlation.{name}" for name in whole["properties"].get("correlation", {}).get("properties", {})}
    return top | inner


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_schema_is_itself_valid(path: Path) -> None:
    document = json.loads(path.read_text())
    validator_for(document).check_schema(document)


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _nodes(inner)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_property_says_what_it_is(path: Path) -> None:
    members = [
        (name, member)
        for node in _nodes(json.loads(path.read_text()))
        if isinstance(node.get("properties"), dict)
        for name, member in node["properties"].items()
        if node.keys() != {"required", "properties"}  # the `if` of a condition
    ]
    assert [name for name, member in members if not (member.get("title") and member.get("description"))] == []
    assert members


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_every_node_is_of_the_safe_subset(path: Path) -> None:
    for node in _nodes(json.loads(path.read_text())):
        types = node.get("type", [])
        if "integer" in types if isinstance(types, list) else types == "integer":
            assert -LARGEST <= node["minimum"] <= node["maximum"] <= LARGEST
        if isinstance(node.get("$ref"), str):  # what else stood there would be lost where the target is put in
            assert node.keys() <= {"$ref", "title", "description"}
        if isinstance(node.get("format"), str):
            assert node["format"] == "date-time"
            assert node["pattern"] == schema("envelope")["$defs"]["instant"]["pattern"]


@pytest.mark.parametrize("kind", schemas.SHIPPED.kinds)
def test_a_schema_is_of_its_kind(kind: str) -> None:
    assert schema(f"facts/{kind}")["properties"]["kind"]["const"] == kind
    assert schema(f"facts/{kind}")["title"] == kind


@pytest.mark.parametrize(
    ("table", "column", "kind", "field"),
    [
        ("telemetry_events", "actor", "app_heartbeat", "actor"),
        ("telemetry_events", "severity", "app_heartbeat", "severity"),
        ("tasks", "state", "task", "state"),
        ("bindings", "state", "binding", "state"),
        ("sessions", "role", "seat", "role"),
        ("sessions", "state", "seat", "state"),
        ("routed_notifications", "state", "notification", "state"),
        ("routed_notifications", "delivery_mode", "notification", "delivery_mode"),
        ("routed_notifications", "delivery_mode", "dispatch_inbox_consumed", "delivery_mode"),
        ("notification_acknowledgements", "role", "acknowledgement", "role"),
        ("notification_acknowledgements", "status", "acknowledgement", "status"),
        ("notification_acknowledgements", "status", "dispatch_inbox_ack_recorded", "status"),
    ],
)
def test_a_closed_set_is_that_of_the_ledger(ledger_path: Path, table: str, column: str, kind: str, field: str) -> None:
    with closing(sqlite3.connect(f"file:{ledger_path}?mode=ro", uri=True)) as ledger:
        (text,) = ledger.execute("select sql from sqlite_master where name = ?", (table,)).fetchone()
    closed = re.search(rf"\b{column} text [^()]*check \({column} in \(([^)]*)\)\)", text)
    assert closed is not None
    assert set(schemas.SHIPPED.fields(kind)[field].enum) == {word.strip(" '") for word in closed[1].split(",")}


WORDS = st.sampled_from(["accepted", "acepted", "worker", "manager", "sent", "required", "pair", "active", "operator"])
INSTANTS = st.builds(
    "{}-{:02}-{:02}T{:02}:{:02}:{:02}{}{}".format,
    st.sampled_from(["0000", "1969", "1970", "2026", "2199", "2254", "2255", "2300", "9999", "٢٠٢٦"]),
    st.integers(0, 13),
    st.integers(0, 32),
    st.integers(0, 25),
    st.integers(0, 61),
    st.integers(0, 61),
    st.sampled_from(["", ".0", ".000", ".250", ".123456789", ".1234567890", ".", ",5"]),
    st.sampled_from(["Z", "Z", "+00:00", "z", "-00:00", "+01:00", "", "Z\n", " Z"]),
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, -1, LARGEST, LARGEST + 1, -LARGEST - 1, 2**63, 2**64, 2**200, 1.0, 1e300]),
    st.floats(),
    st.text(),
    st.text(st.characters(categories=["Cs", "Cc", "Lu"]), max_size=5),
    WORDS,
    INSTANTS,
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def changes(draw: st.DrawFn) -> list[tuple[int, Any]]:
    """What to change in a fact: of which of its fields, and to what; `...` takes the field away."""
    return draw(st.lists(st.tuples(st.integers(0, 200), st.one_of(VALUES, st.just(...))), max_size=3))


def _changed(original: Fact, altered: list[tuple[int, Any]]) -> Fact:
    copy: Fact = json.loads(json.dumps(original))
    for number, value in altered:
        places = list(_places(copy))
        holder, key = places[number % len(places)]
        if value is ...:
            del holder[key]
        else:
            holder[key] = value
    return copy


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    for key, inner in list(node.items()) if isinstance(node, dict) else list(enumerate(node)):
        yield node, key
        if isinstance(inner, dict | list):
            yield from _places(inner)


def _members(kinds: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Schemas of mappings, of which some say of their members twice."""
    properties = st.dictionaries(st.sampled_from("abc"), kinds, max_size=3)
    plain = st.fixed_dictionaries(
        {"type": st.sampled_from(["object", ["null", "object"]])},
        optional={"properties": properties, "required": st.lists(st.sampled_from("abcd"), unique=True)},
    )
    return plain | st.builds(lambda part, whole: {**whole, "type": part["type"], "allOf": [part]}, plain, plain)


BOUNDS = st.fixed_dictionaries({}, optional={"minimum": st.integers(-3, 0), "maximum": st.integers(0, 3)})
NODES = st.recursive(
    st.sampled_from(
        [
            {},
            {"title": "anything"},
            {"type": "string"},
            {"type": ["boolean", "null"]},
            {"type": ["string", "null"], "enum": ["a", "accepted", None]},
            {"type": "string", "enum": ["b", None]},
            {"const": "a"},
            {"enum": ["a", None]},
            {**schema("envelope")["$defs"]["instantOrNull"]},
            {"allOf": [{"type": "string"}], "const": "b"},
        ]
    )
    | st.builds(lambda kind, bounds: {"type": kind, **bounds}, st.sampled_from(["integer", "number"]), BOUNDS),
    lambda inner: (
        _members(inner)
        | st.builds(lambda items: {"type": "array", "items": items}, inner)
        | st.just({"type": ["array", "null"]})
    ),
    max_leaves=6,
)
SMALL = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-4, 4),
    st.sampled_from([2.0, -0.0, 0.5, 2.0**60, 2**70, float("nan"), float("inf")]),
    st.sampled_from(["a", "b", "accepted", "2026-06-11T12:00:05Z", "2026-02-30T12:00:05Z"]),
)
DOCUMENTS = st.recursive(
    SMALL, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner), max_leaves=8
)


@settings(max_examples=5 * settings().max_examples)
@given(NODES, st.data())
def test_a_type_takes_what_its_schema_takes(node: dict[str, Any], data: st.DataObject) -> None:
    document = data.draw(_fitting(node) | DOCUMENTS)
    try:
        made = made_type(node)
    except TypeError:  # two schemas of one member that are hard to make one of
        assume(False)
    assert is_fact(document, made) is (complaints(node, document, "fact") == [])


def _fitting(node: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Documents that come near to what the schema takes."""
    types = node.get("type", [])
    if "object" in types:
        parts = [node, *node.get("allOf", [])]
        members = {name: _fitting(member) for part in parts for name, member in part.get("properties", {}).items()}
        needed = {name for part in parts for name in part.get("required", [])}
        return st.fixed_dictionaries(
            {name: members.get(name, SMALL) for name in needed},
            optional={name: some for name, some in members.items() if name not in needed},
        )
    return st.lists(_fitting(node["items"]), max_size=3) if "items" in node else SMALL


@settings(max_examples=5 * settings().max_examples)
@given(st.sampled_from(schemas.SHIPPED.kinds), st.integers(0, 4), changes())
def test_both_validators_agree(
    samples: dict[str, list[Fact]], kind: str, number: int, altered: list[tuple[int, Any]]
) -> None:
    changed = _changed(samples[kind][number % len(samples[kind])], altered)
    slow = complaints(schema(f"facts/{kind}"), changed, "fact")
    fast = schemas.fact_errors(schemas.SHIPPED, kind, changed)
    assert len(fast) == len(slow)
    assert not any("disagree" in line or "\n" in line or len(line) > 500 for line in fast)


@settings(max_examples=2 * settings().max_examples)
@given(st.sampled_from(schemas.SHIPPED.kinds), changes())
def test_both_validators_agree_on_receipts_of_any_kind(
    samples: dict[str, list[Fact]], kind: str, altered: list[tuple[int, Any]]
) -> None:
    changed = _changed(samples[kind][0], altered)
    assert list(schemas.faults(schemas.SHIPPED, None, changed)) == complaints(schema("receipt"), changed, "fact")


@given(INSTANTS | st.text())
def test_an_instant_is_what_the_instant_module_reads(samples: dict[str, list[Fact]], text: str) -> None:
    try:
        exists = parse_instant(text) >= 0 and text < "2255"
    except ValueError:
        exists = False
    errors = schemas.fact_errors(schemas.SHIPPED, "app_heartbeat", {**samples["app_heartbeat"][0], "at": text})
    assert (errors == ()) is exists
