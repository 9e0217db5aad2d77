"""What is said of a word, where names lead, and what a project's own fact kinds bring."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from interlock.analysis.editor.rename import applied
from interlock.analysis.editor.workshop import Workshop

POLICY = """\
policy: gate
version: 1
question: Is it open?
params:
  limit: {type: duration, default: 1m, description: How long it may be silent}
needs:
  pair: {policy: loop, with: {stale_after: params.limit}}
variables:
  late: now - seat.heartbeat_at > params.limit
facts:
  seat: {from: seat, per: role, take: latest, required: nobody is bound}
  deploy: {from: deploy_done, where: 'deploy.environment == "live"'}
rules:
  - id: silent
    for: seat
    when: variables.late || cel.bind(r, seat.role, r.startsWith("w")) && !pair.allow
    block: "{seat.role} is late: {variables.late}"
    fix: wake it
  - id: undone
    when: deploy.all(d, d.environment != "live")
    derive: {missing: {since: now}}
  - id: shut
    for: missing
    block: "{missing.since}"
    fix: deploy it
decide:
  - {state: shut, when: blocked, allow: false}
  - {state: open, allow: true}
"""
TEST = """\
policy: gate
cases:
  - case: undone
    facts: [deploy_done: {environment: live}]
    expect: {allow: false, findings: [shut]}
"""
KIND = {
    "title": "deploy_done",
    "description": "A deployment was done.",
    "type": "object",
    "required": ["environment"],
    "properties": {
        "environment": {"description": "Where it runs.", "type": "string", "enum": ["live", "trial"]},
        "host": {"description": "Its host.", "type": "string"},
    },
}


@pytest.fixture
def path(tmp_path: Path) -> str:
    own = tmp_path / "schemas" / "facts" / "deploy_done.schema.json"
    own.parent.mkdir(parents=True)
    own.write_text(json.dumps(KIND), "utf-8")
    return str(tmp_path / "gate.yaml")


@pytest.fixture
def workshop(path: str) -> Workshop:
    found = Workshop()
    found.put(path, POLICY)
    assert [each for each in found.issues(path) if each.level == "error"] == []
    return found


def at(mark: str, text: str = POLICY) -> int:
    """The offset of the caret of a part of the text."""
    part = mark.replace("¦", "", 1)
    assert text.count(part) == 1, part
    return text.index(part) + mark.index("¦")


@pytest.mark.parametrize(
    ("mark", "said"),
    [
        ("when: variables.la¦te", "`variables.late`: `bool`, stands for `now - seat.heartbeat_at > params.limit`"),
        ("late: {variables.l¦ate}", "stands for `now - seat.heartbeat_at"),
        ("late: now - seat.heart¦beat_at", "`seat.heartbeat_at`: `timestamp or null`"),
        ("cel.bind(r, seat.role, ¦r.starts", '`seat.role`: `"manager" | "worker"`'),
        ("!pair.al¦low", "`pair.allow`: `bool or null`"),
        ("!pa¦ir.allow", "`pair`: the decision of the policy `loop`"),
        ("for: miss¦ing", "`missing`: a fact derived by `undone`"),
        ('"{missing.sin¦ce}"', "`missing.since`: `timestamp"),
        ("all(d, ¦d.environment", "`d`: a fact of `deploy`"),
        ("all(¦d, d.environment", "`d`: a fact of `deploy`"),
        ("bind(¦r, seat.role", '"manager" | "worker"'),
        ("from: deploy_d¦one", "fact kind `deploy_done`: A deployment was done."),
        ("d.environ¦ment !=", "Where it runs."),
        ("limit: {ty¦pe", "The parameter's type."),
        ("st¦ate: shut", "The name of the state."),
    ],
)  # fmt: skip
def test_what_is_said_of_a_word(workshop: Workshop, path: str, mark: str, said: str) -> None:
    found = workshop.hover(path, at(mark))
    assert found is not None
    assert said in found.text


@pytest.mark.parametrize("mark", ["¦policy: gate", "fix: wake¦ it", "  - {state: open,¦ allow"])
def test_what_holds_other_things_says_nothing_of_what_is_between_them(workshop: Workshop, path: str, mark: str) -> None:
    found = workshop.hover(path, at(mark))
    assert found is None or POLICY[found.start : found.end].count("\n") == 0


@pytest.mark.parametrize(
    ("mark", "declared"),
    [
        ("when: variables.la¦te", "late: now"),
        ("late: {variables.l¦ate}", "late: now"),
        ("bind(r, seat.role, ¦r.starts", "r, seat.role"),
        ("all(d, ¦d.environment", "d, d.environment"),
        ("for: miss¦ing", "missing: {since"),
        ("!pa¦ir.allow", "pair: {policy"),
        ("with: {stale_after: params.li¦mit", "limit: {type"),
    ],
)
def test_a_name_leads_to_where_it_is_declared(workshop: Workshop, path: str, mark: str, declared: str) -> None:
    found = workshop.definition(path, at(mark))
    assert found is not None
    assert found.path == path
    assert POLICY[found.start :].startswith(declared)


@pytest.mark.parametrize(
    ("mark", "file"),
    [
        ("policy: lo¦op", "loop.yaml"),
        ("with: {stale¦_after", "loop.yaml"),
        ("from: se¦at, per", "seat.schema.json"),
        ("from: deploy_d¦one", "deploy_done.schema.json"),
    ],
)
def test_a_name_of_another_file_leads_there(workshop: Workshop, path: str, mark: str, file: str) -> None:
    found = workshop.definition(path, at(mark))
    assert found is not None
    assert Path(found.path).name == file
    assert Path(found.path).is_file()


@pytest.mark.parametrize(
    ("mark", "before", "after"),
    [
        ("when: variables.la¦te", ("late: now", "variables.late"), ("x: now", "variables.x")),
        ("bind(r, seat.role, ¦r.starts", ("bind(r, seat.role, r.",), ("bind(x, seat.role, x.",)),
    ],
)
def test_a_name_of_an_expression_is_renamed(
    workshop: Workshop, path: str, mark: str, before: tuple[str, ...], after: tuple[str, ...]
) -> None:
    expected = POLICY
    for old, new in zip(before, after, strict=True):
        expected = expected.replace(old, new)
    assert applied(POLICY, workshop.rename(path, at(mark), "x")) == expected


def test_a_text_leads_nowhere(workshop: Workshop, path: str) -> None:
    assert workshop.definition(path, at("question: Is i¦t open")) is None


@pytest.mark.parametrize(
    ("text", "offers"),
    [
        ("facts: [¦]", {"deploy_done", "seat"}),
        ("facts: [dep¦: {}]", {"deploy_done"}),
        ("facts: [deploy_done: {¦}]", {"environment", "host"}),
        ("facts: [deploy_done: {environment: ¦}]", {"live", "trial"}),
    ],
)
def test_a_test_may_have_facts_of_own_kinds(workshop: Workshop, path: str, text: str, offers: set[str]) -> None:
    test = path.replace("gate.yaml", "gate_test.yaml")
    whole = TEST.replace("facts: [deploy_done: {environment: live}]", text.replace("¦", ""))
    workshop.put(test, whole)
    found = {item.label for item in workshop.completions(test, whole.index("facts:") + text.index("¦"))}
    assert offers <= found


def test_an_own_kind_that_is_wrong_is_reported_where_it_matters(workshop: Workshop, path: str) -> None:
    Path(path).with_name("schemas").joinpath("facts", "deploy_done.schema.json").write_text("{", "utf-8")
    workshop.refresh()
    (found,) = workshop.issues(path)
    assert "deploy_done.schema.json" in found.message
    assert found.location.line == 1
    text = POLICY.replace("for: seat\n    when: variables.late", "for: seat\n    when: seat.")
    workshop.put(path, text)
    assert "role" in {item.label for item in workshop.completions(path, text.index("when: seat.") + len("when: seat."))}


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("gate.yaml", POLICY, "policy"),
        ("gate.yml", POLICY, "policy"),
        ("gate_test.yaml", TEST, "test"),
        ("gate_test.yaml", "services: {}\n", None),
        ("compose.yaml", "services:\n  policy: x\n", None),
        ("waivers.yaml", "- {policy: gate, rule: x}\n", "waivers"),
        ("gate-waivers.yaml", "-\n  policy: gate\n", "waivers"),
        ("list.yaml", "- {policy: gate, rule: x}\n", None),
        ("list.yaml", "# yaml-language-server: $schema=../schemas/waivers.schema.json\n", "waivers"),
        ("any.yaml", "# yaml-language-server: $schema=file:///x/policy.schema.json\r\n", "policy"),
        ("interlock.toml", "", "configuration"),
        ("pyproject.toml", "[project]\n", "configuration"),
    ],
)
def test_a_file_is_what_its_name_and_its_text_say(tmp_path: Path, name: str, text: str, kind: str | None) -> None:
    workshop = Workshop()
    workshop.put(str(tmp_path / name), text)
    assert workshop.kind(str(tmp_path / name)) == kind


def test_a_project_file_of_others_is_left_alone(tmp_path: Path) -> None:
    workshop = Workshop()
    workshop.put(str(tmp_path / "pyproject.toml"), "[project\nname = 1\n")
    assert workshop.issues(str(tmp_path / "pyproject.toml")) == ()
