"""`interlock eval` in the formats of other tools, each read as its tool does, and the files that it writes them to."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import stat
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from interlock import schemas
from interlock.cli import main
from interlock.reporting import FORMATS
from tests.acceptance.conftest import Interlock
from tests.helpers import consumers
from tests.helpers.ledgers import LedgerBuilder

STORY = ("--task", "checkout-refactor", "--ledger")
DENIED = ("--at", "2026-06-22T09:42:35Z")
ALLOWED = ("--at", "2026-06-22T09:34:00Z")
GATES = ("smoke", "loop", "quiescence")
POLICIES = Path(__file__).resolve().parents[2] / "policies"
STALE = "Dispatch dispatch-local is stale."
FIX = "conveyor dispatch --watch --dispatcher-id=dispatch-local"
MONITORING = (
    "denied: monitoring: the pair is at work, or its loop is not healthy\n"
    "hint: let the autopilot run until both seats are quiet"
)
WARNING = """
policy: quiet
version: 1
question: Is nobody there?

facts:
  seat: {from: seat, per: role, take: latest}
rules:
  - id: silent
    for: seat
    when: seat.role == "worker"
    warn: "{seat.role} <is> silent"
    fix: wake | it
decide:
  - {state: fine, allow: true}
"""


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """A folder for reports."""
    found = tmp_path / "reports"
    found.mkdir()
    return found


def rule_line(policy: str, rule: str) -> int:
    """The line at which a shipped policy's rule begins."""
    lines = (POLICIES / f"{policy}.yaml").read_text("utf-8").splitlines()
    return lines.index(f"  - id: {rule}") + 1


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(("at", "gates", "code"), [(ALLOWED, GATES, 0), (DENIED, GATES, 3), (DENIED, ["smoke"], 0)])
def test_a_report_passes_if_all_is_allowed(
    form: str, at: tuple[str, str], gates: tuple[str, ...], code: int, interlock: Interlock, story_path: Path
) -> None:
    ran = interlock("eval", *gates, *STORY, str(story_path), *at, "--format", form)
    assert (ran.code, ran.err) == (code, "")
    assert consumers.passes(form, ran.out) is (code == 0)


@pytest.mark.parametrize("form", FORMATS)
def test_an_undecided_decision_passes_nowhere(form: str, folder: Path, interlock: Interlock) -> None:
    LedgerBuilder(folder / "ledger.db").task("demo # SKIP").write()
    ran = interlock("eval", "smoke", "--task", "demo # SKIP", "--ledger", "ledger.db", "--format", form)
    assert (ran.code, ran.err) == (4, "")
    assert not consumers.passes(form, ran.out)


@pytest.mark.parametrize("form", FORMATS)
def test_every_task_of_a_real_ledger(form: str, interlock: Interlock, ledger_path: Path) -> None:
    ran = interlock("eval", "loop", "smoke", "--all-tasks", "--ledger", str(ledger_path), "--format", form)
    assert not consumers.passes(form, ran.out)
    counts = Counter(consumers.verdicts("json", plain(interlock, ledger_path)))
    assert counts.total() == 240
    match form:
        case "junit":
            suites = list(consumers.junit(ran.out))
            failed = [suite for suite in suites if suite.attrib["failures"] != "0"]
            errors = [suite for suite in suites if suite.attrib["errors"] != "0"]
            assert (len(suites), len(failed), len(errors)) == (240, counts["denied"], counts["undecided"])
        case "tap":
            tests = [test for test in consumers.tap(ran.out) if test.description.endswith(": is allowed")]
            assert (len(tests), sum(test.ok for test in tests)) == (240, counts["allowed"])
        case "markdown":
            assert Counter(consumers.rows(ran.out)) == counts


def plain(interlock: Interlock, ledger: Path) -> str:
    return interlock("eval", "loop", "smoke", "--all-tasks", "--ledger", str(ledger), "--format", "json").out


def test_junit(interlock: Interlock, story_path: Path) -> None:
    ran = interlock("eval", *GATES, *STORY, str(story_path), *DENIED, "--format", "junit")
    smoke, loop, _ = consumers.junit(ran.out)
    assert smoke.attrib["name"] == "smoke.checkout-refactor"
    assert [case.attrib["name"] for case in smoke.iter("testcase")][:3] == ["is allowed", "one-of-many", "no-thread"]
    verdict, stale, seat = loop.iter("testcase")
    assert [failure.attrib["message"] for failure in verdict] == ["denied: unhealthy"]
    assert [(failure.tag, failure.attrib["message"]) for failure in stale] == [("failure", STALE)]
    assert (stale[0].text or "").splitlines() == [
        f"block: {STALE}",
        "fix:",
        FIX,
        "evidence: telemetry-2b3399b1-3afe-47fe-be3b-1960de72da70",
    ]
    assert (seat.attrib["name"], list(seat)) == ("seat-lease", [])


def test_junit_of_an_undecided_decision_has_an_error_and_passes_no_rule(folder: Path, interlock: Interlock) -> None:
    LedgerBuilder(folder / "ledger.db").task("demo").write()
    ran = interlock("eval", "smoke", "--task", "demo", "--ledger", "ledger.db", "--format", "junit")
    verdict, *rules = consumers.junit(ran.out).iter("testcase")
    assert [(each.tag, each.attrib["type"]) for each in verdict] == [("error", "undecided")]
    assert verdict[0].attrib["message"].startswith("undecided: No app smoke session has been started for this task.")
    assert [[each.tag for each in rule] for rule in rules] == [["skipped"]] * 7


def test_sarif(interlock: Interlock, story_path: Path) -> None:
    ran = interlock("eval", *GATES, *STORY, str(story_path), *DENIED, "--format", "sarif")
    (run,) = consumers.sarif(ran.out)["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules if "loop" in rule["id"]] == [
        "loop",
        "loop/dispatcher-lease",
        "loop/seat-lease",
    ]
    first, state, second = run["results"]
    assert (state["ruleId"], state["message"]["text"]) == ("quiescence", f"task checkout-refactor: {MONITORING}")
    assert (first["ruleId"], first["level"]) == ("loop/dispatcher-lease", "error")
    assert first["message"]["text"] == f"task checkout-refactor: {STALE}\nfix:\n{FIX}"
    assert first["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "interlock/policies/loop.yaml"},
        "region": {"startLine": rule_line("loop", "dispatcher-lease")},
    }
    assert [rules[each["ruleIndex"]]["id"] for each in (first, second)] == [first["ruleId"], second["ruleId"]]
    told = rules[first["ruleIndex"]]["help"]["text"].splitlines()
    assert told[0] == "Is the pair alive?"
    assert told[2:] == [
        'block: Dispatch {params.dispatcher_id} is {pulse == null ? "missing" : "stale"}.',
        "fix: conveyor dispatch --watch --dispatcher-id={params.dispatcher_id}",
        "unless: now - pulse.at <= params.stale_after",
    ]


def test_sarif_keeps_the_results_of_several_tasks_apart_and_finds_them_again(
    interlock: Interlock, ledger_path: Path, folder: Path
) -> None:
    def fingerprints(policy: str) -> list[tuple[str, str]]:
        ran = interlock("eval", policy, "--all-tasks", "--ledger", str(ledger_path), "--format", "sarif")
        (run,) = consumers.sarif(ran.out)["runs"]
        return [
            (each["properties"]["task"], each["partialFingerprints"]["primaryLocationLineHash"])
            for each in run["results"]
        ]

    found = fingerprints("smoke")
    assert len({task for task, _ in found}) > 1
    assert len(set(found)) == len({mark for _, mark in found}) == len(found)
    text = (POLICIES / "smoke.yaml").read_text("utf-8")
    (folder / "smoke.yaml").write_text(f"# another line, another text\n{text}", "utf-8")
    assert fingerprints("./smoke.yaml") == found


def test_markdown_mentions_nobody_and_links_to_nothing(folder: Path, interlock: Interlock, story_path: Path) -> None:
    """Of what a fact or a policy says, GitHub and GitLab would make notifications and links."""
    said = "@org/team @ada GH-7 gh-8 #9 org/repo#1 !3 ~bug https://x.example www.x.example mail@x.example mailto:a@b.c"
    (folder / "quiet.yaml").write_text(WARNING.replace("{seat.role} <is> silent", said), "utf-8")
    out = interlock("eval", "./quiet.yaml", *STORY, str(story_path), "--format", "markdown").out
    consumers.markdown(out)
    (line,) = [line for line in out.splitlines() if line.startswith("- **warn**")]
    shown = re.sub(r"<!-- -->|\\", "", line)
    assert shown == f"- **warn** {said} (`silent`)"


@pytest.mark.parametrize("form", ["junit", "tap"])
def test_two_policies_of_one_name_are_kept_apart(
    form: str, folder: Path, interlock: Interlock, story_path: Path
) -> None:
    for name in ("one", "two"):
        (folder / name).mkdir()
        (folder / name / "quiet.yaml").write_text(f"{WARNING}# {name}\n", "utf-8")
    policies = ("one/quiet.yaml", "two/quiet.yaml", "one/quiet.yaml")
    out = interlock("eval", *policies, *STORY, str(story_path), "--format", form).out
    if form == "junit":
        names = [suite.attrib["name"] for suite in consumers.junit(out)]
        assert len(set(names)) == 3
        assert "one/quiet.yaml" in names[0]
        assert "two/quiet.yaml" in names[1]
    else:
        names = [test.description for test in consumers.tap(out)]
        assert len(set(names)) == len(names)


def test_github(interlock: Interlock, story_path: Path) -> None:
    ran = interlock("eval", *GATES, *STORY, str(story_path), *DENIED, "--format", "github")
    first, state, second = consumers.github(ran.out)
    assert first.level == state.level == second.level == "error"
    assert state.message == f"task checkout-refactor: {MONITORING}"
    line = str(rule_line("loop", "dispatcher-lease"))
    assert first.where == {"file": str(POLICIES / "loop.yaml"), "line": line, "title": "loop: dispatcher-lease"}
    assert first.message == f"task checkout-refactor: {STALE}\nfix:\n{FIX}"


def test_github_shows_ten_of_a_level_and_says_how_many_more_there_are(interlock: Interlock, ledger_path: Path) -> None:
    ran = interlock("eval", "loop", "smoke", "--all-tasks", "--ledger", str(ledger_path), "--format", "github")
    found = consumers.github(ran.out)
    (run,) = consumers.sarif(
        interlock("eval", "loop", "smoke", "--all-tasks", "--ledger", str(ledger_path), "--format", "sarif").out
    )["runs"]
    errors = sum(result["level"] == "error" for result in run["results"])
    shown = [each for each in found if each.level == "error"]
    assert len(shown) == 10
    assert shown[-1].message == f"and {errors - 9:,} more"


def test_tap(interlock: Interlock, story_path: Path) -> None:
    ran = interlock("eval", "loop", *STORY, str(story_path), *DENIED, "--format", "tap")
    verdict, stale, seat = consumers.tap(ran.out)
    assert [test.ok for test in (verdict, stale, seat)] == [False, False, True]
    assert verdict.yaml_block == {"message": "denied: unhealthy", "severity": "fail"}
    assert stale.description == "- loop checkout-refactor: dispatcher-lease"
    assert stale.yaml_block["message"] == STALE
    assert [each["fix"] for each in stale.yaml_block["findings"]] == [FIX]


def test_markdown(interlock: Interlock, story_path: Path) -> None:
    ran = interlock("eval", *GATES, *STORY, str(story_path), *DENIED, "--format", "markdown")
    assert ran.out.splitlines()[:7] == [
        "### interlock: 2 denied, 1 allowed",
        "",
        "| verdict | policy | task | state |",
        "| --- | --- | --- | --- |",
        "| **allowed** | smoke | checkout-refactor | proved |",
        "| **denied** | loop | checkout-refactor | unhealthy |",
        "| **denied** | quiescence | checkout-refactor | monitoring |",
    ]
    assert consumers.rows(ran.out) == ["allowed", "denied", "denied"]
    assert f"- **block** {STALE} (`dispatcher-lease`)\n  - fix: `{FIX}`\n" in ran.out


@pytest.mark.parametrize("form", ["junit", "sarif", "github", "tap", "markdown"])
def test_a_warning_fails_nothing_and_is_told(form: str, folder: Path, interlock: Interlock) -> None:
    (folder / "quiet.yaml").write_text(WARNING, "utf-8")
    LedgerBuilder(folder / "ledger.db").task("demo").bind().write()
    ran = interlock("eval", "./quiet.yaml", "--task", "demo", "--ledger", "ledger.db", "--format", form)
    assert (ran.code, ran.err) == (0, "")
    assert consumers.passes(form, ran.out)
    match form:
        case "junit":
            told = [out.text for out in consumers.junit(ran.out).iter("system-out")]
            assert [(text or "").splitlines()[:2] for text in told] == [["warn: worker <is> silent", "fix:"]]
        case "sarif":
            (result,) = consumers.sarif(ran.out)["runs"][0]["results"]
            assert result["level"] == "warning"
            place = {"artifactLocation": {"uri": "quiet.yaml"}, "region": {"startLine": 9}}
            assert result["locations"] == [{"physicalLocation": place}]
        case "github":
            message = "task demo: worker <is> silent\nfix:\nwake | it"
            where = {"file": "quiet.yaml", "line": "9", "title": "quiet: silent"}
            assert consumers.github(ran.out) == [("warning", where, message)]
        case "tap":
            _, silent = consumers.tap(ran.out)
            assert [each["message"] for each in silent.yaml_block["findings"]] == ["worker <is> silent"]
        case "markdown":
            assert r"- **warn** worker \<is\> silent (`silent`)" in ran.out


# -- files


def test_output_goes_to_a_file_and_nothing_to_standard_output(
    interlock: Interlock, story_path: Path, target: Path
) -> None:
    file = target / "gate.json"
    file.write_text("old\n" * 10_000)
    file.chmod(0o640)
    asked = ("eval", "smoke", *STORY, str(story_path), *DENIED, "--format", "json")
    assert interlock(*asked, "--output", str(file)) == (0, "", "")
    assert file.read_text("utf-8") == interlock(*asked).out
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert os.listdir(target) == ["gate.json"]


def test_several_reports_of_one_run(interlock: Interlock, story_path: Path, target: Path) -> None:
    asked = ("eval", *GATES, *STORY, str(story_path), *DENIED)
    wanted = [word for form in FORMATS for word in ("--report", f"{form}:{target / form}")]
    ran = interlock(*asked, *wanted)
    assert ran == interlock(*asked)
    assert {form: (target / form).read_text("utf-8") for form in FORMATS} == {
        form: interlock(*asked, "--format", form).out for form in FORMATS
    }


def test_a_file_that_cannot_be_written_leaves_what_there_was(
    interlock: Interlock, story_path: Path, target: Path
) -> None:
    (target / "gate.xml").mkdir()
    ran = interlock("eval", "smoke", *STORY, str(story_path), "--output", str(target / "gate.xml"))
    assert ran == (2, "", f"error: cannot write `{target / 'gate.xml'}`: is a directory\n")
    if os.path.exists("/dev/full"):
        ran = interlock("eval", "smoke", *STORY, str(story_path), "--output", "/dev/full")
        assert ran == (2, "", "error: cannot write `/dev/full`: no space left on device\n")
    assert os.listdir(target) == ["gate.xml"]


def _fails(form: str, text: str) -> bool:
    """Whether the readers of a format see in a report that something is wrong."""
    match form:
        case "text":
            return text.startswith("error: ")
        case "json":
            violations = schemas.violations("failure", json.loads(text))
            return not violations and json.loads(text)["allow"] is None
        case "junit":
            return [case.attrib["errors"] for case in consumers.junit(text)] == ["1"]
        case "sarif":
            (run,) = consumers.sarif(text)["runs"]
            return [each["level"] for each in run["results"]] == ["error"] and not run["invocations"][0][
                "executionSuccessful"
            ]
        case "github":
            return [each.level for each in consumers.github(text)] == ["error"]
        case "markdown":
            return text.startswith("### interlock: could not judge\n")
        case _:
            return [test.ok for test in consumers.tap(text)] == [False]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (("smok",), 2),
        (("smoke", "--task", "nobody"), 2),
        (("smoke", "--param", "stale_after=soon"), 2),
        (("smoke", "--policy-dir", "nowhere"), 2),
        (("smoke", "--ledger", "nowhere.db"), 6),
        (("smoke", "--lock", "nowhere.lock"), 5),
        (("./broken.yaml",), 5),
        (("smoke", "--waivers", "broken.yaml"), 5),
        (("smoke", "--decision-log", "broken.yaml"), 2),
    ],
)
def test_a_failed_run_leaves_reports_that_fail(
    asked: tuple[str, ...], code: int, folder: Path, target: Path, interlock: Interlock, story_path: Path
) -> None:
    """Those of an earlier run, which passed, must not be what a pipeline shows."""
    (folder / "broken.yaml").write_text("policy: [\n", "utf-8")
    reports = {form: target / f"report.{form}" for form in FORMATS}
    wanted = [word for form, path in reports.items() for word in ("--report", f"{form}:{path}")]
    assert interlock("eval", "smoke", *STORY, str(story_path), *ALLOWED, *wanted).code == 0
    ledger = () if "--ledger" in asked else ("--ledger", str(story_path))
    ran = interlock("eval", *ledger, *STORY[:2], *ALLOWED, *wanted, "--output", str(target / "out"), *asked)
    assert ran.code == code, ran
    for form, path in (*reports.items(), ("text", target / "out")):
        assert _fails(form, path.read_text("utf-8")), form


NOT_UNDERSTOOD = {
    "an option that is not there": ("--formt", "json"),
    "an option without its value": ("--at",),
    "a choice that is not there": ("--fail-on", "everything"),
    "a format that is not there": ("--format", "jsn"),
    "a report without a file": ("--report", "junit"),
    "neither a task nor all": ("--all-tasks",),
    "a value that is empty": ("--max-skew", ""),
    "a lock that is not there": ("--lock", "gone.lock"),
    "two reports in one file": ("--report", "json:x", "--report", "tap:x"),
    "a parameter of no form": ("--param", "x"),
}


@pytest.mark.parametrize("wrong", NOT_UNDERSTOOD)
def test_no_report_of_an_earlier_run_stays_where_the_line_is_wrong(
    wrong: str, interlock: Interlock, story_path: Path, target: Path, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    reports = {form: target / f"gate.{form}" for form in FORMATS}
    wanted = [word for form, path in reports.items() for word in ("--report", f"{form}:{path}")]
    line = ("eval", "smoke", *STORY, str(story_path), *ALLOWED, *wanted, "--output", str(target / "out"))
    assert interlock(*line).code == 0
    with pytest.raises(SystemExit) as exited:
        main.main([*line, *NOT_UNDERSTOOD[wrong]])
    assert exited.value.code in (2, 5)
    assert capfd.readouterr().err
    for form, path in (*reports.items(), ("text", target / "out")):
        assert _fails(form, path.read_text("utf-8")), form
    assert not (folder / "x").exists() or _fails("tap", (folder / "x").read_text("utf-8"))


def test_a_line_that_is_wrong_writes_a_report_that_fails_where_there_was_none(target: Path) -> None:
    with pytest.raises(SystemExit):
        main.main(["evl", "smoke", f"--report=junit:{target / 'new.xml'}"])
    assert _fails("junit", (target / "new.xml").read_text("utf-8"))


def test_two_reports_in_one_file_are_refused_by_either_name(
    story_path: Path, target: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(target)
    with pytest.raises(SystemExit) as exited:
        main.main(["eval", "smoke", *STORY, str(story_path), "--output", "gate.txt", "--report", "tap:./gate.txt"])
    assert exited.value.code == 2
    told = "error: cannot write `./gate.txt`: it is written already; give each report a file of its own\n"
    assert capfd.readouterr().err.endswith(told)
    assert _fails("text", (target / "gate.txt").read_text("utf-8"))


@pytest.mark.parametrize("name", ["ledger.db", "facts.ndjson", "waivers.yaml", "gate.yaml", "log.ndjson", "notes.txt"])
def test_a_line_that_is_wrong_replaces_nothing_but_reports(
    name: str, folder: Path, story_path: Path, interlock: Interlock
) -> None:
    texts = {"facts.ndjson": interlock("export", *STORY[:2], "--ledger", str(story_path)).out, "waivers.yaml": "[]\n"}
    texts |= {"gate.yaml": WARNING, "log.ndjson": '{"decision":{}}\n', "notes.txt": "to do\n"}
    if name == "ledger.db":
        shutil.copy(story_path, folder / name)
    else:
        (folder / name).write_text(texts[name], "utf-8")
    before = (folder / name).read_bytes()
    for form in (*FORMATS, "nothing"):
        with pytest.raises(SystemExit):
            main.main(["eval", "smoke", "--report", f"{form}:{name}", "--output", name, "--bad-option"])
        assert (folder / name).read_bytes() == before


_RECEIPT = (
    '{"kind": "app_heartbeat", "id": "x", "seq": 1, "task": "checkout-refactor", "at": "2026-06-22T09:00:00Z",'
    ' "role": "worker"}\n'
)
READS = (
    "policy",
    "needed",
    "kind",
    "ledger",
    "ledger-wal",
    "feed",
    "table",
    "mapping",
    "configuration",
    "waivers",
    "lock",
)
WRITES = {
    "eval --output": ("eval", "--output={}"),
    "eval --report": ("eval", "--report=tap:{}"),
    "eval --decision-log": ("eval", "--decision-log={}"),
    "watch --decision-log": ("watch", "--timeout=0s", "--decision-log={}"),
    "replay --output": ("replay", "--output={}"),
    "capture --output": ("capture", "--output={}"),
    "fleet --output": ("fleet", "--output={}"),
    "fleet-diff --output": ("fleet-diff", "gate", "--output={}"),
}


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("write", WRITES)
def test_no_output_replaces_what_is_read(
    write: str, read: str, folder: Path, story_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    files = {
        "policy": "gates/gate.yaml",
        "needed": "gates/below.yaml",
        "kind": "kinds/own_kind.schema.json",
        "ledger": "ledger.db",
        "ledger-wal": "ledger.db-wal",
        "feed": "more.ndjson",
        "table": "table.db",
        "mapping": "tables.toml",
        "configuration": "interlock.toml",
        "waivers": "waivers.yaml",
        "lock": "gate.lock",
    }
    for path in files.values():
        (folder / path).parent.mkdir(exist_ok=True)
    gate = WARNING.replace("policy: quiet", "policy: gate")
    (folder / files["policy"]).write_text(gate.replace("facts:", "needs: {below: {policy: below}}\nfacts:"), "utf-8")
    (folder / files["needed"]).write_text(WARNING.replace("policy: quiet", "policy: below"), "utf-8")
    (folder / files["kind"]).write_text('{"type": "object", "properties": {}}', "utf-8")
    shutil.copy(story_path, folder / files["ledger"])
    (folder / files["ledger-wal"]).write_bytes(b"")
    (folder / files["feed"]).write_text(_RECEIPT, "utf-8")
    with closing(sqlite3.connect(folder / files["table"])) as table:
        table.execute("CREATE TABLE seen (id TEXT, at TEXT)")
        table.commit()
    mapped = '[[sources]]\ndatabase = "table.db"\ntable = "seen"\nkind = "app_heartbeat"\nid = "id"\nat = "at"\n'
    (folder / files["mapping"]).write_text(mapped, "utf-8")
    (folder / files["configuration"]).write_text('engine = "reference"\n', "utf-8")
    (folder / files["waivers"]).write_text("[]\n", "utf-8")
    (folder / files["lock"]).write_text('{"lock": 1, "policies": {}}', "utf-8")
    before = {path: (folder / path).read_bytes() for path in files.values()}
    command, *more = (word.format(files[read]) for word in WRITES[write])
    given = ["gate", "--policy-dir=gates", "--schema-dir=kinds", *more]
    given += [] if command.startswith("fleet") else [*STORY[:2]]
    given += (
        [f"--ledgers={files['feed' if read == 'feed' else 'ledger']}"]
        if command.startswith("fleet")
        else [
            f"--ledger={files['ledger']}",
            f"--ledger={files['feed']}",
        ]
    )
    given += [f"--sources={files['mapping']}"] if read in ("table", "mapping") else []
    given += [f"--waivers={files['waivers']}"] if read == "waivers" and command != "capture" else []
    given += [f"--lock={files['lock']}"] if read == "lock" else []
    if read == "waivers" and command == "capture":
        pytest.skip("it reads none")
    with pytest.raises(SystemExit) as exited:
        main.main([command, *given])
    said = capfd.readouterr().err
    assert exited.value.code not in (0, None), said
    assert {path: (folder / path).read_bytes() for path in files.values()} == before
    assert any(word in said for word in ("it is read", "something else than decisions")), said


@pytest.mark.parametrize("name", ["quiet.yaml", "ledger.db", "waivers.yaml", "held.lock", "log.jsonl"])
def test_what_is_read_is_never_overwritten_by_a_report(
    name: str, folder: Path, target: Path, interlock: Interlock, story_path: Path
) -> None:
    """Neither where the run succeeds nor where it fails."""
    (folder / "quiet.yaml").write_text(WARNING, "utf-8")
    (folder / "waivers.yaml").write_text("[]\n", "utf-8")
    (folder / "log.jsonl").write_text("", "utf-8")
    shutil.copy(story_path, folder / "ledger.db")
    lock = interlock("lock", "quiet", "--policy-dir", ".", "--lock", str(target / "held.lock"))
    assert lock.code == 0
    shutil.move(target / "held.lock", folder)
    before = (folder / name).read_bytes()
    files = ("--waivers", "waivers.yaml", "--lock", "held.lock", "--decision-log", "log.jsonl")
    for more in ((), ("--param", "no=1")):
        ran = interlock(
            "eval", "quiet", "--policy-dir", ".", *STORY, "ledger.db", *files, "--report", f"junit:{name}", *more
        )
        assert ran.code == 2, ran
        assert (folder / name).read_bytes() == before


def test_what_is_no_file_is_written_to_and_a_link_is_followed(
    interlock: Interlock, story_path: Path, target: Path
) -> None:
    asked = ("eval", "smoke", *STORY, str(story_path), *DENIED)
    assert interlock(*asked, "--output", os.devnull).code == 0
    assert not stat.S_ISREG(os.stat(os.devnull).st_mode)
    (target / "link").symlink_to(target / "gate.txt")
    assert interlock(*asked, "--output", str(target / "link")).code == 0
    assert (target / "link").is_symlink()
    assert (target / "gate.txt").read_text("utf-8") == interlock(*asked).out


def test_no_policy_is_overwritten(folder: Path, interlock: Interlock, story_path: Path) -> None:
    (folder / "quiet.yaml").write_text(WARNING, "utf-8")
    ran = interlock("eval", "./quiet.yaml", *STORY, str(story_path), "--report", "tap:quiet.yaml")
    assert ran == (2, "", "error: cannot write `quiet.yaml`: it is read, and must not be overwritten\n")


# -- a step's summary


def test_a_summary_is_appended(
    interlock: Interlock, story_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = target / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    asked = ("eval", *GATES, *STORY, str(story_path), *DENIED)
    ran = interlock(*asked, "--summary")
    assert ran == interlock(*asked)
    shown = interlock(*asked, "--format", "markdown").out
    assert summary.read_text("utf-8") == shown
    interlock(*asked, "--summary")
    assert summary.read_text("utf-8") == f"{shown}\n{shown}"


def test_a_summary_is_never_replaced(
    interlock: Interlock, story_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = str(target / "summary.md")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", summary)
    ran = interlock("eval", "smoke", *STORY, str(story_path), "--report", f"markdown:{summary}")
    told = "a step's summary is appended to; that is what `--summary` does"
    assert ran == (2, "", f"error: cannot write `{summary}`: {told}\n")
    assert os.listdir(target) == []


def test_a_summary_needs_the_variable(interlock: Interlock, story_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    told = "`--summary` appends to the file that `$GITHUB_STEP_SUMMARY` names, and it is not set; is this GitHub?"
    assert interlock("eval", "smoke", *STORY, str(story_path), "--summary") == (2, "", f"error: {told}\n")


@pytest.mark.parametrize(("left", "told"), [(400, "lines left out"), (20, None)])
def test_a_summary_never_outgrows_what_github_takes(
    left: int,
    told: str | None,
    interlock: Interlock,
    story_path: Path,
    target: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    summary = target / "summary.md"
    before = "x" * ((1 << 20) - left)
    summary.write_text(before)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    ran = interlock("eval", *GATES, *STORY, str(story_path), *DENIED, "--summary")
    if told is None:
        assert ran == (2, "", f"error: cannot write `{summary}`: it has no room for more\n")
        assert summary.read_text() == before
    else:
        assert ran.code == 3
        assert told in summary.read_text().splitlines()[-1]
        assert len(before) < summary.stat().st_size < 1 << 20


@pytest.mark.slow
def test_markdown_of_a_large_ledger_stays_below_a_mebibyte(folder: Path, interlock: Interlock) -> None:
    ledger = LedgerBuilder(folder / "ledger.db")
    for number in range(3_000):
        ledger.task(f"task-{number}-{'x' * 150}")
    ledger.write()
    asked = ("eval", "smoke", "loop", "--all-tasks", "--ledger", "ledger.db")
    shown = interlock(*asked, "--format", "markdown").out
    assert (1 << 20) - 1_000 < len(shown.encode()) < 1 << 20
    assert shown.splitlines()[0].startswith("### interlock: ")
    assert "lines left out" in shown.splitlines()[-1]
    assert json.loads(interlock(*asked, "--format", "json").out.splitlines()[0])["task"].startswith("task-0-")
