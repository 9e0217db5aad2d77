"""A feed: exported here, judged there; every bad line named, and never taken for more than it holds."""

from __future__ import annotations

import io
import json
import lzma
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import Interlock
from tests.helpers.ledgers import LedgerBuilder

TASK, AT = "checkout-refactor", "2026-06-22T09:20:00Z"
ASKED = ("--task", TASK, "--at", AT)
EVERY = ("loop", "smoke", "smoke-strict", "readiness", "quiescence", "wakeup", "autonomy", "integrity", "preflight")


@pytest.fixture
def export(interlock: Interlock, story_path: Path, tmp_path: Path) -> Callable[..., Path]:
    """Exports the story at the instant, and gives the feed's path."""

    def run(*args: str) -> Path:
        ran = interlock("export", "--ledger", str(story_path), *ASKED, *args)
        assert (ran.code, ran.err) == (0, "")
        path = tmp_path / "facts.ndjson"
        path.write_text(ran.out)
        return path

    return run


def decided(interlock: Interlock, ledger: Path, *policies: str) -> list[dict[str, Any]]:
    ran = interlock("eval", *policies, "--ledger", str(ledger), *ASKED, "--format", "json")
    found = [json.loads(line) for line in ran.out.splitlines()]
    for each in found:
        assert each["ledger"].pop("path") == str(ledger)
        # A feed that was taken at an instant does not hold what was stamped later, so it cannot say what comes then.
        for name in ("valid_until", "next_change", "validity"):
            each.pop(name)
    return found


def test_every_gate_decides_on_an_export_as_on_the_ledger(
    interlock: Interlock, export: Callable[..., Path], story_path: Path
) -> None:
    feed = export()
    found = decided(interlock, feed, *EVERY)
    assert found == decided(interlock, story_path, *EVERY)
    assert {each["allow"] for each in found} == {True, False}


def test_an_export_for_a_policy_decides_that_policy_and_no_other(
    interlock: Interlock, export: Callable[..., Path], story_path: Path
) -> None:
    feed = export("smoke", "autonomy")
    held = {json.loads(line)["kind"] for line in feed.read_text().splitlines()}
    assert "app_smoke_receipt_recorded" in held
    assert "dispatch_inbox_consumed" not in held
    assert decided(interlock, feed, "smoke", "autonomy") == decided(interlock, story_path, "smoke", "autonomy")
    (integrity,) = decided(interlock, feed, "integrity")
    assert integrity["allow"] is None
    assert integrity["reason"].startswith("the feed was not exported for this policy: it leaves out facts of `")


def test_what_came_after_a_feed_nobody_knows(interlock: Interlock, export: Callable[..., Path]) -> None:
    asked = ("eval", "integrity", "--ledger", str(export()), "--task", TASK, "--format", "json")
    late = json.loads(interlock(*asked, "--at", "now").out)
    assert (late["allow"], late["reason"]) == (
        None,
        f"the feed was taken at {AT}, and nobody knows what was recorded since; ask with `--at {AT}`",
    )
    assert json.loads(interlock(*asked, "--at", "2026-06-22T09:19:00Z").out)["allow"] is True


def test_a_feed_is_asked_about_when_it_was_taken(
    interlock: Interlock, export: Callable[..., Path], story_path: Path, tmp_path: Path
) -> None:
    """So that it decides as the ledger did. Whoever is not content with that says so."""
    feed = str(export())
    asked = ("eval", "integrity", "--task", TASK, "--format", "json", "--ledger")
    ran = interlock(*asked, feed)
    assert ran.err == f"note: asked as of {AT}, when the feed was taken; `--at now` asks about now\n"
    found, then = json.loads(ran.out), json.loads(interlock(*asked, str(story_path), "--at", AT).out)
    assert found["now"] == AT
    assert all(found[name] == then[name] for name in ("allow", "state", "findings", "outputs", "evidence"))
    named = interlock(*asked, feed, "--at", "feed")
    assert (named.out, named.err) == (ran.out, "")
    for more in ((), ("--at", "feed")):
        log = tmp_path / f"{len(more)}.ndjson"
        assert interlock(*asked, feed, *more, "--decision-log", str(log)).code == 0
        assert json.loads(log.read_text())["asked"]["at"] == AT
        assert interlock("verify-decision", str(log)).code == 0
    ran = interlock(*asked, str(story_path), "--at", "feed")
    assert (ran.code, ran.err) == (
        2,
        f"error: `{story_path}` is not a feed that says when it was taken, as `interlock export` writes one\n",
    )


def test_the_head_is_the_newest_receipt(interlock: Interlock, story_path: Path, folder: Path) -> None:
    asked = ("eval", "integrity", "--task", TASK, "--format", "json", "--at", "head", "--ledger")
    with closing(sqlite3.connect(story_path)) as database:
        ((newest,),) = database.execute("SELECT id FROM telemetry_events ORDER BY rowid DESC LIMIT 1").fetchall()
    found = json.loads(interlock(*asked, str(story_path)).out)
    named = json.loads(interlock(*asked[:-2], newest, "--ledger", str(story_path)).out)
    assert found == named
    empty = str(LedgerBuilder(folder / "empty.db").task("demo").write())
    ran = interlock(*asked, empty)
    assert (ran.code, ran.err) == (
        2,
        f"error: `{empty}` has no head: there is no receipt, or the newest has no time\n",
    )


def test_a_part_of_the_facts_tells_nothing_of_an_earlier_instant(
    interlock: Interlock, export: Callable[..., Path]
) -> None:
    feed = export("smoke")
    early = ("--task", TASK, "--at", "2026-06-22T09:06:00Z", "--format", "json")
    found = json.loads(interlock("eval", "smoke", "--ledger", str(feed), *early).out)
    assert (found["allow"], found["reason"]) == (
        None,
        f"the feed was exported for some policies, as of {AT}; ask with `--at {AT}`, or export all",
    )


def test_an_export_for_a_task_decides_no_other(interlock: Interlock, ledger_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "facts.ndjson"
    at = ("--at", "2026-06-11T13:00:00Z")
    path.write_text(interlock("export", "--ledger", str(ledger_path), "--task", "task-0000", *at).out)
    ran = interlock("eval", "integrity", "--ledger", str(path), "--task", "task-0001", *at)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: unknown task `task-0001`; did you mean `task-0000`")


def test_all_tasks_are_exported_and_judged(interlock: Interlock, ledger_path: Path, tmp_path: Path) -> None:
    path, at = tmp_path / "facts.ndjson", ("--at", "2026-06-11T13:00:00Z")
    path.write_text(interlock("export", "--ledger", str(ledger_path), "--all-tasks", "loop", *at).out)
    on_feed, on_ledger = (
        interlock("eval", "loop", "--all-tasks", *at, "--ledger", str(each), "--format", "json")
        for each in (path, ledger_path)
    )
    assert on_feed.code == on_ledger.code
    answers = [
        {line["task"]: line["allow"] for line in map(json.loads, ran.out.splitlines())} for ran in (on_feed, on_ledger)
    ]
    assert answers[0] == answers[1]
    assert len(answers[0]) > 50


def test_a_feed_is_read_from_standard_input(
    interlock: Interlock, export: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = export().read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(feed)))
    ran = interlock("eval", "readiness", "--ledger", "-", *ASKED)
    assert (ran.code, ran.out.splitlines()[0]) == (3, f"denied     readiness  task {TASK} at {AT}: setup_required")


def events(feed: Path) -> str:
    """The facts of a feed as CloudEvents."""
    lines = []
    for fact in map(json.loads, feed.read_text().splitlines()[1:-1]):
        event = {"specversion": "1.0", "source": "/conveyor", "datacontenttype": "application/json"}
        event |= {"type": fact.pop("kind"), "id": fact.pop("id"), "subject": fact.pop("task"), "time": fact.pop("at")}
        event |= {
            name: fact.pop(name) for name in ("seq", "actor", "severity", "summary", "correlation") if name in fact
        }
        lines.append(json.dumps(event | {"data": fact | fact.pop("attributes", {})}))
    return "\n".join(lines)


def test_cloud_events_are_facts(
    interlock: Interlock, export: Callable[..., Path], story_path: Path, tmp_path: Path
) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(events(export()))
    found, expected = decided(interlock, path, *EVERY), decided(interlock, story_path, *EVERY)
    for each in (*found, *expected):
        del each["ledger"]["seq"]  # events say nothing of the ledger's head
    found = json.loads(json.dumps(found).replace("/conveyor#", ""))  # a receipt's id has that of its source
    for each in found:
        each["evidence"] = list(dict.fromkeys(each["evidence"]))  # a seat may have the id of the receipt it is made of
    assert found == expected


BAD = {
    "nonsense": "it is not JSON text: ",
    "[]": "it is not a JSON object",
    '{"id":"x"}': "it has no `kind`, which says what sort of fact it is",
    '{"kind":["x"]}': "it has no `kind`, which says what sort of fact it is",
    '{"kind":"handoff","kind":"task"}': "its document has a key twice: `kind`",
    '{"specversion":"1.0"}': (
        "a CloudEvent needs `id`; a CloudEvent needs `source`; a CloudEvent needs `type`; a CloudEvent needs `time`"
    ),
    '{"specversion":"2.0","id":"1","source":"/ci","type":"a","time":"2026-06-22T09:20:00Z","data":3}': (
        "its `specversion` is not `1.0`; its `data` is not a JSON object of the attributes"
    ),
    '{"kind":"task","id":"t","seq":1,"task":"demo","at":"2026-06-11"}': "",
    '{"kind":"feed"}': "",
}


def test_every_bad_line_is_named_and_nothing_is_judged(
    interlock: Interlock, export: Callable[..., Path], tmp_path: Path
) -> None:
    lines = export().read_text().splitlines()
    path = tmp_path / "bad.ndjson"
    path.write_text("\n".join([*lines[:40], *BAD, *lines[40:]]))
    ran = interlock("eval", "smoke", "--ledger", str(path), *ASKED)
    assert (ran.code, ran.out) == (6, "")
    head, *told = ran.err.splitlines()
    assert head == f"error: the feed `{path}` has 9 bad lines:"
    assert len(told) == len(BAD)
    for number, line, expected in zip(range(41, 50), told, BAD.values(), strict=True):
        assert line.startswith(f"  line {number}: {expected}")
    verified = interlock("verify-ledger", "--ledger", str(path))
    assert verified.code == 3
    assert verified.out.rstrip().endswith(": 9 invalid")


def test_a_feed_that_was_cut_off_is_refused(interlock: Interlock, export: Callable[..., Path], tmp_path: Path) -> None:
    lines = export().read_text().splitlines()
    path = tmp_path / "short.ndjson"
    path.write_text("\n".join(lines[:-1]))
    ran = interlock("eval", "integrity", "--ledger", str(path), *ASKED)
    assert (ran.code, ran.err) == (
        6,
        f"error: the ledger `{path}` was cut off: its last line is missing; export it again\n",
    )
    assert interlock("verify-ledger", "--ledger", str(path)).code == 3
    path.write_text("\n".join([*lines[:20], *lines[30:]]))
    ran = interlock("eval", "integrity", "--ledger", str(path), *ASKED)
    assert ran.code == 6
    assert "facts, not the" in ran.err


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda lines: [*lines[:-1], lines[5], lines[-1]], "duplicate "),
        (lambda lines: [*lines, lines[5]], "it comes after the feed's last line; one file holds one feed"),
        (lambda lines: [lines[1], lines[0], *lines[2:]], "it must be the first line"),
    ],
)
def test_a_feed_is_one_feed_and_a_fact_is_there_once(
    change: Callable[[list[str]], list[str]],
    told: str,
    interlock: Interlock,
    export: Callable[..., Path],
    tmp_path: Path,
) -> None:
    path = tmp_path / "wrong.ndjson"
    path.write_text("\n".join(change(export().read_text().splitlines())))
    ran = interlock("eval", "integrity", "--ledger", str(path), *ASKED)
    assert ran.code == 6
    assert told in ran.err


def tied(name: str, at: str, **more: Any) -> str:
    base = {"kind": "app_heartbeat", "id": name, "seq": 7, "task": TASK, "at": at, "actor": "worker"}
    return json.dumps({**base, "severity": "info", "summary": "", "correlation": {}, "session_id": "s", **more})


def event(name: str, **more: Any) -> str:
    data = {"actor": "worker", "severity": "info", "summary": "", "session_id": "s"}
    base = {"specversion": "1.0", "source": "/ci", "type": "app_heartbeat", "id": name, "subject": TASK, "time": AT}
    return json.dumps({**base, "data": data, **more})


TIED: dict[str, list[str]] = {
    "receipts": [tied("a", AT), tied("b", AT)],
    "of two tasks": [tied("a", AT), tied("b", AT, task="other")],
    "of two kinds": [tied("a", AT), tied("b", AT, kind="other")],
    "one instant, written in two ways": [tied("a", AT), tied("b", AT.replace("Z", ".000Z"))],
    "events": [event("a", seq=7), event("b", seq=7)],
    "an event and the number of another's line": [event("a", seq=2), event("b")],
    "a fact and an event": [tied("a", AT), event("b", seq=7)],
}


@pytest.mark.parametrize("lines", TIED.values(), ids=TIED)
def test_receipts_of_which_neither_is_the_later_are_refused(
    lines: list[str], interlock: Interlock, tmp_path: Path
) -> None:
    """What is the latest would else be decided by the order of lines, which proves nothing."""
    path = tmp_path / "tied.ndjson"
    for order in (lines, lines[::-1] if "seq" in lines[1] else lines):
        path.write_text("\n".join(order))
        ran = interlock("eval", "smoke", "--ledger", str(path), *ASKED)
        assert ran.code == 6
        assert re.search(
            r"line 2: \w+ `(/ci#)?[ab]` has the `at` and the `seq` of `(/ci#)?[ab]`: neither is known to be the later",
            ran.err,
        )
        verified = interlock("verify-ledger", "--ledger", str(path))
        assert verified.code == 3
        assert "it has the `at` and the `seq` of another" in verified.out


def test_receipts_of_one_instant_are_told_apart_by_their_seq(interlock: Interlock, tmp_path: Path) -> None:
    path = tmp_path / "apart.ndjson"
    path.write_text("\n".join([tied("a", AT), tied("b", AT, seq=8), tied("c", "2026-06-22T09:20:01Z")]))
    assert interlock("verify-ledger", "--ledger", str(path)).code == 0


def test_verify_ledger_names_a_fact_that_is_there_twice(interlock: Interlock, tmp_path: Path) -> None:
    path = tmp_path / "twice.ndjson"
    path.write_text("\n".join([tied("a", AT), tied("a", AT, seq=8)]))
    ran = interlock("verify-ledger", "--ledger", str(path))
    assert ran.code == 3
    assert "duplicate fact" in ran.out


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_an_empty_feed_proves_nothing(interlock: Interlock, tmp_path: Path, content: str) -> None:
    path = tmp_path / "empty.ndjson"
    path.write_text(content)
    assert interlock("eval", "integrity", "--ledger", str(path), *ASKED).code == 6


def test_what_is_no_feed_and_what_is_not_there(interlock: Interlock, tmp_path: Path, story_path: Path) -> None:
    missing = interlock("eval", "smoke", "--ledger", str(tmp_path / "no.ndjson"), *ASKED)
    assert (missing.code, missing.err.split("` ")[1][:14]) == (6, "does not exist")
    packed = tmp_path / "packed.ndjson"
    packed.write_bytes(lzma.compress(story_path.read_bytes()[:9_000]))
    assert "it is not UTF-8 text" in interlock("eval", "smoke", "--ledger", str(packed), *ASKED).err


def test_exporting_an_invalid_fact_is_told(interlock: Interlock, tmp_path: Path, story_path: Path) -> None:
    import shutil
    import sqlite3

    path = tmp_path / "broken.db"
    shutil.copy(story_path, path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE telemetry_events SET attributes_json = '{}' WHERE event_type = 'app_smoke_started'")
    connection.close()
    ran = interlock("export", "--ledger", str(path), *ASKED)
    assert (ran.code, ran.err.split("; ")[0]) == (3, "note: the feed will be refused for 1 invalid facts")


@pytest.mark.parametrize("args", [(), ("--task", TASK, "--all-tasks"), ("--task", "nobody"), ("--task", TASK, "x")])
def test_a_wrong_question_exports_nothing(interlock: Interlock, story_path: Path, args: tuple[str, ...]) -> None:
    ran = interlock("export", "--ledger", str(story_path), *args)
    assert (ran.code, ran.out) == (2, "")


def test_facts_are_shown_as_a_policy_sees_them(interlock: Interlock, story_path: Path) -> None:
    ran = interlock("facts", "quiescence", "--ledger", str(story_path), *ASKED, "--format", "text")
    assert ran.code == 0
    assert ran.out.endswith(
        "beats (from app_heartbeat): 2 facts\n  id  actor    count\n  -   manager  4\n  -   worker   1\n"
    )
    lines = interlock("facts", "quiescence", "--ledger", str(story_path), *ASKED).out.splitlines()
    assert json.loads(lines[-1]) == {
        "selection": "beats", "kind": "beats", "id": None, "seq": None, "fields": {"actor": "worker", "count": 1},
    }  # fmt: skip


def test_facts_of_needs_and_what_there_is_none_of(interlock: Interlock, story_path: Path) -> None:
    shown = interlock("facts", "autonomy", "--ledger", str(story_path), *ASKED, "--format", "text").out
    assert shown.startswith("smoke (from the policy smoke): 1 fact\n")
    early = ("--task", TASK, "--at", "2026-06-22T09:00:30Z", "--format", "text")
    ran = interlock("facts", "smoke", "--ledger", str(story_path), *early)
    assert (ran.code, ran.err) == (4, "note: No app smoke session has been started for this task.\n")
    assert "smoke (from app_smoke_started, app_smoke_skipped): 0 facts\n" in ran.out


def test_an_instant_may_be_a_span_or_a_receipt(interlock: Interlock, story_path: Path) -> None:
    asked = ("smoke", "--ledger", str(story_path), "--task", TASK, "--format", "json", "--at")
    receipt = "telemetry-7ae9397f-c924-4836-a823-08f0fbd35f69"
    found = json.loads(interlock("eval", *asked, receipt).out)
    assert found["now"] == "2026-06-22T09:00:40Z"
    assert receipt in found["evidence"]
    ago = json.loads(interlock("eval", *asked, "-10m").out)["now"]
    now = json.loads(interlock("eval", *asked[:-1]).out)["now"]
    assert ago < now
    wrong = interlock("eval", *asked, "-10")
    assert wrong.err == "error: `-10`: `10` is not a duration such as `180s`, `3m` or `1h30m`\n"


def test_an_instant_may_have_any_offset(interlock: Interlock, story_path: Path) -> None:
    asked = ("eval", "smoke", "--ledger", str(story_path), "--task", TASK, "--format", "json", "--at")
    utc = interlock(*asked, "2026-06-22T09:20:00.5Z")
    assert json.loads(utc.out)["now"] == "2026-06-22T09:20:00.500Z"
    assert interlock(*asked, "2026-06-22T11:20:00.5+02:00") == interlock(*asked, "2026-06-22t09:20:00.5z") == utc
    ran = interlock(*asked, "2026-06-22T09:20:00")
    assert ran.err == "error: `2026-06-22T09:20:00` has no offset; `2026-06-22T09:20:00Z` is in UTC\n"


def test_tasks_are_those_that_there_were(interlock: Interlock, story_path: Path) -> None:
    asked = ("tasks", "--ledger", str(story_path), "--at")
    ran = interlock(*asked, "2026-06-22T11:20:00+02:00")
    assert ran.out == f"{TASK}  2026-06-22T09:19:00Z (1 min ago)  app_heartbeat\n"
    assert interlock(*asked, "2026-06-01T00:00:00Z").out == ""
    early = interlock("verify-ledger", "--ledger", str(story_path), "--at", "2026-06-22T09:01:00Z", "--format", "json")
    assert json.loads(early.out)["receipts"] < 10


def test_a_bar_grows_over_a_long_feed_where_a_person_looks(process: Interlock, tmp_path: Path) -> None:
    path = tmp_path / "long.ndjson"
    beat: dict[str, Any] = {
        "kind": "app_heartbeat",
        "task": "demo",
        "at": "2026-06-22T09:20:00Z",
        "actor": "worker",
        "severity": "info",
    }
    beat |= {"summary": "x" * 1_000, "correlation": {}, "session_id": "s", "role": "worker"}
    path.write_text("\n".join(json.dumps({**beat, "id": f"beat-{seq}", "seq": seq}) for seq in range(5_000)))
    asked = ("eval", "integrity", "--ledger", str(path), "--task", "demo")
    assert process(*asked).err == ""
    leader, follower = os.openpty()
    with subprocess.Popen([sys.executable, "-m", "interlock", *asked], stdout=subprocess.PIPE, stderr=follower) as run:
        os.close(follower)
        shown = b""
        while piece := _read(leader):
            shown += piece
        os.close(leader)
        assert run.stdout is not None
        assert run.stdout.read().startswith(b"undecided  integrity  task demo")
    assert b"reading" in shown
    assert b"100%" in shown


def _read(leader: int) -> bytes:
    try:
        return os.read(leader, 4_096)
    except OSError:  # nobody writes any more
        return b""
