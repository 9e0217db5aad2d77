"""`interlock check`: every issue of every file, in four formats, and what the exit code says of them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

import interlock as interlock_package
from interlock import codes
from tests.acceptance.conftest import Interlock
from tests.helpers.consumers import sarif
from tests.helpers.wording import ours

ROOT = Path(__file__).resolve().parents[2]
ERRORS = ROOT / "tests" / "errors"
SCHEMA = json.loads((ROOT / "schemas" / "issue.schema.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

SOUND = """
policy: NAME
version: 1
question: Is somebody there?
facts:
  seat: {from: seat, per: role, take: latest, required: Nobody is there.}
rules:
  - {id: silent, for: seat, when: seat.heartbeat_at == null, block: Silent., fix: wake them}
decide:
  - {state: silent, when: blocked, allow: false}
  - {state: fine, allow: true}
"""
HINTED = ("fix: wake them", "data: {role: seat.role}")
MISSPELT = ("seat.heartbeat_at", "seat.heartbeat")


def write(path: Path, *changes: tuple[str, str]) -> Path:
    """A sound policy, with some changes."""
    text = SOUND.replace("NAME", path.stem)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


@pytest.fixture
def several(folder: Path) -> Path:
    """Policies of every kind, in a folder and below it, among other files."""
    write(folder / "all" / "sound.yaml")
    write(folder / "all" / "deeper" / "misspelt.yml", MISSPELT, ("version: 1", "version: 2"))
    write(folder / "all" / "fixless.yaml", HINTED)
    write(folder / "all" / "sound_test.yaml", MISSPELT)
    (folder / "all" / "readme.md").write_text("no policy", "utf-8")
    return folder / "all"


def test_the_shipped_policies_have_neither_errors_nor_warnings(interlock: Interlock) -> None:
    ran = interlock("check", "--strict", str(ROOT / "policies"))
    count = len([path for path in (ROOT / "policies").rglob("*.yaml") if not path.stem.endswith("_test")])
    assert ran == (0, f"{count} policies: 0 errors, 0 warnings\n", "")


def test_every_issue_of_every_file_is_told(interlock: Interlock, several: Path) -> None:
    ran = interlock("check", "all")
    heads = re.findall(r"^(\S+): (\w+)\[(\w+)\]", ran.out, re.MULTILINE)
    assert heads == [
        ("all/fixless.yaml:8:10", "warning", "W110"),
        ("all/deeper/misspelt.yml:3:10", "error", "E100"),
        ("all/deeper/misspelt.yml:8:40", "error", "E207"),
    ]
    assert ran.out.splitlines()[-1] == "3 policies: 2 errors, 1 warning"
    assert (ran.code, ran.err) == (5, "")


@pytest.mark.parametrize(
    ("arguments", "code", "last"),
    [
        (["all/sound.yaml"], 0, "1 policy: 0 errors, 0 warnings"),
        (["all/fixless.yaml"], 0, "1 policy: 0 errors, 1 warning"),
        (["all/fixless.yaml", "--strict"], 5, "1 policy: 0 errors, 1 warning"),
        (["all/sound.yaml", "--strict"], 0, "1 policy: 0 errors, 0 warnings"),
        (["all/deeper"], 5, "1 policy: 2 errors, 0 warnings"),
        (["smoke", "loop", "all/sound.yaml"], 0, "3 policies: 0 errors, 0 warnings"),
        (["all", "all/sound.yaml", "./all/../all"], 5, "3 policies: 2 errors, 1 warning"),
        (["sound", "--policy-dir", "all"], 0, "1 policy: 0 errors, 0 warnings"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_the_exit_code_and_the_sum(
    arguments: list[str], code: int, last: str, interlock: Interlock, several: Path
) -> None:
    ran = interlock("check", *arguments)
    assert (ran.code, ran.out.splitlines()[-1], ran.err) == (code, last, "")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "missing argument `PATH...`"),
        (["empty"], "no policy in `empty`: no file in it or below it ends in .yaml or .yml"),
        (["all", "empty"], "no policy in `empty`"),
        (["absent.yaml"], "cannot read the policy `absent.yaml`: no such file or directory"),
        (["absent/"], "cannot read the policy `absent/`: no such file or directory"),
        (["smok"], "unknown policy `smok`; did you mean `smoke`?"),
        (["all", "--policy-dir", "absent"], "cannot read the policies in `absent`"),
        (["all", "--format", "xml"], "invalid value for `--format`"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_question(arguments: list[str], told: str, interlock: Interlock, several: Path, folder: Path) -> None:
    (folder / "empty" / "below").mkdir(parents=True)
    write(folder / "empty" / "below" / "x_test.yaml")
    ran = interlock("check", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err


def test_a_file_in_a_folder_that_cannot_be_read_is_no_pass(interlock: Interlock, several: Path) -> None:
    (several / "gone.yaml").symlink_to("nowhere.yaml")
    ran = interlock("check", "all")
    assert (ran.code, ran.out) == (2, "")
    assert "cannot read the policy `all/gone.yaml`" in ran.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder")
def test_a_folder_that_cannot_be_read_is_no_pass(interlock: Interlock, several: Path) -> None:
    (several / "deeper").chmod(0)
    try:
        ran = interlock("check", "all")
    finally:
        (several / "deeper").chmod(0o755)
    assert (ran.code, ran.out) == (2, "")
    assert "cannot read the policies in `all/deeper`" in ran.err


@pytest.mark.parametrize("name", sorted(path.stem for path in ERRORS.glob("*.yaml")))
def test_an_invalid_policy_is_told_as_every_command_tells_it(
    name: str, interlock: Interlock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ERRORS)
    ran = interlock("check", f"{name}.yaml", "--policy-dir", "beside")
    expected = (ERRORS / f"{name}.txt").read_text("utf-8")
    *issues, total = ran.out.splitlines(keepends=True)
    assert ours("".join(issues)) == expected
    assert (ran.code, ran.err) == (5, "")
    count = len(re.findall(r"^\S+: error\[", expected, re.MULTILINE))
    assert total == f"1 policy: {count} error{'s' if count > 1 else ''}, 0 warnings\n"


# -- formats


def test_json_is_an_object_a_line_that_the_schema_accepts(interlock: Interlock, several: Path) -> None:
    VALIDATOR.check_schema(SCHEMA)
    ran = interlock("check", "all", "--format", "json")
    found = [json.loads(line) for line in ran.out.splitlines()]
    for document in found:
        VALIDATOR.validate(document)
    assert found[0] == {
        "file": "all/fixless.yaml",
        "line": 8,
        "column": 10,
        "width": 6,
        "code": "W110",
        "level": "warning",
        "message": "the rule `silent` has neither `fix` nor `hint`",
        "hint": "add a `fix`, a command, or a `hint`; or `no_fix` with the reason",
    }
    assert [each["code"] for each in found] == ["W110", "E100", "E207"]
    assert (ran.code, ran.err) == (5, "")


def test_every_issue_of_the_broken_policies_is_valid_json(interlock: Interlock) -> None:
    found = [json.loads(line) for line in interlock("check", str(ERRORS), "--format", "json").out.splitlines()]
    assert len(found) > 100
    for document in found:
        VALIDATOR.validate(document)


def test_github_shows_issues_at_their_lines(interlock: Interlock, several: Path) -> None:
    ran = interlock("check", "all", "--format", "github")
    warned, wrong, misspelt = ran.out.splitlines()
    place, _, message = warned.removeprefix("::warning ").partition("::")
    assert place == "file=all/fixless.yaml,line=8,col=10,endColumn=16,title=W110"
    assert message.partition("%0A")[2] == "add a `fix`, a command, or a `hint`; or `no_fix` with the reason"
    place = "file=all/deeper/misspelt.yml,line=3,col=10,endColumn=11,title=E100"
    assert wrong == f"::error {place}::`version` is `2`, not `1`"
    place = "file=all/deeper/misspelt.yml,line=8,col=40,endColumn=49,title=E207"
    assert misspelt == f"::error {place}::unknown field `heartbeat` of `seat`%0Adid you mean `heartbeat_at`?"
    assert (ran.code, ran.err) == (5, "")


def test_github_is_told_what_means_something_to_it_as_text(interlock: Interlock, folder: Path) -> None:
    write(folder / "a,b:100%.yaml", ("policy: a,b:100%", 'policy: "50%\\n::error::forged"'))
    (line,) = interlock("check", "a,b:100%.yaml", "--format", "github").out.splitlines()
    assert line.startswith("::error file=a%2Cb%3A100%25.yaml,line=2,col=9,")
    assert "::`policy` is `50%25\\n::error::forged`, not a valid id%0A" in line


def test_sarif(interlock: Interlock, several: Path) -> None:
    ran = interlock("check", "all", "--format", "sarif")
    (run,) = sarif(ran.out)["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["E100", "E207", "W110"]
    assert [rule["help"]["text"] for rule in rules] == [codes.page(rule["id"]) for rule in rules]
    assert [rule["defaultConfiguration"]["level"] for rule in rules] == ["error", "error", "warning"]
    assert run["columnKind"] == "unicodeCodePoints"
    first = run["results"][0]
    assert (first["ruleId"], first["level"]) == ("W110", "warning")
    assert first["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "all/fixless.yaml"},
        "region": {"startLine": 8, "startColumn": 10, "endColumn": 16},
    }
    assert [rules[result["ruleIndex"]]["id"] for result in run["results"]] == ["W110", "E100", "E207"]
    assert [each["location"]["uri"] for each in run["artifacts"]] == [
        "all/fixless.yaml",
        "all/sound.yaml",
        "all/deeper/misspelt.yml",
    ]
    assert (ran.code, ran.err) == (5, "")


def test_sarif_without_an_issue_is_a_run_without_results(interlock: Interlock, several: Path) -> None:
    ran = interlock("check", "all/sound.yaml", "--format", "sarif")
    (run,) = sarif(ran.out)["runs"]
    assert (ran.code, run["results"], run["tool"]["driver"]["rules"]) == (0, [], [])


@pytest.mark.parametrize(("name", "uri"), [("a b%.yaml", "a%20b%25.yaml"), ("é#?.yaml", "%C3%A9%23%3F.yaml")])
def test_sarif_names_a_file_as_a_uri(name: str, uri: str, interlock: Interlock, folder: Path) -> None:
    write(folder / name)
    for path, expected in ((name, uri), (str(folder / name), f"file://{folder}/{uri}")):
        (run,) = sarif(interlock("check", path, "--format", "sarif").out)["runs"]
        assert run["artifacts"][0]["location"]["uri"] == expected
        assert run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == expected


def test_every_issue_of_the_broken_policies_is_valid_sarif(interlock: Interlock) -> None:
    (run,) = sarif(interlock("check", str(ERRORS), "--format", "sarif").out)["runs"]
    assert len(run["results"]) > 100


# -- pages


@pytest.mark.parametrize("code", ["E302", "e302"])
def test_a_code_is_explained(code: str, interlock: Interlock) -> None:
    assert interlock("explain-code", code) == (0, codes.page("E302"), "")


def test_all_codes_are_listed(interlock: Interlock) -> None:
    ran = interlock("explain-code")
    assert ran.out.splitlines() == [f"{code}  {codes.title(code)}" for code in codes.every()]
    assert (ran.code, ran.err) == (0, "")


@pytest.mark.parametrize(("code", "near"), [("e1000", "did you mean `E100`? "), ("banana", "")])
def test_an_unknown_code(code: str, near: str, interlock: Interlock) -> None:
    ran = interlock("explain-code", code)
    told = f"error: unknown code `{code}`; {near}`interlock explain-code` lists all {len(codes.every())}\n"
    assert ran == (2, "", told)


def test_a_watched_policy_is_checked_again_when_it_changes(folder: Path) -> None:
    path = folder / "gate.yaml"
    valid = "policy: gate\nversion: 1\nquestion: Is it so?\ndecide:\n  - {state: so, allow: false, reason: Never.}\n"
    package = str(Path(interlock_package.__file__).parents[1])
    command = [sys.executable, "-um", "interlock", "check", "gate.yaml", "--watch"]
    path.write_text(valid)
    with subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": package},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as running:

        def written(text: str) -> str:
            """What is said, up to the sum, of the policy that is there from one moment to the next."""
            (folder / "next").write_text(text)
            (folder / "next").replace(path)
            return report()

        def report() -> str:
            assert running.stdout is not None
            lines = [running.stdout.readline()]
            while not re.match(r"1 policy: |$", lines[-1]):
                lines.append(running.stdout.readline())
            return "".join(lines)

        try:
            assert report() == "1 policy: 0 errors, 0 warnings\n"
            told = written(valid.replace("question", "qestion"))
            assert "gate.yaml:3:1: error[E100]: unknown key `qestion`\n" in told
            assert told.endswith("1 policy: 2 errors, 0 warnings\n")
            assert written(valid) == "1 policy: 0 errors, 0 warnings\n"
        finally:
            running.send_signal(signal.SIGTERM)
        assert running.wait(10) == 130


def test_what_cannot_be_watched_is_an_error(interlock: Interlock) -> None:
    assert interlock("check", "nowhere.yaml", "--watch").code in (2, 5)
