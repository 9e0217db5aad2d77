"""Expressions and what they come to, here and in CEL's C++ implementation, over no facts at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from interlock.language.evaluate import Environment, Failure, outcome
from interlock.language.scope import Scope
from interlock.language.typecheck import typecheck
from tests.cel.spec import ERROR

LINES: Final = (Path(__file__).parent / "cases.txt").read_text("utf-8").splitlines()
CASES: Final = [line.rsplit(" => ", 1) for line in LINES if line and not line.startswith("#")]
UNKNOWN: Final = (
    *("indexOf(", "lastIndexOf(", "charAt(", "cel.bind(n, 1 / 0", "isSorted(", ".sort(", ".min(", ".max(", ".sum("),
    *(
        "distinct(",
        "flatten(",
        "sets.",
        "ntersection(",
        "ubset(",
        "except(",
        "intersect(",
        ".find",
        "(n, x, ",
        "(key, n, ",
        "math.trunc",
        ".format(",
    ),
)
"""Read otherwise, or not at all, by the implementation that is installed: CEL's specification decides."""


@pytest.mark.parametrize(("text", "expected"), CASES, ids=[text for text, _ in CASES])
def test_an_expression_comes_to_that(text: str, expected: str) -> None:
    node, faults = typecheck(text, Scope("value"))
    assert node is not None, faults
    found = outcome(node, Environment(0, "", {}, {}))
    if expected == "error":
        assert isinstance(found, Failure)
        assert found.why
    else:
        assert plain(found) == json.loads(expected)
        assert isinstance(found, bool) is (expected in ("true", "false"))


def plain(value: Any) -> Any:
    """Tuples as JSON has them."""
    return [plain(each) for each in value] if isinstance(value, tuple) else value


@pytest.mark.parametrize(("text", "expected"), CASES, ids=[text for text, _ in CASES])
def test_cel_says_the_same(text: str, expected: str) -> None:
    cel = pytest.importorskip("cel_expr_python.cel", reason="CEL's C++ implementation has no release for this Python")
    from cel_expr_python.ext import ext_bindings, ext_math, ext_optional, ext_strings

    extensions = [ext_math.ExtMath(), ext_bindings.ExtBindings(), ext_optional.ExtOptional(), ext_strings.ExtStrings()]
    environment = cel.NewEnv(variables={}, extensions=extensions)
    compared = text if expected in ("error", "true", "false") else f"({text}) == {expected}"
    if any(word in text for word in UNKNOWN):
        return
    found = environment.compile(compared).eval(data={})
    came = ERROR if found.type() == cel.Type.ERROR else found.value()
    assert came == (ERROR if expected == "error" else expected != "false")
