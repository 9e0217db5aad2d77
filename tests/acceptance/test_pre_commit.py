"""The hooks, run by pre-commit itself in a project that uses them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
HOOKS = ("interlock-check", "interlock-test")
POLICY = """policy: gate
version: 1
question: Is somebody there?
facts:
  seat: {from: seat, required: nobody is there}
rules:
  - id: asleep
    for: seat
    unless: now - seat.heartbeat_at <= duration("3m")
    block: asleep
decide:
  - {state: asleep, when: blocked, allow: false}
  - {state: awake, allow: true}
"""
ABOVE = """policy: above
version: 1
question: Is the gate open?
needs: {gate: {policy: gate}}
rules:
  - {id: shut, unless: gate.state == "awake", block: shut}
decide:
  - {state: shut, when: blocked, allow: false}
  - {state: fine, allow: true}
"""
TEST = """policy: {policy}
task: demo
facts:
  - seat: {{role: worker, heartbeat_at: -60s}}
cases:
  - case: somebody is there
    expect: {{allow: true}}
"""

pytestmark = pytest.mark.slow


def git(folder: Path, *args: str) -> str:
    identity = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "init.defaultBranch=main")
    done = subprocess.run(["git", *identity, *args], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A repository of what is in this one, uncommitted changes too, and its commit."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout: git cannot list the repository")
    found = tmp_path_factory.mktemp("interlock")
    command = ("-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in git(ROOT, *command).split("\0"):
        if name and (ROOT / name).is_file():
            (found / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, found / name)
    git(found, "init", "--quiet")
    git(found, "add", "--all")
    git(found, "commit", "--quiet", "--message", "all")
    return found, git(found, "rev-parse", "HEAD")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where pre-commit keeps what it has installed."""
    found = tmp_path_factory.mktemp("pre-commit")
    yield found
    shutil.rmtree(found)


@pytest.fixture
def project(tmp_path: Path, hooks: tuple[Path, str]) -> Path:
    """A project with two policies, one of which needs the other, and their tests."""
    repository, commit = hooks
    files = {"gate.yaml": POLICY, "above.yaml": ABOVE}
    files |= {f"{policy}_test.yaml": TEST.format(policy=policy) for policy in ("gate", "above")}
    (tmp_path / "policies").mkdir()
    for name, text in files.items():
        (tmp_path / "policies" / name).write_text(text, "utf-8")
    listed = "".join(f"      - id: {name}\n" for name in HOOKS)
    config = f"repos:\n  - repo: {repository}\n    rev: {commit}\n    hooks:\n{listed}"
    (tmp_path / ".pre-commit-config.yaml").write_text(config, "utf-8")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all")
    return tmp_path


def committed(project: Path, home: Path, *hooks: str) -> tuple[int, str]:
    """What pre-commit says of a commit of all that changed. What it would fetch is taken from this environment."""
    git(project, "add", "--all")
    env = {
        **os.environ,
        "PATH": f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}",
        "PRE_COMMIT_HOME": str(home),
        "PYTHONPATH": sysconfig.get_path("purelib"),
        "PIP_NO_INDEX": "1",
        "PIP_NO_DEPS": "1",
        "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_IGNORE_INSTALLED": "1",
        "VIRTUALENV_NO_PERIODIC_UPDATE": "1",
    }
    command = [sys.executable, "-m", "pre_commit", "run", "--color=never", *hooks]
    done = subprocess.run(command, cwd=project, env=env, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_the_hooks(project: Path, home: Path) -> None:
    code, told = committed(project, home)
    assert code == 0, told
    assert "interlock check" in told
    assert told.count("Passed") == 2

    git(project, "-c", "core.hooksPath=none", "commit", "--quiet", "--message", "first")
    (project / "unrelated.yaml").write_text("policy: nonsense\n", "utf-8")
    code, told = committed(project, home)
    assert (code, told.count("Skipped"), told.count("Passed")) == (0, 1, 1), told

    gate = project / "policies" / "gate.yaml"
    gate.write_text(POLICY.replace("seat.heartbeat_at", "seat.heartbeat"), "utf-8")
    code, told = committed(project, home)
    assert code == 1
    assert "policies/gate.yaml:9:24: error[E" in told
    assert "policies/above.yaml" not in told.partition("interlock test")[0]

    gate.write_text(POLICY.replace("state: awake", "state: up"), "utf-8")  # valid, but no longer what `above` needs
    code, told = committed(project, home)
    assert code == 1
    check, _, test = told.partition("interlock test")
    assert "Passed" in check
    assert "Failed" in test
    assert "above" in test

    gate.unlink()
    code, told = committed(project, home)
    assert code == 1
    assert "Failed" in told.partition("interlock test")[2], told


def test_our_own_hooks_are_those_that_we_offer() -> None:
    """But for the language: in this repository they run the checkout, and not a copy of it."""
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]
    ours = {hook["id"]: hook for hook in local["hooks"] if hook["id"] in HOOKS}
    offered = {hook.pop("id"): hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))}
    for name, hook in offered.items():
        assert hook.pop("description")
        assert ours[name] == {**hook, "id": name, "language": "system"}
    assert tuple(ours) == HOOKS


def test_a_contributor_cannot_commit_an_invalid_policy(tmp_path: Path, hooks: tuple[Path, str], home: Path) -> None:
    git(tmp_path, "clone", "--quiet", str(hooks[0]), "clone")
    clone = tmp_path / "clone"
    loop = clone / "policies" / "loop.yaml"
    loop.write_text(f"{loop.read_text('utf-8')}\n# a comment\n", "utf-8")
    code, told = committed(clone, home, "interlock-check")
    assert (code, told.count("Passed")) == (0, 1), told
    loop.write_text(loop.read_text("utf-8").replace("pulse.at", "pulse.att"), "utf-8")
    code, told = committed(clone, home, "interlock-check")
    assert code == 1
    assert "policies/loop.yaml:" in told
