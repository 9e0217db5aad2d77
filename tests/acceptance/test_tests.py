"""`interlock test`: the tests of the shipped policies, what is reported of tests, and which tests are run."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from interlock import schemas
from interlock.analysis.testing import run_tests
from interlock.policy.library import Library
from interlock.schemas.editor import for_tests
from tests.acceptance.conftest import Interlock
from tests.helpers import consumers

ROOT = Path(__file__).parents[2]
SUITES = ROOT / "tests" / "suites"
FAILING = SUITES / "failing_test.yaml"
SCHEMA = ROOT / "schemas" / "test.schema.json"
LEAST = "policy: loop\ncases:\n  - case: nobody is bound\n    expect: {allow: undecided}\n"


@pytest.mark.parametrize("policy", Library().ids())
def test_a_shipped_policy_decides_what_its_test_says(policy: str) -> None:
    [trial], untested = run_tests([policy], Library())
    assert untested == []
    assert [case.name for case in trial.cases if not case.passed] == []
    assert trial.coverage.missing == ()


def test_every_shipped_policy_is_tested_where_none_is_named(interlock: Interlock) -> None:
    ran = interlock("test", "--min-coverage", "100")
    assert (ran.code, ran.err) == (0, "")
    assert [line.split()[1] for line in ran.out.splitlines() if line.startswith("passed")] == Library().ids()


def test_the_facts_that_an_editor_offers_are_those_of_the_schemas() -> None:
    text = SCHEMA.read_text("utf-8")
    assert for_tests(schemas.SHIPPED) == text


@pytest.mark.parametrize("path", sorted((ROOT / "policies").glob("*_test.yaml")), ids=lambda path: path.name)
def test_the_schema_accepts_what_interlock_does(path: Path) -> None:
    from interlock.diagnostics import Source
    from interlock.policy.parse import parse_yaml

    document, _ = parse_yaml(Source(path.name, path.read_text("utf-8")))
    assert document is not None
    assert schemas.violations("test", document.data) == []


def test_json_is_what_its_schema_says(interlock: Interlock) -> None:
    ran = interlock("test", str(FAILING), "loop", str(SUITES / "unknown-task_test.yaml"), "--format", "json")
    assert ran.code == 3
    failed, passed, asked = map(json.loads, ran.out.splitlines())
    for each in (failed, passed, asked):
        assert schemas.violations("trial", each) == []
        decisions = [step["decision"] for case in each["cases"] for step in case["steps"] if step["decision"]]
        assert [schemas.violations("decision", decision) for decision in decisions] == [[]] * len(decisions)
    assert [each["passed"] for each in (failed, passed, asked)] == [False, True, False]
    assert failed["cases"][1]["steps"][0]["differences"][2] == {
        "what": "findings",
        "expected": [{"rule": "seat-lease", "message": None}],
        "got": [],
    }
    assert asked["cases"][0]["steps"][0]["decision"] is None


def test_junit_is_read_by_what_reads_junit(interlock: Interlock) -> None:
    ran = interlock("test", str(FAILING), "loop", "--format", "junit")
    failed, passed = consumers.junit(ran.out)
    assert (failed.attrib["failures"], passed.attrib["failures"]) == ("7", "0")
    cases = failed.findall("testcase")
    assert [case.attrib["name"] for case in cases][:1] == ["this one passes"]
    failure = cases[1].find("failure")
    assert failure is not None
    assert "outputs.worker: expected stale, got healthy" in failure.attrib["message"]
    assert "false  !(now - seat.heartbeat_at <= params.stale_after)" in str(failure.text)


def test_tap_is_read_by_what_reads_tap(interlock: Interlock) -> None:
    ran = interlock("test", str(FAILING), "--format", "tap")
    tests = consumers.tap(ran.out)
    assert [test.ok for test in tests] == [True] + [False] * 7
    assert "expected allowed, got denied" in tests[4].yaml_block["message"]


@pytest.mark.parametrize(("pattern", "count"), [("^loop/", 8), ("message$", 1), ("(another m|this)", 2)])
def test_a_pattern_chooses_cases(pattern: str, count: int, interlock: Interlock) -> None:
    ran = interlock("test", str(FAILING), "--run", pattern, "--format", "tap")
    assert len(consumers.tap(ran.out)) == count


def test_a_folder_is_walked_and_a_policy_without_a_test_is_told(tmp_path: Path, interlock: Interlock) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "loop_test.yaml").write_text(LEAST)
    shutil.copy(ROOT / "policies" / "wakeup.yaml", tmp_path)
    ran = interlock("test", str(tmp_path))
    assert (ran.code, ran.err) == (0, f"note: the policy `{tmp_path}/wakeup.yaml` has no test\n")
    assert ran.out.startswith("passed  loop  1 case\n")
    assert interlock("test", str(tmp_path), "--min-coverage", "1").code == 3


def test_too_little_coverage_fails_and_says_what_is_missing(tmp_path: Path, interlock: Interlock) -> None:
    path = tmp_path / "loop_test.yaml"
    path.write_text(LEAST)
    ran = interlock("test", str(path), "--min-coverage", "100")
    assert ran.code == 3
    assert ran.err.startswith("note: `loop` is covered to 0 %, not to 100 %: rule `dispatcher-lease` was never judged")
    assert interlock("test", str(path), "--min-coverage", "0").code == 0


def test_a_policy_beside_its_test_goes_before_the_library(tmp_path: Path, interlock: Interlock) -> None:
    own = (ROOT / "policies" / "loop.yaml").read_text("utf-8").replace("No active binding", "Nobody is bound")
    (tmp_path / "loop.yaml").write_text(own)
    path = tmp_path / "loop_test.yaml"
    path.write_text(LEAST.replace("undecided}", 'undecided, reason: "Nobody is bound for task: task"}'))
    assert interlock("test", str(path)).code == 0
    assert interlock("test", str(tmp_path / "loop.yaml")).code == 0


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b" " * ((1 << 20) + 1), "error[E001]: the file has 1,048,577 bytes; a test file has at most 1,048,576"),
        (b"policy: \xff", "error[E002]: the file is not UTF-8 text"),
        (b"", "error[E003]: the file holds no test file"),
        (b"- a", "error[E700]: the test is a list, not a mapping"),
        (b"policy: loop\ncases: [", "error[E002]: `[` is not closed"),
    ],
)
def test_what_is_no_test_file(content: bytes, told: str, tmp_path: Path, interlock: Interlock) -> None:
    path = tmp_path / "odd_test.yaml"
    path.write_bytes(content)
    for command in ("test", "check"):
        ran = interlock(command, str(path))
        assert ran.code == 5
        assert told in ran.out + ran.err


@pytest.mark.parametrize("form", ["text", "json", "junit", "tap"])
def test_a_folder_whose_name_is_no_text(form: str, tmp_path: Path, interlock: Interlock) -> None:
    folder = os.fsencode(tmp_path) + b"/\xff"
    os.mkdir(folder)
    path = os.fsdecode(folder + b"/odd_test.yaml")
    Path(path).write_text(LEAST.replace("undecided", "false"))
    ran = interlock("test", path, "--format", form)
    assert (ran.code, ran.err) == (3, "")
    assert "nobody is bound" in ran.out


def test_check_knows_test_files(tmp_path: Path, interlock: Interlock) -> None:
    ran = interlock("check", str(FAILING), "loop")
    assert (ran.code, ran.out) == (0, "1 policy, 1 test: 0 errors, 0 warnings\n")
    ran = interlock("check", str(SUITES / "invalid_test.yaml"))
    assert ran.code == 5
    assert "error[E702]: the policy `../errors/negation.yaml` is invalid" in ran.out


@pytest.mark.parametrize("form", ["junit", "tap"])
@pytest.mark.parametrize(
    ("text", "code"), [("policy: loop\ncases: [", 5), ("policy: nowhere\ncases: []\n", 5), (None, 2)]
)
def test_a_report_is_written_where_nothing_could_be_run(
    form: str, text: str | None, code: int, folder: Path, interlock: Interlock
) -> None:
    if text is not None:
        (folder / "odd_test.yaml").write_text(text)
    ran = interlock("test", ".", "--format", form)
    assert ran.code == code
    assert ran.err
    if form == "junit":
        (suite,) = ElementTree.fromstring(ran.out)
        assert (suite.get("tests"), suite.get("errors")) == ("1", "1")
        assert suite.find(".//error") is not None
    else:
        assert ran.out.startswith("TAP version 13\n1..1\nnot ok 1 - ")
    assert ran.err.splitlines()[0].removeprefix("error: ")[:30] in ran.out.replace("&#10;", "\n")
