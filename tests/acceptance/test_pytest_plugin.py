"""The plugin, in a pytest of its own: in this process, so that what it runs is measured, or in one of its own."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from pathlib import Path

import pytest
import yaml

import interlock.analysis.testing
import interlock.project

# pytester forgets what a run in this process imports: whatever holds state is imported before.
import interlock.pytest_plugin
import interlock.reporting.tests
import interlock.reporting.text
import interlock.request
from interlock.resources import data_folder

pytest_plugins = ["pytester"]

PLUGIN = "interlock.pytest_plugin"
POLICY = """policy: gate
version: 1
question: Is somebody there?
facts:
  seat: {from: seat, required: nobody is there}
rules:
  - id: asleep
    for: seat
    unless: now - seat.heartbeat_at <= duration("3m")
    block: "{seat.role} is asleep"
decide:
  - {state: asleep, when: blocked, allow: false}
  - {state: awake, allow: true}
"""
TEST = """# a test
policy: gate
facts:
  - seat: {role: worker, heartbeat_at: -60s}
cases:
  - case: somebody is there
    expect: {allow: true}
  - case: nobody stays awake
    expect: {state: awake}
    then:
      - after: 2m1s
        expect: {allow: false, state: asleep, findings: [asleep]}
"""
FAILING = TEST.replace("2m1s", "1m")


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder with a policy; runs there have the plugin and no others that are installed."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", str(Path(interlock.__file__).parents[1]))
    pytester.makepyprojecttoml('[tool.pytest.ini_options]\naddopts = ["-p", "interlock.pytest_plugin"]\n')
    pytester.mkdir("policies").joinpath("gate.yaml").write_text(POLICY, "utf-8")
    return pytester


def written(run: pytest.Pytester, text: str, name: str = "gate_test.yaml") -> None:
    (run.path / "policies" / name).write_text(text, "utf-8")


def test_a_case_is_a_test(run: pytest.Pytester) -> None:
    written(run, TEST)
    run.runpytest().assert_outcomes(passed=2)
    listed = run.runpytest("--collect-only", "-q").outlines[:2]
    assert listed == [
        "policies/gate_test.yaml::somebody is there",
        "policies/gate_test.yaml::nobody stays awake",
    ]
    for node in listed:
        run.runpytest(node).assert_outcomes(passed=1)
    run.runpytest("-k", "stays").assert_outcomes(passed=1, deselected=1)
    run.runpytest("policies").assert_outcomes(passed=2)


def test_a_failure_is_shown_as_the_command_shows_it(run: pytest.Pytester) -> None:
    written(run, FAILING)
    ran = run.runpytest()
    ran.assert_outcomes(passed=1, failed=1)
    trials, _ = interlock.analysis.testing.run_tests(["policies/gate_test.yaml"], interlock.request.library())
    shown = interlock.reporting.tests.render("text", trials, interlock.reporting.RenderContext())
    failure = shown.splitlines()[2:-2]
    assert any("expected" in line for line in failure)
    assert "\n".join(failure).rstrip() in ran.stdout.str()
    ran.stdout.fnmatch_lines(["*gate: nobody stays awake*", "FAILED policies/gate_test.yaml::nobody stays awake*"])
    assert "Traceback" not in ran.stdout.str()
    assert "CaseFailed" not in ran.stdout.str().partition("short test summary")[0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (TEST.replace("awake}", "awak}"), "policies/gate_test.yaml:9:*`gate` has no state `awak`"),
        (TEST.replace("policy: gate", "policy: gaet"), "*unknown policy `gaet`*"),
        ("policy: gate\ncases: []\n", "*the file has no case: it tests nothing*"),
        ("policy: gate\ncases: [\n", "policies/gate_test.yaml:*"),
        ("policy: gate\ncases:\n- \xff\n", "policies/gate_test.yaml:3:*"),
        ("  - cases\n policy:\n", "policies/gate_test.yaml:*"),
        (TEST + "---\n" + TEST, "policies/gate_test.yaml:*"),
        ("{policy: gate, cases: [\n", "policies/gate_test.yaml:*"),
        (TEST.replace("policy:", "policy: gate\npolicy:"), "policies/gate_test.yaml:*"),
    ],
)
def test_a_file_that_is_wrong_is_an_error(text: str, told: str, run: pytest.Pytester) -> None:
    (run.path / "policies" / "gate_test.yaml").write_bytes(text.encode("latin-1"))
    ran = run.runpytest()
    ran.assert_outcomes(errors=1)
    ran.stdout.fnmatch_lines([told])
    assert "Traceback" not in ran.stdout.str()


FORMS = {
    "with a byte order mark": f"\ufeff{TEST}",
    "with carriage returns and line feeds": TEST.replace("\n", "\r\n"),
    "with carriage returns": TEST.replace("\n", "\r"),
    "with quoted keys": TEST.replace("policy:", '"policy":').replace("cases:", "'cases' :"),
    "indented": textwrap.indent(TEST, "  "),
    "in JSON": json.dumps(yaml.safe_load(TEST)),
    "in JSON with line ends": json.dumps(yaml.safe_load(TEST), indent=2),
    "after a mark of a document": f"--- # a comment\n{TEST}",
}


@pytest.mark.parametrize("form", FORMS)
def test_a_test_is_one_however_it_is_written(form: str, run: pytest.Pytester) -> None:
    (run.path / "policies" / "gate_test.yaml").write_bytes(FORMS[form].encode())
    run.runpytest().assert_outcomes(passed=2)


@pytest.mark.parametrize(
    "text", ["- a: 1\n", "cases: []\n", "policy: x\n", "nested:\n  policy: x\n  cases: []\n", "- policy\n- cases\n", ""]
)
def test_the_files_of_others_are_left_alone(text: str, run: pytest.Pytester) -> None:
    written(run, text)
    written(run, TEST, "gate.yaml.txt")
    assert run.runpytest().ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_policies_are_left_to_the_command_where_that_is_asked_for(run: pytest.Pytester) -> None:
    written(run, TEST)
    assert run.runpytest("-o", "interlock_tests=false").ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_policies_are_found_where_the_project_says(run: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    run.mkdir("suites").joinpath("gate_test.yaml").write_text(TEST, "utf-8")
    run.runpytest().assert_outcomes(errors=1)
    (run.path / "interlock.toml").write_text('policy-dir = ["policies"]\n', "utf-8")
    run.runpytest().assert_outcomes(passed=2)
    (run.path / "interlock.toml").write_text('policy-dirs = ["policies"]\n', "utf-8")
    ran = run.runpytest()
    ran.assert_outcomes(errors=1)
    ran.stdout.fnmatch_lines(["*interlock.toml:1:1: unknown key `policy-dirs`; did you mean `policy-dir`?"])
    (run.path / "interlock.toml").unlink()
    monkeypatch.setenv("INTERLOCK_POLICY_DIR", str(run.path / "policies"))
    run.runpytest().assert_outcomes(passed=2)


@pytest.mark.parametrize("policy", ["smoke", "worker-set"])
def test_the_shipped_policies_pass_under_pytest_too(policy: str, run: pytest.Pytester) -> None:
    file = Path(data_folder("policies")) / f"{policy}_test.yaml"
    outcomes = run.runpytest("-c", "pyproject.toml", str(file)).parseoutcomes()
    assert outcomes["passed"] > 3
    assert outcomes.keys() <= {"passed", "warnings"}


STORY = {
    "allowed": """
        def test_it(interlock_gate):
            decision = interlock_gate("smoke", ledger="story.db", task="checkout-refactor", at="2026-06-22T09:30:00Z")
            assert decision.allow is True and decision.state == "proved"
    """,
    "denied": """
        def test_it(interlock_gate):
            found = interlock_gate(
                "smoke", ledger="story.db", task="checkout-refactor", at="2026-06-22T09:20:00Z",
                expect="denied", state="blocked",
            )
            assert [finding.rule for finding in found.findings] == ["heartbeat-not-fresh"]
    """,
    "undecided": """
        def test_it(interlock_gate):
            interlock_gate(
                "smoke", ledger="story.db", task="checkout-refactor", at="2026-06-22T09:00:30Z", expect="undecided"
            )
    """,
}


@pytest.fixture
def gate(run: pytest.Pytester, story_path: Path) -> pytest.Pytester:
    shutil.copy(story_path, run.path / "story.db")
    return run


@pytest.mark.parametrize("told", STORY)
def test_the_fixture_gives_a_decision_that_is_as_expected(told: str, gate: pytest.Pytester) -> None:
    gate.makepyfile(STORY[told])
    gate.runpytest().assert_outcomes(passed=1)


def test_the_fixture_shows_a_decision_that_is_not(gate: pytest.Pytester) -> None:
    gate.makepyfile(STORY["allowed"].replace("09:30", "09:20"))
    ran = gate.runpytest()
    ran.assert_outcomes(failed=1)
    ran.stdout.fnmatch_lines(
        [
            "expected allowed:",
            "denied     smoke  task checkout-refactor at 2026-06-22T09:20:00Z: blocked",
            "  block    worker heartbeat is not fresh after smoke start",
            "           conveyor app-heartbeat checkout-refactor --role=worker",
            "           hint: wake the worker *",
        ]
    )
    assert "pytest_plugin.py" not in ran.stdout.str()


@pytest.mark.parametrize("told", ["denied", "undecided"])
def test_an_allowed_gate_is_not_what_is_expected_of_another(told: str, gate: pytest.Pytester) -> None:
    gate.makepyfile(STORY[told].replace("09:20:00", "09:30:00").replace("09:00:30", "09:30:00"))
    ran = gate.runpytest()
    ran.assert_outcomes(failed=1)
    ran.stdout.fnmatch_lines([f"expected {told}*:", "allowed    smoke*"])


def test_the_state_must_be_as_expected_too(gate: pytest.Pytester) -> None:
    gate.makepyfile(STORY["denied"].replace('"blocked"', '"not_sent"'))
    ran = gate.runpytest()
    ran.assert_outcomes(failed=1)
    ran.stdout.fnmatch_lines(["expected denied, not_sent:"])


def test_the_fixture_takes_what_the_project_configures(gate: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    gate.makepyfile(
        """
        import pytest
        from interlock import LockError

        def test_it(interlock_gate):
            interlock_gate("gate", task="checkout-refactor", at="2026-06-22T09:16:00Z", expect="allowed")

        def test_lock(interlock_gate):
            with pytest.raises(LockError):
                named = {"ledger": "story.db", "policy_dirs": ["policies"]}  # with a lock no file is read
                interlock_gate("gate", task="checkout-refactor", lock="nowhere.lock", **named)
        """
    )
    ran = gate.runpytest("-k", "test_it")
    ran.stdout.fnmatch_lines(["*UsageError: no ledger: give `--ledger PATH` (in Python `ledger=`)*"])
    (gate.path / "interlock.toml").write_text('ledger = "story.db"\npolicy-dir = ["policies"]\n', "utf-8")
    gate.runpytest().assert_outcomes(passed=2)
    monkeypatch.setenv("INTERLOCK_LEDGER", "nowhere.db")
    gate.runpytest("-k", "test_it").stdout.fnmatch_lines(["*LedgerError*nowhere.db*"])


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ('"smok"', "*UsageError: unknown policy `smok`; did you mean `smoke`?*"),
        ('"broken.yaml"', "*PolicyError: broken.yaml:1:1: error*"),
        ('"smoke", params={"no": 1}', "*UsageError: unknown parameter `no`*"),
        ('"smoke", waivers="broken.yaml"', "*PolicyError: broken.yaml:1:1: error*"),
        ('"smoke", lock="nowhere.lock"', "*LockError: nowhere.lock: error: the lock cannot be read*"),
        ('"smoke", engine="fast"', "*UsageError: `engine` is `fast`, not one of*"),
    ],
)
def test_the_fixture_shows_our_message_and_not_our_code(asked: str, told: str, gate: pytest.Pytester) -> None:
    (gate.path / "broken.yaml").write_text("policy: broken\n", "utf-8")
    gate.makepyfile(
        f"def test_it(interlock_gate):\n    interlock_gate({asked}, ledger='story.db', task='checkout-refactor')\n"
    )
    ran = gate.runpytest()
    ran.assert_outcomes(failed=1)
    ran.stdout.fnmatch_lines([told])
    assert "request.py" not in ran.stdout.str()
    assert "pytest_plugin.py" not in ran.stdout.str()


def test_the_plugin_costs_those_nothing_who_do_not_use_it(run: pytest.Pytester) -> None:
    run.makepyfile(
        """
        import sys

        def test_it():
            ours = {name for name in sys.modules if name.partition(".")[0] == "interlock"}
            assert ours == {"interlock", "interlock.pytest_plugin"}
            assert not {"click", "sqlite3", "yaml", "msgspec"} & sys.modules.keys()
        """
    )
    written(run, "- a: 1\n")
    ran = run.runpytest_subprocess()
    ran.assert_outcomes(passed=1)
    written(run, TEST)
    run.runpytest_subprocess("policies").assert_outcomes(passed=2)


def test_an_installed_interlock_brings_the_plugin() -> None:
    import tomllib

    project = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["entry-points"] == {"pytest11": {"interlock": PLUGIN}}
    assert PLUGIN in sys.modules
