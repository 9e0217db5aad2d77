"""Everything in the README and in the language's reference is run.

`UPDATE_GOLDEN=1` writes what was printed into them, for a person to read.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCUMENTS = [README, ROOT / "policies" / "REFERENCE.md"]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLE = re.compile(r"^```python\n(.*?)^```\n\n```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def run(command: str, folder: Path) -> str:
    """What a command prints, on both streams, and its exit code where it is not 0."""
    binaries = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "120"}
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return done.stdout.decode().replace(f"{ROOT}{os.sep}", "") + (
        f"[exit {done.returncode}]\n" if done.returncode else ""
    )


def played(block: str, folder: Path) -> str:
    """The block as it comes out when its commands are run again."""
    commands = [line for line in block.splitlines() if line.startswith("$ ")]
    return "".join(f"{command}\n{run(command[2:], folder)}" for command in commands)


def digested(block: str, folder: Path) -> str:
    """The waiver with the digest that its rule has now."""
    written = dict(re.findall(r"(policy|rule|digest): (\S+)", block))
    listed = run(f"interlock show {written['policy']} --digests", folder).splitlines()
    (digest,) = [line.split("  ")[0] for line in listed if line.endswith(f"  {written['rule']}")]
    return block.replace(written["digest"], digest)


@pytest.mark.slow
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_commands_print_what_the_document_says(document: Path, tmp_path: Path) -> None:
    text = document.read_text()
    for language, block in BLOCK.findall(text):
        if language == "yaml" and (name := re.search(r"^policy: (\S+)$", block, re.MULTILINE)):
            end = "_test.yaml" if "\ncases:" in block else ".yaml"
            (tmp_path / (name[1] + end)).write_text(block)
        elif language == "yaml" and "schemas/waivers.schema.json" in block:
            again = digested(block, tmp_path)
            if os.environ.get("UPDATE_GOLDEN"):
                text = text.replace(block, again)
            else:
                assert block == again
            (tmp_path / "waivers.yaml").write_text(again)
        elif language == "console":
            again = played(block, tmp_path)
            if os.environ.get("UPDATE_GOLDEN"):
                text = text.replace(block, again)
            else:
                assert block == again
    if os.environ.get("UPDATE_GOLDEN"):
        document.write_text(text)


@pytest.mark.slow
def test_the_python_examples_print_what_the_document_says(tmp_path: Path) -> None:
    text = README.read_text()
    run("interlock demo --write story.db", tmp_path)
    examples = EXAMPLE.findall(text)
    assert len(examples) == text.count("```python\n") > 3
    for example, printed in examples:
        (tmp_path / "example.py").write_text(example)
        again = run("python example.py", tmp_path)
        assert again
        if os.environ.get("UPDATE_GOLDEN"):
            text = text.replace(f"{example}```\n\n```text\n{printed}", f"{example}```\n\n```text\n{again}")
        else:
            assert printed == again
    if os.environ.get("UPDATE_GOLDEN"):
        README.write_text(text)


def test_the_document_holds_the_recipes_that_are_run() -> None:
    recipes = sorted((ROOT / "tests" / "acceptance" / "recipes").iterdir())
    assert len(recipes) == 3
    text = README.read_text()
    assert [recipe.name for recipe in recipes if f"\n{recipe.read_text()}```\n" not in text] == []
