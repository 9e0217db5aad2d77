"""A captured case is read again as it was meant."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from interlock.analysis.capture.yaml import new_file, with_case
from interlock.diagnostics import Source
from interlock.policy.parse import parse_yaml

scalars = st.one_of(
    st.booleans(), st.integers(-(2**53), 2**53), st.none(), st.text(), st.sampled_from(["no", "-1m", "0s"])
)
fields = st.dictionaries(st.sampled_from(["role", "at", "thread_id", "correlation"]), scalars, max_size=4)
cases = st.builds(
    lambda name, facts, message: {
        "case": name,
        "facts": [{"seat": each} for each in facts],
        "expect": {"allow": False, "state": "blocked", "findings": [{"rule": "r", "message": message}]},
    },
    st.text(),
    st.lists(fields, max_size=3),
    st.text(),
)


@given(cases, cases)
def test_what_is_written_is_read_again(case: dict[str, Any], more: dict[str, Any]) -> None:
    source = Source("a_test.yaml", new_file("smoke", "test.schema.json", case))
    document, issues = parse_yaml(source)
    assert document is not None
    assert issues == ()
    assert document.data == {"policy": "smoke", "cases": [case]}
    both, added = with_case(source, more)
    assert both.text.startswith(source.text)
    assert (added["case"] == more["case"]) is (more["case"] != case["case"])
    assert yaml.safe_load(both.text)["cases"] == [case, added]
