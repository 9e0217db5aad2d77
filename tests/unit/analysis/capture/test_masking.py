"""Names that hide the ledger's own, and do not mix them up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from interlock.analysis.capture.masking import Masks


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
