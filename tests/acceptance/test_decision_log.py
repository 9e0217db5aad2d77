"""Decision logs: every line can be judged again, and whatever changed underneath is reported."""

from __future__ import annotations

import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from interlock import schemas
from interlock.evaluation.rete import AVAILABLE
from tests.acceptance.conftest import Interlock, Ran
from tests.helpers.ledgers import LedgerBuilder

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
TASK = "checkout-refactor"
AT = "2026-06-22T09:20:00Z"
ACCEPTED = "telemetry-1f5e3232-b0d0-450e-9b3a-ef39b91a6c80"
"""The receipt by which the manager accepted smoke."""
BEAT = "telemetry-646babab-c214-4d54-9ec6-672774c24647"
"""A heartbeat that `quiescence` counts, and does not read."""
Log = Callable[..., Ran]


def validator(name: str) -> jsonschema.Draft202012Validator:
    """The validator of a schema that refers to others beside it."""
    read = {path.name: json.loads(path.read_text("utf-8")) for path in SCHEMAS.glob("*.schema.json")}
    registry = Registry[Any]().with_resources((each, DRAFT202012.create_resource(read[each])) for each in read)
    return jsonschema.Draft202012Validator(read[f"{name}.schema.json"], registry=registry)


@pytest.fixture
def story(folder: Path, story_path: Path) -> Path:
    """The story's ledger, to be changed."""
    return Path(shutil.copy(story_path, folder / "story.db"))


@pytest.fixture
def log(process: Interlock, story: Path) -> Log:
    """Judges the story, and appends to `log.ndjson`."""

    def run(*args: str, at: str = AT) -> Ran:
        return process(
            "eval", *args, "--task", TASK, "--ledger", str(story), "--at", at, "--decision-log", "log.ndjson"
        )

    return run


def lines(path: str | Path = "log.ndjson") -> list[dict[str, Any]]:
    """The recorded decisions, each as the schema wants it."""
    found = [json.loads(line) for line in Path(path).read_bytes().splitlines()]
    for each in found:
        validator("decision_log").validate(each)
    return found


def change(ledger: Path, *statements: tuple[str, Sequence[object]]) -> None:
    """Change the ledger behind the back of its own checks."""
    connection = sqlite3.connect(ledger, isolation_level=None)
    connection.execute("PRAGMA ignore_check_constraints = on")
    for sql, values in statements:
        connection.execute(sql, values)
    connection.close()


def verified(interlock: Interlock, *args: str) -> tuple[int, list[dict[str, Any]]]:
    """The exit code, and the result for each line: as the schema requires, and as the code says."""
    ran = interlock("verify-decision", "log.ndjson", "--format", "json", *args)
    assert ran.err == ""
    found = [json.loads(line) for line in ran.out.splitlines()]
    for each in found:
        validator("rejudged").validate(each)
    outcomes = {each["outcome"] for each in found}
    assert ran.code == (3 if "different" in outcomes else 0 if outcomes == {"same"} else 4)
    return ran.code, found


def shifts(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(fact["how"], fact["id"]) for fact in found["facts"]]


def test_a_line_holds_the_decision_that_was_told_and_all_that_it_rests_on(log: Log, folder: Path) -> None:
    ran = log("smoke", "quiescence", "autonomy", "--param", "quiet_after=2", "--format", "json")
    smoke, quiescence, autonomy = lines()
    assert [json.loads(line) for line in ran.out.splitlines()] == [each["decision"] for each in lines()]
    assert ran.code == 3
    asked = {"params": {}, "engine": "both", "at": AT, "policy_dirs": [], "ledger": str(folder / "story.db")}
    asked["max_skew"] = "5s"
    assert smoke["asked"] == asked | {"file": smoke["asked"]["file"]}
    assert Path(smoke["asked"]["file"]).name == "smoke.yaml"
    assert smoke["policies"] == {"smoke": smoke["decision"]["policy_digest"]}
    assert {identity for kind in smoke["facts"].values() for identity in kind} == set(smoke["decision"]["evidence"])
    assert quiescence["asked"]["params"] == {"quiet_after": "2"}
    assert quiescence["params"]["quiet_after"] == 2
    assert autonomy["policies"].keys() >= {"autonomy", "smoke", "readiness"}, "what it needs is part of it"
    assert autonomy["facts"]["seat"] == smoke["facts"]["seat"]
    assert BEAT in quiescence["facts"]["app_heartbeat"], "what is counted is part of it"
    with closing(sqlite3.connect(folder / "story.db")) as connection:
        newest = "SELECT id FROM telemetry_events WHERE rowid = 164"
        assert (smoke["head"],) == connection.execute(newest).fetchone()


def test_without_a_log_nothing_is_written(process: Interlock, story: Path, folder: Path) -> None:
    process("eval", "smoke", "--task", TASK, "--ledger", str(story))
    assert [path.name for path in folder.iterdir()] == ["story.db"]


def test_decisions_come_out_the_same_while_the_ledger_grows(log: Log, interlock: Interlock, story: Path) -> None:
    for minute in range(1, 59, 12):
        log("smoke", "readiness", "quiescence", "autonomy", at=f"2026-06-22T09:{minute:02}:30Z")
    grown = "INSERT INTO telemetry_events SELECT 'new-' || rowid, run_id, task_id, '2026-06-23T00:00:00Z', actor, "
    grown += "event_type, severity, summary, correlation_json, attributes_json FROM telemetry_events"
    change(story, (grown, ()))
    code, found = verified(interlock)
    assert (code, len(found)) == (0, 20)
    assert {(each["outcome"], *shifts(each), *each["notes"]) for each in found} == {("same",)}


def test_a_receipt_that_was_changed(log: Log, interlock: Interlock, story: Path) -> None:
    log("smoke", "readiness")
    edit = "UPDATE telemetry_events SET attributes_json = replace(attributes_json, 'accepted', 'blocked') WHERE id = ?"
    change(story, (edit, (ACCEPTED,)))
    code, (smoke, readiness) = verified(interlock)
    assert code == 3
    assert smoke["outcome"] == "different"
    assert shifts(smoke) == [("changed", ACCEPTED)]
    assert {"field": "outputs.manager.accepted", "before": True, "after": False} in smoke["changes"]
    assert "manager has not accepted smoke" in [finding["message"] for finding in smoke["appeared"]]
    assert (smoke["vanished"], readiness["outcome"]) == ([], "same")


def test_a_receipt_that_is_changed_so_that_nothing_selects_it_is_changed_not_gone(
    log: Log, interlock: Interlock, story: Path
) -> None:
    log("smoke")
    change(story, ("UPDATE telemetry_events SET event_type = 'other' WHERE id = ?", (ACCEPTED,)))
    assert ("changed", ACCEPTED) in shifts(verified(interlock)[1][0])


def test_receipts_that_were_deleted(log: Log, interlock: Interlock, story: Path) -> None:
    log("smoke", "quiescence")
    change(story, ("DELETE FROM telemetry_events WHERE id IN (?, ?)", (ACCEPTED, BEAT)))
    code, (smoke, quiescence) = verified(interlock)
    assert (code, smoke["outcome"], shifts(smoke)) == (3, "different", [("missing", ACCEPTED)])
    assert shifts(quiescence) == [("missing", BEAT)], "one of those that were counted"


def test_a_receipt_that_is_appended_with_an_earlier_time_is_not_judged_by_and_leaves_a_doubt(
    log: Log, interlock: Interlock, story: Path
) -> None:
    log("smoke")
    (before,) = lines()
    (started,) = before["facts"]["app_smoke_started"]
    late = "INSERT INTO telemetry_events SELECT 'late', run_id, task_id, '2026-06-22T09:19:59Z', actor, event_type, "
    late += "severity, summary, correlation_json, attributes_json FROM telemetry_events WHERE id = ?"
    change(story, (late, (started,)))
    code, (found,) = verified(interlock)
    assert (code, found["outcome"], found["facts"], found["changes"]) == (4, "unjudged", [], [])
    assert "it cannot be determined whether the head is older than the ledger was" in found["why"]
    (note,) = found["notes"]
    assert note.startswith("1 receipt (app_smoke_started `late`) may have been in the ledger by then; ")
    assert found["decision"] == before["decision"], "it is judged by what was there"
    change(story, ("UPDATE telemetry_events SET rowid = 0 WHERE id = 'late'", ()))
    code, (found,) = verified(interlock)
    assert (code, shifts(found)[0], shifts(found)[-1]) == (3, ("unread", started), ("new", "late"))


def test_receipts_are_known_by_their_ids_whatever_a_vacuum_numbers_them(
    log: Log, interlock: Interlock, story: Path
) -> None:
    log("smoke", "quiescence")
    before = lines()
    change(story, ("UPDATE telemetry_events SET rowid = rowid + 1000", ()))
    code, found = verified(interlock)
    assert (code, [shifts(each) for each in found]) == (3, [[], []])
    for was, each in zip(before, found, strict=True):
        (moved,) = each["changes"]
        assert (moved["field"], moved["before"]) == ("ledger.seq", 164)
        assert "a VACUUM may renumber receipts" in each["notes"][0]
        assert each["decision"] | {"ledger": None} == was["decision"] | {"ledger": None}


def test_an_older_copy_of_the_ledger_is_told(log: Log, interlock: Interlock, story: Path) -> None:
    log("smoke")
    change(story, ("DELETE FROM telemetry_events WHERE rowid > 150", ()))
    _, (found,) = verified(interlock)
    assert found["notes"] == [
        "the ledger ends at 150, before the decision's 164: it is an older copy, or receipts were deleted"
    ]
    # The number of the newest is free again; who takes it came later.
    again = "INSERT INTO telemetry_events SELECT 'again-' || rowid, run_id, task_id, timestamp, actor, event_type, "
    again += "severity, summary, correlation_json, attributes_json FROM telemetry_events WHERE rowid > 136"
    change(story, (again, ()))
    _, (found,) = verified(interlock)
    assert "is gone" in found["notes"][0]
    assert found["decision"]["ledger"]["seq"] == 163


def test_an_entity_that_changed_is_told(log: Log, interlock: Interlock, story: Path) -> None:
    log("smoke")
    (before,) = lines()
    (seat, *_) = before["facts"]["seat"]
    change(story, ("UPDATE sessions SET codex_app_thread_title = 'renamed' WHERE id = ?", (seat,)))
    assert shifts(verified(interlock)[1][0]) == [("changed", seat)]


def test_a_policy_that_was_changed(process: Interlock, interlock: Interlock, folder: Path, story: Path) -> None:
    source = Path(__file__).resolve().parents[2] / "policies" / "smoke.yaml"
    Path("mine.yaml").write_text(source.read_text("utf-8").replace("policy: smoke", "policy: mine"), "utf-8")
    asked = ("--task", TASK, "--ledger", "story.db", "--at", AT, "--decision-log", "log.ndjson")
    process("eval", "./mine.yaml", *asked)
    text = Path("mine.yaml").read_text("utf-8").replace("default: 180s", "default: 1h")
    Path("mine.yaml").write_text(text, "utf-8")
    code, (found,) = verified(interlock)
    assert code == 3
    assert {"field": "allow", "before": False, "after": True} in found["changes"]
    assert "worker heartbeat is not fresh after smoke start" in [each["message"] for each in found["vanished"]]
    assert {"policy_digest", "policies.mine", "params.stale_after"} < {each["field"] for each in found["changes"]}
    assert found["policies"] == {"mine": str(folder / "mine.yaml")}
    Path("mine.yaml").write_text("policy: mine\n", "utf-8")
    code, (found,) = verified(interlock)
    assert (code, found["outcome"], found["why"][:22]) == (4, "unjudged", "the policy is invalid:")
    Path("mine.yaml").unlink()
    code, (found,) = verified(interlock)
    assert (code, found["why"][:15]) == (4, "the policy file")
    Path("there").mkdir()
    Path("there", "mine.yaml").write_text(text, "utf-8")
    assert verified(interlock, "--policy-dir", "there")[0] == 3


@pytest.mark.skipif(not AVAILABLE, reason="durable-rules cannot be imported here")
def test_who_judged_judges_again(log: Log, interlock: Interlock) -> None:
    for engine in ("rete", "reference", "both"):
        log("smoke", "--engine", engine)
    _, found = verified(interlock)
    assert [(each["decision"]["engine"], each["notes"]) for each in found] == [
        ("rete", []),
        ("reference", []),
        ("both", []),
    ]


def test_lines_that_were_changed(log: Log, interlock: Interlock) -> None:
    log("smoke", "smoke", "loop")
    first, second, third = Path("log.ndjson").read_text("utf-8").splitlines()
    forged = second.replace('"allow":false,"state":"blocked"', '"allow":true,"state":"proved"')
    Path("log.ndjson").write_text(f"{first}\nnonsense\n{forged}\n\n[1]\n\xff\n{third[:100]}", "latin-1")
    code, found = verified(interlock)
    assert code == 3
    assert [(each["line"], each["outcome"]) for each in found] == [
        (1, "same"),
        (2, "unjudged"),
        (3, "different"),
        (5, "unjudged"),
        (6, "unjudged"),
        (7, "unjudged"),
    ]
    assert {"field": "allow", "before": True, "after": False} in found[2]["changes"]
    assert found[5]["why"] == "it was cut off: it does not end in a line feed"
    log("readiness")
    code, found = verified(interlock)
    assert [each["outcome"] for each in found[-2:]] == ["unjudged", "same"], "what is added begins on its own line"


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('"at":"2026-06', '"at":"2026-13', "not an instant"),
        ('"task":"checkout', '"task":"check', "unknown task"),
        ('"params":{}', '"params":{"banana":"1"}', "unknown parameter `banana`"),
        ('"ledger":"/', '"ledger":"-","_":"/', "unknown key `asked._`"),
    ],
)
def test_what_cannot_be_judged_says_why(old: str, new: str, why: str, log: Log, interlock: Interlock) -> None:
    log("smoke")
    Path("log.ndjson").write_text(Path("log.ndjson").read_text("utf-8").replace(old, new), "utf-8")
    code, (found,) = verified(interlock)
    assert (code, found["outcome"]) == (4, "unjudged")
    assert why in found["why"]


def test_a_feed_stands_in_for_the_ledger(log: Log, process: Interlock, interlock: Interlock, folder: Path) -> None:
    log("smoke")
    feed = process("export", "--ledger", "story.db", "--task", TASK, "--at", AT).out
    Path("facts.ndjson").write_text(feed, "utf-8")
    code, (found,) = verified(interlock, "--ledger", "facts.ndjson")
    assert (code, found["outcome"], found["facts"]) == (0, "same", [])
    assert ["for how long it holds" in note for note in found["notes"]] == [True]
    process("eval", "smoke", "--task", TASK, "--at", AT, "--ledger", "facts.ndjson", "--decision-log", "two.ndjson")
    assert interlock("verify-decision", "two.ndjson").code == 0


def test_what_a_person_is_told(log: Log, interlock: Interlock, story: Path) -> None:
    log("smoke", "loop")
    change(story, ("DELETE FROM telemetry_events WHERE id = ?", (ACCEPTED,)))
    ran = interlock("verify-decision", "log.ndjson")
    assert ran.code == 3
    told = ran.out.splitlines()
    assert told[:2] == [
        f"different   line 1: smoke  task {TASK} at {AT}",
        "            outputs.manager.accepted: true -> false",
    ]
    assert "            now: manager has not accepted smoke" in told
    assert told[-5:] == [
        f"            app_smoke_receipt_recorded `{ACCEPTED}` is gone from the ledger",
        f"same        line 2: loop  task {TASK} at {AT}",
        "1 same, 1 different",
        "judged by loop: shipped with interlock, not held by a lock",
        "judged by smoke: shipped with interlock, not held by a lock",
    ]
    Path("log.ndjson").write_text("", "utf-8")
    ran = interlock("verify-decision", "log.ndjson")
    assert (ran.code, ran.out) == (4, "the log holds no decision: nothing was verified\n")
    Path("log.ndjson").write_text("{}\n", "utf-8")
    ran = interlock("verify-decision", "log.ndjson")
    assert ran.out.startswith("unjudged    line 1\n            why: it is not a recorded decision: ")
    Path("log.ndjson").write_bytes(b"not JSON\n\xff\n")
    said = [line.strip() for line in interlock("verify-decision", "log.ndjson").out.splitlines() if "why:" in line]
    assert said[0].startswith("why: it is not a recorded decision: it is not JSON text: ")
    assert said[1] == "why: it is not a recorded decision: it is not UTF-8 text"


def test_a_ledger_or_a_log_that_cannot_be_read(log: Log, interlock: Interlock, story: Path) -> None:
    log("smoke")
    story.unlink()
    assert interlock("verify-decision", "log.ndjson").code == 6
    ran = interlock("verify-decision", "nowhere.ndjson")
    assert (ran.code, ran.err) == (
        2,
        "error: cannot read the decision log `nowhere.ndjson`: no such file or directory\n",
    )


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("--decision-log", "story.db"), "it is read, or written as something else"),
        (("--decision-log", "out.txt", "--output", "out.txt"), "it is read, and must not be overwritten"),
        (("--decision-log", "notes.txt"), "it holds something else than decisions"),
        (("--decision-log", "no/where"), "no such file or directory"),
        (("--decision-log", "."), "is a directory"),
    ],
)
def test_a_decision_that_cannot_be_logged_is_not_told(
    args: tuple[str, ...], told: str, process: Interlock, story: Path
) -> None:
    Path("notes.txt").write_text("remember the milk\n", "utf-8")
    content = story.read_bytes()
    ran = process("eval", "smoke", "--task", TASK, "--ledger", "story.db", *args)
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err
    assert (story.read_bytes(), Path("notes.txt").read_text("utf-8")) == (content, "remember the milk\n")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is always full")
def test_a_log_that_cannot_take_it(process: Interlock, story: Path) -> None:
    ran = process("eval", "smoke", "--task", TASK, "--ledger", "story.db", "--decision-log", "/dev/full")
    assert (ran.code, ran.out) == (2, "")
    assert "no space left" in ran.err


def test_a_line_that_a_full_disk_cut_off(log: Log, process: Interlock, interlock: Interlock, story: Path) -> None:
    log("smoke")
    whole = Path("log.ndjson").stat().st_size
    asked = ("eval", "smoke", "--task", TASK, "--ledger", "story.db", "--at", AT, "--decision-log", "log.ndjson")
    cut = process(*asked, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (whole + 10, whole + 10)))
    assert (cut.code, cut.out) == (2, "")
    log("loop")
    _, found = verified(interlock)
    assert [each["outcome"] for each in found] == ["same", "unjudged", "same"]


@pytest.mark.slow
def test_several_processes_append_to_one_log(folder: Path, story: Path) -> None:
    args = ["eval", "smoke", "quiescence", "autonomy", "--task", TASK, "--ledger", "story.db", "--at", AT]
    command = [sys.executable, "-m", "interlock", *args, "--decision-log", "log.ndjson"]
    running = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(8)]
    assert [each.wait(60) for each in running] == [3] * 8
    assert [each["decision"]["policy"] for each in lines()] == ["smoke", "quiescence", "autonomy"] * 8


def test_a_fact_that_is_no_json_has_a_digest_too(process: Interlock, interlock: Interlock, folder: Path) -> None:
    builder = LedgerBuilder(folder / "story.db").task("demo").bind()
    builder.receipt("app_smoke_started", at="2026-06-11T12:00:05Z").write()
    change(folder / "story.db", ('UPDATE telemetry_events SET attributes_json = \'{"a": 1, "a": 2}\'', ()))
    asked = ("eval", "smoke", "--task", "demo", "--ledger", "story.db", "--at", "2026-06-11T12:01:00Z")
    assert process(*asked, "--decision-log", "log.ndjson").code == 4
    assert "receipt-1" in lines()[0]["facts"]["app_smoke_started"]
    change(folder / "story.db", ('UPDATE telemetry_events SET attributes_json = \'{"a": 1, "a": 3}\'', ()))
    assert shifts(verified(interlock)[1][0]) == [("changed", "receipt-1")]


def test_schemas_of_logs_are_no_kinds_of_facts() -> None:
    assert {"decision_log", "rejudged"}.isdisjoint(schemas.SHIPPED.kinds)
