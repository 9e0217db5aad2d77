"""Decisions about many tasks at a glance; instants and how far away they are."""

from __future__ import annotations

import pytest
from msgspec import structs

from interlock.model.decision import Decision, Finding, WaiverNote
from interlock.reporting import RenderContext, render
from interlock.reporting.style import moment_text, since_text
from tests.unit.test_reporting import ALLOWED, DENIED, UNDECIDED, marked

LATER = "2026-06-11T12:02:05.500000Z"
WARNED = structs.replace(ALLOWED, findings=(Finding("w", "warn", "old"),), valid_until=LATER)
WAIVED = Finding("a", "block", "x", waived=WaiverNote("r", "2026-06-12T00:00:00Z", "ada"))


def over(*decisions: Decision, **look: object) -> list[str]:
    return render("text", decisions, RenderContext(overview=True, **look)).splitlines()  # type: ignore[arg-type]


def of(task: str, *decisions: Decision) -> list[Decision]:
    return [structs.replace(each, task=task) for each in decisions]


PARTIAL = structs.replace(DENIED, valid_until=LATER, validity="partial")
BOTH = [*of("a", PARTIAL, ALLOWED), *of("日本", UNDECIDED, WARNED)]


def test_a_row_a_task_and_a_column_a_policy() -> None:
    assert over(*BOTH) == [
        "2 tasks at 2026-06-11T12:00:05Z",
        "",
        "task  smoke                                    readiness",
        "a     denied at least until 12:02:05Z (2 min)  allowed",
        "日本  undecided                                allowed (1 warning) until 12:02:05Z (2 min)",
        "",
        "2 allowed, 1 denied, 1 undecided",
        "`--details` shows why",
    ]


def test_where_rows_are_too_wide_each_decision_has_a_line() -> None:
    assert over(*BOTH, width=60)[2:-3] == [
        "a",
        "  smoke      denied at least until 12:02:05Z (2 min)",
        "  readiness  allowed",
        "日本",
        "  smoke      undecided",
        "  readiness  allowed (1 warning) until 12:02:05Z (2 min)",
    ]


def test_what_is_allowed_needs_no_details() -> None:
    assert over(ALLOWED)[-1] == "1 allowed"
    assert over(WARNED, fail_on="warn")[-2:] == [
        "failed by --fail-on warn: 1 allowed with warnings",
        "`--details` shows why",
    ]


def test_what_was_waived_is_not_a_warning() -> None:
    waived = structs.replace(ALLOWED, findings=(WAIVED, structs.replace(WAIVED, severity="warn")))
    assert over(waived)[3] == "demo  allowed (waived: 2)"


def test_the_rows_stay_in_line_where_verdicts_are_coloured() -> None:
    assert over(*of("a", DENIED, ALLOWED), *of("b", UNDECIDED, DENIED), paint=marked)[3:5] == [
        "a     <red denied>     <green allowed>",
        "b     <yellow undecided>  <red denied>",
    ]


def test_one_evaluator_alone_is_named_once() -> None:
    assert over(structs.replace(DENIED, engine="rete"))[0] == "1 task at 2026-06-11T12:00:05Z (judged by rete alone)"


def test_two_policies_of_one_id_stay_apart() -> None:
    assert over(DENIED, structs.replace(DENIED, policy_digest="sha256:1"))[2] == "task  smoke   smoke (2)"


def test_a_hostile_name_is_spelled_out() -> None:
    assert over(*of("a\x1b\nb", DENIED))[3].startswith("a\\u001b\\nb  denied")


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        ("2026-06-11T12:00:05.900000Z", "12:00:05Z (less than 1 s)"),
        ("2026-06-11T13:30:05Z", "13:30:05Z (1 h 30 min)"),
        ("2026-06-12T11:00:00Z", "2026-06-12T11:00:00Z (22 h 59 min)"),
    ],
)
def test_an_instant_to_come(at: str, shown: str) -> None:
    assert moment_text(at, DENIED.now) == shown


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        ("2026-06-11T12:00:05Z", "2026-06-11T12:00:05Z (less than 1 s ago)"),
        ("2026-06-10T12:00:00Z", "2026-06-10T12:00:00Z (1 d ago)"),
        ("2026-06-11T12:00:15Z", "2026-06-11T12:00:15Z (10 s ahead)"),
    ],
)
def test_an_instant_that_has_passed(at: str, shown: str) -> None:
    assert since_text(at, DENIED.now) == shown
