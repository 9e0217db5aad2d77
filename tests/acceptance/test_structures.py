"""Lists of objects, maps and objects in facts: read, compared, and never passed over where they break their schema."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from jsonschema import validate

import interlock as api
from interlock.diagnostics import PolicyError
from tests.acceptance.conftest import Interlock
from tests.helpers.ledgers import LedgerBuilder

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "deploy",
    "description": "A deploy.",
    "type": "object",
    "properties": {
        "steps": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string"},
                    "done_at": {"type": "string", "format": "date-time"},
                    "cost": {"type": "number"},
                    "env": {"type": "object", "additionalProperties": {"type": "string"}},
                    "box": {"type": "object", "properties": {"size": {"type": "integer"}}},
                },
            },
        },
        "regions": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
        "box": {"type": "object", "properties": {"size": {"type": "integer"}, "tags": {"type": "array"}}},
        "attributes": {
            "type": "object",
            "properties": {"kind": {"type": "object", "properties": {"group": {"type": "string"}}}},
        },
        "tags": {"type": "array", "items": {"type": "string"}},
    },
}
STEPS = [
    {"name": "build", "done_at": "2026-01-01T00:00:00Z", "cost": 1, "env": {"A": "x"}, "box": {"size": 3}},
    {"name": "test", "cost": 0.5},
]
DEPLOY: dict[str, Any] = {
    "steps": STEPS,
    "regions": {"eu": ["de", "fr"], "us": []},
    "box": {"size": 3, "more": [True]},
    "attributes": {"kind": {"group": "apps"}},
    "tags": ["a"],
}
HOLDS = [
    'deploy.steps.exists(s, s.name == "build" && s.done_at <= now)',
    "deploy.steps.map(s, s.cost).sum() == 1.5",
    'deploy.steps[0].env["A"] == "x"',
    'deploy.steps[0].env.A == "x" && !has(deploy.steps[1].env)',
    "deploy.steps.all(s, s.?box.?size.orValue(3) == 3)",
    "deploy.steps.all(task, task.?box.orValue({}).?size.orValue(3) == 3)",
    "deploy.?box.orValue({}) == deploy.box",
    '"size" in deploy.steps[0].box && !("size" in deploy.steps[1].box)',
    'deploy.steps[0]["name"] == "build"',
    'deploy.regions["eu"].exists(r, r == "fr") && deploy.regions.us.size() == 0',
    "deploy.box == deploy.steps[0].box || deploy.box != deploy.steps[0].box",
    'deploy.kind.group == "apps" && deploy.kind == "deploy"',
    "deploy == other",
    "deploy.box == other.box",
    "[deploy, other].all(d, d.tags.size() == 1)",
    "deploy.steps.filter(s, has(s.box)) == [deploy.steps[0]]",
    'deploy.regions.all(name, towns, towns.size() < 3 && name != "")',
    "deploy.steps.all(n, s, n == 0 || !has(s.env))",
    'deploy.tags[0].matches("^" + other.tags[0] + "$")',
]
POLICY = """
policy: gate
version: 1
question: Is it so?
facts:
  other: {{from: deploy, take: earliest}}
  deploy: {{from: deploy, {where}take: latest}}
rules:
  - {{id: so, when: {when}, block: it is so}}
decide:
  - {{state: "yes", when: blocked, allow: false}}
  - {{state: "no", allow: true}}
"""


def judged(folder: Path, when: str, where: str = "", second: dict[str, Any] = DEPLOY) -> Any:
    """The decision over two deploys, the second of these data."""
    (folder / "schemas" / "facts").mkdir(parents=True, exist_ok=True)
    (folder / "schemas" / "facts" / "deploy.schema.json").write_text(json.dumps(SCHEMA), "utf-8")
    narrowed = f"where: {json.dumps(where)}, " if where else ""
    (folder / "gate.yaml").write_text(POLICY.format(where=narrowed, when=json.dumps(when)), "utf-8")
    facts = [
        {"kind": "deploy", "id": f"d{n}", "seq": n, "task": "t", "at": f"2026-01-01T00:0{n}:00.000Z", **data}
        for n, data in enumerate((DEPLOY, second), start=1)
    ]
    (folder / "feed.ndjson").write_text("\n".join(map(json.dumps, facts)) + "\n", "utf-8")
    return api.evaluate(folder / "gate.yaml", ledger=folder / "feed.ndjson", task="t", at="2026-01-01T01:00:00Z")


@pytest.mark.parametrize("when", HOLDS)
def test_a_condition_holds(when: str, tmp_path: Path) -> None:
    decision = judged(tmp_path, when)
    assert (decision.allow, decision.reason) == (False, None)
    assert judged(tmp_path, f"!({when})").allow is True


@pytest.mark.parametrize("where", HOLDS)
def test_it_narrows_a_selection(where: str, tmp_path: Path) -> None:
    assert judged(tmp_path, "deploy != null", where).allow is False
    assert judged(tmp_path, "deploy != null", f"!({where})").allow is True


@pytest.mark.parametrize(
    "changed",
    [
        {"tags": [1]},
        {"steps": [{"name": 3}]},
        {"steps": [{"cost": 1}]},
        {"steps": ["build"]},
        {"steps": [{"name": "x", "done_at": "yesterday"}]},
        {"regions": {"eu": "de"}},
        {"box": {"size": "large"}},
    ],
)
def test_what_is_inside_and_breaks_the_schema_leaves_it_undecided(changed: dict[str, Any], tmp_path: Path) -> None:
    """Also where the condition would not have taken it: that rests on what is broken."""
    broken = {**DEPLOY, **changed}
    where = 'deploy.tags == ["z"] || deploy.steps.exists(s, s.name == "z") || deploy.regions == {"z": ["z"]}'
    where += " || deploy.box == deploy.steps[0].box && deploy.seq > 99"
    ledger = LedgerBuilder(tmp_path / "ledger.db").task("t")
    for data in (DEPLOY, broken):
        ledger.receipt("deploy", at="2026-06-11T12:00:05Z", attributes=data)
    ledger.write()
    for narrowed in ("", where):
        with suppress(api.LedgerError):  # a feed has no such line: a ledger may
            judged(tmp_path, "deploy != null", narrowed, broken)
        decision = api.evaluate(tmp_path / "gate.yaml", ledger=tmp_path / "ledger.db", task="t")
        assert decision.allow is None
        assert "`receipt-2` is invalid" in str(decision.reason)


def test_what_differs_is_another(tmp_path: Path) -> None:
    changes: list[dict[str, Any]] = [{"tags": ["b"]}, {"box": {"size": 4}}, {"steps": STEPS[:1]}, {"regions": {}}]
    for changed in changes:
        assert judged(tmp_path, "deploy == other", "", {**DEPLOY, **changed}).allow is True


@pytest.mark.parametrize(
    ("when", "code"),
    [
        ("deploy.steps.exists(s, s.nmae == 'x')", "E207"),
        ("deploy.steps[0].box.map(x, x).size() == 1", "E419"),
        ("deploy.steps.sort().size() == 1", "E419"),
        ("deploy.box == deploy.tags", "E409"),
        ("deploy.box < other.box", "E410"),
        ("deploy.tags[0] in deploy.box", "E412"),
        ("deploy.box == other", "E402"),
        ("deploy.steps.exists_one(n, s, n.x == s)", "E205"),
        ("deploy.steps.filter(n, s, n == 0).size() == 1", "E306"),
        ('"%s".format(["a", "b"]) == "a"', "E306"),
        ('"%x".format([1]) == "1"', "E302"),
        ('"%d".format(["a"]) == "1"', "E419"),
    ],
)
def test_what_is_wrong_is_said(when: str, code: str, tmp_path: Path) -> None:
    with pytest.raises(PolicyError) as raised:
        judged(tmp_path, when)
    assert code in [issue.code for issue in raised.value.issues]


def test_a_message_has_no_objects(tmp_path: Path) -> None:
    judged(tmp_path, "true")
    text = (tmp_path / "gate.yaml").read_text("utf-8").replace("it is so", "'it has {deploy.steps}'")
    (tmp_path / "gate.yaml").write_text(text, "utf-8")
    with pytest.raises(PolicyError, match="has objects in it"):
        api.evaluate(tmp_path / "gate.yaml", ledger=tmp_path / "feed.ndjson", task="t")


ASKED = 'deploy.steps.exists(s, s.name == "build" && s.done_at <= now && s.cost > 0.25) && deploy.regions["eu"] != []'


def test_what_was_seen_of_it_is_shown_as_it_was_recorded(tmp_path: Path, interlock: Interlock) -> None:
    judged(tmp_path, ASKED)
    about = (str(tmp_path / "gate.yaml"), "--ledger", str(tmp_path / "feed.ndjson"), "--task", "t")
    facts = json.loads(interlock("facts", *about, "--at", "2026-01-01T01:00:00Z").out)
    assert facts["fields"]["steps"] == [{**STEPS[0], "cost": 1.0}, STEPS[1]]
    assert '"done_at":"2026-01-01T00:00:00Z"' in interlock("explain", *about, "--at", "2026-01-01T01:00:00Z").out


def test_a_decision_becomes_a_test(tmp_path: Path, interlock: Interlock) -> None:
    judged(tmp_path, ASKED, "", {**DEPLOY, "steps": [*STEPS, {"name": "secret", "cost": 1e-7}]})
    about = ("--ledger", str(tmp_path / "feed.ndjson"), "--task", "t", "--at", "2026-01-01T01:00:00Z")
    test = tmp_path / "gate_test.yaml"
    assert interlock("capture", str(tmp_path / "gate.yaml"), *about, "--output", str(test)).code == 0
    assert interlock("test", str(test)).code == 0
    assert "done_at: -1h" in test.read_text("utf-8")
    assert "secret" not in test.read_text("utf-8")


@pytest.mark.parametrize(
    ("when", "until"),
    [
        ("deploy.steps.exists(s, s.done_at <= now)", "2026-01-01T02:00:00Z"),
        ("deploy.steps.all(s, s.done_at <= now)", "2026-01-01T03:00:00Z"),
        ("deploy.steps.filter(s, s.done_at <= now).size() == 2", "2026-01-01T03:00:00Z"),
        ('deploy.steps.exists(s, now - s.done_at > duration("1h"))', "2026-01-01T03:00:00.000001Z"),
        ("deploy.steps.exists(n, s, n == 1 && s.done_at <= now)", "2026-01-01T03:00:00Z"),
    ],
)
def test_it_holds_until_the_clock_passes_an_instant_inside(when: str, until: str, tmp_path: Path) -> None:
    steps = [{"name": "a", "done_at": "2026-01-01T02:00:00Z"}, {"name": "b", "done_at": "2026-01-01T03:00:00Z"}]
    decision = judged(tmp_path, when, "", {**DEPLOY, "steps": steps})
    assert (decision.allow, decision.valid_until, decision.validity) == (True, until, "exact")


def test_the_kind_is_listed_with_what_is_in_it(tmp_path: Path, interlock: Interlock) -> None:
    judged(tmp_path, "true")
    listed = interlock("kinds", "deploy", "--schema-dir", str(tmp_path / "schemas" / "facts"), "--format", "json")
    kind = json.loads(listed.out)
    validate(kind, json.loads((ROOT / "schemas" / "kind.schema.json").read_text("utf-8")))
    inside = {each["path"]: (each["type"], each["item"]) for each in kind["fields"]}
    assert inside["steps"] == ("list", "object")
    assert inside["regions"] == ("map", "list")
