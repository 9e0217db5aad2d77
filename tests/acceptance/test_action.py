"""The action: its own steps, run as GitHub's runner runs them, and read by the tools that read actions."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

import interlock as interlock_package
from tests.acceptance import test_own_kinds as own_kinds
from tests.helpers import runner

ROOT = Path(__file__).resolve().parents[2]
ACTION = ROOT / "action.yml"
SCRIPTS = Path(sysconfig.get_path("scripts"))
TASK, ALLOWED, DENIED = "checkout-refactor", "2026-06-22T09:30:00Z", "2026-06-22T09:20:00Z"
HOSTILE = """"; touch pwned; $(touch pwned) `touch pwned` ' || touch pwned # *
allow<<x
true
x"""
WAIVER = """- policy: smoke
  rule: heartbeat-not-fresh
  task: checkout-refactor
  reason: the worker's clock stands still
  expires: 2026-06-30
  by: ada
"""
STUB = """#!/bin/bash
# Stands for `python3`, makes what `-I -m venv FOLDER` makes, and installs nothing.
echo "python3 $*" >>"$CALLS"
mkdir -p "$4/bin"
cat >"$4/bin/python" <<'EOF'
#!/bin/bash
case "$1 $2 $3" in
  "-I -m pip") echo "python $*" >>"$CALLS"; exit ;;
  "-I -m interlock") printf '%s\\n' "${@:3}" >>"$CALLS" ;;
esac
[[ "$3 $4" != "interlock watch" ]] || exit "${WATCH:-0}"
[[ "$3 $4" != "interlock eval" || -z $EVAL ]] || exit "$EVAL"
exec "$PYTHON" "$@"
EOF
chmod +x "$4"/bin/*
"""

Act = Callable[..., runner.Finished]


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    return tmp_path / "calls"


@pytest.fixture
def act(folder: Path, tmp_path: Path, calls: Path) -> Act:
    """Runs the action in an empty workspace, with a Python that installs nothing."""
    stubs = tmp_path / "stubs"
    stubs.mkdir()
    (stubs / "python3").write_text(STUB, "utf-8")
    (stubs / "python3").chmod(0o755)
    usual = {
        "PATH": f"{stubs}{os.pathsep}{os.environ['PATH']}",
        "PYTHON": sys.executable,
        "CALLS": str(calls),
        **{name: os.environ[name] for name in ("HOME", "XDG_CACHE_HOME")},
    }

    def run(env: Mapping[str, str] = {}, **inputs: str) -> runner.Finished:
        temporary = tmp_path / f"temporary-{len(list(tmp_path.iterdir()))}"
        temporary.mkdir()
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        return runner.run(ACTION, given, folder, temporary, {**usual, **env})

    return run


def stated() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(ACTION.read_text("utf-8"))
    return found


def steps() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stated()["runs"]["steps"]
    return found


def commands(log: str) -> list[str]:
    """The workflow commands that the runner obeys in a log, by name; none while they are stopped."""
    found, end = [], None
    for line in map(str.lstrip, log.splitlines()):
        if end is not None:
            end = None if line == end else end
        elif stop := re.fullmatch("::stop-commands::(.+)", line):
            end = f"::{stop[1]}::"
        elif command := re.match(r"::([\w-]+)", line):
            found.append(command[1])
        elif "##[" in line:
            found.append(line)
    assert end is None, "the log ends while commands are stopped"
    return found


def test_an_allowed_gate_passes_and_tells_its_decision(act: Act, calls: Path, story_path: Path) -> None:
    ran = act(policies="smoke", ledger=str(story_path), task=TASK, at=ALLOWED)
    assert ran.code == 0, ran
    decision = json.loads(ran.outputs["decision"])
    assert (ran.outputs["allow"], ran.outputs["state"]) == ("true", "proved")
    assert (decision["policy"], decision["allow"], decision["now"]) == ("smoke", True, ALLOWED)
    assert ran.outputs["valid-until"] == (decision.get("valid_until") or "")
    assert "smoke" in ran.summary
    first, second, *_ = calls.read_text().splitlines()
    assert first.startswith("python3 -I -m venv ")
    assert second == f"python -I -m pip install --quiet --disable-pip-version-check {ROOT}"


def test_a_denied_gate_fails_and_tells_its_decision_all_the_same(act: Act, story_path: Path) -> None:
    ran = act(policies="smoke", ledger=str(story_path), task=TASK, at=DENIED)
    assert ran.code == 3
    assert (ran.outputs["allow"], ran.outputs["state"]) == ("false", "blocked")
    assert json.loads(ran.outputs["decision"])["findings"][0]["rule"] == "heartbeat-not-fresh"
    assert "::error " in ran.log
    assert "heartbeat" in ran.summary


def test_an_undecided_gate_is_not_allowed(act: Act, story_path: Path) -> None:
    ran = act(policies="smoke", ledger=str(story_path), task=TASK, at="2026-06-22T09:00:30Z")
    assert (ran.code, ran.outputs["allow"], ran.outputs["state"]) == (4, "undecided", "undecided")


def test_several_decisions(act: Act, story_path: Path) -> None:
    ran = act(policies="loop\n smoke\treadiness\n", ledger=str(story_path), all_tasks="true", at=DENIED)
    assert (ran.code, ran.outputs["allow"]) == (3, "false")
    decisions = [json.loads(line) for line in ran.outputs["decision"].split("\n")]
    assert [each["policy"] for each in decisions] == ["loop", "smoke", "readiness"]
    assert ran.outputs["state"].split("\n") == [each["state"] for each in decisions]


@pytest.mark.parametrize(
    ("inputs", "code", "told"),
    [
        ({"policies": "smok", "task": TASK}, 2, "unknown policy `smok`"),
        ({"policies": "smoke"}, 2, "give one of `--task NAME` and `--all-tasks`"),
        ({"policies": "smoke", "task": TASK, "ledger": "nowhere.db"}, 6, "nowhere.db"),
        ({"policies": "smoke", "task": TASK, "lock": "nowhere.lock"}, 5, "the lock cannot be read"),
        ({"policies": "smoke", "task": TASK, "locked": "true"}, 5, "there is no lock"),
        ({"policies": "--help", "task": TASK}, 2, "unknown policy `--help`"),
        ({"policies": " ", "task": TASK}, 2, "missing argument `POLICY...`"),
    ],
)
def test_where_nothing_is_judged_no_output_says_so(
    inputs: dict[str, str], code: int, told: str, act: Act, story_path: Path
) -> None:
    ran = act(**{"ledger": str(story_path), **inputs})
    assert ran.code == code, ran.log
    assert told in ran.log
    assert set(ran.outputs.values()) == {""}


def test_the_log_shows_a_decision_that_allows(act: Act, story_path: Path) -> None:
    ran = act(policies="smoke", ledger=str(story_path), task=TASK, at=ALLOWED)
    assert re.search(rf"^allowed +smoke +task {TASK} at \S+: proved$", ran.log, re.MULTILINE)


def test_what_is_printed_commands_the_runner_nothing(act: Act, story_path: Path) -> None:
    for hostile in ("::error::pwned", "##[error]pwned"):
        ran = act(policies="smoke", ledger=str(story_path), task=f"x\u2028{hostile}", at=DENIED)
        assert (ran.code, commands(ran.log)) == (2, ["error"]), ran.log
        assert hostile in ran.log
        assert commands(act(policies=hostile, ledger=str(story_path), task=TASK).log) == ["error"]


@pytest.mark.parametrize(
    ("more", "code", "allow"), [({}, 0, "true"), ({"fail_on": "block"}, 0, "true"), ({"fail_on": "warn"}, 3, "false")]
)
def test_a_warning_fails_where_it_is_to(
    more: dict[str, str], code: int, allow: str, act: Act, folder: Path, story_path: Path
) -> None:
    policy = folder / "doubt.yaml"
    policy.write_text(
        "policy: doubt\nversion: 1\ntitle: Doubt\nquestion: Is there doubt?\nfacts:\n  seat: {from: seat}\n"
        "rules:\n  - {id: seated, for: seat, warn: '{seat.role} is seated'}\n"
        "decide:\n  - {state: blocked, when: blocked, allow: false}\n  - {state: fine, allow: true}\n",
        "utf-8",
    )
    ran = act(policies="./doubt.yaml", ledger=str(story_path), task=TASK, at=ALLOWED, **more)
    assert (ran.code, ran.outputs["allow"]) == (code, allow), ran.log
    assert json.loads(ran.outputs["decision"])["allow"] is True


@pytest.mark.parametrize("code", [0, 1, 3, 4])
def test_an_exit_code_alone_allows_nothing(code: int, act: Act, story_path: Path) -> None:
    ran = act({"EVAL": str(code)}, policies="smoke", ledger=str(story_path), task=TASK, at=ALLOWED)
    assert (ran.code, ran.outputs["allow"]) == (code or 1, "")


@pytest.mark.parametrize("name", ["locked", "all_tasks", "strict_ledger"])
def test_a_boolean_is_true_or_false(name: str, act: Act, story_path: Path) -> None:
    inputs = {"policies": "smoke", "ledger": str(story_path), "task": TASK, "at": ALLOWED}
    for value in ("", "yes", "1", "perhaps", " ", "truee", "true\nfalse"):
        ran = act(**{**inputs, name: value})
        assert (ran.code, ran.outputs["allow"]) == (2, ""), value
        assert f"`{name.replace('_', '-')}` is `{value}`; set it to `true` or `false`" in ran.log
    assert act(**{**inputs, name: "FALSE"}).outputs["allow"] == "true"


def test_a_value_is_one_line(act: Act, story_path: Path) -> None:
    ran = act(policies="smoke", ledger=str(story_path), task=TASK, at=f"{DENIED}\n{ALLOWED}")
    assert ran.code == 2
    assert "`at` has several lines; give one" in ran.log


def test_carriage_returns_and_blanks_around_a_value_are_harmless(act: Act, story_path: Path) -> None:
    ran = act(
        policies="\r\n smoke\r\n\r\n", ledger=f"{story_path}\r\n", task=f" {TASK}\n", at=f"{ALLOWED}\r", params="\r\n"
    )
    assert (ran.code, ran.outputs["allow"]) == (0, "true"), ran.log


def test_nothing_of_the_checkout_or_of_the_environment_is_imported(
    act: Act, folder: Path, tmp_path: Path, story_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    for place in (folder, elsewhere):
        for name in ("interlock", "pip", "venv", "json", "sitecustomize"):
            (place / name).mkdir(parents=True)
            (place / name / "__init__.py").write_text("raise SystemExit(0)\n", "utf-8")
    hostile = {"PYTHONPATH": str(elsewhere), "PYTHONSTARTUP": str(elsewhere / "json" / "__init__.py")}
    ran = act(hostile, policies="smoke", ledger=str(story_path), task=TASK, at=DENIED)
    assert (ran.code, ran.outputs["allow"]) == (3, "false"), ran.log
    scripts = "\n".join(step.get("run", "") for step in steps())
    assert [line for line in scripts.splitlines() if re.search(r'python3?"? (?!-I )', line)] == []


def test_a_copy_of_a_ledger_without_its_log_proves_nothing(act: Act, story_path: Path, tmp_path: Path) -> None:
    """What comes to a workflow is a copy, and the receipts that were committed last may be in the log it lacks."""
    copy = tmp_path / "copy.db"
    shutil.copy(story_path, copy)
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute("PRAGMA journal_mode = wal")
    inputs = {"policies": "smoke", "ledger": str(copy), "task": TASK, "at": ALLOWED}
    assert act(**inputs).outputs["allow"] == "undecided"
    assert act(**inputs, strict_ledger="false").outputs["allow"] == "true"


def test_several_sources_and_the_tables_of_a_mapping_are_read(
    act: Act, folder: Path, story_path: Path, tmp_path: Path
) -> None:
    event = {"specversion": "1.0", "id": "1", "source": "/qa", "type": "app_smoke_receipt_recorded", "subject": TASK}
    data = {"smoke_id": "smoke-1", "nonce": "nonce-c41f", "role": "manager", "status": "blocked"}
    feed = folder / "qa.ndjson"
    feed.write_text(json.dumps({**event, "time": "2026-06-22T09:33:00Z", "data": data}))
    inputs = {"policies": "smoke", "task": TASK, "at": "2026-06-22T09:34:00Z"}
    assert act(ledger=str(story_path), **inputs).outputs["allow"] == "true"
    assert act(ledger=f"{story_path}\n{feed}\n", **inputs).outputs["allow"] == "false"
    with closing(sqlite3.connect(folder / "qa.db")) as database, database:
        database.execute("CREATE TABLE qa (id INTEGER PRIMARY KEY, task, at, fields)")
        database.execute("INSERT INTO qa VALUES (1, ?, ?, ?)", (TASK, "2026-06-22T09:33:00Z", json.dumps(data)))
    database.close()
    (folder / "map.toml").write_text(
        '[[sources]]\ndatabase = "qa.db"\ntable = "qa"\nkind = "app_smoke_receipt_recorded"\n'
        'id = "id"\ntask = "task"\nat = "at"\njson = "fields"\n'
    )
    assert act(ledger=str(story_path), sources="map.toml", **inputs).outputs["allow"] == "false"


def test_every_input_reaches_the_command(act: Act, calls: Path, folder: Path, story_path: Path) -> None:
    for name in ("gates", "more gates"):
        (folder / name).mkdir()
    (folder / "waivers.yaml").write_text(WAIVER, "utf-8")
    subprocess.run(
        [sys.executable, "-m", "interlock", "lock", "smoke", "--lock", "base.lock"],
        env={**os.environ, "PYTHONPATH": str(Path(interlock_package.__file__).parents[1])},
        check=True,
        capture_output=True,
    )
    ran = act(
        policies="smoke",
        ledger=str(story_path),
        task=TASK,
        at=ALLOWED,
        params="stale_after=10m\n\nsmoke_id=a b\n",
        policy_dir="gates\nmore gates\n",
        lock="base.lock",
        locked="True",
        waivers="waivers.yaml",
        engine="reference",
        fail_on="warn",
        reports="junit:gate.xml\r\n\r\n  sarif:gate.sarif  \r\n",
        decision_log="decisions.jsonl",
    )
    assert ran.outputs["allow"] == "undecided", ran.log  # there is no smoke session of that id
    words = calls.read_text().split("interlock\neval\n")[1].splitlines()
    assert words[: words.index("--summary")] == [
        f"--ledger={story_path}",
        f"--task={TASK}",
        "--param=stale_after=10m",
        "--param=smoke_id=a b",
        "--policy-dir=gates",
        "--policy-dir=more gates",
        "--lock=base.lock",
        "--waivers=waivers.yaml",
        "--engine=reference",
        "--strict-ledger",
        "--locked",
        f"--at={ALLOWED}",
        "--fail-on=warn",
        "--report=junit:gate.xml",
        "--report=sarif:gate.sarif",
        "--decision-log=decisions.jsonl",
    ]
    for name in ("gate.xml", "gate.sarif", "decisions.jsonl"):
        assert (folder / name).stat().st_size > 0


@pytest.mark.parametrize("name", [name.replace("-", "_") for name in stated()["inputs"] if name != "python-version"])
def test_an_input_is_never_run(name: str, act: Act, folder: Path, story_path: Path) -> None:
    inputs = {"policies": "smoke", "ledger": str(story_path), "task": TASK, "at": DENIED}
    ran = act(**{**inputs, name: HOSTILE})
    assert list(folder.iterdir()) == []
    assert set(commands(ran.log)) <= {"error"}
    assert ran.outputs["allow"] in ("", "false")
    assert ran.code != 0


@pytest.mark.parametrize(("watched", "code"), [(0, 3), (3, 3), (4, 3), (124, 3), (2, 2), (5, 5), (6, 6), (1, 1)])
def test_it_waits_before_it_judges(watched: int, code: int, act: Act, calls: Path, story_path: Path) -> None:
    inputs = {"policies": "smoke", "ledger": str(story_path), "task": TASK, "at": DENIED}
    ran = act({"WATCH": str(watched)}, **inputs, until="allow", timeout="10m")
    assert ran.code == code
    words = calls.read_text().partition("interlock\nwatch\n")[2].splitlines()[:7]
    asked = [f"--ledger={story_path}", f"--task={TASK}", "--strict-ledger"]
    assert words == [*asked, "--until=allow", "--timeout=10m", "--", "smoke"]
    assert ran.outputs["allow"] == ("false" if code == 3 else "")


def test_no_input_is_put_into_a_script() -> None:
    assert steps()
    assert [step["run"] for step in steps() if "${{" in step.get("run", "")] == []
    assert {step["uses"] for step in steps() if "uses" in step} == {"actions/setup-python@v5"}


@pytest.mark.parametrize("step", [step for step in steps() if "run" in step], ids=lambda step: step["name"])
def test_the_scripts_have_no_fault_that_shellcheck_knows(step: dict[str, Any], tmp_path: Path) -> None:
    script = tmp_path / "script.sh"
    script.write_text(f"#!/usr/bin/env bash\nset -eo pipefail\n{step['run']}", "utf-8")
    command = [
        str(SCRIPTS / "shellcheck"),
        "--severity=style",
        "--exclude=SC2154",
        str(script),
    ]  # the environment sets variables
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_github_would_take_the_action() -> None:
    command = [str(SCRIPTS / "check-jsonschema"), "--builtin-schema", "vendor.github-actions", str(ACTION)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_it_installs_itself(folder: Path, tmp_path: Path, story_path: Path) -> None:
    """With the real `venv` and `pip`; what they would fetch is taken from the environment of the tests."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    interpreter = tmp_path / "bin" / "python3"
    interpreter.parent.mkdir()
    packages = tmp_path / "packages.pth"
    packages.write_text(f"{sysconfig.get_path('purelib')}\n", "utf-8")
    interpreter.write_text(
        f'#!/bin/bash\n"{sys.executable}" "$@" && cp "{packages}" "$4"/lib/python*/site-packages\n', "utf-8"
    )
    interpreter.chmod(0o755)
    env = {
        "PATH": f"{interpreter.parent}{os.pathsep}{os.environ['PATH']}",
        "PIP_NO_INDEX": "1",
        "PIP_NO_DEPS": "1",
        "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_IGNORE_INSTALLED": "1",
        **{name: os.environ[name] for name in ("HOME", "XDG_CACHE_HOME")},
    }
    inputs = {"policies": "smoke", "ledger": str(story_path), "task": TASK, "at": ALLOWED}
    ran = runner.run(ACTION, inputs, folder, temporary, env)
    assert ran.code == 0, ran.log
    assert json.loads(ran.outputs["decision"])["policy"] == "smoke"
    assert (temporary / "interlock" / "bin" / "interlock").exists()


@pytest.mark.parametrize(("column", "given"), [("ours", {}), ("beside", {}), ("flag", {"schema_dir": "flag/kinds"})])
def test_own_kinds_of_facts_are_judged_as_those_that_ship(
    column: str, given: Mapping[str, str], act: Act, folder: Path
) -> None:
    place = own_kinds.project(folder, column)
    asked = {"policies": f"{column}/gate.yaml", "ledger": str(place / "ledger.db"), "task": "web", **given}
    finished = act(**asked, at="2026-01-01T00:20:00Z")
    assert (finished.code, finished.outputs["state"]) == (0, "accepted"), finished
    finished = act(**asked, at="2026-01-01T00:50:00Z")
    assert (finished.code, finished.outputs["state"]) == (3, "refused"), finished
