"""What is shipped: the wheel, the source distribution, and that the installed command runs away from the checkout."""

from __future__ import annotations

import email
import email.message
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.markers import Marker

import interlock

ROOT = Path(__file__).resolve().parents[2]
DATA = (".css", ".js", ".lark", ".md", ".sql", ".toml", ".typed", ".xz", ".yaml")
"""The package's files that are not Python."""
WHERE = {
    ("linux", "3.11"): True,
    ("linux", "3.13"): True,
    ("linux", "3.15"): True,
    ("darwin", "3.12"): True,
    ("darwin", "3.13"): False,
    ("win32", "3.11"): False,
}
"""Where durable-rules is installed: the platform and the Python."""


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """The output of a command that succeeds."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def built(source: Path, target: Path, kind: str) -> Path:
    """The distribution that this environment's own build backend makes of `source`: nothing is fetched."""
    run(sys.executable, "-m", "build", "--no-isolation", f"--{kind}", "--outdir", target, source)
    (found,) = target.iterdir()
    return found


@pytest.fixture(scope="session")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(ROOT, tmp_path_factory.mktemp("sdist"), "sdist")


@pytest.fixture(scope="session")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source distribution alone, so that nothing it needs is missing there."""
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (source,) = folder.iterdir()
    return built(source, tmp_path_factory.mktemp("wheel"), "wheel")


@pytest.fixture(scope="session")
def metadata(wheel: Path) -> email.message.Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


def files(folder: str, wanted: Callable[[Path], bool]) -> dict[str, bytes]:
    """The files below a folder of the checkout that are wanted, by their path inside that folder."""
    top = ROOT / folder
    found = (path for path in sorted(top.rglob("*")) if path.is_file() and wanted(path))
    return {path.relative_to(top).as_posix(): path.read_bytes() for path in found}


@pytest.mark.parametrize(
    ("folder", "suffixes", "inside"),
    [
        ("engine/interlock", (".py", *DATA), "interlock"),
        ("policies", (".yaml", ".json", ".ndjson"), "interlock/_data/policies"),
        ("schemas", (".json",), "interlock/_data/schemas"),
    ],
)
def test_the_wheel_holds_every_file_of(wheel: Path, folder: str, suffixes: tuple[str, ...], inside: str) -> None:
    expected = files(folder, lambda path: path.suffix in suffixes or path.name == "py.typed")
    assert expected, f"{folder} is empty"
    with zipfile.ZipFile(wheel) as archive:
        shipped = {name: archive.read(name) for name in archive.namelist() if name.startswith(f"{inside}/")}
    assert {name: shipped.get(f"{inside}/{name}") for name in expected} == expected


def test_the_wheel_holds_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" not in name]
    assert {name.split("/")[0] for name in names} == {"interlock"}
    assert {Path(name).suffix for name in names} <= {"", ".json", ".ndjson", ".py", ".yaml", *DATA}
    assert [name for name in names if Path(name).name.startswith(("test_", "conftest"))] == []
    assert "interlock/_data/policies/smoke_test.yaml" in names


@pytest.mark.parametrize(
    "name",
    [
        "CHANGELOG.md",
        "LICENSE",
        "README.md",
        "docs/operators.md",
        "engine/interlock/__init__.py",
        "mkdocs.yml",
        "pyproject.toml",
        "tests/conftest.py",
        "tests/conformance/ledger.db.xz",
        "tests/unit/test_packaging.py",
    ],
)
def test_the_source_distribution_is_enough_to_build_and_test(sdist: Path, name: str) -> None:
    with tarfile.open(sdist) as archive:
        names = {member.partition("/")[2] for member in archive.getnames()}
    assert name in names


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("Name", "interlock"),
        ("Version", interlock.__version__),
        ("License-Expression", "MIT"),
        ("Requires-Python", ">=3.11"),
    ],
)
def test_the_metadata_says(metadata: email.message.Message, field: str, expected: str) -> None:
    assert metadata[field] == expected


def test_every_dependency_has_a_lower_bound_and_durable_rules_is_needed_on_every_python_on_linux(
    metadata: email.message.Message,
) -> None:
    needed = {text for text in metadata.get_all("Requires-Dist", []) if "extra ==" not in text}
    assert all(">=" in text for text in needed)
    names = {text.partition(">")[0] for text in needed}
    assert names == {"click", "durable-rules", "jsonschema", "lark", "msgspec", "pyyaml", "wcwidth"}
    (marker,) = (text.partition("; ")[2] for text in needed if text.startswith("durable-rules"))
    where = {
        (system, version): Marker(marker).evaluate({"sys_platform": system, "python_version": version})
        for system, version in WHERE
    }
    assert where == WHERE


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts folder of an environment that holds the wheel, and sees this environment's packages for the rest.

    It sees them through a path file, and path files inside a folder that is seen so are not read: an editable install
    of the checkout stays out of sight.
    """
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    place = {"base": str(folder), "platbase": str(folder)}
    site = Path(sysconfig.get_path("purelib", "venv", place))
    scripts = Path(sysconfig.get_path("scripts", "venv", place))
    pip = (sys.executable, "-m", "pip", "--python", scripts / "python")
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel)
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return scripts


def test_the_installed_package_is_the_wheel_with_its_data(installed: Path, tmp_path: Path) -> None:
    code = "import interlock, os; top, = interlock.__path__; print(top, *os.listdir(os.path.join(top, '_data')))"
    top, *data = run(installed / "python", "-I", "-c", code, cwd=tmp_path).split()
    assert Path(top).is_relative_to(installed.parent)
    assert sorted(data) == ["policies", "schemas"]


@pytest.mark.parametrize("command", [("interlock",), ("python", "-I", "-m", "interlock")], ids=" ".join)
def test_the_installed_command_tells_its_version(installed: Path, tmp_path: Path, command: tuple[str, ...]) -> None:
    shown = run(installed / command[0], *command[1:], "--version", cwd=tmp_path)
    assert shown.strip().endswith(interlock.__version__)
    assert os.linesep not in shown.strip()


def test_the_readme_leads_from_an_empty_folder_to_a_tested_gate(installed: Path, tmp_path: Path) -> None:
    """With the wheel alone, and without Agent Conveyor: each command prints what the README says."""
    text = (ROOT / "README.md").read_text("utf-8")
    section = text.partition("## Five minutes without Agent Conveyor\n")[2].partition("\n## ")[0]
    (policy,) = re.findall(r"^```yaml\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    (session,) = re.findall(r"^```console\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    (tmp_path / "deploy.yaml").write_text(policy, "utf-8")
    path = f"{installed}{os.pathsep}/usr/bin{os.pathsep}/bin"
    for command, _, expected in (step.partition("\n") for step in session.split("$ ")[1:]):
        environment = {"PATH": path, "HOME": str(tmp_path / "home"), "COLUMNS": "120"}
        done = subprocess.run(
            ["/bin/sh", "-c", command], capture_output=True, text=True, check=False, cwd=tmp_path, env=environment
        )
        code = f"[exit {done.returncode}]\n" if done.returncode else ""
        assert (done.stderr, done.stdout + code) == ("", expected), command
    kept = {str(each.relative_to(tmp_path)) for each in tmp_path.rglob("*.*") if "home" not in each.parts}
    assert kept == {"deploy.yaml", "deploy_test.yaml", "events.ndjson", "schemas/facts/deploy_approved.schema.json"}


def test_the_installed_command_plays_the_release_that_it_carries(installed: Path, tmp_path: Path) -> None:
    assert "held -> ready" in run(installed / "interlock", "demo", "--ci", "--write", "release", cwd=tmp_path)
    assert run(installed / "interlock", "test", "release", cwd=tmp_path).endswith(" passed\n")


def test_the_installed_command_shows_its_demo_with_the_ledger_it_carries(installed: Path, tmp_path: Path) -> None:
    shown = run(installed / "interlock", "demo", cwd=tmp_path)
    assert {"smoke", "allowed", "denied", "undecided"} <= set(shown.split())
