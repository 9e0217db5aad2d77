"""What an editor flags in a test file by its schema, interlock refuses too, whatever was done to the file."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from interlock import schemas
from interlock.analysis.testing.parse import suite_of
from interlock.diagnostics import PolicyError, Source
from interlock.policy.library import Library
from interlock.policy.parse import parse_yaml

SHIPPED = Path(__file__).parents[2] / "policies"
LIBRARY = Library()
ODD = st.sampled_from([None, True, 0, -1, "", "x", "-90s", "undecided", [], ["x"], {}, {"x": 1}])
Step = str | int


def document(name: str) -> Any:
    found, _ = parse_yaml(Source(name, (SHIPPED / f"{name}_test.yaml").read_text("utf-8")))
    assert found is not None
    return found.data


DOCUMENTS = [document(name) for name in ("preflight", "wakeup", "worker-set")]


def places(node: Any, path: tuple[Step, ...] = ()) -> Iterator[tuple[Step, ...]]:
    """The place of everything in a document but the document itself."""
    members = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for step, inner in members:
        yield (*path, step)
        yield from places(inner, (*path, step))


@st.composite
def changed(draw: st.DrawFn) -> Any:
    """A shipped test file in which one thing is another, is gone, or has another name."""
    whole = copy.deepcopy(draw(st.sampled_from(DOCUMENTS)))
    *above, last = draw(st.sampled_from(list(places(whole))))
    node = whole
    for step in above:
        node = node[step]
    match draw(st.sampled_from(["replace", "remove", "rename"])):
        case "replace":
            node[last] = draw(ODD)
        case "rename" if isinstance(node, dict):
            node[f"{last}x"] = node.pop(last)
        case _:
            del node[last]
    return whole


@settings(max_examples=150, deadline=None)
@given(changed())
def test_what_the_schema_refuses_is_refused(whole: Any) -> None:
    flagged = schemas.violations("test", whole)
    try:
        suite_of(Source(str(SHIPPED / "drawn_test.yaml"), json.dumps(whole)), LIBRARY)
    except PolicyError as error:
        assert error.issues
        assert {issue.code[:2] for issue in error.issues} == {"E7"}
    else:
        assert flagged == []
