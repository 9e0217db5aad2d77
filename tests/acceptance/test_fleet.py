"""`interlock fleet`: every task of many ledgers, each decision that of `interlock eval`, and none that is skipped."""

from __future__ import annotations

import json
import os
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

import interlock as interlock_package
from tests.acceptance.conftest import Interlock
from tests.helpers.ledgers import START, LedgerBuilder

AT = "2026-06-22T09:20:00Z"
NAMED = {"dispatcher_id": "dispatcher-1"}
POLICY = """\
policy: no-stop
version: 1
question: Has nobody stopped the autopilot?
params:
  most: {type: int, default: 0, description: How many may}
facts:
  stops: {from: app_autopilot_stopped, take: all}
rules:
  - {id: stopped, when: stops.size() > params.most, block: "it was stopped"}
decide:
  - {state: stopped, when: blocked, allow: false}
  - {state: free, allow: true}
"""


@pytest.fixture
def fleet(folder: Path) -> Path:
    """Three ledgers: of `a` the task is stopped, `b` has two tasks and `c` one, which are free; and the policy."""
    (folder / "no-stop.yaml").write_text(POLICY, "utf-8")
    (folder / "l").mkdir()
    stopped = LedgerBuilder(folder / "l" / "a.db").task("one")
    stopped.receipt("app_autopilot_stopped", at=START, attributes=NAMED, correlation=NAMED).write()
    LedgerBuilder(folder / "l" / "b.db").task("one").task("two").write()
    LedgerBuilder(folder / "l" / "c.db").task("one").write()
    return folder


def read(out: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, Any]]:
    """The lines of ledgers, the decisions, and the last line, whose digest is right."""
    lines = out.splitlines(keepends=True)
    *before, end = map(json.loads, lines)
    assert end["digest"] == "sha256:" + sha256("".join(lines[:-1]).encode()).hexdigest()
    assert end["kind"] == "fleet_end"
    ledgers = [each for each in before if "kind" in each]
    return ledgers, [each for each in before if "kind" not in each], end


def test_every_decision_is_that_of_eval(
    interlock: Interlock, folder: Path, story_path: Path, ledger_path: Path
) -> None:
    asked = ("smoke", "loop", "autonomy")
    ran = interlock(
        "fleet", *asked, "--ledgers", str(story_path), "--ledgers", str(ledger_path), "--at", AT, "--format", "json"
    )
    ledgers, decisions, end = read(ran.out)
    assert ran.code == 3
    alone = {}
    for path in (story_path, ledger_path):
        ran = interlock("eval", *asked, "--all-tasks", "--ledger", str(path), "--at", AT, "--format", "json")
        alone[str(path)] = [json.loads(line) for line in ran.out.splitlines()]
    assert [each["path"] for each in ledgers] == [str(ledger_path), str(story_path)], "the largest first"
    assert decisions == [each for ledger in ledgers for each in alone[ledger["path"]]]
    assert [each["decisions"] for each in ledgers] == [len(alone[each["path"]]) for each in ledgers]
    assert (end["ledgers"], end["faults"], end["decisions"]) == (2, 0, len(decisions))
    for index, each in enumerate(end["policies"]):
        allows = [decision["allow"] for decision in decisions[index::3]]
        assert each["policy"] == asked[index]
        assert [each[name] for name in ("allowed", "denied", "undecided")] == [
            allows.count(allow) for allow in (True, False, None)
        ]


def test_a_person_reads_what_is_not_allowed(fleet: Path, interlock: Interlock) -> None:
    (fleet / "l" / "empty.db").touch()
    LedgerBuilder(fleet / "l" / "none.db").write()
    broken = LedgerBuilder(fleet / "l" / "broken.db").task("x")
    broken.receipt("app_autopilot_stopped", at=START, attributes=NAMED, correlation={}).write()
    ran = interlock("fleet", "no-stop.yaml", "--ledgers", "l/*.db", "--at", AT, "--workers", "2")
    assert ran.err == "error: 2 ledgers of 6 could not be judged\n"
    assert ran.code == 6
    assert ran.out.splitlines()[:2] == ["no-stop  3 allowed  1 denied  1 undecided", ""]
    assert ran.out.splitlines()[2] == "undecided"
    assert ran.out.splitlines()[3].startswith("  l/broken.db  task x  no-stop  ")
    assert ran.out.splitlines()[4:] == [
        "",
        "not judged",
        "  l/empty.db  the ledger `l/empty.db` is an empty file; name Conveyor's ledger with `--ledger PATH`",
        "  l/none.db   the ledger `l/none.db` holds no task: nothing was judged",
        "",
        f"4 of 6 ledgers judged at {AT}: 5 decisions",
    ]


@pytest.mark.parametrize(
    ("ledgers", "code"),
    [(["l/b.db", "l/c.db"], 0), (["l/a.db", "l/b.db"], 3), (["l/c.db", "nowhere.txt/../l/gone.db"], 2)],
)
def test_the_exit_code_says_the_worst(ledgers: list[str], code: int, fleet: Path, interlock: Interlock) -> None:
    named = [word for each in ledgers for word in ("--ledgers", each)]
    assert interlock("fleet", "no-stop.yaml", *named, "--workers", "1", "--quiet").code == code


def test_undecided_is_never_allowed(folder: Path, interlock: Interlock) -> None:
    LedgerBuilder(folder / "a.db").task("one").write()
    ran = interlock("fleet", "smoke", "--ledgers", "a.db")
    assert ran.code == 4
    assert ran.out.startswith("smoke  0 allowed  0 denied  1 undecided\n")


def test_a_listed_ledger_that_is_gone_is_a_fault(fleet: Path, interlock: Interlock) -> None:
    (fleet / "list.txt").write_text("l/b.db\n\nl/gone.db\n", "utf-8")
    ran = interlock("fleet", "no-stop.yaml", "--ledgers", "@list.txt", "--format", "json")
    ledgers, _, end = read(ran.out)
    assert (ran.code, end["faults"], end["decisions"]) == (6, 1, 2)
    assert "does not exist" in ledgers[1]["fault"]


def test_all_ledgers_are_judged_at_one_instant(fleet: Path, interlock: Interlock) -> None:
    for at in (("--at", "-1h"), ("--at", "now"), ()):
        ran = interlock("fleet", "no-stop.yaml", "--ledgers", "l/*.db", "--format", "json", *at)
        ledgers, decisions, end = read(ran.out)
        assert len(decisions) == 4
        assert {each["judged_at"] for each in ledgers} | {each["now"] for each in decisions} == {end["now"]}
        assert end["live"] is (at != ("--at", "-1h"))


def test_a_feed_is_a_ledger_too(fleet: Path, interlock: Interlock) -> None:
    feed = interlock("export", "--all-tasks", "--ledger", "l/a.db", "--at", AT).out
    (fleet / "l" / "a.ndjson").write_text(feed, "utf-8")
    (fleet / "l" / "a.db").unlink()
    ran = interlock("fleet", "no-stop.yaml", "--ledgers", "l/*", "--at", AT)
    assert ran.out.startswith("no-stop  3 allowed  1 denied  0 undecided\n")


def test_the_files_beside_a_database_belong_to_it(fleet: Path, interlock: Interlock) -> None:
    hidden = fleet / "l" / ".hidden" / "deep"
    hidden.mkdir(parents=True)
    shutil.copy(fleet / "l" / "b.db", hidden / "ledger.db")
    for end in ("-wal", "-shm", "-journal"):
        (hidden / f"other.db{end}").touch()
        (fleet / "l" / f"a.db{end}").touch()
    ran = interlock("fleet", "no-stop.yaml", "--ledgers", "l/**/*.db*", "--format", "json", "--at", AT)
    ledgers, _, _ = read(ran.out)
    judged = sorted(each["path"] for each in ledgers if each["fault"] is None)
    assert judged == ["l/.hidden/deep/ledger.db", "l/a.db", "l/b.db", "l/c.db"]
    assert sorted(each["path"] for each in ledgers if each["fault"]) == [
        f"l/.hidden/deep/other.db{end}" for end in ("-journal", "-shm", "-wal")
    ]


REFUSED = [
    (["--ledgers", "m/*.db"], "`--ledgers m/*.db` matches nothing"),
    (["--ledgers", "l/d.db"], "`--ledgers l/d.db` matches nothing; it is not a pattern, and there is no such file"),
    (["--ledgers", "l/a.db", "--ledgers", "l/*.db"], "`l/a.db` is named twice; name it once"),
    (["--ledgers", "l/*.db", "--ledgers", "./l/a.db"], "`./l/a.db` and `l/a.db` are one ledger; name it once"),
    (["--ledgers", "*/*.db"], "`other/a.db` and `l/a.db` are one ledger; name it once"),
    (["--ledgers", "hard.db", "--ledgers", "l/c.db"], "`l/c.db` and `hard.db` are one ledger; name it once"),
    (["--ledgers", "s3://bucket/a.db"], "`s3://bucket/a.db` is a URL, and a ledger is read where it lies: copy the "),
    (["--ledgers", "file:l/a.db?mode=ro"], "`file:l/a.db?mode=ro` is a URL"),
    (["--ledgers", "-"], "a fleet does not read standard input; name files"),
    (["--ledgers", ""], "`--ledgers` is empty"),
    (["--ledgers", "@no.txt"], "cannot read the list of ledgers `no.txt`: no such file or directory"),
    (["--ledgers", "@blank.txt"], "the list of ledgers `blank.txt` names none: nothing would be judged"),
    (["--ledgers", "@urls.txt"], "`https://example.org/a.db` is a URL"),
    (["--ledgers", "l/*.db", "l/a.db"], "`l/a.db` is not a policy; quote the pattern of `--ledgers`"),
    (["--ledgers", "l/*.db", "--at", "head"], "`head` is not one instant for many ledgers: give RFC 3339"),
    (["--ledgers", "l/*.db", "--at", "feed"], "`feed` is not one instant for many ledgers"),
    (["--ledgers", "l/*.db", "--at", "receipt-1"], "`receipt-1` is not one instant for many ledgers"),
    (["--ledgers", "l/*.db", "--at", "2026-13-01T00:00:00Z"], "2026-13-01T00:00:00Z"),
    (["--ledgers", "l/*.db", "--timeout", "soon"], "`--timeout`: `soon` is not a duration"),
    (["--ledgers", "l/*.db", "--timeout", "0s"], "`--timeout` is `0s`: no ledger can be judged in no time"),
    (["--ledgers", "l/*.db", "--param", "mist=1"], "unknown parameter `mist`"),
    (["--ledgers", "l/*.db", "--param", "most=x"], "`most`"),
    (["--ledgers", "l/*.db", "--output", "l/a.db"], "cannot write `l/a.db`: it is read, and must not be overwritten"),
    (["--ledgers", "l/*.db", "--output", "l/a.db-wal"], "cannot write `l/a.db-wal`: it is read, and must not be"),
    (["--ledgers", "l/*.db", "--output", "no-stop.yaml"], "cannot write `no-stop.yaml`: it is read"),
    (["--ledgers", "@list.txt", "--output", "list.txt"], "cannot write `list.txt`: it is read"),
    (["--ledgers", "l/*.db", "--output", "no/x.txt"], "cannot write `no/x.txt`: no such file or directory"),
    (["--ledgers", "m/*.db", "--ledgers", "ftp://x"], "matches nothing\n`ftp://x` is a URL"),
]


def write_named(words: list[str], fleet: Path) -> None:
    """Write the lists and the second names of ledgers that the words of a refused line name."""
    for name, text in (("blank", "\n \n"), ("urls", "l/a.db\nhttps://example.org/a.db\n"), ("list", "l/a.db\n")):
        (fleet / f"{name}.txt").write_text(text, "utf-8")
    if "*/*.db" in words:
        (fleet / "other").mkdir()
        (fleet / "other" / "a.db").symlink_to(fleet / "l" / "a.db")
    if "hard.db" in words:
        os.link(fleet / "l" / "c.db", fleet / "hard.db")


@pytest.mark.parametrize(
    ("words", "message"), REFUSED, ids=lambda each: " ".join(each) if isinstance(each, list) else ""
)
def test_what_makes_no_fleet_is_refused(words: list[str], message: str, fleet: Path, interlock: Interlock) -> None:
    write_named(words, fleet)
    ran = interlock("fleet", "no-stop.yaml", *words)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err


def test_an_invalid_policy_is_reported_once(fleet: Path, interlock: Interlock) -> None:
    (fleet / "bad.yaml").write_text(POLICY.replace("version: 1", "version: 9"), "utf-8")
    ran = interlock("fleet", "bad.yaml", "--ledgers", "l/*.db")
    assert (ran.code, ran.out) == (5, "")
    assert ran.err.count("bad.yaml:2:") == 1


def test_a_lock_is_held(fleet: Path, interlock: Interlock) -> None:
    (fleet / "a.lock").write_text('{"lock": 1, "policies": {}}', "utf-8")
    ran = interlock("fleet", "no-stop.yaml", "--ledgers", "l/*.db", "--lock", "a.lock")
    assert (ran.code, ran.out) == (5, "")
    assert "the policy `no-stop` is not locked" in ran.err


def test_what_is_waived_counts_as_allowed_with_waivers(fleet: Path, interlock: Interlock) -> None:
    waiver = "- {policy: no-stop, rule: stopped, task: one, reason: known, expires: 2200-01-01, by: ada}\n"
    (fleet / "waivers.yaml").write_text(waiver, "utf-8")
    asked = ("fleet", "no-stop.yaml", "--ledgers", "l/*.db", "--policy-dir", ".")
    assert interlock(*asked).code == 3
    ran = interlock(*asked, "--waivers", "waivers.yaml", "--allow-long-waivers")
    assert ran.code == 0
    assert ran.out.startswith("no-stop  4 allowed (1 with waivers)  0 denied  0 undecided\n")


def test_parameters_reach_every_worker(fleet: Path, interlock: Interlock) -> None:
    ran = interlock("fleet", "no-stop.yaml", "--ledgers", "l/*.db", "--param", "most=1", "--workers", "3")
    assert ran.code == 0
    assert ran.out.startswith("no-stop  4 allowed  0 denied  0 undecided\n")


def test_a_path_that_is_not_text_is_shown_as_escapes(fleet: Path, interlock: Interlock) -> None:
    shutil.copy(fleet / "l" / "b.db", fleet / "l" / "\udcff.db")
    ran = interlock("fleet", "no-stop.yaml", "--ledgers", "l/?.db", "--format", "json", "--at", AT)
    ledgers, decisions, _ = read(ran.out)
    assert "l/\\xff.db" in [each["path"] for each in ledgers]
    assert {each["path"] for each in ledgers} == {each["ledger"]["path"] for each in decisions}


def test_a_table_has_a_row_for_each_decision_and_each_fault(fleet: Path, process: Interlock) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    (fleet / "l" / "empty.db").touch()
    asked = ("fleet", "no-stop.yaml", "--ledgers", "l/*.db", "--at", AT)
    ran = process(*asked, "--output", "run.parquet")
    assert (ran.code, ran.out, ran.err) == (6, "", "error: 1 ledger of 4 could not be judged\n")
    table = parquet.read_table(fleet / "run.parquet")
    _, decisions, end = read(process(*asked, "--format", "json").out)
    metadata = parquet.read_metadata(fleet / "run.parquet").metadata
    assert json.loads(metadata[b"interlock.fleet_end"]) == end
    rows = table.to_pylist()
    (fault,) = [row for row in rows if row["fault"] is not None]
    assert (fault["ledger"], fault["allow"], fault["policy"]) == ("l/empty.db", None, None)
    found = [row for row in rows if row["fault"] is None]
    for name in ("policy", "task", "allow", "state", "reason", "evidence", "policy_digest", "engine", "validity"):
        assert [row[name] for row in found] == [each[name] for each in decisions]
    assert [json.loads(row["findings"]) for row in found] == [each["findings"] for each in decisions]
    assert [json.loads(row["outputs"]) for row in found] == [each["outputs"] for each in decisions]
    assert [row["ledger"] for row in found] == [each["ledger"]["path"] for each in decisions]
    assert {row["now"].isoformat() for row in found} == {"2026-06-22T09:20:00+00:00"}


def test_a_table_of_a_run_that_failed_is_not_one(fleet: Path, process: Interlock) -> None:
    (fleet / "run.parquet").write_bytes(b"PAR1 of an earlier run")
    ran = process("fleet", "smok", "--ledgers", "l/*.db", "--output", "run.parquet")
    assert ran.code == 2
    assert "unknown policy `smok`" in (fleet / "run.parquet").read_text("utf-8")


def test_without_pyarrow_it_is_said_what_to_install(fleet: Path, process: Interlock) -> None:
    (fleet / "no").mkdir()
    (fleet / "no" / "pyarrow.py").write_text("raise ImportError\n", "utf-8")
    path = os.pathsep.join([str(fleet / "no"), str(Path(interlock_package.__file__).parents[1])])
    ran = process("fleet", "no-stop.yaml", "--ledgers", "l/*.db", "--output", "x.parquet", env={"PYTHONPATH": path})
    assert ran == (2, "", "error: Parquet needs pyarrow; install it with `pip install 'interlock[fleet]'`\n")


def test_a_file_is_written_whole(fleet: Path, process: Interlock) -> None:
    asked = ("fleet", "no-stop.yaml", "--ledgers", "l/*.db", "--at", AT)
    ran = process(*asked, "--format", "json", "--output", "run.jsonl")
    assert (ran.code, ran.out, ran.err) == (3, "", "")
    assert read((fleet / "run.jsonl").read_text("utf-8"))[2]["decisions"] == 4
    assert (fleet / "run.jsonl").read_text("utf-8") == process(*asked, "--format", "json").out
    process(*asked, "--output", "run.txt")
    assert (fleet / "run.txt").read_text("utf-8") == process(*asked).out
