"""A captured case is read again as it was meant."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from interlock.analysis.capture.yaml import dump, new_file, with_case
from interlock.diagnostics import Source
from interlock.policy.parse import parse_yaml

CASE = {
    "case": "b: a",
    "now": "2026-06-22T09:20:00Z",
    "facts": [{"seat": {"role": "worker", "heartbeat_at": "-1m"}}, {"mark": {}}, {"mark": {"note": "x " * 60 + "x"}}],
    "expect": {"allow": False, "reason": "one\ntwo", "findings": []},
}
WRITTEN = f"""\
cases:
  - case: 'b: a'
    now: '2026-06-22T09:20:00Z'
    facts:
      - seat: {{role: worker, heartbeat_at: -1m}}
      - mark: {{}}
      - mark:
          note: {"x " * 60}x
    expect:
      allow: false
      reason: |-
        one
        two
      findings: []
"""


def read(text: str) -> Any:
    document, issues = parse_yaml(Source("x.yaml", text))
    assert document is not None
    assert issues == ()
    return document.data


def test_data_is_written_in_its_order_and_in_blocks() -> None:
    assert dump({"cases": [CASE]}) == WRITTEN
    assert read(WRITTEN) == {"cases": [CASE]}


def test_the_same_value_twice_is_written_twice() -> None:
    same = {"a": [1, 2]}
    assert dump({"x": same, "y": same}) == "x:\n  a: [1, 2]\n'y':\n  a: [1, 2]\n".replace("'y'", '"y"')


@pytest.mark.parametrize(
    "text",
    [
        *("", "y", "N", "yes", "off", "true", "null", "~", "1", "1_0", "0x1F", "1:30", "1e3", ".inf", "=", "<<"),
        *("2026-06-22", "2026-06-22T09:20:00Z", "-1m", "- a", "# a", "a #b", "a\n", "\n a", " a\nb", "a \nb", "a\r\nb"),
        *("\x85", "\u2028", "\ufeff", "\x1b", "\x7f"),
    ],
)
def test_a_text_is_read_as_the_same_text(text: str) -> None:
    assert read(dump({"policy": text, "cases": [[text], {"a": [text, text], text or "b": text}]})) == {
        "policy": text,
        "cases": [[text], {"a": [text, text], text or "b": text}],
    }


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
