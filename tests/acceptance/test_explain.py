"""`interlock explain`: what it says of each rule is what the evaluators met, and its JSON is what its schema
states."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from msgspec import structs

import interlock as public
from interlock.model.decision import Severity
from interlock.model.explanation import Combination, Part, RuleExplained, ValueRead
from interlock.reporting import RenderContext, explain_summary
from interlock.reporting import explain as explained
from tests.acceptance.conftest import Interlock

SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "schemas" / "explanation.schema.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
TASK = ("--task", "checkout-refactor")
PLAIN = ("loop", "smoke", "readiness", "quiescence", "preflight", "wakeup", "smoke-strict", "autonomy", "integrity")
INSTANTS = ("09:00:30", "09:01:00", "09:02:50", "09:05:17", "09:20:00", "09:34:00", "09:42:31", "09:58:01")


def told(interlock: Interlock, story: Path, policy: str, at: str, *more: str) -> dict[str, Any]:
    ran = interlock("explain", policy, "--ledger", str(story), *TASK, "--at", at, "--format", "json", *more)
    (line,) = ran.out.splitlines()
    found: dict[str, Any] = json.loads(line)
    VALIDATOR.validate(found)
    assert (ran.err, ran.code) == ("", {True: 0, False: 3, None: 4}[found["allow"]])
    return found


@pytest.mark.parametrize("policy", PLAIN)
def test_every_finding_is_explained(interlock: Interlock, story_path: Path, policy: str) -> None:
    for at in (f"2026-06-22T{time}Z" for time in INSTANTS):
        found = told(interlock, story_path, policy, at, "--all")
        decision = public.evaluate(policy, ledger=story_path, task="checkout-refactor", at=at)
        assert (found["state"], found["reason"]) == (decision.state, decision.reason)
        fired = [(each["rule"], case) for each in found["rules"] for case in each["cases"] if case["fired"]]
        assert [(rule, case["message"]) for rule, case in fired] == [(f.rule, f.message) for f in decision.findings]
        assert [line["state"] for line in found["lines"] if line["taken"]] == [decision.state] * bool(found["lines"])


def test_a_rule_is_told_as_it_was_written(interlock: Interlock, story_path: Path) -> None:
    found = told(interlock, story_path, "smoke", "2026-06-22T09:01:00Z", "--rule", "not-received")
    (rule,) = found["rules"]
    assert [(clause["word"], clause["text"], clause["everywhere"]) for clause in rule["clauses"]] == [
        ("unless", 'smoke.mode == "skip"', True),
        ("when", 'seat.role == "worker"', False),
        ("unless", 'proof.exists(p, p.role == seat.role && p.status == "received")', False),
    ]
    assert [case["fired"] for case in rule["cases"]] == [True, False]


def test_what_was_not_found_is_told_with_what_came_nearest(interlock: Interlock, story_path: Path) -> None:
    found = told(interlock, story_path, "smoke", "2026-06-22T09:01:00Z", "--rule", "not-received")
    exists = found["rules"][0]["cases"][0]["part"]["parts"][2]["parts"][0]
    assert (exists["holds"], exists["looked_at"], exists["found"]) == (False, 1, 0)
    assert exists["sought"] == [
        {
            "selection": "proof",
            "of": "app_smoke_receipt_recorded",
            "where": 'smoke_id == "smoke-1" && nonce == "nonce-c41f"',
            "condition": 'role == "worker" && status == "received"',
            "facts": 1,
        }
    ]
    (near,) = exists["among"]
    assert near["fact"]["kind"] == "app_smoke_receipt_recorded"
    assert near["fact"]["at"] == "2026-06-22T09:00:52Z"
    assert [(part["text"], part["holds"]) for part in near["part"]["parts"]] == [
        ("p.role == seat.role", True),
        ('p.status == "received"', False),
    ]


def test_differences_and_limits_are_told(interlock: Interlock, story_path: Path) -> None:
    found = told(interlock, story_path, "loop", "2026-06-22T09:42:31Z")
    (rule,) = found["rules"]
    leaf = rule["cases"][0]["part"]["parts"][0]
    assert {read["name"]: read["value"] for read in leaf["reads"]} == {
        "now - pulse.at": "3m1s",
        "now": "2026-06-22T09:42:31Z",
        "pulse.at": "2026-06-22T09:39:30Z",
        "params.stale_after": "3m",
    }
    assert [receipt["kind"] for receipt in leaf["receipts"]] == ["dispatch_watch_heartbeat"]


def test_the_receipt_of_a_heartbeat_is_cited(interlock: Interlock, story_path: Path) -> None:
    found = told(interlock, story_path, "loop", "2026-06-22T09:17:31Z", "--rule", "seat-lease")
    stale, fresh = found["rules"][0]["cases"]
    cited = [[(r["kind"], r["at"]) for r in case["part"]["parts"][0]["receipts"]] for case in (stale, fresh)]
    assert cited == [
        [("seat", "2026-06-22T09:00:00Z"), ("app_heartbeat", "2026-06-22T09:13:17Z")],
        [("seat", "2026-06-22T09:00:00Z"), ("app_heartbeat", "2026-06-22T09:17:00Z")],
    ]


def test_what_is_required_and_lacks_is_told(interlock: Interlock, story_path: Path) -> None:
    found = told(interlock, story_path, "smoke", "2026-06-22T09:00:30Z")
    assert [(s["selection"], s["of"], s["facts"]) for s in found["sought"]] == [
        ("smoke", "the latest app_smoke_started or app_smoke_skipped", 0)
    ]
    assert (found["rules"], found["lines"]) == ([], [])


def test_needs_are_named(interlock: Interlock, story_path: Path) -> None:
    found = told(interlock, story_path, "autonomy", "2026-06-22T09:00:30Z")
    assert [(need["name"], need["policy"], need["allow"]) for need in found["needs"]] == [
        ("smoke", "smoke", None),
        ("readiness", "readiness", False),
    ]


def test_what_is_derived_counted_and_broken_is_told(interlock: Interlock, story_path: Path, tmp_path: Path) -> None:
    policy = tmp_path / "every.yaml"
    policy.write_text(
        """policy: every
version: 1
question: Is all of it accepted?
facts:
  proof: {from: app_smoke_receipt_recorded}
rules:
  - {id: open, for: proof, when: proof.status != "accepted", derive: {left: {role: proof.role, status: proof.status}}}
  - {id: not-all, unless: 'proof.all(p, p.status == "accepted")', block: not all}
  - {id: none-left, when: '!left.exists(l, l.status == "skipped")', note: none was skipped}
decide:
  - {state: "no", when: blocked, allow: false}
  - {state: "yes", allow: true}
"""
    )
    found = told(interlock, story_path, str(policy), "2026-06-22T09:20:00Z")
    derived, broken, none = found["rules"]
    assert (derived["derives"], derived["severity"], derived["fired"]) == ("left", None, 4)
    part = broken["cases"][0]["part"]["parts"][0]
    assert (part["text"], part["holds"], part["found"]) == ('proof.all(p, p.status == "accepted")', False, 4)
    assert [looked["part"]["holds"] for looked in part["among"]] == [False, False, False]
    (sought,) = none["cases"][0]["part"]["parts"][0]["sought"]
    assert (sought["of"], sought["condition"], sought["facts"]) == ("what open derives", 'status == "skipped"', 4)
    asked = ("--ledger", str(story_path), *TASK, "--at", "2026-06-22T09:20:00Z", "--details")
    text = interlock("explain", str(policy), *asked).out
    assert "  derive   open: fired for 4 of 6 facts of proof, deriving left\n" in text
    assert 'not found: what open derives where status == "skipped"; left has 4 facts\n' in text
    assert "but not for app_smoke_receipt_recorded " in text


BLOCKED = ("explain", "smoke", *TASK, "--at", "2026-06-22T09:01:00Z")


def test_a_summary_fits_a_screen_and_details_are_on_request(interlock: Interlock, story_path: Path) -> None:
    short = interlock(*BLOCKED, "--ledger", str(story_path)).out.splitlines()
    whole = interlock(*BLOCKED, "--ledger", str(story_path), "--details").out.splitlines()
    assert len(short) <= 24 < len(whole)
    assert short[-1] == "`--details` shows every part of each condition"
    assert short[0] == whole[0]
    fired = [line for line in whole if line.startswith("  block ")]
    assert fired
    assert [line for line in short if line.startswith("  block ")] == fired
    assert interlock(*BLOCKED, "--ledger", str(story_path), "--all").out.count("\n") > 24


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
def test_a_summary_fits_a_screen_of_any_width(columns: int, story_path: Path) -> None:
    found = public.explain("smoke", ledger=story_path, task=TASK[1], at="2026-06-22T09:01:00Z")
    shown = explain_summary.as_text(found, RenderContext(width=columns)).splitlines()
    assert len(shown) <= 24
    room = max(columns, 11 + 2 * 3 + 7 + 40)
    assert all(len(line) <= room or " " not in line.strip() for line in shown)


def test_more_rules_than_a_screen_has_room_for_are_counted(story_path: Path) -> None:
    found = public.explain("smoke", ledger=story_path, task=TASK[1], at="2026-06-22T09:01:00Z")
    many = structs.replace(found, rules=found.rules * 20)
    shown = explain_summary.as_text(many, RenderContext()).splitlines()
    assert len(shown) <= 24
    (count,) = [line.strip() for line in shown if "more rule" in line]
    listed = sum(line.startswith("  block ") for line in shown)
    assert count == f"and {len(many.rules) - listed} more rules"


def test_long_reasons_leave_room_for_the_rules(story_path: Path) -> None:
    found = public.explain("smoke", ledger=story_path, task=TASK[1], at="2026-06-22T09:01:00Z")
    shown = explain_summary.as_text(structs.replace(found, reason="x\n" * 30), RenderContext()).splitlines()
    assert len(shown) <= 24
    assert "and 24 more lines" in shown
    assert any(line.startswith("  block ") for line in shown)


def test_blockers_come_first_and_an_empty_list_is_shown() -> None:
    part = Part("labels == []", holds=True, reads=(ValueRead("labels", ()), ValueRead("names", ("a", "b"))))
    listed: tuple[tuple[str, Severity, int], ...] = (
        ("n", "note", 1),
        ("w", "warn", 1),
        ("late", "block", 0),
        ("b", "block", 1),
    )
    rules = [
        RuleExplained(name, severity, None, 1, (), (), 1, fired, (Combination(fired=True, facts=(), part=part),))
        for name, severity, fired in listed
    ]
    assert [each.rule for each in explained.ordered(rules)] == ["b", "late", "w", "n"]
    assert any("labels = [], names = a, b" in line for line in explained.Page(RenderContext()).rule(rules[0]))
