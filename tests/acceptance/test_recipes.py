"""The recipes for CI, run as their runners run them: a pull request cannot soften the gate that judges it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

import interlock as interlock_package
from interlock.resources import data_folder

RECIPES = Path(__file__).parent / "recipes"
SCRIPTS = Path(sysconfig.get_path("scripts"))
TASK, ALLOWED, DENIED = "checkout-refactor", "2026-06-22T09:30:00Z", "2026-06-22T09:20:00Z"
GITLAB = yaml.safe_load((RECIPES / "gitlab.yaml").read_text("utf-8"))["gate"]
WAIVER = """- policy: smoke
  rule: heartbeat-not-fresh
  task: checkout-refactor
  reason: the worker's clock stands still
  expires: 2026-06-30
  by: mallory
"""
PYTHON = """#!/bin/sh
# Stands for the isolated Python of a runner: installs nothing, and judges at an instant of the story.
[ "$1 $2" = "-I -m" ] || exit 99
case $3 in
  pip) ;;
  interlock) shift 3; exec {python} -m interlock "$@" "$AT" ;;
  *) exit 99 ;;
esac
"""

Gate = Callable[[], subprocess.CompletedProcess[str]]


def git(folder: Path, *args: str) -> None:
    identity = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *identity, *args], cwd=folder, capture_output=True, check=True)


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of a runner."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "python").write_text(PYTHON.format(python=sys.executable), "utf-8")
    (tools / "python").chmod(0o755)
    return {
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(Path(interlock_package.__file__).parents[1]),
        "AT": f"--at={ALLOWED}",
        "TASK": TASK,
        "LEDGER": "artifacts/workerctl.db",
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
        "INTERLOCK_WHEEL": "interlock",
        **{name: os.environ[name] for name in ("HOME", "XDG_CACHE_HOME")},
    }


@pytest.fixture
def branch(tmp_path: Path, story_path: Path, env: dict[str, str]) -> Path:
    """The checkout of a branch of a project whose main branch holds a lock and waivers."""
    main, found = tmp_path / "main", tmp_path / "branch"
    main.mkdir()
    lock = [sys.executable, "-m", "interlock", "lock", "smoke", "readiness"]
    subprocess.run(lock, cwd=main, env=env, capture_output=True, check=True)
    (main / "waivers.yaml").write_text("[]\n", "utf-8")
    git(main, "init", "--quiet")
    git(main, "add", "--all")
    git(main, "commit", "--quiet", "--message", "locked")
    git(tmp_path, "clone", "--quiet", str(main), str(found))
    (found / "artifacts").mkdir()
    shutil.copy(story_path, found / "artifacts" / "workerctl.db")
    return found


@pytest.fixture(params=["gitlab", "shell"])
def gate(request: pytest.FixtureRequest, branch: Path, env: dict[str, str]) -> Gate:
    """Runs a recipe on the branch."""
    script = "\n".join(GITLAB["script"]) if request.param == "gitlab" else (RECIPES / "gate.sh").read_text("utf-8")

    def run() -> subprocess.CompletedProcess[str]:
        command = ["sh", "-e", "-c", script]
        return subprocess.run(command, cwd=branch, env=env, capture_output=True, text=True, check=False)

    return run


def test_the_exit_code_is_the_gate(gate: Gate, env: dict[str, str], branch: Path) -> None:
    done = gate()
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "2 allowed"), done
    env["AT"] = f"--at={DENIED}"
    assert gate().returncode == 3


def test_a_branch_cannot_soften_its_gate(gate: Gate, env: dict[str, str], branch: Path, tmp_path: Path) -> None:
    """By a policy, a lock that has it, a configuration or waivers of its own: none of them counts."""
    env["AT"] = f"--at={DENIED}"
    soft = branch / "soft"
    soft.mkdir()
    for name in ("smoke", "readiness"):
        (soft / f"{name}.yaml").write_text(
            f"policy: {name}\nversion: 1\nquestion: Is it so?\ndecide:\n  - {{state: fine, allow: true}}\n", "utf-8"
        )
    (branch / "interlock.toml").write_text('policy-dir = ["soft"]\nlocked = false\nlock = "interlock.lock"\n', "utf-8")
    (branch / "waivers.yaml").write_text(WAIVER, "utf-8")
    (branch / "interlock.lock").write_text('{"lock": 1, "policies": {}}\n', "utf-8")
    assert gate().returncode == 3  # of the policies that are locked, whatever the branch says
    env["INTERLOCK_POLICY_DIR"] = "soft"
    assert gate().returncode == 2  # which of the two is meant?
    del env["INTERLOCK_POLICY_DIR"]
    for name in ("smoke", "readiness"):  # where interlock itself is of the branch
        shutil.copy(Path(data_folder("policies")) / f"{name}.yaml", soft)
        with (soft / f"{name}.yaml").open("a", encoding="utf-8") as file:
            file.write("# softer\n")
    package = tmp_path / "package"
    shutil.copytree(Path(interlock_package.__file__).parent, package / "interlock")
    shutil.copytree(data_folder("schemas"), package / "interlock" / "_data" / "schemas")
    shutil.copytree(soft, package / "interlock" / "_data" / "policies")
    env["PYTHONPATH"] = str(package)
    done = gate()
    assert (done.returncode, done.stdout) == (5, "")
    assert "policy `smoke` does not match the lock: found sha256:" in done.stderr


def test_gitlab_keeps_the_report(branch: Path, env: dict[str, str]) -> None:
    script = "\n".join(GITLAB["script"])
    subprocess.run(["sh", "-e", "-c", script], cwd=branch, env=env, capture_output=True, check=True)
    assert "<testsuite" in (branch / GITLAB["artifacts"]["reports"]["junit"]).read_text("utf-8")


@pytest.mark.parametrize(("file", "schema"), [("gitlab.yaml", "gitlab-ci"), ("github.yaml", "github-workflows")])
def test_the_runner_would_take_the_recipe(file: str, schema: str) -> None:
    command = [str(SCRIPTS / "check-jsonschema"), "--builtin-schema", f"vendor.{schema}", str(RECIPES / file)]
    options = ["--data-transform", "gitlab-ci"] if schema == "gitlab-ci" else []
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_recipe_for_github_gives_what_the_action_takes() -> None:
    action = yaml.safe_load((RECIPES.parents[2] / "action.yml").read_text("utf-8"))
    (step,) = (
        step
        for step in yaml.safe_load((RECIPES / "github.yaml").read_text("utf-8"))["jobs"]["gate"]["steps"]
        if step.get("id") == "gate"
    )
    assert step["with"].keys() <= action["inputs"].keys()


def test_the_recipe_for_a_shell_has_no_fault_that_shellcheck_knows() -> None:
    done = subprocess.run([str(SCRIPTS / "shellcheck"), str(RECIPES / "gate.sh")], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b"")
