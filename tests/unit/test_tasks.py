"""What contributors use says the same as what `.ci/run` does: tasks, templates and the guide."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "engine" / "interlock"
GUIDE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
RUN = (ROOT / ".ci" / "run").read_text("utf-8")
STEPS = re.findall(r"^all=\((.+)\)$", RUN, re.MULTILINE)[0].split()
TEMPLATES = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").iterdir())


def test_every_step_is_a_function_and_stands_in_the_head() -> None:
    assert STEPS
    assert set(STEPS) <= set(re.findall(r"^(\w+)\(\) \{$", RUN, re.MULTILINE))
    assert re.findall(r"^#   (\w+)  ", RUN, re.MULTILINE) == STEPS


def test_a_warning_fails_the_site() -> None:
    """With `--quiet`, MkDocs counts no warning."""
    options = re.findall(r"^ +developer mkdocs build (.+)$", RUN, re.MULTILINE)
    assert [each.split()[0] for each in options] == ["--strict"]
    assert not {"--quiet", "-q"} & set(options[0].split())


def test_the_tasks_of_nox_are_the_steps() -> None:
    functions = [
        each for each in ast.parse((ROOT / "noxfile.py").read_text("utf-8")).body if isinstance(each, ast.FunctionDef)
    ]
    tasks = [
        each for each in functions if [ast.unparse(decorator) for decorator in each.decorator_list] == ["nox.session"]
    ]
    assert [each.name for each in tasks] == STEPS
    assert [each.name for each in tasks if not ast.get_docstring(each)] == []
    assert {ast.unparse(each.body[-1]) for each in tasks} == {"_step(session)"}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_for_issues_says_what_it_is_for(template: Path) -> None:
    """Without the two, the forge does not offer it."""
    _, head, body = template.read_text("utf-8").split("---\n", 2)
    assert yaml.safe_load(head).keys() == {"name", "about"}
    assert body.strip()


def test_every_path_in_the_guide_exists() -> None:
    """From the root, or from the package. A word with a slash or a suffix is a path."""
    paths = [each for each in re.findall(r"`([\w./-]+)`", GUIDE) if re.search(r"/|\.(py|sql|md|yaml|toml)$", each)]
    assert len(paths) > 60
    tops = (ROOT, PACKAGE, ROOT / "tests")
    assert [each for each in paths if not any((top / each).exists() for top in tops)] == []


def test_the_guide_has_a_place_for_every_room_of_the_package() -> None:
    rooms = [path for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
    names = {path.name if path.suffix else f"{path.name}/" for path in rooms if not path.name.startswith("__")}
    layout = GUIDE.partition("## Layout")[2].partition("\n## ")[0]
    assert len(names) > 12
    assert names <= set(re.findall(r"`([\w./]+)`", layout))


def test_every_name_in_the_guide_is_defined_in_its_module() -> None:
    named = re.findall(r"`([\w/]+\.py)`\s\(((?:`\w+`(?:,\s)?)+)\)", GUIDE)
    assert len(named) > 15
    lost = []
    for module, names in named:
        body = ast.parse((PACKAGE / module).read_text("utf-8")).body
        defined = {each.name for each in body if isinstance(each, ast.FunctionDef | ast.ClassDef)}
        lost += [f"{module}: {name}" for name in re.findall(r"\w+", names) if name not in defined]
    assert lost == []
