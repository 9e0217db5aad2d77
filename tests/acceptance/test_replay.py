"""`interlock replay`: the story's gates over its hour, reported to people and to programs."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema
import pytest

import interlock as api
from tests.acceptance.conftest import Interlock
from tests.helpers.ledgers import LedgerBuilder

SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "schemas" / "history.schema.json").read_text("utf-8"))
TASK = "checkout-refactor"
BEAT = "telemetry-4e00cf36-f494-47a4-a383-d7367814cb43"


def lines(interlock: Interlock, story: Path, *args: str) -> list[str]:
    """The report on smoke over some of the story."""
    ran = interlock("replay", "smoke", "--task", TASK, "--ledger", str(story), *args)
    assert (ran.code, ran.err) == (0, "")
    return ran.out.splitlines()


def test_a_change_names_what_made_it(interlock: Interlock, story_path: Path) -> None:
    assert lines(interlock, story_path, "--from", "2026-06-22T09:04:00Z", "--to", "2026-06-22T09:10:00Z") == [
        "checkout-refactor on 2026-06-22, 09:04:00Z to 09:10:00Z: 1 gate, 3 decisions",
        "",
        "09:04:00Z  smoke  allowed    proved",
        "09:04:03Z  smoke  denied     proved -> blocked  by time alone",
        "                  + worker heartbeat is not fresh after smoke start",
        f"09:05:17Z  smoke  allowed    blocked -> proved  by app_heartbeat of worker {BEAT}",
        "                  - worker heartbeat is not fresh after smoke start",
    ]


def test_an_undecided_start_says_why(interlock: Interlock, story_path: Path) -> None:
    told = lines(interlock, story_path, "--from", "2026-06-22T09:00:30Z", "--to", "2026-06-22T09:00:40Z")
    assert told[0].endswith("1 gate, 2 decisions")
    assert told[2].split() == ["09:00:30Z", "smoke", "undecided", "undecided"]
    assert told[3].strip() == "? No app smoke session has been started for this task."
    assert "undecided -> blocked" in told[4]


def test_without_a_beginning_it_is_the_first_receipt(interlock: Interlock, story_path: Path) -> None:
    asked = ("--ledger", str(story_path), "--format", "json", "--to", "head")
    ran = interlock("replay", "smoke", "loop", "--task", TASK, *asked)
    (line,) = ran.out.splitlines()
    history = json.loads(line)
    jsonschema.Draft202012Validator(SCHEMA).validate(history)
    assert (history["since"], history["until"]) == ("2026-06-22T09:00:40Z", "2026-06-22T09:59:30Z")
    assert [lane["policy"] for lane in history["lanes"]] == ["smoke", "loop"]
    ids = {mark["id"] for mark in history["marks"]}
    for lane in history["lanes"]:
        first, *others = lane["intervals"]
        assert first["cause"] is None
        for interval in others:
            assert {mark["id"] for mark in interval["cause"]["receipts"]} <= ids
            assert all(mark["at"] == interval["since"] for mark in interval["cause"]["receipts"])
        assert any(not interval["cause"]["receipts"] for interval in others)


def test_a_receipt_is_an_end(interlock: Interlock, story_path: Path) -> None:
    told = lines(interlock, story_path, "--from", BEAT, "--to", "head")
    assert told[0].startswith("checkout-refactor on 2026-06-22, 09:05:17Z to 09:59:30Z: 1 gate")


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        (
            ("--from", "2026-06-23T00:00:00Z", "--to", "head"),
            2,
            "the beginning 2026-06-23T00:00:00Z is later than the end 2026-06-22T09:59:30Z",
        ),
        (("--from", "yesterday"), 2, "`yesterday` is not an instant"),
        (("--format", "yaml"), 2, "invalid value for `--format`"),
        (("--param", "stale_after=90"), 2, "`90` is not a duration"),
    ],
)
def test_a_wrong_question(args: tuple[str, ...], code: int, told: str, interlock: Interlock, story_path: Path) -> None:
    ran = interlock("replay", "smoke", "--task", TASK, "--ledger", str(story_path), *args)
    assert (ran.code, ran.out) == (code, "")
    assert told in ran.err


@pytest.mark.parametrize("form", ["text", "json", "html", "svg"])
def test_no_page_of_an_earlier_run_stays_where_a_run_fails(
    form: str, process: Interlock, folder: Path, story_path: Path
) -> None:
    page = folder / "page"
    asked = ("--task", TASK, "--ledger", str(story_path), "--format", form, "--output", "page")
    assert process("replay", "loop", *asked) == (0, "", "")
    assert TASK in page.read_text("utf-8")
    assert process("replay", "lop", *asked) == (2, "", "error: unknown policy `lop`; did you mean `loop`?\n")
    assert "unknown policy `lop`; did you mean `loop`?" in page.read_text("utf-8")
    assert TASK not in page.read_text("utf-8")
    process("replay", "loop", *asked)
    assert process("replay", "loop", *asked, "--frm", "head").code == 2
    assert ("unknown option `--frm`" in page.read_text("utf-8")) is (form != "text"), "text may be anybody's"


AWAKE = """\
policy: awake
version: 1
question: Has it beaten of late?
facts:
  beat: {from: app_heartbeat, take: latest}
rules:
  - id: asleep
    when: beat == null || now - beat.at > duration("5m")
    block: no beat
decide:
  - {state: asleep, when: blocked, allow: false}
  - {state: awake, allow: true}
"""


def test_without_an_end_it_goes_on_to_now(interlock: Interlock, folder: Path) -> None:
    """Nothing was written after the last heartbeat, and yet the gate has closed since."""
    clock = datetime.now(UTC).replace(microsecond=0)
    beat = clock - timedelta(minutes=20)
    LedgerBuilder(folder / "ledger.db").task("demo").heartbeat("worker", at=f"{beat:%Y-%m-%dT%H:%M:%SZ}").write()
    (folder / "awake.yaml").write_text(AWAKE, "utf-8")
    ran = interlock("replay", "./awake.yaml", "--task", "demo", "--ledger", "ledger.db", "--format", "json")
    history = json.loads(ran.out)
    assert clock <= datetime.fromisoformat(history["until"]) <= clock + timedelta(minutes=1)
    (lane,) = history["lanes"]
    assert [each["state"] for each in lane["intervals"]] == ["awake", "asleep"]
    assert lane["intervals"][-1]["cause"]["receipts"] == [], "time alone closed it"


def test_a_feed_is_replayed_to_the_instant_at_which_it_was_taken(
    interlock: Interlock, folder: Path, story_path: Path
) -> None:
    feed = interlock("export", "--ledger", str(story_path), "--task", TASK, "--at", "2026-06-22T10:30:00Z").out
    (folder / "feed.ndjson").write_text(feed, "utf-8")
    ran = interlock("replay", "smoke", "--task", TASK, "--ledger", "feed.ndjson", "--format", "json")
    assert (json.loads(ran.out)["until"], ran.err) == ("2026-06-22T10:30:00Z", "")


def test_a_ledger_of_times_to_come_is_replayed_to_its_last_receipt(tmp_path: Path) -> None:
    path = LedgerBuilder(tmp_path / "ledger.db").task("demo").receipt("app_heartbeat", at="2199-01-01T00:00:00Z")
    assert api.replay(["loop"], ledger=path.write(), task="demo").until == "2199-01-01T00:00:00Z"


def test_the_instant_of_the_question_is_the_end_in_python(story_path: Path) -> None:
    history = api.replay(["smoke"], ledger=story_path, task=TASK, at="2026-06-22T10:05:00Z")
    assert history.until == "2026-06-22T10:05:00Z"


def test_a_task_without_a_receipt_has_no_beginning(interlock: Interlock, tmp_path: Path) -> None:
    path = LedgerBuilder(tmp_path / "ledger.db").task("demo").bind().write()
    ran = interlock("replay", "loop", "--task", "demo", "--ledger", str(path))
    assert ran == (2, "", "error: the task `demo` has no receipt; give the beginning\n")
    ran = interlock("replay", "loop", "--task", "demo", "--ledger", str(path), "--from", "-1m", "--to", "-1s")
    assert (ran.code, ran.out.count("Dispatch dispatch-local is missing.")) == (0, 1)


def causes(path: Path, policy: str, since: str, until: str) -> list[list[str]]:
    """The kinds that are blamed for each change of a policy."""
    (lane,) = api.replay([policy], ledger=path, task="demo", since=since, until=until).lanes
    return [[mark.kind for mark in each.cause.receipts] for each in lane.intervals if each.cause]


def test_an_entity_that_changed_is_to_blame(tmp_path: Path) -> None:
    builder = LedgerBuilder(tmp_path / "ledger.db").task("demo", at="2026-06-11T11:00:00Z")
    builder.bind(at="2026-06-11T12:00:00Z", state="ended", ended_at="2026-06-11T12:00:20Z")
    ends = {"since": "2026-06-11T11:59:00Z", "until": "2026-06-11T12:01:00Z"}
    assert causes(builder.write(), "preflight", **ends) == [["seat", "seat"], ["binding"]]


def test_time_is_to_blame_where_what_came_at_the_same_instant_is_not(tmp_path: Path) -> None:
    first, last = "2026-06-11T12:00:00Z", "2026-06-11T12:03:00.000001Z"
    builder = LedgerBuilder(tmp_path / "ledger.db").task("demo")
    builder.bind(manager={"last_heartbeat_at": first}, worker={"last_heartbeat_at": last})
    builder.heartbeat("manager", at=first).heartbeat("worker", at="2026-06-11T12:01:00Z").heartbeat("worker", at=last)
    (lane,) = api.replay(["wakeup"], ledger=builder.write(), task="demo", until="2026-06-11T12:05:00Z").lanes
    assert [(each.since, each.cause and each.cause.receipts) for each in lane.intervals[-1:]] == [(last, ())]
    assert [finding.message for finding in lane.intervals[-1].findings] == ["manager sleeps, and can be woken"]


BOTH = """\
policy: both
version: 1
question: Have both beaten, and is nothing wrong?
facts:
  manager: {from: app_heartbeat, where: manager.actor == "manager", take: latest}
  worker: {from: app_heartbeat, where: worker.actor == "worker", take: latest}
  skipped: {from: app_smoke_skipped, take: latest}
rules:
  - {id: manager, when: manager == null, block: no manager}
  - {id: worker, when: worker == null, block: no worker}
  - {id: skipped, when: skipped == null, note: not skipped}
decide:
  - {state: asleep, when: blocked, allow: false}
  - {state: awake, allow: true}
"""


@pytest.mark.parametrize(
    ("arriving", "blamed"),
    [
        (["manager", "worker"], [0, 1]),
        (["manager", "manager", "worker"], [0, 2]),
        (["worker", "operator", "manager", "operator"], [0, 2]),
        (["worker", "worker"], [0]),
        (["worker", *["operator"] * 60], list(range(61))),
    ],
)
def test_of_what_came_at_one_instant_that_is_blamed_without_which_nothing_had_changed(
    arriving: list[str], blamed: list[int], folder: Path
) -> None:
    builder = LedgerBuilder(folder / "ledger.db").task("demo").bind(at="2026-06-11T11:00:00Z")
    for role in arriving:
        builder = builder.receipt("app_heartbeat", at="2026-06-11T12:00:00Z", actor=role)
    (folder / "both.yaml").write_text(BOTH, "utf-8")
    (lane,) = api.replay(
        ["both.yaml"],
        ledger=builder.write(),
        task="demo",
        since="2026-06-11T11:59:00Z",
        until="2026-06-11T12:01:00Z",
    ).lanes
    (change,) = [each.cause.receipts for each in lane.intervals if each.cause]
    numbers = [int(mark.id.rpartition("-")[2]) - 1 for mark in change]
    assert numbers == blamed
