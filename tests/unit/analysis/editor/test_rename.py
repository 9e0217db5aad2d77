"""What a renaming writes, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from interlock.analysis.editor.rename import applied
from interlock.analysis.editor.workshop import Workshop
from interlock.diagnostics import UsageError

TEXT = """\
policy: gate
version: 1
question: Is it open?
params:
  limit: {type: int, default: 1}
needs:
  pair: {policy: loop}
facts:
  "seat": {from: seat, required: nobody is bound}
  live: {from: seat, where: "live.state == \\"active\\""}
when: pair.allow
rules:
  - id: count
    for: [seat]
    unless: live.exists(seat_live, seat_live.role == seat.role)
    derive: {gone: {role: seat.role}}
  - id: shut
    for: gone
    when: 'live.all(p, p.role != gone.role) && params.limit > 0'
    block: >-
      {gone.role} is gone ({{gone}}), of {live.size()}
      {live.exists(p, p.role == "worker") ? "gone" : 'live'}
    fix: wake it
    data: {limit: params.limit, role: gone.role}
decide:
  - {state: shut, when: blocked, allow: false}
  - {state: open, allow: true}
outputs:
  live: live.size()
"""


def at(mark: str) -> int:
    """The offset of the caret of a part of the text."""
    part = mark.replace("¦", "", 1)
    assert TEXT.count(part) == 1, part
    return TEXT.index(part) + mark.index("¦")


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "gate.yaml")


@pytest.fixture
def workshop(path: str) -> Workshop:
    found = Workshop()
    found.put(path, TEXT)
    assert [issue for issue in found.issues(path) if issue.level == "error"] == []
    return found


RENAMED = {
    "for: [se¦at]": (
        *(('"seat": {', '"chair": {'), ("from: seat, where", "from: chair, where"), ("[seat]", "[chair]")),
        *(("== seat.role", "== chair.role"), ("role: seat.role}}", "role: chair.role}}")),
    ),
    'seat, where: "li¦ve.state': (
        *(("live: {from", "chair: {from"), ('"live.state', '"chair.state'), ("unless: live.", "unless: chair.")),
        *(("live.all", "chair.all"), ("of {live.", "of {chair."), ("{live.exists", "{chair.exists")),
        ("live: live.size", "live: chair.size"),
    ),
    "for: go¦ne": (
        *(("{gone: {", "{chair: {"), ("for: gone", "for: chair"), ("!= gone.role)", "!= chair.role)")),
        *(("{gone.role} is", "{chair.role} is"), ("role: gone.role}", "role: chair.role}")),
    ),
    "params.li¦mit > 0": (
        *(("  limit: {type", "  chair: {type"), ("params.limit > 0", "params.chair > 0")),
        ("limit: params.limit", "limit: params.chair"),
    ),
    "all(p, ¦p.role": (("all(p, p.role", "all(chair, chair.role"),),
    "exists(seat_live, seat_l¦ive.role": (("exists(seat_live, seat_live.role", "exists(chair, chair.role"),),
    "when: pa¦ir.allow": (("pair: {policy", "chair: {policy"), ("pair.allow", "chair.allow")),
}
"""By the place of the caret: the parts of the text that a renaming to `chair` changes, each with what it becomes."""


@pytest.mark.parametrize("mark", RENAMED)
def test_every_use_is_renamed_and_nothing_else(workshop: Workshop, path: str, mark: str) -> None:
    expected = TEXT
    for before, after in RENAMED[mark]:
        assert expected.count(before) == 1, before
        expected = expected.replace(before, after)
    assert applied(TEXT, workshop.rename(path, at(mark), "chair")) == expected
    workshop.put(path, expected)
    assert [issue for issue in workshop.issues(path) if issue.level == "error"] == []


@pytest.mark.parametrize(
    ("mark", "name", "reason"),
    [
        ("for: [se¦at]", "1x", "`1x` is not a name"),
        ("for: [se¦at]", "x-y", "`x-y` is not a name"),
        ("for: [se¦at]", "x\n", "is not a name"),
        ("for: [se¦at]", "", "`` is not a name"),
        ("for: [se¦at]", "blocked", "`blocked` is a reserved word"),
        ("for: [se¦at]", "live", "`live` is already a name"),
        ("for: [se¦at]", "gone", "`gone` is already a name"),
        ("for: [se¦at]", "pair", "`pair` is already a name"),
        ("for: [se¦at]", "p", "`p` is already a name"),
        ("for: [se¦at]", "limit", "`limit` is already a name"),
        ("params.li¦mit > 0", "stale_after", "`stale_after` is a parameter of `loop` too, which gets it by its name"),
        ("for: go¦ne", "yes", "`gone` cannot be renamed to `yes`"),
        ("id: sh¦ut", "other", "only parameters, variables, selections, needs and derived facts"),
        ("question: I¦s it", "other", "only parameters, variables, selections, needs and derived facts"),
    ],
)
def test_what_would_break_or_change_the_policy_is_refused(
    workshop: Workshop, path: str, mark: str, name: str, reason: str
) -> None:
    with pytest.raises(UsageError, match=reason):
        workshop.rename(path, at(mark), name)


def test_a_policy_with_an_error_is_left_alone(workshop: Workshop, path: str) -> None:
    workshop.put(path, TEXT.replace("for: gone", "for: gonee"))
    with pytest.raises(UsageError, match="the policy has errors, and what they hide would not be renamed"):
        workshop.rename(path, at("for: [se¦at]"), "chair")


def test_a_name_stays_what_it_is(workshop: Workshop, path: str) -> None:
    assert workshop.rename(path, at("for: [se¦at]"), "seat") == []


def test_a_name_that_an_escape_hides_is_not_left_behind(workshop: Workshop, path: str) -> None:
    text = TEXT.replace("when: pair.allow", 'when: "p\\u0061ir.allow"')
    workshop.put(path, text)
    with pytest.raises(UsageError, match="`pair` cannot be renamed to `chair`: unknown name `pair`"):
        workshop.rename(path, text.index("pair: {policy"), "chair")
