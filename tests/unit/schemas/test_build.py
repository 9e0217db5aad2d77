"""The schemas that authors write: which fields they give, and that the fast check says what JSON Schema says."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from interlock.diagnostics import Source
from interlock.schemas import Catalog, faults, is_valid
from interlock.schemas.build import OwnKind, built
from interlock.schemas.fields import FieldSpec

ENVELOPE = {"kind": "deploy", "id": "1", "seq": 1, "task": None, "at": "2026-01-01T00:00:00Z"}
PYDANTIC = {
    "$defs": {
        "Env": {"enum": ["staging", "production"], "title": "Env", "type": "string"},
        "Run": {
            "additionalProperties": False,
            "properties": {"id": {"title": "Id", "type": "integer"}, "url": {"title": "Url", "type": "string"}},
            "required": ["id"],
            "title": "Run",
            "type": "object",
        },
    },
    "additionalProperties": False,
    "description": "Somebody approved the deploy.",
    "properties": {
        "env": {"$ref": "#/$defs/Env"},
        "by": {"minLength": 1, "title": "By", "type": "string"},
        "run": {"anyOf": [{"$ref": "#/$defs/Run"}, {"type": "null"}], "default": None},
        "attempt": {"default": 1, "exclusiveMinimum": 0, "title": "Attempt", "type": "integer"},
        "expires_at": {"anyOf": [{"format": "date-time", "type": "string"}, {"type": "null"}], "default": None},
        "tags": {"items": {"type": "string"}, "title": "Tags", "type": "array", "maxItems": 3},
        "labels": {"type": "object", "additionalProperties": {"type": "string", "minLength": 1}},
        "score": {"title": "Score", "type": "number", "minimum": 0},
    },
    "required": ["env", "by"],
    "title": "DeployApproved",
    "type": "object",
}
SHIPPED_LIKE = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "deploy",
    "type": "object",
    "x-recorded-by": "worker",
    "allOf": [{"$ref": "../envelope.schema.json"}],
    "required": ["role", "at_day"],
    "properties": {
        "kind": {"const": "deploy"},
        "role": {"$ref": "../envelope.schema.json#/$defs/role"},
        "at_day": {"$ref": "../envelope.schema.json#/$defs/instantOrNull"},
        "correlation": {"type": "object", "required": ["run"], "properties": {"run": {"type": "string"}}},
    },
}
GENERAL = {
    "properties": {
        "sha": {"type": "string", "pattern": "^[0-9a-f]{7,40}$"},
        "mail": {"type": "string", "format": "email"},
        "level": {"type": "integer", "enum": [1, 2, 3]},
        "of": {"oneOf": [{"type": "string"}, {"type": "integer"}]},
        "pull-request": {"type": "integer"},
    },
    "if": {"required": ["mail"]},
    "then": {"required": ["sha"]},
    "patternProperties": {"^x_": {"type": "boolean"}},
    "minProperties": 1,
}
WITHOUT_TYPE = {
    "allOf": [{"properties": {"a": {"enum": ["x", "y", None]}}}, {"required": ["a"]}],
    "properties": {"b": {"const": "only"}, "c": {}, "d": True, "e": {"$comment": "anything"}},
}


def kind(schema: dict[str, Any]) -> OwnKind:
    return built("deploy", Source("deploy.schema.json", json.dumps(schema)))


def own_fields(schema: dict[str, Any]) -> dict[str, FieldSpec]:
    catalog = Catalog([kind(schema)])
    apart = {"id", "seq", "task", "at", "actor", "severity", "summary", "correlation", "at_latest", "kind"}
    return {path: spec for path, spec in catalog.fields("deploy").items() if path not in apart}


TEXT, NUMBER = FieldSpec("string"), FieldSpec("int")


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (
            PYDANTIC,
            {
                "env": FieldSpec("string", ("staging", "production"), required=True),
                "by": FieldSpec("string", required=True),
                "run": FieldSpec("object"),
                "run.id": NUMBER,
                "run.url": TEXT,
                "attempt": NUMBER,
                "expires_at": FieldSpec("timestamp"),
                "tags": FieldSpec("list", item=FieldSpec("string", required=True)),
                "labels": FieldSpec("map", item=FieldSpec("string", required=True)),
                "score": FieldSpec("double"),
            },
        ),
        (
            SHIPPED_LIKE,
            {
                "role": FieldSpec("string", ("manager", "worker"), required=True),
                "at_day": FieldSpec("timestamp"),
                "correlation.run": TEXT,
            },
        ),
        (GENERAL, {"sha": TEXT, "mail": TEXT, "level": NUMBER}),
        (WITHOUT_TYPE, {"a": FieldSpec("string", ("x", "y")), "b": FieldSpec("string", ("only",))}),
        (
            {"$ref": "#/$defs/all", "$defs": {"all": {"properties": {"n": {"type": ["integer", "null"]}}}}},
            {"n": NUMBER},
        ),
        ({}, {}),
        ({"properties": {"a": {"enum": ["x\0y"]}}}, {"a": TEXT}),
    ],
)
def test_the_fields_of_a_schema(schema: dict[str, Any], expected: dict[str, FieldSpec]) -> None:
    assert own_fields(schema) == expected


@pytest.mark.parametrize(
    ("schema", "plain"),
    [(PYDANTIC, True), (SHIPPED_LIKE, True), (WITHOUT_TYPE, True), (GENERAL, False), ({}, True)],
)
def test_only_what_cannot_be_checked_fast_takes_the_validator(schema: dict[str, Any], plain: bool) -> None:
    assert (kind(schema).data is None) is plain


@pytest.mark.parametrize(
    ("schema", "data", "expected"),
    [
        (PYDANTIC, {"env": "staging", "by": "ada"}, []),
        (PYDANTIC, {"env": "staging", "by": "ada", "run": None, "expires_at": "2026-01-01T00:00:00Z"}, []),
        (PYDANTIC, {"env": "staging", "by": ""}, ["`by` is empty"]),
        (PYDANTIC, {"env": "staging", "by": "ada", "attempt": 0}, ["`attempt` is `0`, less than 1"]),
        (
            PYDANTIC,
            {"env": "staging", "by": "ada", "attempt": 1 << 53},
            ["greater than 9007199254740991"],
        ),
        (PYDANTIC, {"env": "staging", "by": "ada", "labels": {"a": "x"}}, []),
        (PYDANTIC, {"env": "staging", "by": "ada", "labels": {"a": ""}}, ["`labels.a` is empty"]),
        (PYDANTIC, {"env": "staging", "by": "ada", "bye": 1}, ["unknown key `bye`"]),
        (PYDANTIC, {"env": "staging", "by": "ada", "run": {"id": 1, "no": 2}}, ["unknown key"]),
        (
            PYDANTIC,
            {"env": "staging", "by": "ada", "expires_at": "2026-01-01T00:00:00+02:00"},
            ["not an instant in UTC"],
        ),
        (PYDANTIC, {"env": "staging", "by": "ada", "tags": ["a"] * 4}, ["`tags`"]),
        (SHIPPED_LIKE, {"role": "worker", "at_day": None, "correlation": {"run": "1"}}, []),
        (SHIPPED_LIKE, {"role": "worker", "at_day": None, "correlation": {}}, ["`correlation.run` is missing"]),
        (GENERAL, {"sha": "0123456", "x_a": True}, []),
        (GENERAL, {"sha": "0123456\n"}, ["`sha`"]),
        (GENERAL, {"mail": "ada@example.org"}, ["`sha` is missing"]),
        (GENERAL, {"mail": "ada", "sha": "0123456"}, ["`mail`"]),
        (GENERAL, {"x_a": 1}, ["`x_a` is the number `1`, not true or false"]),
        (GENERAL, {}, ["the fact"]),
        (GENERAL, {"level": 4}, ["`level` is `4`, not one of"]),
    ],
)
def test_what_is_wrong_with_a_fact(schema: dict[str, Any], data: dict[str, Any], expected: list[str]) -> None:
    catalog = Catalog([kind(schema)])
    found = [violation.text for violation in faults(catalog, "deploy", {**ENVELOPE, **data})]
    assert len(found) == len(expected), found
    assert all(part in text for part, text in zip(expected, found, strict=True)), found
    assert is_valid(catalog, "deploy", {**ENVELOPE, **data}) is (not expected)


@pytest.mark.parametrize("wrong", [{"id": 1}, {"at": "today"}, {"seq": -1}, {"kind": "other"}, {"actor": "nobody"}])
@pytest.mark.parametrize("schema", [PYDANTIC, GENERAL])
def test_what_every_fact_has_is_checked_too(schema: dict[str, Any], wrong: dict[str, Any]) -> None:
    catalog = Catalog([kind(schema)])
    data = {"env": "staging", "by": "ada"} if schema is PYDANTIC else {"sha": "0123456"}
    assert faults(catalog, "deploy", {**ENVELOPE, **data}) == ()
    assert len(faults(catalog, "deploy", {**ENVELOPE, **data, **wrong})) == 1


VALUES: list[Any] = [
    None,
    True,
    0,
    1,
    2.0,
    1.5,
    -1,
    1 << 60,
    "",
    "x",
    "only",
    "2026-01-01T00:00:00Z",
    "staging",
    [],
    ["a"],
    ["a", 1],
    {},
]
VALUES += [{"id": 1}, {"id": "1"}, ["a", "b", "c", "d"], "ada", {"id": 1, "url": "u", "no": 1}]


@pytest.mark.parametrize("schema", [PYDANTIC, WITHOUT_TYPE, GENERAL], ids=["pydantic", "typeless", "general"])
def test_a_fact_is_valid_if_its_data_are_by_json_schema(schema: dict[str, Any]) -> None:
    """But for what interlock demands of instants and of whole numbers, which is left out here."""
    random, catalog = Random(1), Catalog([kind(schema)])
    names = list(kind(schema).whole["properties"].keys() - {"kind", "id", "seq", "task", "at", "actor", "severity"})
    names = [*sorted(name for name in names if name not in ("summary", "correlation")), "x_a", "other"]
    validator = Draft202012Validator(schema, format_checker=FormatChecker(formats=["email"]))
    seen = set()
    for _ in range(3_000):
        data = {name: random.choice(VALUES) for name in random.sample(names, random.randint(0, 3))}
        if schema is PYDANTIC:
            data = {"env": "staging", "by": "ada", **data}
        stamp = data.get("expires_at")
        if (isinstance(stamp, str) and stamp[:4] != "2026") or any(value == 1 << 60 for value in data.values()):
            continue
        expected = validator.is_valid(data)
        seen.add(expected)
        assert is_valid(catalog, "deploy", {**ENVELOPE, **data}) is expected, data
    assert seen == {True, False}


NEGATIVE = {
    "properties": {
        "a": {"not": {"type": "integer"}},
        "b": {"oneOf": [{"type": "integer"}, {"type": "number"}]},
        "c": {"anyOf": [{"type": "string", "not": {"const": None}}, {"type": "null"}]},
        "d": {"oneOf": [{"type": "integer", "maximum": 1e30}, {"type": "null"}]},
        "e": {"type": "string", "format": "date-time", "pattern": "Z$"},
        "f": {"type": "integer", "exclusiveMaximum": 5.5},
    },
    "allOf": [{"properties": {"g": {"items": {"type": "string"}}}}],
}


@pytest.mark.parametrize(
    ("data", "valid"),
    [
        ({"a": 1 << 60}, False),
        ({"a": "1"}, True),
        ({"b": 1 << 60}, False),
        ({"b": 1.5}, True),
        ({"c": None}, True),
        ({"d": 1 << 60}, False),
        ({"d": 1}, True),
        ({"e": "2026-01-01T00:00:00Z"}, True),
        ({"e": "2300-01-01T00:00:00Z"}, False),
        ({"e": "2026-01-01T00:00:00+00:00"}, False),
        ({"f": 5}, True),
        ({"f": 6}, False),
        ({"f": -(1 << 60)}, False),
        ({"g": [1]}, False),
        ({"g": 1}, True),
    ],
)
def test_what_interlock_demands_weakens_nothing(data: dict[str, Any], valid: bool) -> None:
    assert is_valid(Catalog([kind(NEGATIVE)]), "deploy", {**ENVELOPE, **data}) is valid


def test_an_own_kind_says_which_events_bring_it() -> None:
    catalog = Catalog([kind({"x-cloudevents-type": ["com.example.deploy", "com.example.deployed"]})])
    assert catalog.kind_of("com.example.deployed") == "deploy"
    assert catalog.kind_of("deploy") == "deploy"
    assert catalog.kind_of("com.example.other") == "com.example.other"


def test_the_catalog_of_a_folder_is_the_same_until_a_file_changes(tmp_path: Path) -> None:
    from interlock.schemas import SHIPPED
    from interlock.schemas.own import catalog_of

    assert catalog_of([]) is SHIPPED
    file = tmp_path / "deploy.schema.json"
    file.write_text(json.dumps(PYDANTIC))
    first = catalog_of([str(tmp_path)])
    assert catalog_of([str(tmp_path)]) is first
    file.write_text(json.dumps({**PYDANTIC, "title": "another"}))
    assert catalog_of([str(tmp_path)]) is not first
    file.unlink()
    assert catalog_of([str(tmp_path)]) is SHIPPED
