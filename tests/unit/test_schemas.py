"""What the schemas' one reader says: of facts, of whole documents, of a kind's fields."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from interlock import resources, schemas
from interlock.schemas import FieldSpec, Violation, diagnose, documents, validate
from interlock.schemas import validate as translation

SMOKE: dict[str, Any] = {
    "kind": "app_smoke_receipt_recorded",
    "id": "telemetry-1",
    "seq": 812,
    "task": "demo",
    "at": "2026-06-11T12:00:05Z",
    "actor": "worker",
    "severity": "info",
    "summary": "worker accepted",
    "correlation": {"command": "app-smoke", "smoke_id": "smoke-1"},
    "smoke_id": "smoke-1",
    "nonce": "nonce-1",
    "role": "worker",
    "status": "accepted",
    "thread_id": None,
    "payload": {"summary": "all is well"},
}
STARTED: dict[str, Any] = {
    **{name: SMOKE[name] for name in ("id", "seq", "task", "at", "actor", "severity", "summary", "smoke_id", "nonce")},
    "kind": "app_smoke_started",
    "correlation": {},
    "mode": "required",
    "scope": "pair",
    "worker_count": 1,
}
INSTANT = "not an instant in UTC such as `2026-06-11T12:00:05Z`, from 1970 to 2254"
ACTORS = "`dispatch`, `manager`, `worker`, `operator`, `workerctl`, `system` or `null`"
STATUSES = "`sent`, `received`, `accepted`, `blocked` or `skipped`"


def nested(depth: int) -> Any:
    found: Any = {}
    for _ in range(depth):
        found = {"deeper": found}
    return found


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"at": "2026-06-11T12:00:05.123456789+00:00"},
        {"at": "1970-01-01T00:00:00Z"},
        {"at": "2254-12-31T23:59:59Z"},
        {"seq": 2**53 - 1},
        {"task": None},
        {"payload": None},
        {"payload": {"summary": 7}},
        {"payload": {"summary": [float("nan")]}},
        {"a newer Conveyor": {"may": ["add", 2**80, None]}},
        {"summary": "x" * 10_000_000},
        {"seq": 812.0},
        {"seq": -0.0},
        {"a newer Conveyor": 10**4299},
        {"payload": nested(60)},
        {"payload": nested(400)},
        {"payload": {"wide": [nested(3)] * 400}},
        {"summary": "{[" * 5_000},
    ],
)
def test_a_valid_fact(changes: dict[str, Any]) -> None:
    assert schemas.fact_errors(schemas.SHIPPED, "app_smoke_receipt_recorded", {**SMOKE, **changes}) == ()


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({"status": "acepted"}, [f"`status` is `acepted`, not one of {STATUSES}; did you mean `accepted`?"]),
        ({"status": "x" * 99}, [f"`status` is `{'x' * 39}…`, not one of {STATUSES}"]),
        ({"status": "a\nb\x1b"}, [f"`status` is `a\\nb\\x1b`, not one of {STATUSES}"]),
        ({"status": 5}, ["`status` is the number `5`, not text"]),
        ({"status": None}, ["`status` is `null`, not text"]),
        ({"status": True}, ["`status` is `true`, not text"]),
        ({"status": {}}, ["`status` is a mapping, not text"]),
        ({"thread_id": []}, ["`thread_id` is a list, not text or null"]),
        ({"actor": "wroker"}, [f"`actor` is `wroker`, not one of {ACTORS}; did you mean `worker`?"]),
        ({"kind": "app_heartbeat"}, ["`kind` is `app_heartbeat`, not `app_smoke_receipt_recorded`"]),
        ({"nonce": ...}, ["`nonce` is missing"]),
        ({"nonce": ..., "at": ...}, ["`at` is missing", "`nonce` is missing"]),
        ({"seq": "2"}, ['`seq` is text (`"2"`), not an integer']),
        ({"seq": 1.5}, ["`seq` is the number `1.5`, not an integer"]),
        ({"seq": float("nan")}, ["`seq` is the number `nan`, not an integer"]),
        ({"seq": float("-inf")}, ["`seq` is the number `-inf`, not an integer"]),
        ({"seq": True}, ["`seq` is `true`, not an integer"]),
        ({"seq": -1}, ["`seq` is `-1`, less than 0"]),
        ({"seq": 2**53}, ["`seq` is `9007199254740992`, greater than 9007199254740991"]),
        ({"seq": 2**64}, ["`seq` is `18446744073709551616`, greater than 9007199254740991"]),
        ({"seq": 2**999}, ["`seq` is `…`, greater than 9007199254740991"]),
        ({"seq": -(10**5000)}, ["`seq` is a number too large to be shown"]),
        ({"payload": {"other": 10**5000}}, ["`payload.other` is a number too large to be shown"]),
        ({"at": "yesterday"}, [f"`at` is `yesterday`, {INSTANT}"]),
        ({"at": "2026-02-30T00:00:00Z"}, [f"`at` is `2026-02-30T00:00:00Z`, {INSTANT}"]),
        ({"at": "1969-12-31T23:59:59Z"}, [f"`at` is `1969-12-31T23:59:59Z`, {INSTANT}"]),
        ({"at": "2300-01-01T00:00:00Z"}, [f"`at` is `2300-01-01T00:00:00Z`, {INSTANT}"]),
        ({"at": "2026-06-11T23:59:60Z"}, [f"`at` is `2026-06-11T23:59:60Z`, {INSTANT}"]),
        ({"at": "2026-06-11T12:00:05+02:00"}, [f"`at` is `2026-06-11T12:00:05+02:00`, {INSTANT}"]),
        ({"at": "2026-06-11T12:00:05Z\n"}, [f"`at` is `2026-06-11T12:00:05Z\\n`, {INSTANT}"]),
        *(
            ({"at": text}, [f"`at` is `{text}`, {INSTANT}"])
            for text in (
                "2026-06-11T24:00:00Z",
                "2026-06-11T12:00:05.Z",
                "2026-06-11T12:00:05.1234567890Z",
                "2026-06-11T12:00:05.1234567²Z",
                "2026-06-11T12:00:05,250Z",
                "2026-06-11T12:00:05+0000",
                "2026-06-11 12:00:05Z",
                "2026-W24-4T12:00:05Z",
                "20260611T120005Z",
                "Z",
                "",
            )
        ),
        ({"at": 5}, ["`at` is the number `5`, not text"]),
        ({"correlation": 5}, ["`correlation` is the number `5`, not a mapping"]),
        ({"correlation": {"role": "boss"}}, ["`correlation.role` is `boss`, not one of `manager` or `worker`"]),
        ({"payload_keys": ["a", 1]}, ["`payload_keys[1]` is the number `1`, not text"]),
        ({"role": "\ud83d"}, ["`role` holds an unpaired surrogate: `\\ud83d`",
                              "`role` is `\\ud83d`, not one of `manager` or `worker`"]),
        ({"payload": {"summary": "\udfff"}}, ["`payload.summary` holds an unpaired surrogate: `\\udfff`"]),
        ({"payload": {"list": [{"\udfff": 1}]}}, ["a key of `payload.list[0]` holds an unpaired surrogate: `\\udfff`"]),
        ({"payload": {1: 2}, "role": 3}, ["a key of `payload` is the number `1`, not text",
                                          "`role` is the number `3`, not text"]),
        ({"payload": {1: 2}}, ["a key of `payload` is the number `1`, not text"]),
        ({"payload": nested(501)}, ["the fact is nested too deeply"]),
        ({"payload": nested(100_000)}, ["the fact is nested too deeply"]),
    ],
)  # fmt: skip
def test_an_invalid_fact(changes: dict[str, Any], lines: list[str]) -> None:
    changed = {name: value for name, value in {**SMOKE, **changes}.items() if value is not ...}
    assert list(schemas.fact_errors(schemas.SHIPPED, "app_smoke_receipt_recorded", changed)) == lines


def test_a_fact_that_is_no_mapping() -> None:
    assert schemas.fact_errors(schemas.SHIPPED, "app_smoke_started", []) == ("the fact is a list, not a mapping",)  # type: ignore[arg-type]


def test_an_integer_is_no_text() -> None:
    errors = schemas.fact_errors(schemas.SHIPPED, "app_smoke_started", {**STARTED, "worker_count": "2"})
    assert errors == ('`worker_count` is text (`"2"`), not an integer',)


@pytest.mark.parametrize(
    "ask", [schemas.SHIPPED.fields, lambda kind: schemas.fact_errors(schemas.SHIPPED, kind, SMOKE)]
)
@pytest.mark.parametrize("kind", ["app_smoke", "../decision", ""])
def test_a_kind_without_a_schema_is_a_bug(ask: Any, kind: str) -> None:
    with pytest.raises(KeyError, match="no fact kind"):
        ask(kind)


def test_a_disagreement_is_never_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validate, "is_fact", lambda fact, made: False)
    line = "the two validators disagree about the fact, so it is not taken as valid"
    assert schemas.fact_errors(schemas.SHIPPED, "app_smoke_receipt_recorded", SMOKE) == (line,)


def test_a_fault_of_the_validator_is_not_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Faulty:
        def iter_errors(self, document: object) -> list[object]:
            raise ValueError("a bug")

    monkeypatch.setattr(diagnose, "_exact", lambda usual: lambda *given, **named: Faulty())
    with pytest.raises(ValueError, match="a bug"):
        schemas.fact_errors(schemas.SHIPPED, "app_smoke_receipt_recorded", {})


def test_a_valid_fact_costs_no_import_of_the_validator_that_explains() -> None:
    program = (
        "import json, sys; from interlock import schemas; fact = json.loads(sys.argv[1]);"
        "slow = {'jsonschema', 'referencing', 'interlock.schemas.diagnose'};"
        "ours = schemas.SHIPPED; print(schemas.fact_errors(ours, fact['kind'], fact), end=' ');"
        "print(len(ours.fields('seat')), sorted(slow & set(sys.modules)));"
        "del fact['at']; print(schemas.fact_errors(ours, fact['kind'], fact), slow <= set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", program, json.dumps(SMOKE)], capture_output=True, text=True, check=True)
    fields = len(schemas.SHIPPED.fields("seat"))
    assert ran.stdout == f"() {fields} []\n('`at` is missing',) True\n"


def test_the_fields_of_a_kind() -> None:
    found = schemas.SHIPPED.fields("app_smoke_receipt_recorded")
    assert found["at"] == FieldSpec("timestamp", required=True)
    assert found["seq"] == FieldSpec("int", required=True)
    assert found["task"] == FieldSpec("string")
    assert found["kind"] == FieldSpec("string", ("app_smoke_receipt_recorded",), required=True)
    assert found["role"] == FieldSpec("string", ("manager", "worker"), required=True)
    assert found["thread_id"] == FieldSpec("string")
    assert found["notification_id"] == FieldSpec("int")
    assert found["payload"] == FieldSpec("object")
    assert found["payload.summary"] == FieldSpec("string", lenient=True)
    assert found["payload_keys"] == FieldSpec("list", item=FieldSpec("string", required=True))
    assert found["correlation.smoke_id"] == FieldSpec("string")
    assert "attributes" not in found


@pytest.mark.parametrize(
    ("kind", "path", "spec"),
    [
        ("app_heartbeat", "attributes.task", FieldSpec("string")),
        ("app_wakeup_delivery_recorded", "source_send_ready", FieldSpec("bool")),
        ("seat", "heartbeat_at", FieldSpec("timestamp")),
        ("notification", "created_at", FieldSpec("timestamp", required=True)),
        ("seat", "state", FieldSpec("string", ("active", "gone"))),
        # It must be there where there is a correlation, but there need not be one.
        ("dispatch_watch_heartbeat", "correlation.dispatcher_id", FieldSpec("string")),
        ("app_autopilot_started", "interval_minutes", FieldSpec("double")),
        ("app_wakeup_dispatch_planned", "actions.role", None),
    ],
)
def test_a_field(kind: str, path: str, spec: FieldSpec | None) -> None:
    assert schemas.SHIPPED.fields(kind).get(path) == spec


def test_every_member_of_a_required_object_may_be_required(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}, "b": {"type": "boolean"}}}
    (tmp_path / "facts").mkdir()
    whole = {
        "type": "object",
        "required": ["x"],
        "properties": {"x": inner, "y": inner, "z": {"type": ["string", "integer"]}},
    }
    (tmp_path / "facts" / "fresh.schema.json").write_text(json.dumps(whole))
    monkeypatch.setattr(documents, "data_folder", lambda name: str(tmp_path))
    monkeypatch.setattr(documents, "shipped_kinds", lambda: ("fresh",))
    found = {path: spec for path, spec in schemas.Catalog().fields("fresh").items() if "." in path}
    assert found == {
        "x.a": FieldSpec("int", required=True),
        "x.b": FieldSpec("bool"),
        "y.a": FieldSpec("int"),
        "y.b": FieldSpec("bool"),
    }


def policy(**changes: Any) -> dict[str, Any]:
    whole = {"policy": "p", "version": 1, "question": "why?", "decide": [{"state": "s", "allow": True}], **changes}
    return {name: value for name, value in whole.items() if value is not ...}


OUTPUT = "text, true or false, an integer or a mapping"
EFFECTS = "`block`, `warn`, `note` and `derive`"


def plain(violation: Violation) -> Violation:
    """The violation with its place, message and hint alone."""
    return Violation(violation.path, violation.message, violation.hint)


@pytest.mark.parametrize(
    ("document", "found"),
    [
        (policy(), []),
        ([], [Violation((), "the policy is a list, not a mapping")]),
        (policy(decide=...), [Violation((), "`decide` is missing")]),
        (policy(decide=[]), [Violation(("decide",), "`decide` is empty")]),
        (policy(version=2), [Violation(("version",), "`version` is `2`, not `1`")]),
        (policy(titel="x"), [Violation(("titel",), "unknown key `titel`", "did you mean `title`?")]),
        (
            policy(decide=[{"state": "s", "allow": True, "zzz": 1}]),
            [Violation(("decide", 0, "zzz"), "unknown key `zzz`",
                       "known here: `state`, `when`, `hold`, `allow`, `reason`, `fix` and `hint`")],
        ),
        (
            policy(policy="Smoke Gate"),
            [Violation(("policy",), "`policy` is `Smoke Gate`, not a valid id",
                       "the policy's id: lower-case words joined by hyphens, the same as the file's stem")],
        ),
        (
            policy(policy="smoke\n"),
            [Violation(("policy",), "`policy` is `smoke\\n`, not a valid id",
                       "the policy's id: lower-case words joined by hyphens, the same as the file's stem")],
        ),
        (
            policy(facts={"2x": {"from": "seat"}}),
            [Violation(("facts", "2x"), "`2x` is not a valid name",
                       "a name: letters, digits and underscores, not starting with a digit")],
        ),
        (
            policy(facts={"x": {"from": ["seat", "seat"]}}),
            [Violation(("facts", "x", "from", 1), "`facts.x.from` names `seat` twice")],
        ),
        (
            policy(facts={"x": {"from": "seat", "per": {"a": ["b"], "c": ["d"]}}}),
            [Violation(("facts", "x", "per"), "`facts.x.per` has 2 keys, more than 1")],
        ),
        (policy(rules=[{"id": "r"}]), [Violation(("rules", 0), f"`rules[0]` has none of {EFFECTS}")]),
        (
            policy(rules=[{"id": "r", "blok": "x"}]),
            [Violation(("rules", 0, "blok"), "unknown key `blok`", "did you mean `block`?")],
        ),
        (
            policy(rules=[{"id": "r", "block": "x", "warn": "y"}]),
            [Violation(("rules", 0, "warn"), "`rules[0]` has `block` and `warn`: only one of them is allowed")],
        ),
        (
            policy(outputs={"a": {"b": [1]}}),
            [Violation(("outputs", "a", "b"), f"`outputs.a.b` is a list, not {OUTPUT}")],
        ),
        (policy(outputs={"a": {"b": {}}}), [Violation(("outputs", "a", "b"), "`outputs.a.b` is empty")]),
        (
            policy(rules=[{"id": 5}, 7], question="", params={"x": {"type": "strng"}}),
            [
                Violation(("params", "x", "type"), "`params.x.type` is `strng`, not one of `string`, `int`, `bool`, "
                          "`duration`, `timestamp` or `list`", "did you mean `string`?"),
                Violation(("question",), "`question` is empty"),
                Violation(("rules", 0), f"`rules[0]` has none of {EFFECTS}"),
                Violation(("rules", 0, "id"), "`rules[0].id` is the number `5`, not text"),
                Violation(("rules", 1), "`rules[1]` is the number `7`, not a mapping"),
            ],
        ),
        (
            policy(outputs=nested(150)),
            [Violation(("outputs", *["deeper"] * 150), f"`outputs{'.deeper' * 13}.…` is empty")],
        ),
    ],
)  # fmt: skip
def test_the_violations_of_a_policy(document: Any, found: list[Violation]) -> None:
    assert [plain(violation) for violation in schemas.violations("policy", document)] == found


INSTANTS = documents.schema("envelope")["$defs"]["instant"]


@pytest.mark.parametrize(
    "node",
    [
        {"type": "string", "format": "date-time"},
        {"type": "string", "format": "date-time", "pattern": "^a$"},
        {"type": "string", "minimum": 1},
        {"type": "integer", "exclusiveMinimum": 1},
        {"type": "integer", "minimum": 0.5},
        {"type": "integer", "minimum": 2**80},
        {"enum": ["a", 1]},
        {"type": "integer", "enum": [1, 2]},
        {"type": "boolean", "const": True},
        {"type": "string", "enum": ["x"], "const": "x"},
        {"type": "string", "enum": []},
        {"type": "string", "const": "x", "pattern": "^x$"},
        {"type": "number", "multipleOf": 2},
        {"type": "object", "additionalProperties": {"type": "string"}, "properties": {"x": {"type": "string"}}},
        {"type": "object", "additionalProperties": False, "allOf": [{"properties": {"x": {"type": "string"}}}]},
        {"type": "object", "properties": {"x": {"type": "object", "properties": {"y": {"not": {}}}}}},
        {"type": ["string", "text"]},
        {"type": []},
        {"properties": {}},
        {"required": ["x"]},
        {"anyOf": [{"type": "string"}, {"type": "null"}]},
        {"$ref": "#/$defs/x"},
        {"allOf": [{"type": "integer", "minimum": 1}], "type": "integer", "minimum": 2},
        {"type": "object", "allOf": [{"properties": {"x": {"type": "string"}}}], "properties": {"x": {"type": "null"}}},
        {"type": ["string", "integer"], "format": "date-time", "pattern": INSTANTS["pattern"]},
    ],
)
def test_what_cannot_be_translated_raises(node: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError)):
        translation.made_type(node)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), True, "1", None])
@pytest.mark.parametrize("kind", ["integer", "number"])
def test_what_is_no_number(kind: str, value: object) -> None:
    assert not translation.is_fact(value, translation.made_type({"type": kind}))


@pytest.mark.parametrize(
    ("schema", "document", "message"),
    [
        ({"multipleOf": 2}, 3, "the thing does not match: 3 is not a multiple of 2"),
        ({"oneOf": [{}, {"minimum": 2}]}, 3, "the thing does not match: 3 is valid under each of {'minimum': 2}, {}"),
        ({"type": "string"}, date(2026, 6, 11), "the thing is a date, not text"),
        ({"enum": ["x"]}, date(2026, 6, 11), "the thing is `2026-06-11`, not `x`"),
        ({"enum": ["x", "y"]}, [1], "the thing is `[…]`, not one of `x` or `y`"),
        ({"maximum": 0}, 2**999, "the thing is `…`, greater than 0"),
        ({"type": "string"}, 2**999, "the thing is a number too large to be shown, not text"),
        ({"minItems": 3}, [1, 2], "the thing has 2 items, fewer than 3"),
        ({"pattern": "^a$"}, "b", "the thing is `b`, not of the required form"),
        ({"type": "number"}, float("nan"), "the thing is the number `nan`, not a number"),
        ({"type": "number"}, True, "the thing is `true`, not a number"),
    ],
)  # fmt: skip
def test_the_words_for_what_no_shipped_schema_says(schema: dict[str, Any], document: Any, message: str) -> None:
    assert [found.message for found in diagnose.complaints(schema, document, "thing")] == [message]


def test_what_is_nested_without_end_is_said_to_be() -> None:
    deep = Violation((), "the policy is nested too deeply")
    assert schemas.violations("policy", policy(outputs=nested(100_000))) == [deep]
    assert deep in schemas.violations("policy", policy(outputs=nested(190), version=2))


FINDING = {
    "rule": "not-sent",
    "severity": "block",
    "message": "m",
    "fix": None,
    "data": {"role": "worker"},
    "evidence": ["e"],
    "waived": None,
}


def decision(**changes: Any) -> dict[str, Any]:
    made = {
        "policy": "smoke",
        "version": 1,
        "task": "demo",
        "now": "2026-06-11T12:00:05Z",
        "allow": False,
        "state": "blocked",
        "reason": None,
        "findings": [FINDING],
        "outputs": {"mode": "required", "worker": {"accepted": True, "count": 3, "ids": ["a"], "at": None}},
        "evidence": ["e"],
        "engine": "both",
        "policy_digest": "sha256:" + "0" * 64,
        "ledger": {"path": "ledger.db", "seq": 812},
        "valid_until": None,
        "validity": "exact",
        "next_change": None,
        "params": {"stale_after": {"value": "3m", "origin": "default"}},
    }
    return {name: value for name, value in (made | changes).items() if value is not ...}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"allow": True, "findings": []},
        {"allow": None, "state": "undecided", "reason": "No active binding", "findings": [], "outputs": {}},
        {
            "valid_until": "2026-06-11T12:03:05.000001Z",
            "next_change": {
                "at": "2026-06-11T12:03:05.000001Z",
                "allow": False,
                "state": "blocked",
                "reason": None,
                "appeared": [{"rule": "not-sent", "message": "m"}],
                "vanished": [],
            },
        },
    ],
)
def test_a_decision(changes: dict[str, Any]) -> None:
    assert schemas.violations("decision", decision(**changes)) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"allow": None}, "`reason` is `null`, not text"),
        ({"allow": True, "reason": "because"}, '`reason` is text (`"because"`), not null'),
        ({"allow": None, "reason": ""}, "`reason` is empty"),
        ({"allow": "yes"}, '`allow` is text (`"yes"`), not true or false or null'),
        ({"allow": ...}, "`allow` is missing"),
        ({"alow": True}, "unknown key `alow`"),
        ({"now": "now"}, f"`now` is `now`, {INSTANT}"),
        ({"engine": "rate"}, "`engine` is `rate`, not one of `rete`, `reference` or `both`"),
        (
            {"findings": [{**FINDING, "severity": "error"}]},
            "`findings[0].severity` is `error`, not one of `block`, `warn` or `note`",
        ),
        ({"findings": [{**FINDING, "line": 3}]}, "unknown key `line`"),
        ({"ledger": {"path": "x"}}, "`ledger.seq` is missing"),
        ({"policy_digest": "0" * 64}, f"`policy_digest` is `{'0' * 39}…`, not a valid policy digest"),
    ],
)  # fmt: skip
def test_what_is_no_decision(changes: dict[str, Any], message: str) -> None:
    assert message in [found.message for found in schemas.violations("decision", decision(**changes))]


@pytest.mark.parametrize(
    ("documents", "fault"),
    [
        (
            [{"policy": "p", "version": version} for version in (2, "1", None, "`, not `", "version", "`version`")],
            "`version` is …, not `1`",
        ),
        (
            [
                {"decide": [{"state": "s"}] * count + [{"state": value}]}
                for count, value in ((0, 1), (2, None), (5, [1]))
            ],
            "`decide[].state` is …, not text",
        ),
        ([{}, {"policy": "p"}], "`decide` is missing"),
    ],
)
def test_a_fault_is_one_whatever_the_value(documents: list[dict[str, Any]], fault: str) -> None:
    for document in documents:
        found = schemas.violations("policy", document)
        assert fault in [violation.fault for violation in found]


def test_the_digest_tells_a_change_of_any_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "facts").mkdir()
    files = [tmp_path / "policy.schema.json", tmp_path / "facts" / "seat.schema.json"]
    for file in files:
        file.write_text("{}")
        os.utime(file, (1, 1))
    monkeypatch.setattr(documents, "data_folder", lambda name: str(tmp_path))
    seen = [schemas.schemas_digest(), schemas.schemas_digest()]
    assert seen[0] == seen[1]
    os.utime(files[0], (2, 2))
    seen.append(schemas.schemas_digest())
    files[1].write_text("{ }")
    os.utime(files[1], (1, 1))
    seen.append(schemas.schemas_digest())
    files[1].rename(files[1].with_name("seats.schema.json"))
    seen.append(schemas.schemas_digest())
    assert len(set(seen)) == 4


def test_the_shipped_folders_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site" / "packages" / "interlock"
    checkout = package / ".." / ".." / "schemas"
    monkeypatch.setattr(resources, "__file__", str(package / "shipped.py"))
    package.mkdir(parents=True)
    with pytest.raises(RuntimeError, match="the installation of interlock is incomplete: no folder `schemas`"):
        resources.data_folder("schemas")
    checkout.mkdir()
    assert resources.data_folder("schemas") == os.path.normpath(checkout)
    (package / "_data" / "schemas").mkdir(parents=True)
    assert resources.data_folder("schemas") == str(package / "_data" / "schemas")
