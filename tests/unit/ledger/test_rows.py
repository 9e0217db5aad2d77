"""A fact's document: read as one thing, or not at all."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from interlock.ledger.rows import Row, document

ROW = ("app_heartbeat", "receipt-1", 1, "demo", "2026-06-11T12:00:00Z", None, "worker", "info", "")
KEYS = st.sampled_from(["a", "b", "a:b", '"', '":', "\\", "é", ":", "\u003a\u0022"])
LEAVES = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False, allow_infinity=False) | KEYS


class Pairs(list[tuple[str, Any]]):
    """The members of an object, of which some may have the same key."""


VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(KEYS, inner), max_size=3).map(Pairs)
)
OBJECTS = st.lists(st.tuples(KEYS, VALUES), max_size=4).map(Pairs)
SPACE = st.sampled_from(["", "", " ", "\n", "\t \r"])


def said_twice(value: object) -> bool:
    """Whether some object has two members of one key."""
    if isinstance(value, Pairs):
        keys = [key for key, _ in value]
        return len(set(keys)) < len(keys) or any(said_twice(inner) for _, inner in value)
    return isinstance(value, list) and any(said_twice(inner) for inner in value)


@st.composite
def texts(draw: st.DrawFn, value: object) -> str:
    """JSON text of a value, with spaces and escapes wherever there may be any."""
    left, right = draw(SPACE), draw(SPACE)
    if isinstance(value, Pairs):
        members = (f"{draw(texts(key))}:{draw(texts(inner))}" for key, inner in value)
        return f"{left}{{{','.join(members)}{right}}}"
    if isinstance(value, list):
        return f"{left}[{','.join(draw(texts(inner)) for inner in value)}{right}]"
    if isinstance(value, str):
        escaped = (f"\\u{ord(char):04{draw(st.sampled_from('xX'))}}" for char in value)
        return left + (f'"{"".join(escaped)}"' if draw(st.booleans()) else json.dumps(value)) + right
    return f"{left}{json.dumps(value)}{right}"


@given(st.data())
def test_a_key_that_is_there_twice_is_always_found_and_no_other(data: st.DataObject) -> None:
    attributes = data.draw(OBJECTS)
    text = data.draw(texts(attributes))
    made, errors = document(Row(*ROW, "{}", text))
    if said_twice(attributes):
        assert [error.fault for error in errors] == ["its document has a key twice"]
    else:
        assert errors == ()
        assert {**json.loads(text), **made} == made


def test_an_attribute_that_the_envelope_hides_can_still_be_read() -> None:
    made, errors = document(Row(*ROW, "{}", '{"kind": "x", "attributes": 7, "role": "worker"}'))
    assert errors == ()
    assert made["kind"] == "app_heartbeat"
    assert made["attributes"] == {"kind": "x", "attributes": 7}
    assert made["role"] == "worker"


def test_an_entity_has_no_actor_and_its_summary_is_its_own() -> None:
    row = ("handoff", "1", 1, "demo", "2026-06-11T12:00:00Z", None, None, None, "", "{}", '{"summary": "done"}')
    made, errors = document(Row(*row))
    assert errors == ()
    assert made == dict(zip(("kind", "id", "seq", "task", "at"), row, strict=False)) | {
        "summary": "done",
        "attributes": {"summary": "done"},
    }
