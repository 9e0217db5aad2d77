"""Decisions as reports show them."""

from __future__ import annotations

import json

import msgspec
import pytest

from interlock.model.decision import Decision, Finding, Head
from interlock.reporting import FORMATS, RenderContext, render

DENIED = Decision(
    policy="smoke",
    version=1,
    task="demo",
    now="2026-06-11T12:00:05Z",
    allow=False,
    state="blocked",
    reason=None,
    findings=(),
    outputs={},
    evidence=("receipt-1",),
    engine="both",
    policy_digest="sha256:" + "0" * 64,
    ledger=Head("ledger.db", 7),
)
UNDECIDED = msgspec.structs.replace(DENIED, allow=None, state="undecided", reason="no binding\nno smoke session")
ALLOWED = msgspec.structs.replace(DENIED, policy="readiness", allow=True, state="ready")


def found(*findings: Finding) -> Decision:
    return msgspec.structs.replace(DENIED, findings=findings)


def marked(text: str, colour: str) -> str:
    """A colour that a test can read."""
    return f"<{colour} {text}>"


@pytest.mark.parametrize("form", FORMATS)
def test_no_decision_is_no_line(form: str) -> None:
    assert render(form, []) == ""


@pytest.mark.parametrize(
    ("decision", "lines"),
    [
        (DENIED, ["denied     smoke  task demo at 2026-06-11T12:00:05Z: blocked"]),
        (ALLOWED, ["allowed    readiness  task demo at 2026-06-11T12:00:05Z: ready"]),
        (
            UNDECIDED,
            [
                "undecided  smoke  task demo at 2026-06-11T12:00:05Z",
                "  why      no binding",
                "  why      no smoke session",
            ],
        ),
        (
            found(
                Finding("a", "block", "no thread", "get one"),
                Finding("b", "warn", "old"),
                Finding("c", "note", "x"),
            ),
            [
                "denied     smoke  task demo at 2026-06-11T12:00:05Z: blocked",
                "  block    no thread",
                "           fix:",
                "           get one",
                "  warn     old",
                "  note     x",
            ],
        ),
        (
            msgspec.structs.replace(ALLOWED, findings=(Finding("a", "block", "not sent"),)),
            ["allowed    readiness  task demo at 2026-06-11T12:00:05Z: ready", "  block    not sent"],
        ),
        (
            found(Finding("a", "block", "")),
            ["denied     smoke  task demo at 2026-06-11T12:00:05Z: blocked", "  block    "],
        ),
        (
            found(Finding("a", "block", " two\nlines \n", "one\ntwo\n")),
            [
                "denied     smoke  task demo at 2026-06-11T12:00:05Z: blocked",
                "  block    two\\nlines",
                "           fix:",
                "           one",
                "           two",
            ],
        ),
        (
            msgspec.structs.replace(DENIED, task="demo\nallowed", state="a\x1b[31mb"),
            ["denied     smoke  task demo\\nallowed at 2026-06-11T12:00:05Z: a\\u001b[31mb"],
        ),
        (
            msgspec.structs.replace(DENIED, engine="reference"),
            ["denied     smoke  task demo at 2026-06-11T12:00:05Z: blocked (judged by reference alone)"],
        ),
    ],
)
def test_one_decision_as_text(decision: Decision, lines: list[str]) -> None:
    assert render("text", [decision]) == "".join(f"{line}\n" for line in lines)


def test_several_decisions_stand_apart_and_are_counted() -> None:
    assert render("text", [ALLOWED, DENIED, UNDECIDED, DENIED]).split("\n\n") == [
        "allowed    readiness  task demo at 2026-06-11T12:00:05Z: ready",
        "denied     smoke      task demo at 2026-06-11T12:00:05Z: blocked",
        "undecided  smoke      task demo at 2026-06-11T12:00:05Z\n  why      no binding\n  why      no smoke session",
        "denied     smoke      task demo at 2026-06-11T12:00:05Z: blocked",
        "1 allowed, 2 denied, 1 undecided\n",
    ]


def test_several_tasks_are_a_line_each() -> None:
    other = msgspec.structs.replace(found(Finding("a", "block", "no thread")), task="other")
    assert render("text", [ALLOWED, other], RenderContext(questions={DENIED.policy_digest: "May it?"})) == (
        "allowed    readiness  task demo at 2026-06-11T12:00:05Z: ready\n"
        "denied     smoke      task other at 2026-06-11T12:00:05Z: blocked\n"
        "  block    no thread\n"
        "\n"
        "1 allowed, 1 denied\n"
    )


def test_the_question_is_told_by_the_policys_digest() -> None:
    look = RenderContext(questions={DENIED.policy_digest: "May real\nwork start?\n"})
    assert render("text", [DENIED], look).splitlines()[1:] == ["           May real work start?"]
    assert render("text", [msgspec.structs.replace(DENIED, policy_digest="sha256:1")], look).count("\n") == 1


def test_prose_is_wrapped_between_words_and_a_fix_never_is() -> None:
    finding = Finding("a", "block", "one two three four five six seven", "run this  --with 'two  blanks' and --more")
    assert render("text", [found(finding)], RenderContext(width=31)).splitlines() == [
        "denied     smoke  task demo at",
        "           2026-06-11T12:00:05Z:",
        "           blocked",
        "  block    one two three four",
        "           five six seven",
        "           fix:",
        "           run this  --with 'two  blanks' and --more",
    ]


@pytest.mark.parametrize("width", [None, 1, 25, 80])
def test_wrapping_loses_nothing(width: int | None) -> None:
    message = "a  text with  blanks, averyveryveryverylongwordthatnolinecanhold and an end"
    shown = render("text", [found(Finding("a", "block", message))], RenderContext(width=width))
    lines = shown[shown.index("  block ") :].splitlines()
    assert " ".join(line[11:] for line in lines) == message


def test_verdicts_and_labels_are_painted() -> None:
    decision = found(Finding("a", "block", "x"), Finding("b", "warn", "y"), Finding("c", "note", "z"))
    shown = render("text", [decision, UNDECIDED, ALLOWED], RenderContext(paint=marked)).splitlines()
    assert [line.split("  ")[0] for line in shown if line.startswith("<")] == [
        "<red denied>",
        "<yellow undecided>",
        "<green allowed>",
    ]
    assert [line.strip() for line in shown if line.startswith("  <")] == [
        "<red block>    x",
        "<yellow warn>     y",
        "<cyan note>     z",
        "<yellow why>      no binding",
        "<yellow why>      no smoke session",
    ]


def test_json_is_the_decision_on_a_line() -> None:
    finding = Finding("a", "block", "a\nb\x7f\x9b\u202e\u2028é", None, {"role": None, "n": 3}, ("x",))
    (line, end) = render("json", [found(finding)]).split("\n")
    assert end == ""
    assert json.loads(line) == json.loads(msgspec.json.encode(found(finding)))
    assert "é" in line
    assert "\\u009b\\u202e\\u2028" in line
    assert render("json", [DENIED, ALLOWED]).count("\n") == 2
