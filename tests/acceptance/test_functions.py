"""Functions, lists, maps and fractions in conditions: over facts of an own kind, by both evaluators and in `where`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
import yaml

import interlock
from interlock import schemas
from interlock.diagnostics import PolicyError
from interlock.policy.docs import policy_page
from interlock.policy.library import Library
from interlock.policy.parse import parse_valid
from tests.helpers.engine import BOTH, RETE

SCHEMA: Final = {
    "type": "object",
    "required": ["service"],
    "properties": {
        "service": {"type": "string"},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "images": {"type": "array", "items": {"type": "string"}},
        "ports": {"type": "array", "items": {"type": "integer"}},
        "ratio": {"type": "number"},
        "replicas": {"type": "integer"},
        "limit": {"type": "string"},
        "present": {"type": "boolean"},
        "meta": {
            "type": "object",
            "properties": {
                "owner": {"type": ["string", "null"]},
                "open": {"type": "boolean"},
                "size": {"type": "integer"},
                "count": {"type": "integer"},
            },
        },
    },
}
WEB: Final = {
    "service": "web",
    "labels": {"app": "web", "tier": "front"},
    "images": ["reg/a:1.2", "reg/b:latest"],
    "ports": [80, 8443],
    "ratio": 0.95,
    "replicas": 3,
    "limit": "12",
    "meta": {"owner": "ann"},
}
DB: Final = {
    "service": "db",
    "labels": {"app": "db"},
    "images": [],
    "ratio": 0.5,
    "replicas": 0,
    "limit": "none",
    "present": False,
}
NOW: Final = "2026-06-22T09:02:00Z"
HELD: Final = {
    'd.service.startsWith("w")': "web",
    'd.service.matches("^[a-d]+$")': "db",
    'd.service.upperAscii() in ["WEB", "X"]': "web",
    'd.service + "/" + d.service == "db/db"': "db",
    'd.service < "e"': "db",
    '"tier" in d.labels': "web",
    'has(d.labels.tier) && d.labels.tier == "front"': "web",
    'd.labels["app"].size() == 2': "db",
    'd.labels.?tier.orValue("none") == "none"': "db",
    'd.labels.exists(k, d.labels[k] == "front")': "web",
    'd.images.exists(i, i.endsWith(":latest"))': "web",
    "d.images.size() == 0": "db",
    'd.images.all(i, i.startsWith("reg/"))': "web db",
    'd.images.map(i, i.split(":")[0]) == ["reg/a", "reg/b"]': "web",
    "d.ports.exists_one(p, p > 1024)": "web",
    "d.ports.all(p, p > 0)": "web",
    "8443 in d.ports": "web",
    "d.ports + [1] == [80, 8443, 1]": "web",
    "d.ratio >= 0.95": "web",
    "double(d.replicas) * d.ratio < 1.5": "db",
    "d.replicas * 2 % 4 == 2": "web",
    "-d.replicas / 2 == -1": "web",
    'd.meta.?owner.orValue("nobody") == "nobody"': "db",
    'd["service"] == "db"': "db",
    '(d.replicas > 0 ? d.service : "none") == "none"': "db",
    '(d.replicas > 0) == (d.service == "db")': "",
    "cel.bind(n, d.replicas * d.replicas, n > 8 && n < 10)": "web",
    "variables.busy && variables.front": "web",
    'timestamp("2026-06-22T09:00:00Z") + duration(string(d.replicas) + "m") > d.at': "web",
    'd.service == "db" || int(d.limit) == 12': "web db",
    "d.replicas != 0 && 6 / d.replicas == 2": "web",
    "6 / d.replicas == 2 && d.replicas != 0": "web",
    'd.images.exists(i, i.contains("x") || d.service == "web")': "web",
}
FAILING: Final = {
    "int(d.limit) > 3": "`int(d.limit)` has no value for deploy `db`: `none` is not a whole number of 64 bits",
    "6 / d.replicas > 3": "`6 / d.replicas` has no value for deploy `db`: division by zero",
    'd.labels["tier"] == "front"': '`d.labels["tier"]` has no value for deploy `db`: there is no key `tier`',
    '{d.service: 1, "db": 2}.size() == 2': '`{d.service: 1, "db": 2}` has no value for deploy `db`: '
    "a key of the map is duplicated",
    'd.service.charAt(3) == ""': "`d.service.charAt(3)` has no value for deploy `db`: "
    "there is no character 3 in a text of 2",
}


def question(folder: Path, **written: Any) -> dict[str, Any]:
    """A question about two deployments, one after the other."""
    kinds = folder / "kinds"
    kinds.mkdir()
    (kinds / "deploy.schema.json").write_text(json.dumps(SCHEMA))
    receipts = [
        {"kind": "deploy", "seq": n, "id": own["service"], "task": "t", "at": f"2026-06-22T09:0{n}:00Z"} | own
        for n, own in enumerate((WEB, DB))
    ]
    lines = [
        json.dumps({"actor": "operator", "severity": "info", "summary": "", "correlation": {}} | receipt)
        for receipt in receipts
    ]
    (folder / "feed.ndjson").write_text("\n".join(lines) + "\n")
    policy = {
        "policy": "mine",
        "version": 1,
        "question": "Is it so?",
        "variables": {"busy": "d.replicas > 1", "front": 'd.labels.?tier.orValue("") == "front"'},
        "facts": {"d": {"from": "deploy"}},
        "decide": [{"state": "bad", "when": "blocked", "allow": False}, {"state": "good", "allow": True}],
    }
    (folder / "mine.yaml").write_text(yaml.safe_dump(policy | written, sort_keys=False))
    asked = {"policy": folder / "mine.yaml", "ledger": folder / "feed.ndjson", "task": "t", "at": NOW}
    return {**asked, "schema_dirs": [kinds]}


@pytest.mark.parametrize("engine", ["reference", RETE, BOTH])
@pytest.mark.parametrize("condition", HELD)
def test_a_rule_fires_where_it_holds(tmp_path: Path, condition: str, engine: Any) -> None:
    rules = [
        {"id": "held", "for": "d", "when": condition, "note": "{d.service}"},
        {"id": "not-held", "for": "d", "unless": condition, "note": "{d.service}"},
    ]
    decision = interlock.evaluate(**question(tmp_path, rules=rules), engine=engine)
    found = {rule: [each.message for each in decision.findings if each.rule == rule] for rule in ("held", "not-held")}
    assert decision.reason is None
    assert (found["held"], sorted(found["held"] + found["not-held"])) == (HELD[condition].split(), ["db", "web"])


@pytest.mark.parametrize("condition", HELD)
def test_a_selection_takes_what_it_holds_for(tmp_path: Path, condition: str) -> None:
    facts = {
        "d": {"from": "deploy", "where": condition},
        "c": {"from": "deploy", "where": condition.replace("d.", "c.").replace("d[", "c["), "take": "count"},
    }
    if "variables" in condition:
        del facts["c"]
    outputs = {"d": "d.size()"} | ({"c": "c.count"} if "c" in facts else {})
    rules = [{"id": "held", "for": "d", "note": "{d.service}"}]
    decision = interlock.evaluate(**question(tmp_path, facts=facts, rules=rules, outputs=outputs))
    assert decision.reason is None
    assert [each.message for each in decision.findings] == HELD[condition].split()
    assert set(decision.outputs.values()) == {len(HELD[condition].split())}


@pytest.mark.parametrize("engine", ["reference", RETE, BOTH])
@pytest.mark.parametrize("condition", FAILING)
def test_what_has_no_value_is_undecided(tmp_path: Path, condition: str, engine: Any) -> None:
    rules = [{"id": "r", "for": "d", "when": condition, "note": "x"}]
    decision = interlock.evaluate(**question(tmp_path, rules=rules), engine=engine)
    assert (decision.allow, decision.state, decision.reason) == (None, "undecided", FAILING[condition])


@pytest.mark.parametrize("take", ["all", "count", "latest"])
@pytest.mark.parametrize("condition", FAILING)
def test_what_has_no_value_in_a_where_is_undecided(tmp_path: Path, condition: str, take: str) -> None:
    facts = {"d": {"from": "deploy", "where": condition, "take": take}}
    outputs = {"d": {"all": "d.size()", "count": "d.count", "latest": "d != null"}[take]}
    decision = interlock.evaluate(**question(tmp_path, facts=facts, outputs=outputs))
    assert (decision.allow, decision.reason) == (None, FAILING[condition])


@pytest.mark.parametrize(
    ("part", "written"),
    [
        ("message", {"rules": [{"id": "r", "for": "d", "note": "{6 / d.replicas}"}]}),
        ("data", {"rules": [{"id": "r", "for": "d", "note": "x", "data": {"n": "6 / d.replicas"}}]}),
        ("derived", {"rules": [{"id": "r", "for": "d", "derive": {"x": {"n": "6 / d.replicas"}}}]}),
        ("line", {"decide": [{"state": "s", "when": "d.exists(x, 6 / x.replicas == 9)", "allow": True}]}),
        ("output", {"outputs": {"o": "d.size() / 0"}}),
    ],
)
def test_what_has_no_value_is_undecided_wherever_it_stands(tmp_path: Path, part: str, written: Any) -> None:
    if "decide" in written:
        written["decide"].append({"state": "last", "allow": True})
    decision = interlock.evaluate(**question(tmp_path, **written))
    assert decision.allow is None, part
    assert decision.reason is not None
    assert "division by zero" in decision.reason


def test_a_line_that_is_not_reached_is_not_judged(tmp_path: Path) -> None:
    lines = [
        {"state": "first", "when": "d.exists(x, x.replicas == 3)", "allow": False},
        {"state": "second", "when": "d.exists(x, 6 / x.replicas == 9)", "allow": True},
        {"state": "last", "allow": True},
    ]
    assert interlock.evaluate(**question(tmp_path, decide=lines)).state == "first"


def test_two_facts_are_compared_by_what_is_evaluated_of_each(tmp_path: Path) -> None:
    facts = {"d": {"from": "deploy"}, "e": {"from": "deploy"}}
    when = 'd.service.size() == e.labels["app"].size() + 1 && d.replicas * 2 > e.replicas'
    rules = [{"id": "r", "for": ["d", "e"], "when": when, "note": "{d.service} {e.service}"}]
    decision = interlock.evaluate(**question(tmp_path, facts=facts, rules=rules))
    assert [each.message for each in decision.findings] == ["web db"]


@pytest.mark.parametrize("variable", ["last", "d.filter(x, x.replicas > 9)"])
def test_has_of_a_variable_that_names_facts_is_refused(tmp_path: Path, variable: str) -> None:
    """It was left out, so that the line was always taken."""
    lines = [{"state": "good", "when": "has(variables.some)", "allow": True}, {"state": "bad", "allow": False}]
    facts = {"d": {"from": "deploy"}, "last": {"from": "deploy", "take": "latest"}}
    with pytest.raises(PolicyError, match="`has` takes a field"):
        interlock.evaluate(**question(tmp_path, facts=facts, variables={"some": variable}, decide=lines))


@pytest.mark.parametrize("engine", ["reference", RETE, BOTH])
def test_a_map_with_a_null_is_null_between_two_facts_too(tmp_path: Path, engine: Any) -> None:
    facts = {"d": {"from": "deploy"}, "e": {"from": "deploy"}}
    unless = '{"size": d.meta.size}.size() < e.replicas + 9'
    rules = [{"id": "r", "for": ["d", "e"], "unless": unless, "note": "{d.service} {e.service}"}]
    decision = interlock.evaluate(**question(tmp_path, facts=facts, rules=rules), engine=engine)
    assert decision.reason is None
    assert [each.message for each in decision.findings] == ["web web", "web db", "db web", "db db"]


@pytest.mark.parametrize("when", ["d.labels in {}", "d.images in {}", "{}[d.labels] == 1", "{}[?d.images].hasValue()"])
def test_what_is_no_key_is_not_looked_up(tmp_path: Path, when: str) -> None:
    with pytest.raises(PolicyError, match=r"E41[59]"):
        interlock.evaluate(**question(tmp_path, rules=[{"id": "r", "for": "d", "when": when, "note": "x"}]))


def doubled(times: int) -> dict[str, str]:
    """Variables of which each is twice the one before."""
    return {"v0": "1"} | {f"v{n}": f"variables.v{n - 1} + variables.v{n - 1}" for n in range(1, times + 1)}


def test_variables_do_not_explode(tmp_path: Path) -> None:
    rules = [{"id": "r", "when": "variables.v8 == 256", "note": "x"}]
    assert interlock.evaluate(**question(tmp_path, variables=doubled(8), rules=rules)).findings
    rules[0]["when"] = "variables.v40 == 1"
    folder = tmp_path / "other"
    folder.mkdir()
    with pytest.raises(PolicyError, match=r"E311.*2,199,023,255,553 parts"):
        interlock.evaluate(**question(folder, variables=doubled(40), rules=rules))


def test_the_page_of_a_policy_lists_its_variables(tmp_path: Path) -> None:
    text = "policy: mine\nversion: 1\nquestion: Is it so?\nvariables: {late: now > params.t}\n"
    text += "params: {t: {type: timestamp}}\n"
    text += "decide: [{state: late, when: variables.late, allow: false}, {state: timely, allow: true}]\n"
    (tmp_path / "mine.yaml").write_text(text)
    loaded = Library().load(tmp_path / "mine.yaml")
    page = policy_page(loaded, parse_valid(loaded.source))
    assert "## Variables\n\n- `variables.late`: `now > params.t`\n" in page


def test_outputs_are_of_every_type(tmp_path: Path) -> None:
    outputs = {
        "large": "3037000499 * 3037000499",
        "half": "1.0 / 2.0",
        "infinite": "1.0 / 0.0",
        "times": '[now, now - duration("1h")]',
        "map": '{"a": [duration("90s")]}',
    }
    decision = interlock.evaluate(**question(tmp_path, outputs=outputs))
    assert decision.outputs == {
        "large": "9223372030926249001",
        "half": 0.5,
        "infinite": "inf",
        "times": ("2026-06-22T09:02:00Z", "2026-06-22T08:02:00Z"),
        "map": {"a": ("1m30s",)},
    }
    assert not schemas.violations("decision", json.loads(msgspec.json.encode(decision)))


OF_NULLS: Final = {
    "hasIntersection([d.meta.owner], [d.meta.owner])": "web",
    '[d.meta.owner, "x"].join("/") == "ann/x"': "web",
    '["x", d.meta.owner].sort()[0] == "ann"': "web",
    '[d.meta.owner, "b"].isSorted()': "web",
    '[d.meta.owner, "z"].max() == "z"': "web",
    "[d.meta.?owner.hasValue()].all(b, b)": "web",
    "[d.meta.open].all(b, b)": "",
    "[d.meta.open].all(b, b && true)": "",
    "[d.meta.open, true].exists_one(b, !b)": "web db",
    '[d.meta.owner, "x"].exists(o, o == "x")': "web db",
    '"x" in [d.meta.owner, "x"]': "web db",
    "d.meta.owner in [d.meta.owner]": "web",
    "sets.contains([d.meta.owner], [d.meta.owner])": "web",
    "[d.meta.owner, d.meta.owner].distinct().size() == 1": "web db",
    "math.greatest([d.meta.size, 1]) < 9": "",
    "[d.meta.size, 1].sum() < 9": "",
    "[[1], d.ports].flatten().size() == 3": "web",
}


@pytest.mark.parametrize("condition", OF_NULLS)
def test_what_is_missing_makes_no_test_of_a_list_true(tmp_path: Path, condition: str) -> None:
    """In a rule, its opposite, and a `where`."""
    rules = [
        {"id": "held", "for": "d", "when": condition, "note": "{d.service}"},
        {"id": "not-held", "for": "d", "unless": condition, "note": "{d.service}"},
        {"id": "selected", "for": "e", "note": "{e.service}"},
    ]
    facts = {"d": {"from": "deploy"}, "e": {"from": "deploy", "where": condition.replace("d.", "e.")}}
    decision = interlock.evaluate(**question(tmp_path, facts=facts, rules=rules))
    assert decision.reason is None
    there = OF_NULLS[condition].split()
    found = {
        rule: [each.message for each in decision.findings if each.rule == rule]
        for rule in ("held", "selected", "not-held")
    }
    others = [name for name in ("web", "db") if name not in there]
    assert found == {"held": there, "selected": there, "not-held": others}


def test_a_member_that_is_missing_becomes_nothing(tmp_path: Path) -> None:
    decision = interlock.evaluate(**question(tmp_path, outputs={"o": "[d.size() > 1, d.size() > 9].map(b, b)"}))
    assert decision.outputs == {"o": (True, False)}
    folder = tmp_path / "other"
    folder.mkdir()
    rules = [{"id": "r", "for": "d", "note": '{[d.meta.owner].map(o, o + "!")}'}]
    decision = interlock.evaluate(**question(folder, rules=rules))
    assert decision.reason is not None
    assert "has no value" in decision.reason


@pytest.mark.parametrize("engine", ["reference", RETE, BOTH])
def test_names_that_are_alike_are_not_confused(tmp_path: Path, engine: Any) -> None:
    """A macro's value and a field, a single fact and an object of the fact."""
    conditions = {
        'd.service.split("").exists(service, service.startsWith(d.service))': [],
        'd.service.split("").exists(service, d.service.startsWith(service))': ["web", "db"],
        "d.replicas * meta.count > 0": ["web"],
        "d.replicas * d.meta.count > 0": [],
    }
    facts = {"d": {"from": "deploy"}, "meta": {"from": "deploy", "take": "count"}}
    rules = [{"id": f"r{n}", "for": "d", "when": when, "note": "{d.service}"} for n, when in enumerate(conditions)]
    decision = interlock.evaluate(**question(tmp_path, facts=facts, rules=rules), engine=engine)
    assert decision.reason is None
    found = [[each.message for each in decision.findings if each.rule == rule["id"]] for rule in rules]
    assert found == [*conditions.values()]


@pytest.mark.parametrize("engine", ["reference", RETE, BOTH])
@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("last != null && last.present", False),
        ("last == null || !last.present", True),
        ("last.present == false", True),
        ("d.exists(x, last != null && x.present == last.present)", True),
    ],
)
def test_a_field_may_be_called_present(tmp_path: Path, condition: str, expected: bool, engine: Any) -> None:
    facts = {"d": {"from": "deploy"}, "last": {"from": "deploy", "take": "latest"}}
    rules = [{"id": "r", "when": condition, "block": "so"}]
    decision = interlock.evaluate(**question(tmp_path, facts=facts, rules=rules), engine=engine)
    assert (decision.allow, decision.reason) == (not expected, None)
