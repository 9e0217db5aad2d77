"""`interlock fleet-diff`: of every ledger the comparison of `interlock diff`, and none that is skipped."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from interlock.instant import SECOND, parse_instant
from tests.acceptance.conftest import Interlock
from tests.acceptance.test_diff import versions
from tests.acceptance.test_fleet import AT, NAMED, POLICY, REFUSED, write_named
from tests.helpers.ledgers import START, LedgerBuilder

__all__ = ["versions"]
BOTH = ("old/no-stop.yaml", "new/no-stop.yaml")
TO = ("--to", "2026-06-11T12:10:00Z")
SKIPPED = "; nothing was recorded of 1 more"


@pytest.fixture
def fleet(folder: Path) -> Path:
    """Three ledgers: of `a` the task is stopped once, `b` has two tasks, of one of which nothing was recorded, and
    nothing was stopped in `c`; and two versions of a policy, of which the new one allows a stop."""
    for name, text in (("old", POLICY), ("new", POLICY.replace("default: 0", "default: 1"))):
        (folder / name).mkdir()
        (folder / name / "no-stop.yaml").write_text(text, "utf-8")
    (folder / "no-stop.yaml").write_text(POLICY, "utf-8")
    (folder / "l").mkdir()
    ledger(folder / "l" / "a.db", "app_autopilot_stopped").write()
    ledger(folder / "l" / "b.db", "app_autopilot_stopped").task("two").write()
    ledger(folder / "l" / "c.db", "other").write()
    return folder


def ledger(path: Path, kind: str) -> LedgerBuilder:
    """One with a task, of which that was recorded."""
    return LedgerBuilder(path).task("one").receipt(kind, at=START, attributes=NAMED, correlation=NAMED)


def read(out: str) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """The lines of ledgers by their paths, and the last line, whose digest and counts are right."""
    lines = out.splitlines(keepends=True)
    *ledgers, end = map(json.loads, lines)
    assert end["digest"] == "sha256:" + sha256("".join(lines[:-1]).encode()).hexdigest()
    assert end["kind"] == "fleet_diff_end"
    assert {each["kind"] for each in ledgers} <= {"fleet_diff_ledger"}
    compared = [each["comparison"] for each in ledgers if each["comparison"] is not None]
    assert (end["ledgers"], end["faults"]) == (len(ledgers), len(ledgers) - len(compared))
    assert [end[name] for name in ("tasks", "skipped")] == [
        sum(len(each[name]) for each in compared) for name in ("tasks", "skipped")
    ]
    for each in end["changes"]:
        those = [[d["task"] for d in found["differences"] if d["change"] == each["change"]] for found in compared]
        assert each["differences"] == sum(map(len, those))
        assert each["tasks"] == sum(len(set(tasks)) for tasks in those)
        assert each["ledgers"] == sum(bool(tasks) for tasks in those)
    return {each["path"]: each for each in ledgers}, end


def same_as_diff(interlock: Interlock, paths: list[Path], *words: str) -> dict[str, dict[str, Any]]:
    """The lines of ledgers, each of which has the comparison that is made of it alone."""
    named = [word for path in paths for word in ("--ledgers", str(path))]
    ran = interlock("fleet-diff", *words, *named, "--format", "json")
    found, _ = read(ran.out)
    assert set(found) == set(map(str, paths))
    codes = set()
    for path in paths:
        alone = interlock("diff", *words, "--all-tasks", "--ledger", str(path), "--format", "json")
        assert found[str(path)]["comparison"] == json.loads(alone.out)
        codes.add(alone.code)
    assert ran.code == max(codes)
    return found


def test_every_comparison_is_that_of_diff(
    interlock: Interlock, story_path: Path, ledger_path: Path, versions: tuple[str, str]
) -> None:
    stretch = ("--from", "2026-06-11T12:30:00Z", "--to", "2026-06-11T12:33:00Z")
    found = same_as_diff(interlock, [ledger_path, story_path], *versions, *stretch)
    assert len({each["change"] for each in found[str(ledger_path)]["comparison"]["differences"]}) > 1
    found = same_as_diff(interlock, [story_path], *versions, "--to", AT)
    assert found[str(story_path)]["comparison"]["differences"]


@pytest.mark.slow
def test_every_comparison_over_a_whole_history_is_that_of_diff(
    interlock: Interlock, story_path: Path, ledger_path: Path, versions: tuple[str, str]
) -> None:
    same_as_diff(interlock, [story_path, ledger_path], *versions, "--to", AT)


def test_a_person_reads_what_became_allowed_and_what_was_not_compared(fleet: Path, interlock: Interlock) -> None:
    (fleet / "l" / "empty.db").touch()
    LedgerBuilder(fleet / "l" / "none.db").write()
    LedgerBuilder(fleet / "l" / "idle.db").task("one").write()
    ran = interlock("fleet-diff", *BOTH, "--ledgers", "l/*.db", *TO, "--workers", "2")
    assert (ran.code, ran.err) == (6, "error: 3 ledgers of 6 could not be compared\n")
    head, told = ran.out.split("\n\n", 1)
    assert [line.split()[:3] for line in head.splitlines()] == [
        ["old", "no-stop", BOTH[0]],
        ["new", "no-stop", BOTH[1]],
    ]
    assert told.splitlines() == [
        "newly allowed: 2 intervals in 2 tasks of 2 ledgers",
        "  l/a.db",
        f"    one  from {START} on: denied (stopped) -> allowed (free)",
        "         no longer: stopped",
        "  l/b.db",
        f"    one  from {START} on: denied (stopped) -> allowed (free)",
        "         no longer: stopped",
        "",
        "not compared",
        "  l/empty.db  the ledger `l/empty.db` is an empty file; name Conveyor's ledger with `--ledger PATH`",
        "  l/idle.db   nothing of any task was recorded in that time: nothing was compared; give `--from` and `--to`",
        "  l/none.db   the ledger holds no task: nothing was compared",
        "",
        f"2 differences over the history of 3 tasks in 3 of 6 ledgers: 2 softer, 0 stricter, 0 other{SKIPPED}",
    ]


def test_what_is_only_stricter_is_counted(fleet: Path, interlock: Interlock) -> None:
    ran = interlock("fleet-diff", *reversed(BOTH), "--ledgers", "l/*.db", *TO)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.split("\n\n", 1)[1].splitlines() == [
        "no longer allowed: 2 intervals in 2 tasks of 2 ledgers",
        "  `--format json` shows where",
        "",
        f"2 differences over the history of 3 tasks in 3 ledgers: 0 softer, 2 stricter, 0 other{SKIPPED}",
    ]


@pytest.mark.parametrize(
    ("asked", "ledgers", "code"),
    [
        (BOTH, ["l/c.db"], 0),
        (BOTH, ["l/a.db", "l/c.db"], 3),
        (BOTH[::-1], ["l/a.db"], 0),
        (BOTH, ["@gone.txt"], 6),
        (BOTH[:1] * 2, ["@gone.txt"], 6),
        ((BOTH[0], "bad.yaml"), ["l/a.db"], 5),
        ((BOTH[0], "new/nothing.yaml"), ["l/a.db"], 2),
    ],
    ids=["the same", "softer", "stricter", "softer and a fault", "a fault alone", "an invalid policy", "no policy"],
)
def test_the_exit_code_says_the_worst(
    asked: tuple[str, ...], ledgers: list[str], code: int, fleet: Path, interlock: Interlock
) -> None:
    (fleet / "gone.txt").write_text("l/a.db\nl/gone.db\n", "utf-8")
    (fleet / "bad.yaml").write_text(POLICY.replace("version: 1", "version: 9"), "utf-8")
    named = [word for each in ledgers for word in ("--ledgers", each)]
    ran = interlock("fleet-diff", *asked, *named, *TO, "--workers", "1", "--quiet")
    assert (ran.code, ran.out) == (code, "")
    assert ran.err.count("bad.yaml:2:") == (code == 5)


def test_no_difference_over_some_ledgers_is_said_of_those(fleet: Path, interlock: Interlock) -> None:
    same = ("fleet-diff", BOTH[0], BOTH[0])
    (fleet / "gone.txt").write_text("l/c.db\nl/gone.db\n", "utf-8")
    ran = interlock(*same, "--ledgers", "@gone.txt")
    assert ran.out.endswith("\n\nno difference over the history of 1 task in 1 of 2 ledgers\n")
    ran = interlock(*same, "--ledgers", "l/c.db")
    assert ran.out.endswith("\n\nno difference over the history of 1 task in 1 ledger\n")


def digests(folder: Path) -> list[dict[str, str]]:
    """The two versions, as terms pin them."""
    return [
        {"policy": "no-stop", "digest": f"sha256:{sha256((folder / each).read_bytes()).hexdigest()}"} for each in BOTH
    ]


def test_two_texts_of_one_policy_are_told_apart(fleet: Path, interlock: Interlock) -> None:
    for asked, expected in ((BOTH, digests(fleet)), (BOTH[::-1], digests(fleet)[::-1])):
        ran = interlock("fleet-diff", *asked, "--ledgers", "l/*.db", *TO, "--format", "json")
        assert read(ran.out)[1]["terms"]["policies"] == expected


def test_the_ends_are_one_instant_for_all(fleet: Path, interlock: Interlock) -> None:
    ran = interlock("fleet-diff", *BOTH, "--ledgers", "l/*.db", "--from", "-2h", "--to", "-1h", "--format", "json")
    found, end = read(ran.out)
    begun, ended, now = (parse_instant(end[name]) for name in ("since", "until", "now"))
    for earlier, later in ((begun, ended), (ended, now)):
        assert later - earlier == pytest.approx(3600 * SECOND, abs=10 * SECOND)
    differences = [each for line in found.values() for each in line["comparison"]["differences"]]
    assert {each["since"] for each in differences} == {end["since"]}
    assert (end["tasks"], end["skipped"]) == (4, 0), "where a beginning is given, nothing needs to be recorded"
    _, end = read(interlock("fleet-diff", *BOTH, "--ledgers", "l/*.db", "--format", "json").out)
    assert (end["since"], end["until"]) == (None, None)


def test_a_parameter_of_one_side_is_named(fleet: Path, interlock: Interlock) -> None:
    (fleet / "new" / "no-stop.yaml").write_text(POLICY.replace("most", "many"), "utf-8")
    asked = ("fleet-diff", *BOTH, "--ledgers", "l/*.db", *TO)
    ran = interlock(*asked, "--param", "many=1")
    assert ran.code == 3
    assert "     params: many=1 (flag)\n     only the new one has the parameter many\n\n" in ran.out
    assert interlock(*asked, "--param", "most=1").code == 0
    ran = interlock(*asked, "--param", "mny=1")
    assert ran == (2, "", "error: unknown parameter `mny`; did you mean `many`?\n")


def test_what_is_waived_does_not_differ(fleet: Path, interlock: Interlock) -> None:
    waiver = "- {policy: no-stop, rule: stopped, task: one, reason: known, expires: 2200-01-01, by: ada}\n"
    (fleet / "waivers.yaml").write_text(waiver, "utf-8")
    asked = ("fleet-diff", *BOTH, "--ledgers", "l/*.db", *TO, "--policy-dir", "old")
    assert interlock(*asked).code == 3
    assert interlock(*asked, "--waivers", "waivers.yaml", "--allow-long-waivers").code == 0


def test_what_a_version_needs_is_found_beside_it(fleet: Path, interlock: Interlock) -> None:
    above = (
        "policy: above\nversion: 1\nquestion: Is it free?\nneeds: {below: {policy: no-stop}}\n"
        "rules:\n  - {id: held, unless: below.allow, block: it is stopped}\n"
        "decide:\n  - {state: held, when: blocked, allow: false}\n  - {state: free, allow: true}\n"
    )
    for name in ("old", "new"):
        (fleet / name / "above.yaml").write_text(above, "utf-8")
    asked = ("fleet-diff", "old/above.yaml", "new/above.yaml", "--ledgers", "l/*.db", *TO, "--format", "json")
    ran = interlock(*asked)
    assert ran.code == 3
    assert read(ran.out)[1]["terms"]["needs"] == digests(fleet)


def test_a_feed_and_a_path_that_is_not_text_are_ledgers_too(fleet: Path, interlock: Interlock) -> None:
    feed = interlock("export", "--all-tasks", "--ledger", "l/a.db", "--at", AT).out
    (fleet / "l" / "a.ndjson").write_text(feed, "utf-8")
    shutil.copy(fleet / "l" / "c.db", fleet / "l" / "\udcff.db")
    ran = interlock("fleet-diff", *BOTH, "--ledgers", "l/?.db", "--ledgers", "l/a.ndjson", *TO, "--format", "json")
    found, _ = read(ran.out)
    assert set(found) == {"l/a.db", "l/b.db", "l/c.db", "l/a.ndjson", "l/\\xff.db"}
    assert found["l/a.ndjson"]["comparison"] == found["l/a.db"]["comparison"]


OWN = [
    (["--ledgers", "l/*.db", "--from", "head"], "`head` is not one instant for many ledgers: give RFC 3339"),
    (["--ledgers", "l/*.db", "--to", "feed"], "`feed` is not one instant for many ledgers"),
    (["--ledgers", "l/*.db", "--to", "receipt-1"], "`receipt-1` is not one instant for many ledgers"),
    (["--ledgers", "l/*.db", "--from", ""], "`--from` is empty"),
    (["--ledgers", "l/*.db", "--to", ""], "`--to` is empty"),
    (["--ledgers", "l/*.db", "--from", AT, "--to", START], f"the beginning {AT} is later than the end {START}"),
    (["--ledgers", "l/*.db", "--workers", "1", "--dask", "tcp://x:1"], "give one of `--workers` and `--dask`"),
    (["--ledgers", "l/*.db", "--at", "-1h"], "unknown option `--at`"),
]
SHARED = [(words, message) for words, message in REFUSED if "--at" not in words and "is not a policy" not in message]


@pytest.mark.parametrize(
    ("words", "message"), [*SHARED, *OWN], ids=lambda each: " ".join(each) if isinstance(each, list) else ""
)
def test_what_makes_no_fleet_is_refused(words: list[str], message: str, fleet: Path, interlock: Interlock) -> None:
    write_named(words, fleet)
    ran = interlock("fleet-diff", "no-stop.yaml", BOTH[1], *words)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err


def test_a_file_is_written_whole(fleet: Path, process: Interlock) -> None:
    asked = ("fleet-diff", *BOTH, "--ledgers", "l/*.db", *TO)
    printed = process(*asked, "--format", "json").out
    assert process(*asked, "--format", "json", "--output", "run.jsonl") == (3, "", "")
    written = (fleet / "run.jsonl").read_text("utf-8")
    assert read(written)[0] == read(printed)[0]
    assert written.rpartition('"now":')[0] == printed.rpartition('"now":')[0]
    process(*asked, "--output", "run.txt")
    assert (fleet / "run.txt").read_text("utf-8") == process(*asked).out
    why = "cannot write `x.parquet`: differences are not a table; give `--format json`"
    assert process(*asked, "--output", "x.parquet") == (2, "", f"error: {why}\n")


def test_no_file_of_an_earlier_run_stays_where_the_line_is_wrong(fleet: Path, process: Interlock) -> None:
    asked = ("fleet-diff", *BOTH, "--ledgers", "l/*.db", "--format", "json", "--output", "run.jsonl")
    assert process(*asked).code == 3
    assert process(*asked, "--frm", "-1h").code == 2
    assert "unknown option `--frm`" in json.loads((fleet / "run.jsonl").read_text("utf-8"))["error"]
