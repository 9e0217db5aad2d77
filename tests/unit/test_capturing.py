"""What a capture is made of: a smallest part, names that hide and do not mix up, YAML that is read as it was meant."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from interlock.analysis.capture.masking import Masks
from interlock.analysis.capture.minimize import smallest
from interlock.analysis.capture.yaml import new_file, with_case
from interlock.diagnostics import Source
from interlock.policy.parse import parse

sets = st.lists(st.frozensets(st.integers(0, 11), max_size=5), min_size=1, max_size=4)


@given(sets)
def test_neither_one_nor_two_can_be_left_out(wanted: list[frozenset[int]]) -> None:
    def does(items: Sequence[int]) -> bool:
        return any(each <= set(items) for each in wanted)

    found = smallest(range(12), does)
    assert does(found)
    assert found == sorted(found)
    for count in (1, 2):
        assert not any(does([n for n in found if n not in gone]) for gone in combinations(found, count))


def test_two_that_only_go_together_are_left_out() -> None:
    assert smallest([1, 2, 3], lambda items: 3 in items and (1 in items) == (2 in items)) == [3]


@given(st.lists(st.tuples(st.text(max_size=3), st.sampled_from(["smoke_id", "nonce", "thread_id"]))))
def test_masks_are_equal_where_the_texts_are_and_never_a_text_of_the_ledger(said: list[tuple[str, str]]) -> None:
    kept = {"nonce-2"}
    taken = {text for text, _ in said} | {"smoke-1"}
    masks = Masks(kept, taken)
    made = {text: masks.of(text, field) for text, field in said}
    assert len(set(made.values())) == len(made)
    assert all(mask not in (taken | kept) for text, mask in made.items() if text and text not in kept)
    assert [masks.of(text, "other") for text in made] == list(made.values())


def test_the_first_mask_of_a_field_is_what_a_test_fills_in() -> None:
    masks = Masks((), ())
    assert [masks.of(text, "smoke_id") for text in "aba"] == ["smoke-1", "smoke-2", "smoke-1"]
    assert [masks.of(text, "nonce") for text in "xay"] == ["nonce", "smoke-1", "nonce-2"]


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
    document, issues = parse(source)
    assert document is not None
    assert issues == ()
    assert document.data == {"policy": "smoke", "cases": [case]}
    both, added = with_case(source, more)
    assert both.text.startswith(source.text)
    assert (added["case"] == more["case"]) is (more["case"] != case["case"])
    assert yaml.safe_load(both.text)["cases"] == [case, added]
