"""A project's own fact kinds behave as those that ship: one table of questions, and a column for each way to have one.

The own kind has the fields of the shipped one and a name as long. So whatever is printed of it must be the same, letter
by letter, but for that name and for digests.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from jsonschema import Draft7Validator, Draft202012Validator
from referencing import Registry, Resource

import interlock as api
from interlock.cli import main
from interlock.resources import data_folder
from interlock.schemas import SHIPPED
from tests.acceptance.conftest import Interlock, Ran, kept
from tests.helpers.ledgers import LedgerBuilder

DIGEST = re.compile("sha256:([0-9a-f]+)")
OURS, OWN = "dispatch_inbox_ack_recorded", "release_approval_x_recorded"
DAY = "2026-01-01T00:"
POLICY = """policy: gate
version: 1
question: Was it accepted?
params:
  patience: {type: duration, default: 1h}
facts:
  answer:
    from: KIND
    take: latest
    required: nobody has answered
  refusals:
    from: KIND
    where: refusals.status == "blocked"
    take: count
rules:
  - id: refused
    when: answer.status == "blocked"
    block: "the {answer.role} refuses {answer.notification_id}"
    fix: ask the {answer.role}
  - id: old
    when: now - answer.at > params.patience
    block: "the {answer.role} answered at {answer.at}"
    fix: ask again
decide:
  - {state: refused, when: blocked, allow: false}
  - {state: accepted, allow: true}
outputs:
  refusals: refusals.count
"""
TEST = """policy: gate
facts:
  - KIND: {id: a, at: -1m, role: worker, status: accepted}
cases:
  - case: it was accepted
    expect: {allow: true, state: accepted, outputs: {refusals: 0}}
    then:
      - change: [{id: a, status: blocked}]
        expect: {allow: false, findings: [refused], outputs: {refusals: 1}}
      - change: [{id: a, status: accepted}]
        after: 1h
        expect: {allow: false, findings: [old]}
"""
SCHEMA: dict[str, Any] = {
    "title": "KIND",
    "description": "A role acknowledged a notification.",
    "x-recorded-by": "role",
    "required": ["notification_id", "role", "status"],
    "properties": {
        "notification_id": {"description": "The id of the notification.", "type": "integer", "minimum": 0},
        "role": {"description": "The role that acknowledged.", "$ref": "#/$defs/role"},
        "status": {"description": "What the role said of it.", "enum": ["received", "accepted", "blocked"]},
        "binding_id": {"description": "The id of the binding it was recorded under.", "type": ["string", "null"]},
        "signal_type": {
            "description": "What the message is for.",
            "anyOf": [{"type": "string"}, {"type": "null"}],
        },
        "payload_keys": {
            "description": "The keys of what the role reported.",
            "type": "array",
            "items": {"type": "string"},
        },
    },
    "$defs": {"role": {"type": "string", "enum": ["manager", "worker"]}},
}
SLOW = {**SCHEMA, "not": {"required": ["nowhere"]}, "dependentRequired": {"payload_keys": ["status"]}}
"""The same, with what only a validator of JSON Schema can check."""


class Column(NamedTuple):
    """A way to have the kind: its name, its schema and where that lies, and what every command is given for it."""

    kind: str
    schema: dict[str, Any] | None = None
    folder: str = ""
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = {}
    config: str = ""
    policies: str = ""


COLUMNS = {
    "ours": Column(OURS),
    "beside": Column(OWN, SCHEMA, "schemas/facts"),
    "next to": Column(OWN, SCHEMA, "schemas/facts", policies="policies"),
    "flag": Column(OWN, SCHEMA, "kinds", ("--schema-dir", "kinds")),
    "variable": Column(OWN, SCHEMA, "kinds", env={"INTERLOCK_SCHEMA_DIR": "kinds"}),
    "file": Column(OWN, SCHEMA, "kinds", config='schema-dir = ["kinds"]\n'),
    "validator": Column(OWN, SLOW, "schemas/facts"),
}
OTHERS = [name for name in COLUMNS if name != "ours"]
SOURCES = ("feed.ndjson", "events.json", "ledger.db")
DATA = [
    ("00", {"notification_id": 7, "role": "worker", "status": "received"}),
    ("10", {"notification_id": 7, "role": "worker", "status": "accepted", "payload_keys": ["a"], "signal_type": None}),
    ("40", {"notification_id": 8, "role": "manager", "status": "blocked", "binding_id": "b"}),
]
AT = ("--task", "web", "--at")
QUESTIONS: dict[str, tuple[tuple[str, ...], int]] = {
    "eval": (("eval", "GATE", *AT, f"{DAY}20:00Z"), 0),
    "eval, denied": (("eval", "GATE", *AT, f"{DAY}50:00Z"), 3),
    "eval, undecided": (("eval", "GATE", *AT, "2025-12-31T00:00:00Z"), 4),
    "eval, with an invalid receipt": (("eval", "GATE", "--task", "bad", "--at", f"{DAY}50:00Z"), 4),
    **{
        f"eval as {form}": (("eval", "GATE", *AT, f"{DAY}50:00Z", "--format", form), 3)
        for form in ("json", "junit", "tap", "markdown", "github", "sarif")
    },
    "fleet": (("fleet", "GATE", "--at", f"{DAY}50:00Z", "--workers", "1"), 3),
    "explain": (("explain", "GATE", *AT, f"{DAY}50:00Z"), 3),
    "explain as json": (("explain", "GATE", *AT, f"{DAY}50:00Z", "--format", "json"), 3),
    "unblock": (("unblock", "GATE", *AT, f"{DAY}50:00Z"), 3),
    "unblock as json": (("unblock", "GATE", *AT, f"{DAY}50:00Z", "--format", "json"), 3),
    "replay": (("replay", "GATE", "--task", "web", "--to", "head"), 0),
    "diff": (("diff", "GATE", "GATE", "--task", "web", "--to", "head"), 0),
    "fleet-diff": (("fleet-diff", "GATE", "GATE", "--to", f"{DAY}50:00Z", "--workers", "1"), 0),
    "facts": (("facts", "GATE", *AT, f"{DAY}50:00Z"), 0),
    "facts as a table": (("facts", "GATE", *AT, f"{DAY}50:00Z", "--format", "text"), 0),
    "export": (("export", "GATE", "--task", "web", "--at", f"{DAY}50:00Z"), 0),
    "capture": (("capture", "GATE", *AT, f"{DAY}50:00Z"), 0),
    "tasks": (("tasks",), 0),
    "verify-ledger": (("verify-ledger",), 3),
    "verify-ledger as json": (("verify-ledger", "--format", "json"), 3),
}
SILENT = {"tasks", "replay", "diff", "fleet", "fleet-diff", *(name for name in QUESTIONS if name.startswith("eval"))}
"""Questions whose answers do not name the kind."""
UNASKED: dict[str, tuple[tuple[str, ...], int]] = {
    "check": (("check", "GATE"), 0),
    "check of a test": (("check", "TEST"), 0),
    "check of a misspelt field": (("check", "misspelt.yaml"), 5),
    "test": (("test", "TEST", "--coverage"), 0),
    "test as junit": (("test", "TEST", "--format", "tap"), 0),
    "show": (("show", "GATE"), 0),
    "show its graph": (("show", "GATE", "--graph"), 0),
}

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in the project of a column: its exit code, and what it printed, the column's own words masked."""

    def ran(name: str, *args: str) -> tuple[int, str]:
        column = COLUMNS[name]
        place = project(folder, name)
        monkeypatch.chdir(place)
        for variable in ("INTERLOCK_SCHEMA_DIR",):
            monkeypatch.delenv(variable, raising=False)
        for variable, value in column.env.items():
            monkeypatch.setenv(variable, value)
        prefix = f"{column.policies}/" if column.policies else "./"
        args = tuple("--ledgers" if arg == "--ledger" and args[0].startswith("fleet") else arg for arg in args)
        words = {"GATE": f"{prefix}gate.yaml", "TEST": f"{prefix}gate_test.yaml", "KIND": column.kind}
        given = [words.get(arg, f"{prefix}{arg}" if arg.endswith(".yaml") else arg) for arg in args]
        capfd.readouterr()
        with pytest.raises(SystemExit) as exited:
            main.main([*given, *column.args])
        found = capfd.readouterr()
        code = int(exited.value.code or 0)
        text = found.out + found.err
        if code in (0, 3, 4):
            kept(Ran(code, found.out, found.err))
        return code, masked(text, column, place)

    return ran


def masked(text: str, column: Column, place: Path) -> str:
    """The text without what may differ between columns: the kind's name, digests, and where things lie."""
    text = text.replace(str(place), "HERE").replace(f"{column.policies}/gate" if column.policies else "./gate", "gate")
    text = text.replace("policies/misspelt", "misspelt").replace("./misspelt", "misspelt").replace("HERE/gate", "gate")
    text = DIGEST.sub(lambda match: "sha256:" + "0" * len(match[1]), text).replace(column.kind, "KIND")
    text = text.replace("policy: gate.yaml", "policy: gate")  # which a captured case names as it is reached
    return re.sub(r"file:///\S*/test\.schema\.json", "test.schema.json", text)


def project(folder: Path, name: str) -> Path:
    """The folder of a column's project, which is written once."""
    column = COLUMNS[name]
    place = folder / name.replace(" ", "-")
    if place.exists():
        return place
    gates = place / column.policies
    gates.mkdir(parents=True)
    for file, text in (("gate.yaml", POLICY), ("gate_test.yaml", TEST)):
        (gates / file).write_text(text.replace("KIND", column.kind))
    misspelt = POLICY.replace("KIND", column.kind).replace("policy: gate", "policy: misspelt")
    (gates / "misspelt.yaml").write_text(misspelt.replace("answer.status ==", "answer.statis ==").replace("acc", "akk"))
    if column.schema is not None:
        kinds = place / column.folder
        kinds.mkdir(parents=True)
        text = json.dumps(column.schema).replace("KIND", column.kind)
        (kinds / f"{column.kind}.schema.json").write_text(text)
    if column.config:
        (place / "interlock.toml").write_text(column.config)
    (place / "feed.ndjson").write_text("".join(f"{json.dumps(fact)}\n" for fact in facts(column.kind)))
    (place / "events.json").write_text(json.dumps(list(events(column.kind))))
    ledger(place / "ledger.db", column.kind)
    return place


def facts(kind: str) -> Iterator[dict[str, Any]]:
    for number, (minute, data) in enumerate(DATA, 1):
        at = f"{DAY}{minute}:00Z"
        yield {"kind": kind, "id": f"r{number}", "seq": number, "task": "web", "at": at, **data}


def events(kind: str) -> Iterator[dict[str, Any]]:
    for number, (minute, data) in enumerate(DATA, 1):
        head = {"specversion": "1.0", "id": f"r{number}", "source": "/ci", "type": kind, "subject": "web"}
        yield {**head, "time": f"{DAY}{minute}:00Z", "data": data}


def ledger(path: Path, kind: str) -> None:
    """A ledger with the same receipts, and one of another task that the schema refuses."""
    made = LedgerBuilder(path).task("web", at=f"{DAY}00:00Z")
    for minute, data in DATA:
        made.receipt(kind, at=f"{DAY}{minute}:00Z", attributes=data)
    made.task("bad", at=f"{DAY}00:00Z")
    refused = {"notification_id": "8", "role": "worker", "status": "none"}
    made.receipt(kind, at=f"{DAY}10:00Z", attributes=refused)
    made.write()


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_has_one_answer(question: str, source: str, run: Run) -> None:
    args, code = QUESTIONS[question]
    expected = run("ours", *args, "--ledger", source)
    assert "KIND" in expected[1] or question in SILENT, expected
    if source == "ledger.db" or ("bad" not in args and "verify" not in args[0]):
        assert expected[0] == code, expected
    for name in OTHERS:
        assert run(name, *args, "--ledger", source) == expected, name


@pytest.mark.parametrize("question", UNASKED)
def test_what_is_asked_of_a_policy_alone_has_one_answer(question: str, run: Run) -> None:
    args, code = UNASKED[question]
    expected = run("ours", *args)
    assert expected[0] == code, expected
    for name in OTHERS:
        assert run(name, *args) == expected, name


@pytest.mark.parametrize("name", COLUMNS)
def test_a_lock_holds_the_kind_too(name: str, run: Run) -> None:
    question = ("eval", "GATE", *AT, f"{DAY}20:00Z", "--ledger", "feed.ndjson", "--locked")
    assert run(name, "lock", "GATE")[0] == 0
    assert run(name, *question)[0] == 0
    column = COLUMNS[name]
    held = json.loads(Path("interlock.lock").read_text())
    own = [column.kind] if column.schema else []
    assert list(held.get("kinds", {})) == own
    Draft202012Validator(json.loads(schema_text("lock"))).validate(held)
    for kind in own:
        schema = Path(column.folder, f"{kind}.schema.json")
        before = schema.read_text()
        schema.write_text(before.replace("What the role said of it.", "What it said."))
        code, text = run(name, *question)
        assert (code, "fact kind `KIND` does not match the lock" in text) == (5, True), text
        code, text = run(name, "explain", "GATE", *AT, f"{DAY}20:00Z", "--ledger", "feed.ndjson", "--locked")
        assert (code, "fact kind `KIND` does not match the lock" in text) == (5, True), text
        schema.write_text(before)
        assert run(name, *question)[0] == 0


@pytest.mark.parametrize("name", COLUMNS)
def test_a_recorded_decision_is_judged_again_by_the_same_kind(name: str, run: Run) -> None:
    question = ("eval", "GATE", *AT, f"{DAY}20:00Z", "--ledger", "feed.ndjson", "--decision-log", "d.log")
    assert run(name, *question)[0] == 0
    column = COLUMNS[name]
    (line,) = map(json.loads, Path("d.log").read_text().splitlines())
    Draft202012Validator(json.loads(schema_text("decision_log")), registry=registry()).validate(line)
    assert list(line.get("kinds", {})) == ([column.kind] if column.schema else [])
    code, text = run(name, "verify-decision", "d.log")
    assert (code, text.split()[0]) == (0, "same"), text
    code, text = run(name, "verify-decision", "d.log", "--ledger", "ledger.db")
    assert code in (0, 3), text
    if column.schema:
        schema = Path(column.folder, f"{column.kind}.schema.json")
        schema.write_text(schema.read_text().replace("What the role said of it.", "What it said."))
        code, text = run(name, "verify-decision", "d.log")
        assert (code, "kinds.KIND: sha256:000" in text) == (3, True), text
        schema.unlink()
        code, text = run(name, "verify-decision", "d.log")
        assert (code, "unknown fact kind `KIND`" in text) == (4, True), text


@pytest.mark.parametrize("name", COLUMNS)
def test_what_is_compiled_is_kept_while_the_kind_is_the_same(name: str, run: Run, own_cache: None) -> None:
    column, compiled = COLUMNS[name], Path(os.environ["XDG_CACHE_HOME"], "interlock")
    question = ("eval", "GATE", *AT, f"{DAY}50:00Z", "--ledger", "ledger.db")
    assert (run(name, *question)[0], run(name, *question)[0]) == (3, 3)
    assert len(list(compiled.iterdir())) == 1
    if column.schema:
        schema = Path(column.folder, f"{column.kind}.schema.json")
        schema.write_text(schema.read_text().replace("blocked", "refused"))
        code, text = run(name, *question)
        assert (code, "error[E411]: `blocked` is not one of the allowed values" in text) == (5, True), text


@pytest.mark.parametrize("name", COLUMNS)
def test_python_decides_the_same(name: str, run: Run) -> None:
    place, column = prepared(run, name)
    named = [each for each in column.args if not each.startswith("--")] + list(column.env.values())
    folders = [*named, *(["kinds"] if column.config else [])]
    gate = place / column.policies / "gate.yaml"
    how: dict[str, Any] = {"task": "web", "at": f"{DAY}50:00Z", "schema_dirs": folders}
    opened = api.open_ledger(place / "ledger.db")
    for source in ("feed.ndjson", "events.json", "ledger.db", opened):
        decision = api.evaluate(gate, ledger=source, **how)
        assert (decision.allow, [found.rule for found in decision.findings]) == (False, ["refused"])
        explained = api.explain(gate, ledger=source, **how)
        assert column.kind in {
            part.kind for rule in explained.rules for case in rule.cases for part in cited(case.part)
        }
    opened.close()
    if column.folder == "kinds":
        with pytest.raises(api.PolicyError, match=f"unknown fact kind `{OWN}`"):
            api.evaluate(gate, ledger=place / "ledger.db", task="web")


def cited(part: Any) -> Iterator[Any]:
    yield from part.receipts
    for inner in part.parts:
        yield from cited(inner)


@pytest.mark.parametrize("name", COLUMNS)
def test_an_agent_gets_the_same_answers(name: str, run: Run) -> None:
    from mcp import Client

    from interlock.mcp_server import server
    from interlock.request import Request

    place, column = prepared(run, name)
    folders = ("kinds",) if column.folder == "kinds" else ()
    request = Request(ledger="feed.ndjson", policy_dirs=(str(place / column.policies),), schema_dirs=folders)
    question = {"policy": "gate", "task": "web", "at": f"{DAY}50:00Z"}

    async def talk() -> list[Any]:
        async with Client(server(request)) as client:
            return [await client.call_tool(tool, question) for tool in ("evaluate", "explain", "unblock")]

    decided, explained, unblocked = (answer.structured_content for answer in asyncio.run(talk()))
    assert (decided["allow"], explained["allow"]) == (False, False)
    assert column.kind in json.dumps(explained["rules"])
    assert [step["kind"] for step in unblocked["plans"][0]["steps"]] == [column.kind]


@pytest.mark.parametrize("name", COLUMNS)
def test_an_editor_accepts_and_offers_the_kind(name: str, run: Run) -> None:
    assert run(name, "kinds", "--editor", "editor")[0] == 0
    column = COLUMNS[name]
    policies, tests = (json.loads(Path("editor", f"{each}.schema.json").read_text()) for each in ("policy", "test"))
    offered = policies["definitions"]["selection"]["properties"]["from"]["examples"]
    assert offered == sorted({*SHIPPED.kinds, column.kind})
    fact = tests["definitions"][f"fact_{column.kind}"]
    assert fact["properties"]["status"]["enum"] == ["received", "accepted", "blocked"]
    assert fact["properties"]["notification_id"]["description"] == "The id of the notification."
    assert set(fact["properties"]) >= {"id", "at", "task", "role", "binding_id", "payload_keys"}
    assert tests["definitions"]["fact"]["properties"][column.kind]["$ref"] == f"#/definitions/fact_{column.kind}"
    folder = Path(column.policies)
    Draft7Validator(policies).validate(yaml.safe_load((folder / "gate.yaml").read_text()))
    Draft7Validator(tests).validate(yaml.safe_load((folder / "gate_test.yaml").read_text()))


@pytest.mark.parametrize("name", COLUMNS)
def test_the_kind_is_listed_completed_and_documented(name: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    place, column = prepared(run, name)
    code, text = run(name, "kinds", column.kind, "--format", "json")
    (kind,) = map(json.loads, text.splitlines())
    Draft202012Validator(json.loads(schema_text("kind"))).validate(kind)
    assert (code, kind["origin"]) == (0, "own" if column.schema else "shipped")
    types = {field["path"]: (field["type"], field["values"]) for field in kind["fields"]}
    assert types["status"] == ("string", ["received", "accepted", "blocked"])
    assert (types["notification_id"][0], types["payload_keys"][0], types["at"][0]) == ("int", "list", "timestamp")
    assert run(name, "kinds")[1].count("KIND") >= 1
    own = run(name, "kinds", "--own")[1]
    assert ("KIND" in own) is bool(column.schema)
    page = run(name, "docs", "GATE")[1]
    assert "the latest of `KIND`" in page
    assert ("## Own kinds of facts\n\n- `KIND`: A role acknowledged a notification" in page) is bool(column.schema)
    monkeypatch.chdir(place)
    monkeypatch.setenv("_INTERLOCK_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", f"interlock kinds {' '.join(column.args)} {column.kind[:9]}")
    monkeypatch.setenv("COMP_CWORD", str(2 + len(column.args)))
    offered = run(name, "kinds")[1]
    assert "KIND" in offered


GATED = """def test_gate(interlock_gate):
    interlock_gate("GATE", ledger="ledger.db", task="web", at="2026-01-01T00:20:00Z", state="accepted")
    interlock_gate("GATE", ledger="feed.ndjson", task="web", at="2026-01-01T00:50:00Z", expect="denied")
"""


@pytest.mark.parametrize("name", ["ours", "beside", "variable", "file"])
def test_pytest_runs_the_same_cases(name: str, run: Run, process: Interlock) -> None:
    _, column = prepared(run, name)
    gate = f"{column.policies}/gate.yaml" if column.policies else "./gate.yaml"
    Path("test_gate.py").write_text(GATED.replace("GATE", gate))
    command = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "interlock.pytest_plugin")
    ran = process(program=command, env={**column.env, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})
    assert (ran.code, "2 passed" in ran.out) == (0, True), ran


def prepared(run: Run, name: str) -> tuple[Path, Column]:
    """The folder of a column's project, which is then the current one."""
    run(name, "tasks", "--ledger", "ledger.db")
    return Path.cwd(), COLUMNS[name]


def schema_text(name: str) -> str:
    return Path(data_folder("schemas"), f"{name}.schema.json").read_text("utf-8")


def registry() -> Any:
    decision = Resource.from_contents(json.loads(schema_text("decision")))
    return Registry().with_resource("decision.schema.json", decision)


GATE = POLICY.replace("KIND", OWN)
NAMED = """policy: named
version: 1
question: Was it accepted?
facts:
  answer: {from: answer, take: latest, required: nobody has answered}
rules:
  - {id: refused, when: answer.status == "blocked", block: it is refused, fix: ask again}
decide:
  - {state: refused, when: blocked, allow: false}
  - {state: accepted, allow: true}
"""
PLACES: list[tuple[str, dict[str, str], tuple[str, ...], int, str]] = [
    ("a folder that is not there", {}, ("--schema-dir", "gone"), 2, "cannot read the schemas in `gone`: no such file"),
    ("no folder", {}, ("--schema-dir", ""), 2, "`--schema-dir` is empty; give it a value, or leave it out"),
    (
        "the folder above",
        {f"own/facts/{OWN}.schema.json": "{}"},
        ("--schema-dir", "own"),
        2,
        "`own` holds no fact kind; name `own/facts`",
    ),
    (
        "two of one name",
        {f"a/{OWN}.schema.json": json.dumps(SCHEMA), f"b/{OWN}.schema.json": json.dumps({**SCHEMA, "title": "other"})},
        ("--schema-dir", "a", "--schema-dir", "b"),
        5,
        f"b/{OWN}.schema.json:1:1: error[E906]: the kind `{OWN}` is another one in `a/{OWN}.schema.json`",
    ),
    (
        "the same twice",
        {f"a/{OWN}.schema.json": json.dumps(SCHEMA), f"b/{OWN}.schema.json": json.dumps(SCHEMA)},
        ("--schema-dir", "a", "--schema-dir", "b"),
        0,
        "1 policy: 0 errors, 0 warnings",
    ),
    (
        "a shipped kind as it ships",
        {
            f"a/{OWN}.schema.json": json.dumps(SCHEMA),
            "a/seat.schema.json": Path(data_folder("schemas"), "facts", "seat.schema.json").read_text("utf-8"),
        },
        ("--schema-dir", "a"),
        0,
        "1 policy: 0 errors, 0 warnings",
    ),
    (
        "a shipped kind as another",
        {f"a/{OWN}.schema.json": json.dumps(SCHEMA), "a/seat.schema.json": "{}"},
        ("--schema-dir", "a"),
        5,
        "a/seat.schema.json:1:1: error[E903]: `seat` is a fact kind that ships with interlock",
    ),
    (
        "next to a folder of another name",
        {f"schemas/facts/{OWN}.schema.json": json.dumps(SCHEMA), "gates/gate.yaml": GATE},
        ("gates/gate.yaml",),
        5,
        f"unknown fact kind `{OWN}`",
    ),
    (
        "other files",
        {
            f"schemas/facts/{OWN}.schema.json": json.dumps(SCHEMA),
            "schemas/facts/README.md": "x",
            "schemas/facts/.x": "",
        },
        (),
        0,
        "1 policy: 0 errors, 0 warnings",
    ),
    (
        "another kind that is wrong",
        {"schemas/facts/x.schema.json": "{"},
        (),
        5,
        "schemas/facts/x.schema.json:1:1: error[E901]",
    ),
    (
        "a selection of its name",
        {"schemas/facts/answer.schema.json": json.dumps(SCHEMA)},
        ("named.yaml",),
        0,
        "1 policy: 0",
    ),
]


@pytest.mark.parametrize(
    ("files", "args", "code", "expected"), [case[1:] for case in PLACES], ids=[c[0] for c in PLACES]
)
def test_where_kinds_lie(
    files: dict[str, str], args: tuple[str, ...], code: int, expected: str, interlock: Interlock, folder: Path
) -> None:
    texts = {"gate.yaml": GATE, "named.yaml": NAMED}
    for name, text in {**texts, **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    given = args if args and args[0].endswith(".yaml") else ("gate.yaml", *args)
    ran = interlock("check", *given)
    assert (ran.code, expected in ran.out + ran.err) == (code, True), ran


def test_under_a_lock_a_kind_that_it_does_not_hold_is_none(interlock: Interlock, folder: Path) -> None:
    """A kind more would say of events that nobody understood that they are of another kind than the gate's."""
    kinds = folder / "schemas" / "facts"
    kinds.mkdir(parents=True)
    (kinds / f"{OWN}.schema.json").write_text(json.dumps(SCHEMA))
    (folder / "gate.yaml").write_text(GATE)
    told = [*events(OWN)][:2]
    unknown = {**told[1], "id": "r9", "type": f"com.example.{OWN}.v2", "data": {"status": "blocked"}}
    (folder / "events.json").write_text(json.dumps([*told, unknown]))
    question = ("eval", "./gate.yaml", "--ledger", "events.json", *AT, f"{DAY}20:00Z")
    assert interlock(*question).code == 4
    with pytest.raises(SystemExit):
        main.main(["lock", "./gate.yaml"])
    (kinds / "noise.schema.json").write_text(json.dumps({"x-cloudevents-type": f"com.example.{OWN}.v2"}))
    assert interlock(*question).code == 0
    assert interlock(*question, "--locked").code == 4
    (folder / "other.yaml").write_text(GATE.replace(OWN, "noise").replace("policy: gate", "policy: other"))
    assert interlock("check", "other.yaml").code == 5  # it has no such fields
    (kinds / "noise.schema.json").write_text(json.dumps(SCHEMA))
    with pytest.raises(SystemExit):
        main.main(["lock", "./other.yaml", "--lock", "other.lock"])
    (folder / "other.lock").write_text((folder / "other.lock").read_text().replace('"noise"', '"nose"'))
    ran = interlock(*question[:1], "./other.yaml", *question[2:], "--lock", "other.lock")
    assert (ran.code, "the fact kind `noise` is not locked" in ran.err) == (5, True), ran


def test_a_feed_of_standard_input_cannot_be_read_by_other_kinds(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project(folder, "beside")
    monkeypatch.chdir(folder / "beside")
    with open("events.json", "rb") as file:
        monkeypatch.setattr("sys.stdin", type("Input", (), {"buffer": file}))
        opened = api.open_ledger("-")
    with pytest.raises(api.LedgerError, match="was read without the project's own fact kinds"):
        api.evaluate("./gate.yaml", ledger=opened, task="web", at=f"{DAY}20:00Z")
