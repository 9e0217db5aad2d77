"""Several sources in one question, in every face: one ledger at most, and feeds, in no order that nothing proves."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest
from jsonschema import Draft202012Validator
from mcp import Client
from mcp.types import CallToolResult

import interlock as api
from interlock import LedgerError, UsageError
from interlock.mcp_server import server
from interlock.pytest_plugin import Gate
from interlock.request import Request
from interlock.schemas import schema
from tests.acceptance.conftest import Interlock
from tests.acceptance.test_decision_log import validator

TASK, AT, ASKED = "release-1", "2026-06-22T09:20:00Z", "2026-06-22T10:00:00Z"
DATA = {"smoke_id": "s", "nonce": "n", "role": "worker", "status": "accepted"}
POLICY = """\
policy: proved
version: 1
title: Proved
question: Is it proved?
facts:
  proof: {{from: app_smoke_receipt_recorded, take: latest, required: nothing is proved}}
  count: {{from: app_smoke_receipt_recorded, take: count}}
rules:
  - {{id: rejected, unless: {condition}, block: "{{proof.status}} by {{proof.id}}"}}
decide:
  - {{state: rejected, when: blocked, allow: false}}
  - {{state: proved, allow: true}}
outputs: {{count: count.count}}
"""


def event(**more: Any) -> dict[str, Any]:
    base = {"specversion": "1.0", "id": "1", "source": "/ci", "type": "app_smoke_receipt_recorded", "subject": TASK}
    return {**base, "time": AT, "data": DATA, **more}


ACCEPTED = event()
BLOCKED = event(id="2", source="/qa", time="2026-06-22T09:30:00Z", data={**DATA, "status": "blocked"})
Feeds = Callable[..., tuple[Path, ...]]


@pytest.fixture
def policy(folder: Path) -> Path:
    path = folder / "proved.yaml"
    path.write_text(POLICY.format(condition='proof.status == "accepted"'))
    return path


@pytest.fixture
def feeds(tmp_path: Path) -> Feeds:
    """Writes feeds, each of its events, and gives their paths."""

    def written(*contents: list[dict[str, Any]]) -> tuple[Path, ...]:
        paths = tuple(tmp_path / f"{name}.ndjson" for name, _ in zip("abc", contents, strict=False))
        for path, events in zip(paths, contents, strict=True):
            path.write_text("".join(f"{json.dumps(each)}\n" for each in events))
        return paths

    return written


def named(paths: tuple[Path, ...]) -> list[str]:
    return [arg for path in paths for arg in ("--ledger", str(path))]


@pytest.fixture
def beside(story_path: Path, tmp_path: Path) -> Path:
    """A ledger of Conveyor."""
    return Path(shutil.copy(story_path, tmp_path / "story.db"))


@pytest.mark.parametrize("with_ledger", [False, True])
def test_all_sources_are_judged_as_one(
    with_ledger: bool, interlock: Interlock, policy: Path, feeds: Feeds, beside: Path
) -> None:
    paths = feeds([ACCEPTED], [BLOCKED])
    paths = (*paths[:1], beside, *paths[1:]) if with_ledger else paths
    ran = interlock("eval", str(policy), *named(paths), "--task", TASK, "--at", ASKED, "--format", "json")
    found = json.loads(ran.out)
    assert (ran.code, found["findings"][0]["message"], found["outputs"]) == (3, "blocked by /qa#2", {"count": 2})
    Draft202012Validator(schema("decision")).validate(found)
    ledger = found["ledger"]
    assert ledger["path"] == " + ".join(map(str, paths))
    assert [each["path"] for each in ledger["sources"]] == list(map(str, paths))
    assert [each.get("evidence") for each in ledger["sources"] if "db" not in each["path"]] == [["/ci#1"], ["/qa#2"]]
    before = interlock("eval", str(policy), *named(paths), "--task", TASK, "--at", AT)
    assert (before.code, before.out.splitlines()[0]) == (0, f"allowed    proved  task {TASK} at {AT}: proved")
    assert api.evaluate(policy, ledger=list(paths), task=TASK, at=ASKED).allow is False
    with api.open_ledger(paths).snapshot(0, live=True) as snapshot:
        assert snapshot.task_labels()[-1] == TASK


def test_a_ledger_decides_as_before_where_feeds_are_beside_it(
    interlock: Interlock, feeds: Feeds, story_path: Path
) -> None:
    asked = ("--task", "checkout-refactor", "--at", AT, "--format", "json")
    every = ("loop", "smoke", "smoke-strict", "readiness", "quiescence", "wakeup", "autonomy", "integrity", "preflight")
    alone, beside = (
        [json.loads(line) for line in interlock("eval", *every, *named(paths), *asked).out.splitlines()]
        for paths in ((story_path,), (*feeds([ACCEPTED], [BLOCKED]), story_path))
    )
    assert {each["allow"] for each in alone} == {True, False}
    for one, other in zip(alone, beside, strict=True):
        sources = other["ledger"].pop("sources")
        assert sources[2].get("evidence", []) == list(dict.fromkeys(one["evidence"]))
        assert {**one, "ledger": None} == {**other, "ledger": None}


def test_the_facts_of_a_feed_are_of_the_ledger_s_task_of_that_name(
    interlock: Interlock, policy: Path, feeds: Feeds, beside: Path
) -> None:
    own = event(subject="checkout-refactor", time="2026-06-22T09:50:00Z", data={**DATA, "status": "blocked"})
    paths = (beside, *feeds([own]))
    with closing(sqlite3.connect(beside)) as database:
        (identity,) = database.execute("SELECT id FROM tasks").fetchone()
    for task in ("checkout-refactor", identity):
        found = api.evaluate(policy, ledger=paths, task=task, at=ASKED)
        assert (found.allow, found.findings[0].message, found.outputs["count"]) == (False, "blocked by /ci#1", 7)
    assert interlock("tasks", *named(paths)).out.startswith("checkout-refactor  2026-06-22T09:55:17Z (")
    with closing(sqlite3.connect(beside)) as ledger, ledger:
        names = [name for _, name, *_ in ledger.execute("PRAGMA table_info(tasks)")]
        chosen = ", ".join("'other'" if name == "id" else name for name in names)
        ledger.execute(f"INSERT INTO tasks SELECT {chosen} FROM tasks")
    ran = interlock("eval", str(policy), *named(paths), "--all-tasks")
    message = f"has facts of the task `checkout-refactor`, and `{beside}` has several of that name"
    assert (ran.code, ran.err) == (6, f"error: the ledger `{paths[1]}` {message}\n")


@pytest.mark.parametrize("face", ["flag", "environment", "file", "python", "mcp", "pytest"])
def test_every_face_takes_several_sources(
    face: str,
    interlock: Interlock,
    policy: Path,
    feeds: Feeds,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    pytestconfig: pytest.Config,
) -> None:
    paths = feeds([ACCEPTED], [BLOCKED])
    asked = ("eval", str(policy), "--task", TASK, "--at", ASKED)
    if face == "python":
        assert api.judge([policy], ledger=paths, tasks=None, at=ASKED)[0].allow is False
    elif face == "mcp":
        assert called(Request(ledger=paths, policy_dirs=(folder,))).structured_content["allow"] is False
    elif face == "pytest":
        Gate(pytestconfig)(policy, ledger=paths, task=TASK, at=ASKED, expect="denied")
    elif face == "environment":
        monkeypatch.setenv("INTERLOCK_LEDGER", os.pathsep.join(map(str, paths)))
        assert interlock(*asked).code == 3
        assert f"{paths[0]}{os.pathsep}{paths[1]}" in interlock("config").out
    elif face == "file":
        (folder / "interlock.toml").write_text(f"ledger = {list(map(str, paths))}\n")
        assert interlock(*asked).code == 3
        line = json.loads(interlock("config", "--format", "json").out.splitlines()[0])
        assert (line["value"], line["from"]) == (list(map(str, paths)), "file")
        Draft202012Validator(schema("setting")).validate(line)
    else:
        assert interlock(*asked, *named(paths)).code == 3


def called(request: Request) -> CallToolResult:
    async def talk() -> CallToolResult:
        async with Client(server(request)) as client:
            return await client.call_tool("evaluate", {"policy": "proved", "task": TASK, "at": ASKED})

    return anyio.run(talk)


WRONG: dict[str, tuple[tuple[str, ...], str]] = {
    "two ledgers": (("x.db", "y.db"), "`x.db` and `y.db` are not feeds; a question takes one ledger of Agent Conveyor"),
    "one feed twice": (("a.ndjson", "a.ndjson"), "`a.ndjson` is named twice; keep one of them"),
    "one feed by two names": (("a.ndjson", "./a.ndjson"), "`./a.ndjson` is named twice; keep one of them"),
    "standard input twice": (("-", "-"), "`-` is named twice; keep one of them"),
    "an empty path": (("a.ndjson", ""), "`--ledger` is empty; give it a value, or leave it out"),
}


@pytest.mark.parametrize(("paths", "message"), WRONG.values(), ids=WRONG)
def test_what_is_not_a_set_of_sources_is_refused(paths: tuple[str, ...], message: str, interlock: Interlock) -> None:
    given = [arg for path in paths for arg in ("--ledger", path)]
    for command in (("eval", "loop", "--task", TASK), ("verify-ledger",), ("tasks",)):
        ran = interlock(*command, *given)
        assert (ran.code, ran.err[: len(message) + 7]) == (2, f"error: {message}")


@pytest.mark.parametrize("value", ["[]", '["a.ndjson", ""]', "[1]"])
def test_a_wrong_list_of_sources_in_a_file_is_refused(value: str, interlock: Interlock, folder: Path) -> None:
    (folder / "interlock.toml").write_text(f"ledger = {value}\n")
    ran = interlock("tasks")
    assert (ran.code, "interlock.toml:1:1: " in ran.err) == (2, True)


def test_a_question_with_an_empty_list_of_sources_is_refused(policy: Path) -> None:
    with pytest.raises(UsageError, match="no ledger: name at least one"):
        api.evaluate(policy, ledger=[], task=TASK)


def test_a_command_that_takes_one_source_says_so(interlock: Interlock, feeds: Feeds) -> None:
    paths = feeds([ACCEPTED], [BLOCKED])
    ran = interlock("export", "--all-tasks", *named(paths))
    message = f"`interlock export` takes one source, and not `{paths[0]}` and `{paths[1]}`; "
    message += "a feed needs no export: export the ledger alone, and judge its feed beside the others"
    assert (ran.code, ran.err) == (2, f"error: {message}\n")
    ran = interlock("watch", "loop", "--task", TASK, "--ledger", "-", *named(feeds([ACCEPTED])))
    assert (ran.code, ran.err[:40]) == (2, "error: standard input cannot be watched:")
    ran = interlock("mcp", "--ledger", "-", *named(feeds([ACCEPTED])))
    assert (ran.code, ran.err[:50]) == (2, "error: a feed cannot come over standard input here")


def test_the_other_commands_read_all_sources(
    interlock: Interlock, policy: Path, feeds: Feeds, beside: Path, folder: Path
) -> None:
    given = (*named((*feeds([ACCEPTED], [BLOCKED]), beside)), "--task", TASK)
    at = ("--at", ASKED)
    assert "by app_smoke_receipt_recorded /qa#2" in interlock("explain", str(policy), *given, *at).out
    assert "app_smoke_receipt_recorded" in interlock("unblock", str(policy), *given, *at).out
    assert '"/qa#2"' in interlock("facts", str(policy), *given, *at).out
    replayed = interlock("replay", str(policy), *given, "--from", AT, "--to", ASKED).out
    assert "proved -> rejected  by app_smoke_receipt_recorded of worker /qa#2" in replayed
    watched = interlock("watch", str(policy), *given, "--until", "deny")
    assert (watched.code, "rejected" in watched.out) == (3, True)
    other = folder / "other.yaml"
    other.write_text(
        policy.read_text().replace('== "accepted"', '!= "sent"').replace("policy: proved", "policy: other")
    )
    assert interlock("diff", str(policy), str(other), *given).code == 3


def test_an_incident_over_several_sources_becomes_a_test(
    process: Interlock, policy: Path, feeds: Feeds, beside: Path, folder: Path
) -> None:
    given = (*named((beside, *feeds([ACCEPTED], [BLOCKED]))), "--task", TASK, "--at", ASKED)
    case = process("capture", str(policy), *given)
    assert (case.code, case.err) == (0, "")
    (folder / "proved_test.yaml").write_text(case.out)
    assert process("test", "proved_test.yaml").code == 0
    written = process("capture", str(policy), *given, "--output", "other_test.yaml")
    paths = given[1 : given.index("--task") : 2]
    assert f"to other_test.yaml, of {' and '.join(paths)}; `interlock test" in written.out


SAME = {
    "an event on two lines": ([ACCEPTED], [BLOCKED, ACCEPTED]),
    "an event whose number one source brings": ([event(seq=7)], [BLOCKED, ACCEPTED]),
}


@pytest.mark.parametrize("contents", SAME.values(), ids=SAME)
def test_a_receipt_that_two_sources_have_counts_once(
    contents: tuple[list[Any], ...], interlock: Interlock, policy: Path, feeds: Feeds
) -> None:
    paths = feeds(*contents)
    found = api.evaluate(policy, ledger=paths, task=TASK, at=ASKED)
    assert (found.allow, found.outputs["count"]) == (False, 2)
    verified = interlock("verify-ledger", *named(paths), "--format", "json")
    assert (verified.code, [json.loads(line)["receipts"] for line in verified.out.splitlines()]) == (0, [1, 2])


def test_a_receipt_that_two_feeds_contradict_is_refused_with_both_places(
    interlock: Interlock, policy: Path, feeds: Feeds
) -> None:
    paths = feeds([BLOCKED, ACCEPTED], [event(data={**DATA, "status": "blocked"})])
    ran = interlock("eval", str(policy), *named(paths), "--task", TASK)
    message = f"line 1: app_smoke_receipt_recorded `/ci#1` contradicts line 2 of `{paths[0]}`"
    assert (ran.code, ran.err) == (6, f"error: the feed `{paths[1]}` has 1 bad line:\n  {message}\n")
    verified = interlock("verify-ledger", *named(paths))
    assert (verified.code, message in verified.out) == (3, True)
    assert called(Request(ledger=paths, policy_dirs=(policy.parent,))).is_error


def exported(interlock: Interlock, ledger: Path) -> list[dict[str, Any]]:
    """The receipts of a ledger as lines of a feed, without what an export says of itself."""
    ran = interlock("export", "--ledger", str(ledger), "--all-tasks")
    found = map(json.loads, ran.out.splitlines()[1:-1])
    return [fact for fact in found if "actor" in fact]


def test_a_receipt_of_the_ledger_and_of_a_feed_counts_once_and_may_not_contradict(
    interlock: Interlock, policy: Path, feeds: Feeds, story_path: Path
) -> None:
    facts = exported(interlock, story_path)
    paths = (story_path, *feeds(facts))
    asked = ("eval", str(policy), *named(paths), "--task", "checkout-refactor", "--at", ASKED)
    ran = interlock(*asked, "--format", "json")
    assert ran.err == ""
    found = json.loads(ran.out)
    assert (found["allow"], found["outputs"]) == (True, {"count": 6})
    assert "evidence" not in found["ledger"]["sources"][1]
    assert interlock("verify-ledger", *named(paths)).code == 0
    (index,) = [i for i, fact in enumerate(facts) if fact["id"] == found["evidence"][0]]
    facts[index] = {**facts[index], "status": "blocked"}
    feeds(facts)
    ran = interlock(*asked)
    what = f"line {index + 1} of `{paths[1]}` about app_smoke_receipt_recorded `{found['evidence'][0]}`"
    assert (ran.code, ran.err) == (6, f"error: the ledger `{story_path}` contradicts {what}\n")
    verified = interlock("verify-ledger", *named(paths))
    assert (verified.code, f"it contradicts line {index + 1} of `{paths[1]}`" in verified.out) == (3, True)


TIES: dict[str, tuple[dict[str, Any], bool]] = {
    "one instant": ({"time": AT}, True),
    "one instant in another offset": ({"time": "2026-06-22T11:20:00+02:00"}, True),
    "a moment of a second that has none": ({"time": "2026-06-22T09:20:00.250Z"}, True),
    "another second": ({"time": "2026-06-22T09:20:01Z"}, False),
    "another task": ({"time": AT, "subject": "release-2"}, False),
    "another kind": ({"time": AT, "type": "other"}, False),
}


@pytest.mark.parametrize(("change", "tied"), TIES.values(), ids=TIES)
@pytest.mark.parametrize("turned", [False, True])
def test_receipts_of_two_sources_that_may_be_of_one_moment_are_in_no_order(
    turned: bool, change: dict[str, Any], tied: bool, policy: Path, feeds: Feeds
) -> None:
    """Nothing says which is the later: not the order of the sources, nor the number of a line."""
    contents = [ACCEPTED], [BLOCKED | {"id": "0"} | change]
    paths = feeds(*(contents[::-1] if turned else contents))
    found = api.evaluate(policy, ledger=paths, task=TASK, at=ASKED)
    assert (found.allow is None) is tied
    if tied:
        assert found.reason is not None
        assert found.reason.endswith("is known to be the later: their stamps may mean one moment")
        assert all(f"`{path}`" in found.reason for path in paths)
    early = api.evaluate(policy, ledger=paths, task=TASK, at="2026-06-22T09:19:00Z")
    assert early.reason == "nothing is proved"
    assert (api.evaluate("integrity", ledger=paths, task=TASK, at=ASKED).reason or "").startswith("neither") is False


def test_a_receipt_of_the_ledger_and_one_of_a_feed_may_be_in_no_order(
    policy: Path, feeds: Feeds, story_path: Path
) -> None:
    newest = api.evaluate(policy, ledger=story_path, task="checkout-refactor", at=ASKED).evidence[0]
    query = "SELECT timestamp FROM telemetry_events WHERE id = ?"
    with closing(sqlite3.connect(story_path)) as database:
        (at,) = database.execute(query, (newest,)).fetchone()
    paths = (*feeds([event(time=at, subject="checkout-refactor")]), story_path)
    found = api.evaluate(policy, ledger=paths, task="checkout-refactor", at=ASKED)
    assert found.reason == (
        f"neither of app_smoke_receipt_recorded `/ci#1` of `{paths[0]}` and app_smoke_receipt_recorded `{newest}` of"
        f" `{story_path}` is known to be the later: their stamps may mean one moment"
    )


def test_what_comes_before_a_receipt_of_another_source_is_not_known_where_both_may_be_of_one_moment(
    folder: Path, feeds: Feeds
) -> None:
    path = folder / "steady.yaml"
    path.write_text(
        "policy: steady\nversion: 1\ntitle: Steady\nquestion: Does it stay as it is?\nfacts:\n"
        "  proof: {from: app_smoke_receipt_recorded, previous: role}\n"
        "rules:\n"
        "  - {id: turned, for: proof, block: it turned, when: proof.previous.status == 'accepted',\n"
        "     unless: proof.status == 'accepted'}\n"
        "decide:\n  - {state: turned, when: blocked, allow: false}\n  - {state: steady, allow: true}\n"
    )
    later = api.evaluate(path, ledger=feeds([ACCEPTED], [BLOCKED]), task=TASK, at=ASKED)
    tied = api.evaluate(path, ledger=feeds([ACCEPTED], [BLOCKED | {"time": AT}]), task=TASK, at=ASKED)
    early = api.evaluate(path, ledger=feeds([ACCEPTED], [BLOCKED]), task=TASK, at=AT)
    assert (early.allow, later.allow, tied.allow) == (True, False, None)
    assert (tied.reason or "").endswith("is known to be the later: their stamps may mean one moment")


def test_the_numbers_of_two_sources_are_not_compared(folder: Path, feeds: Feeds) -> None:
    path = folder / "proved.yaml"
    path.write_text(POLICY.format(condition="proof.seq >= 1"))
    assert api.evaluate(path, ledger=feeds([ACCEPTED, BLOCKED]), task=TASK, at=ASKED).allow is True
    paths = feeds([ACCEPTED], [BLOCKED])
    assert api.evaluate(path, ledger=paths, task=TASK, at=ASKED).reason == (
        "the policy compares `seq`, which orders the receipts of one source only, and there are"
        f" `{paths[0]}` and `{paths[1]}`"
    )


def test_entities_are_of_one_source(interlock: Interlock, feeds: Feeds, story_path: Path, tmp_path: Path) -> None:
    export = tmp_path / "export.ndjson"
    given = ("--ledger", str(story_path), "--all-tasks", "--at", AT)
    export.write_text(interlock("export", *given).out)
    ran = interlock("eval", "loop", *named((export, story_path)), "--task", "checkout-refactor", "--at", AT)
    assert (ran.code, f"is an entity, and those are taken from `{story_path}`" in ran.err) == (6, True)
    copy = Path(shutil.copy(export, tmp_path / "copy.ndjson"))
    ran = interlock("eval", "loop", *named((export, copy)), "--task", "checkout-refactor", "--at", AT)
    assert (ran.code, f"is an entity, and those are taken from `{export}`" in ran.err) == (6, True)


def test_an_export_beside_a_feed_covers_what_it_covers_alone(
    interlock: Interlock, policy: Path, feeds: Feeds, story_path: Path, tmp_path: Path
) -> None:
    export = tmp_path / "export.ndjson"
    given = ("--ledger", str(story_path), "--task", "checkout-refactor", "--at", AT)
    export.write_text(interlock("export", *given).out)
    paths = (export, *feeds([event(subject="checkout-refactor")]))
    found = api.evaluate("smoke", ledger=paths, task="checkout-refactor", at=AT)
    assert found.allow is api.evaluate("smoke", ledger=story_path, task="checkout-refactor", at=AT).allow
    late = api.evaluate(policy, ledger=paths, task="checkout-refactor", at=ASKED)
    assert (late.reason or "").startswith(f"`{export}`: the feed was taken at {AT}, and nobody knows")
    lines = export.read_text().splitlines()
    early = [json.loads(line) for line in lines]
    early[0]["at"] = "2026-06-22T09:00:31Z"
    export.write_text("".join(f"{json.dumps(each)}\n" for each in early))
    with pytest.raises(LedgerError, match="stamped later than it was taken"):
        api.evaluate("smoke", ledger=paths, task="checkout-refactor", at="2026-06-22T09:00:31Z")


def test_recorded_decisions_are_judged_again_from_the_same_sources(
    process: Interlock, policy: Path, feeds: Feeds, beside: Path, tmp_path: Path, folder: Path
) -> None:
    paths = (beside, *feeds([ACCEPTED], [event(id="9", subject="release-2")]))
    given = [arg for path in paths for arg in ("--ledger", os.path.relpath(path, folder))]
    process("eval", str(policy), *given, "--task", TASK, "--at", ASKED, "--decision-log", "log.ndjson")
    validator("decision_log").validate(json.loads((folder / "log.ndjson").read_text()))
    same = process("verify-decision", "log.ndjson")
    assert (same.code, same.out.splitlines()[0][:12]) == (0, "same        ")
    instead = tmp_path / "elsewhere"
    instead.mkdir()
    moved = [Path(shutil.copy(path, instead)) for path in paths]
    assert process("verify-decision", "log.ndjson", *named(tuple(moved))).code == 0
    fewer = process("verify-decision", "log.ndjson", *named(tuple(moved[:2])))
    assert (fewer.code, "it was judged on 3 sources, and there are 2" in fewer.out) == (4, True)
    late = event(id="3", time="2026-06-22T10:30:00Z", data={**DATA, "status": "blocked"})
    feeds([ACCEPTED, late], [event(id="9", subject="release-2")])
    assert process("verify-decision", "log.ndjson").code == 0
    feeds([ACCEPTED, BLOCKED], [event(id="9", subject="release-2")])
    passed = process("verify-decision", "log.ndjson")
    assert (passed.code, "the ledger had 1 receipt (app_smoke_receipt_recorded `/qa#2`) by then" in passed.out) == (
        3,
        True,
    )
    feeds([event(data={**DATA, "payload_keys": ["x"]})], [event(id="9", subject="release-2")])
    changed = process("verify-decision", "log.ndjson")
    assert (changed.code, "/ci#1" in changed.out) == (3, True)
    feeds([event(id="4")], [event(id="9", subject="release-2")])
    gone = process("verify-decision", "log.ndjson")
    assert (gone.code, f"the receipt that was the newest of `{paths[1]}`, `/ci#1`, is gone" in gone.out) == (3, True)


def test_a_ledger_that_is_written_to_between_questions_is_read_again(policy: Path, feeds: Feeds, beside: Path) -> None:
    with closing(sqlite3.connect(beside)) as writer, writer:
        writer.execute("PRAGMA journal_mode = delete")
    ledger = api.open_ledger((beside, *feeds([event(subject="checkout-refactor")])))
    asked: dict[str, Any] = {"ledger": ledger, "task": "checkout-refactor", "at": ASKED}
    assert api.evaluate(policy, **asked).outputs["count"] == 7
    with closing(sqlite3.connect(beside)) as writer, writer:
        row = (
            "'new', NULL, task_id, '2026-06-22T09:58:00Z', actor, event_type, severity, summary, '{}', attributes_json"
        )
        kind = "event_type = 'app_smoke_receipt_recorded'"
        writer.execute(f"INSERT INTO telemetry_events SELECT {row} FROM telemetry_events WHERE {kind} LIMIT 1")
    writer.close()
    assert api.evaluate(policy, **asked).outputs["count"] == 8
    os.replace(shutil.copy(beside, f"{beside}.new"), beside)
    assert api.evaluate(policy, **asked).outputs["count"] == 8
    ledger.close()


def test_a_large_ledger_is_searched_by_its_indexes_where_feeds_are_beside_it(feeds: Feeds, story_path: Path) -> None:
    with api.open_ledger((story_path, *feeds([ACCEPTED]))).snapshot(0) as snapshot:
        for of in ("kind = 'x' AND at >= ''", "task_id = 'x' AND at >= ''", "id = 'x'"):
            order = " ORDER BY at LIMIT 1" if "at" in of.split() else ""
            rows = snapshot.rows(f"EXPLAIN QUERY PLAN SELECT kind, at, instant FROM receipt WHERE {of}{order}", {})
            plan = [row[3] for row in rows if "SCAN" in row[3] or "SEARCH" in row[3]]
            assert [step.split()[0] for step in plan if "tasks" not in step] == ["SEARCH", "SEARCH"], plan
