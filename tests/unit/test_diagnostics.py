"""Places in a text, and how an issue is shown to a person."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.diagnostics import Issue, Location, PolicyError, Source, nearest, render

POLICY = Source("smoke.yaml", "policy: smoke\n\trules:\n  - id: ünsent\n")


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0, None, Location("smoke.yaml", 1, 1, 1)),
        (0, 6, Location("smoke.yaml", 1, 1, 6)),
        (8, 13, Location("smoke.yaml", 1, 9, 5)),
        (14, None, Location("smoke.yaml", 2, 1, 1)),
        (15, 20, Location("smoke.yaml", 2, 2, 5)),
        (30, 36, Location("smoke.yaml", 3, 9, 6)),
        (9, 9, Location("smoke.yaml", 1, 10, 1)),
        (len(POLICY.text), None, Location("smoke.yaml", 4, 1, 1)),
    ],
    ids=str,
)
def test_an_offset_is_a_line_and_a_column_counted_from_one(start: int, end: int | None, expected: Location) -> None:
    assert POLICY.location(start, end) == expected


@given(st.text(alphabet="ab\n\tü", max_size=30), st.data())
def test_the_place_of_a_character_holds_that_character(text: str, data: st.DataObject) -> None:
    source = Source("any", text + ".")
    offset = data.draw(st.integers(0, len(text)))
    place = source.location(offset)
    line = source.text.split("\n")[place.line - 1]
    assert (line + "\n")[place.column - 1] == source.text[offset]


@pytest.mark.parametrize(
    ("number", "expected"), [(0, ""), (1, "policy: smoke"), (2, "\trules:"), (3, "  - id: ünsent"), (4, ""), (99, "")]
)
def test_a_line_is_told_without_its_end(number: int, expected: str) -> None:
    assert POLICY.line(number) == expected


def test_a_location_is_shown_as_editors_read_it() -> None:
    assert str(Location("policies/smoke.yaml", 12, 7, 3)) == "policies/smoke.yaml:12:7"


GOLDENS = {
    "a word, underlined": (
        Issue("E201", "no such word `policy`", POLICY.location(0, 6)),
        """\
smoke.yaml:1:1: error[E201]: no such word `policy`
 1 | policy: smoke
   | ^^^^^^""",
    ),
    "a hint comes last": (
        Issue("E201", "no such field `ünsent`", POLICY.location(30, 36), "did you mean `unsent`?"),
        """\
smoke.yaml:3:9: error[E201]: no such field `ünsent`
 3 |   - id: ünsent
   |         ^^^^^^
   = did you mean `unsent`?""",
    ),
    "tabs stay tabs under the line": (
        Issue("E009", "a tab", POLICY.location(15, 20), level="warning"),
        "smoke.yaml:2:2: warning[E009]: a tab\n 2 | \trules:\n   | \t^^^^^",
    ),
    "the caret ends with the line": (
        Issue("E001", "this does not end", POLICY.location(8, 500)),
        """\
smoke.yaml:1:9: error[E001]: this does not end
 1 | policy: smoke
   |         ^^^^^""",
    ),
    "past the end there is no line to show": (
        Issue("E001", "the text ends", POLICY.location(len(POLICY.text))),
        "smoke.yaml:4:1: error[E001]: the text ends",
    ),
    "line numbers of two digits": (
        Issue("E001", "here", Location("long", 10, 1)),
        "long:10:1: error[E001]: here\n 10 | last\n    | ^",
    ),
}


@pytest.mark.parametrize(("issue", "expected"), GOLDENS.values(), ids=GOLDENS.keys())
def test_an_issue_is_shown_with_its_line_and_a_caret(issue: Issue, expected: str) -> None:
    source = POLICY if issue.location.name == POLICY.name else Source("long", "x\n" * 9 + "last")
    assert render(issue, source) == expected


def test_an_issue_without_its_source_is_shown_without_the_line() -> None:
    issue = Issue("E100", "cannot be read", Location("gone.yaml", 3, 2), "is it there?")
    assert render(issue, None) == "gone.yaml:3:2: error[E100]: cannot be read\n   = is it there?"


def test_issues_are_shown_in_the_order_of_their_places_whatever_found_them() -> None:
    other = Source("a.yaml", "x\n")
    issues = (
        Issue("E2", "third", POLICY.location(30)),
        Issue("E2", "second", POLICY.location(0)),
        Issue("E1", "first of the place", POLICY.location(0)),
        Issue("E9", "other file", other.location(0)),
        Issue("E9", "no text known", Location("z.yaml", 1, 1)),
    )
    error = PolicyError(issues, (POLICY, other))
    assert [issue.message for issue in error.issues] == [
        "other file",
        "first of the place",
        "second",
        "third",
        "no text known",
    ]
    assert str(error).splitlines() == [
        "a.yaml:1:1: error[E9]: other file",
        " 1 | x",
        "   | ^",
        "smoke.yaml:1:1: error[E1]: first of the place",
        " 1 | policy: smoke",
        "   | ^",
        "smoke.yaml:1:1: error[E2]: second",
        " 1 | policy: smoke",
        "   | ^",
        "smoke.yaml:3:9: error[E2]: third",
        " 3 |   - id: ünsent",
        "   |         ^",
        "z.yaml:1:1: error[E9]: no text known",
    ]


@pytest.mark.parametrize(
    ("word", "known", "expected"),
    [
        ("rolle", {"role", "status", "at"}, "role"),
        ("acepted", ("sent", "accepted", "blocked"), "accepted"),
        ("role", {"role": 1}, "role"),
        ("nonsense", ["role", "status"], None),
        ("role", [], None),
    ],
)
def test_the_nearest_right_word_is_found_or_none_is(word: str, known: Iterable[str], expected: str | None) -> None:
    assert nearest(word, known) == expected
