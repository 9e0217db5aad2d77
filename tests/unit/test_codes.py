"""Every code has its page, and what a page shows is what really happens. `UPDATE_GOLDEN=1` rewrites the examples."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from interlock import codes
from interlock.analysis.check import check_paths
from interlock.diagnostics import Issue, PolicyError, Source, render
from interlock.escape import harmless
from interlock.evaluation.waivers import Waivable
from interlock.instant import parse_instant
from interlock.policy.library import Library
from interlock.policy.parse import parse_valid
from interlock.policy.waivers import read_waivers, waivable
from tests.helpers.wording import ours

PACKAGE = Path(codes.__file__).parents[1]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"\"([EW]\d{3})\"")


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    given = {code for path in PACKAGE.rglob("*.py") for code in CODE.findall(path.read_text("utf-8"))}
    assert len(given) > 80
    assert codes.every() == sorted(given)


@pytest.mark.parametrize("code", codes.every())
def test_a_page_says_what_it_means_and_how_to_mend_it(code: str) -> None:
    page = codes.page(code)
    title, meaning, *rest = page.split("\n\n")
    assert title == f"# {code}: {codes.title(code)}"
    assert 0 < len(codes.title(code)) <= 60
    assert meaning
    assert rest.index("## Example") < rest.index("## How to fix it") == len(rest) - 2
    assert rest[-1].endswith(".\n")


@pytest.mark.parametrize("code", codes.every())
def test_the_example_of_a_page_gives_its_code(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = dict(BLOCK.findall(codes.page(code)))
    name = "example_test.yaml" if code.startswith("E7") else "example.yaml"
    Path(name).write_text(blocks["yaml"], "utf-8")
    if "sh" in blocks:
        subprocess.run(["bash", "-c", blocks["sh"]], check=True)
    issues, source = found_by(code, name)
    told = [harmless(render(issue, source), keep="\n") for issue in issues if issue.code == code]
    assert told, issues
    assert {issue.level for issue in issues if issue.code == code} == {"error" if code[0] == "E" else "warning"}
    if os.environ.get("UPDATE_GOLDEN"):
        file = PACKAGE / "codes" / f"{code}.md"
        file.write_text(codes.page(code).replace(blocks["text"], told[0] + "\n"), "utf-8")
    else:
        assert ours(blocks["text"]) == ours(told[0]) + "\n"


def found_by(code: str, name: str) -> tuple[tuple[Issue, ...], Source]:
    """What is wrong with the example: with the policy, or with the waivers that it is."""
    if code == "W801":
        waivers = read_waivers(name, known)
        assert waivers.source is not None
        return waivers.warnings, waivers.source
    if not code.startswith("E8"):
        issues, (source,) = check_paths([name], Library())
        return issues, source
    with pytest.raises(PolicyError) as refused:
        read_waivers(name, known, parse_instant("2100-01-01T00:00:00Z"))
    (source,) = refused.value.sources
    return refused.value.issues, source


def known(identity: str) -> Sequence[Waivable] | str:
    library = Library(["."])
    if identity not in library.ids():
        return "`interlock policies` lists them"
    loaded = library.load(identity)
    return [waivable(loaded.policy, parse_valid(loaded.source))]


def test_a_code_without_a_page() -> None:
    with pytest.raises(KeyError):
        codes.page("E999")
