"""Runs a composite action as GitHub's runner does: its shell steps, with their environment and environment files.

What is there of the runner's behaviour is what GitHub documents; steps that use other actions are left out.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
_SHELLS = {"bash": ("bash", "--noprofile", "--norc", "-eo", "pipefail")}


class Finished(NamedTuple):
    """What a run left behind. `code` is that of the step that failed, else 0; `outputs` are the action's."""

    code: int
    outputs: dict[str, str]
    summary: str
    log: str


def run(action: Path, inputs: Mapping[str, str], workspace: Path, temporary: Path, env: Mapping[str, str]) -> Finished:
    """Run an action. Later steps are left out once one has failed, but the outputs are reported."""
    stated = yaml.safe_load(action.read_text("utf-8"))
    unknown = [name for name in inputs if name not in stated["inputs"]]
    missing = [n for n, each in stated["inputs"].items() if each.get("required") and n not in inputs]
    assert not unknown + missing
    known = {f"inputs.{name}": str(each.get("default", "")) for name, each in stated["inputs"].items()}
    known |= {f"inputs.{name}": value for name, value in inputs.items()} | {"github.action_path": str(action.parent)}
    summary, log, code = temporary / "summary", "", 0
    summary.touch()
    for number, step in enumerate(stated["runs"]["steps"]):
        if "uses" in step or code or not _holds(step.get("if", "true"), known):
            continue
        file, script = temporary / f"output-{number}", temporary / f"script-{number}.sh"
        file.touch()
        script.write_text(step["run"], "utf-8")
        environment = {
            **env,
            **{name: expanded(str(value), known) for name, value in step.get("env", {}).items()},
            "GITHUB_ACTIONS": "true",
            "GITHUB_OUTPUT": str(file),
            "GITHUB_STEP_SUMMARY": str(summary),
            "GITHUB_WORKSPACE": str(workspace),
            "RUNNER_TEMP": str(temporary),
        }
        done = subprocess.run(
            [*_SHELLS[step["shell"]], str(script)], cwd=workspace, env=environment, capture_output=True, check=False
        )
        code, log = done.returncode, log + done.stdout.decode() + done.stderr.decode()
        if "id" in step:
            known |= {f"steps.{step['id']}.outputs.{name}": value for name, value in written(file.read_text()).items()}
    outputs = {name: expanded(each["value"], known) for name, each in stated["outputs"].items()}
    return Finished(code, outputs, summary.read_text("utf-8"), log)


def expanded(text: str, known: Mapping[str, str]) -> str:
    """The text, with each expression as its value; that of an output which nobody wrote is empty."""

    def value(match: re.Match[str]) -> str:
        return known[match[1]] if not match[1].startswith("steps.") else known.get(match[1], "")

    return _EXPRESSION.sub(value, text)


def written(text: str) -> dict[str, str]:
    """What an environment file says: `name=value`, or `name<<END`, lines, `END`."""
    found: dict[str, str] = {}
    lines = iter(text.split("\n"))
    for line in lines:
        if re.match(r"[^=]*<<", line):
            name, _, end = line.partition("<<")
            value = []
            while (each := next(lines)) != end:
                value.append(each)
            found[name] = "\n".join(value)
        elif line:
            name, equals, text = line.partition("=")
            assert equals, f"the runner cannot read {line!r}"
            found[name] = text
    return found


def _holds(condition: Any, known: Mapping[str, str]) -> bool:
    """Whether a step's condition holds: the few forms that are needed."""
    text = str(condition)
    if text == "true":
        return True
    match = re.fullmatch(r"\$\{\{ ([\w.-]+) != '' \}\}", text)
    assert match, f"the runner of the tests does not know the condition {text}"
    return known[match[1]] != ""
