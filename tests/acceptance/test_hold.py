"""`hold`: a rule or a state counts once its condition has held for so long without a break, as the receipts prove."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import interlock as it
from interlock import api
from interlock.analysis.check import check_paths
from interlock.analysis.testing import run_tests
from interlock.diagnostics import PolicyError
from interlock.evaluation import history
from interlock.evaluation.judge import Engine
from interlock.evaluation.rete import AVAILABLE
from interlock.model.explanation import HoldExplained
from interlock.policy.docs import drawn, policy_page
from interlock.policy.library import Library
from interlock.policy.parse import parse_valid
from tests.helpers.ledgers import LedgerBuilder

SMOKE = {"smoke_id": "s", "nonce": "n", "thread_id": "t"}
HEAD = "policy: mine\nversion: 1\nquestion: Is it so?\n"
PROOF = "facts: {proof: {from: app_smoke_receipt_recorded, take: latest, per: role}}\n"
BAD = '{id: bad, when: \'proof["worker"].status == "blocked"\', block: the worker is stuck}'
TASK = "facts: {t: {from: task, take: latest}}\n"
DONE = "{id: done, when: 't.state == \"done\"', block: it is done}"
LINES = "decide: [{state: bad, when: blocked, allow: false}, {state: good, allow: true}]\n"
STEADY = "decide: [{state: steady, when: '!blocked', hold: 10m, allow: true}, {state: early, allow: false}]\n"


@pytest.fixture
def builder(tmp_path: Path) -> LedgerBuilder:
    return LedgerBuilder(tmp_path / "ledger.db").task("demo").bind()


def said(builder: LedgerBuilder, status: str, at: str, role: str = "worker") -> LedgerBuilder:
    attributes = {**SMOKE, "role": role, "status": status}
    return builder.receipt("app_smoke_receipt_recorded", at=f"2026-06-11T12:{at}Z", attributes=attributes)


class Asked:
    """A policy over a ledger."""

    def __init__(self, builder: LedgerBuilder, *parts: str) -> None:
        self.path = builder.path.parent / "mine.yaml"
        self.path.write_text(HEAD + "".join(parts), "utf-8")
        self.ledger = builder.path if builder.path.exists() else builder.write()

    def at(self, minute: str, **more: Any) -> it.Decision:
        """What every evaluator that there is decides."""
        engines: tuple[Engine, ...] = ("reference", "rete", "both") if AVAILABLE else ("reference",)
        over: dict[str, Any] = {"ledger": self.ledger, "task": "demo", "at": f"2026-06-11T12:{minute}Z", **more}
        found = [it.evaluate(self.path, **over, engine=engine) for engine in engines]
        assert len({(each.allow, each.state, each.reason, each.findings, each.valid_until) for each in found}) == 1
        return found[0]


def rules(*written: str) -> str:
    return f"rules: [{', '.join(written)}]\n"


def held(rule: str, hold: str = "10m") -> str:
    return rule.replace(", block:", f", hold: {hold}, block:")


def test_a_rule_fires_once_its_condition_has_held_for_so_long(builder: LedgerBuilder) -> None:
    asked = Asked(said(builder, "blocked", "05:00"), PROOF, rules(held(BAD)), LINES)
    before = asked.at("14:59.999999")
    assert (before.state, before.findings, before.valid_until) == ("good", (), "2026-06-11T12:15:00Z")
    assert before.next_change is not None
    assert before.next_change.state == "bad"
    assert asked.at("15:00").state == "bad"


def test_a_break_begins_it_again(builder: LedgerBuilder) -> None:
    said(said(said(builder, "blocked", "05:00"), "sent", "09:00"), "blocked", "09:00.001")
    asked = Asked(builder, PROOF, rules(held(BAD)), LINES)
    assert [asked.at(each).state for each in ("15:00", "19:00", "19:00.001")] == ["good", "good", "bad"]


def test_the_same_said_again_is_no_break(builder: LedgerBuilder) -> None:
    said(said(builder, "blocked", "05:00"), "blocked", "12:00")
    rule = "{id: bad, for: proof, when: 'proof.status == \"blocked\"', hold: 10m, block: '{proof.role} is stuck'}"
    asked = Asked(builder, PROOF, rules(rule), LINES)
    assert asked.at("14:59").state == "good"
    assert [each.message for each in asked.at("15:00").findings] == ["worker is stuck"]


def test_each_fact_of_many_is_held_by_itself(builder: LedgerBuilder) -> None:
    said(said(builder, "blocked", "05:00"), "blocked", "07:00", "manager")
    many = PROOF.replace(", take: latest, per: role", "")
    rule = "{id: bad, for: proof, when: 'proof.status == \"blocked\"', hold: 10m, block: '{proof.role}'}"
    asked = Asked(builder, many, rules(rule), LINES)
    assert [each.message for each in asked.at("15:00").findings] == ["worker"]
    assert [each.message for each in asked.at("17:00").findings] == ["worker", "manager"]


def test_a_state_is_taken_once_nothing_has_blocked_for_so_long(builder: LedgerBuilder) -> None:
    said(said(builder, "blocked", "05:00"), "accepted", "08:00")
    asked = Asked(builder, PROOF, rules(BAD), STEADY)
    early = asked.at("17:59")
    assert (early.allow, early.state, early.valid_until) == (False, "early", "2026-06-11T12:18:00Z")
    assert asked.at("18:00").allow


def test_a_state_waits_for_what_rules_wait_for(builder: LedgerBuilder) -> None:
    """Blocked from 10 to 20 past, by a rule that waits for five minutes: so until 20 past, and steady at 30 past."""
    said(said(builder, "blocked", "05:00"), "accepted", "20:00")
    asked = Asked(builder, PROOF, rules(held(BAD, "5m")), STEADY)
    assert [asked.at(each).state for each in ("09:59", "29:59", "30:00")] == ["early", "early", "steady"]


def test_time_itself_may_begin_and_end_it(builder: LedgerBuilder) -> None:
    said(builder, "sent", "05:00")
    stale = "{id: stale, for: proof, when: 'now - proof.at > duration(\"2m\")', hold: 3m, block: stale}"
    asked = Asked(builder, PROOF, rules(stale), LINES)
    assert asked.at("10:00").valid_until == "2026-06-11T12:10:00.000001Z"
    assert asked.at("10:00.000001").state == "bad"


def test_a_parameter_says_for_how_long(builder: LedgerBuilder) -> None:
    params = "params: {patience: {type: duration, default: 2m}}\n"
    asked = Asked(said(builder, "blocked", "05:00"), params, PROOF, rules(held(BAD, "params.patience")), LINES)
    assert asked.at("07:00").state == "bad"
    assert asked.at("07:00", params={"patience": "3m"}).state == "good"
    assert asked.at("05:00", params={"patience": "0s"}).state == "bad"


def test_before_a_required_fact_was_there_nothing_held(builder: LedgerBuilder) -> None:
    required = PROOF.replace("per: role", "per: role, required: nothing yet")
    asked = Asked(said(builder, "accepted", "05:00"), required, rules(BAD), STEADY)
    assert [asked.at(each).state for each in ("04:00", "14:59", "15:00")] == ["undecided", "early", "steady"]


def test_nothing_held_before_the_first_receipt(builder: LedgerBuilder) -> None:
    asked = Asked(said(builder, "accepted", "05:00"), PROOF, rules(BAD), STEADY)
    assert [asked.at(each).state for each in ("04:00", "05:00", "14:59", "15:00")] == [
        "early",
        "early",
        "early",
        "steady",
    ]


def test_what_was_recorded_late_before_the_time_in_question(builder: LedgerBuilder) -> None:
    said(said(said(builder, "blocked", "01:00"), "sent", "12:00", "manager"), "accepted", "02:00")
    asked = Asked(builder, PROOF, rules(BAD), STEADY)
    assert [asked.at(each).allow for each in ("15:00", "21:59", "22:00")] == [None, None, True]


def test_what_was_recorded_late_proves_nothing_of_the_time_before(builder: LedgerBuilder) -> None:
    """Accepted five past, says a receipt that was recorded after one of 12 past."""
    said(said(said(builder, "blocked", "04:00"), "sent", "12:00", "manager"), "accepted", "05:00")
    asked = Asked(builder, PROOF, rules(BAD), STEADY)
    unsure = asked.at("15:00")
    assert unsure.allow is None
    assert "app_smoke_receipt_recorded `receipt-3` was recorded after a receipt that is stamped 7m later" in str(
        unsure.reason
    )
    assert [asked.at(each).allow for each in ("14:59", "21:59", "22:00")] == [False, None, True]


def test_what_could_not_be_judged_proves_nothing(builder: LedgerBuilder) -> None:
    """A receipt that breaks its schema is passed over once a valid one of its role has come."""
    said(builder, "accepted", "05:00")
    builder.receipt("app_smoke_receipt_recorded", at="2026-06-11T12:08:00Z", attributes={"role": "worker", "status": 5})
    said(builder, "accepted", "09:00")
    one = PROOF.replace(", per: role", "")
    asked = Asked(builder, one, "rules: [{id: bad, when: 'proof.role == \"manager\"', block: bad}]\n", STEADY)
    assert asked.at("08:30").allow is None
    assert asked.at("14:59").state == "early"
    assert "is invalid" in str(asked.at("15:00").reason)
    assert asked.at("19:00").allow


def test_work_is_bounded_and_the_bound_is_named(builder: LedgerBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_INSTANTS", 3)
    for second in range(10, 20):
        said(builder, "accepted", f"05:{second}")
    found = Asked(builder, PROOF, rules(BAD), STEADY).at("15:15")
    assert found.allow is None
    assert "3 instants are judged at most" in str(found.reason)


def test_a_live_ledger_is_judged_by_its_past_too(builder: LedgerBuilder) -> None:
    said(said(builder, "blocked", "05:00"), "accepted", "08:00")
    asked = Asked(builder, PROOF, rules(BAD), STEADY)
    decision = it.evaluate(asked.path, ledger=asked.ledger, task="demo")
    assert decision.allow
    assert decision.valid_until is None


def test_replay_says_at_each_instant_what_eval_says(builder: LedgerBuilder) -> None:
    said(said(said(builder, "blocked", "05:00"), "accepted", "20:00"), "sent", "21:00")
    asked = Asked(builder, PROOF, rules(held(BAD, "5m")), STEADY)
    told = api.replay([asked.path], ledger=asked.ledger, task="demo", until="2026-06-11T12:40:00Z")
    found = {each.since: each.state for each in told.lanes[0].intervals}
    states = {"05": "early", "10": "early", "20": "early", "30": "steady"}
    assert found == {f"2026-06-11T12:{minute}:00Z": state for minute, state in states.items()}


def test_a_need_is_judged_by_its_own_past(builder: LedgerBuilder) -> None:
    said(said(builder, "blocked", "05:00"), "accepted", "08:00")
    asked = Asked(builder, PROOF, rules(BAD), STEADY)
    other = builder.path.parent / "other.yaml"
    other.write_text(
        "policy: other\nversion: 1\nquestion: Is it so?\nneeds: {mine: {policy: mine}}\n"
        "decide: [{state: calm, when: mine.allow, hold: 5m, allow: true}, {state: waiting, allow: false}]\n",
        "utf-8",
    )
    over: dict[str, Any] = {"ledger": asked.ledger, "task": "demo"}
    found = [it.evaluate(other, **over, at=f"2026-06-11T12:{each}Z").state for each in ("22:59", "23:00")]
    assert found == ["waiting", "calm"]


@pytest.mark.parametrize(
    ("facts", "rule", "lines", "code", "told"),
    [
        (PROOF, held(BAD, "soon"), LINES, "E512", "`soon` is not a duration"),
        (PROOF, "{id: d, hold: 1m, derive: {d: {x: 1}}}", LINES, "E512", "`hold` is for findings"),
        (PROOF, BAD, STEADY.replace("when: '!blocked', ", ""), "E512", "`hold` is for a condition that may fail"),
        (TASK, held(DONE), LINES, "E513", "nothing records since when `t.state` is what it is"),
        (TASK, DONE, STEADY, "E513", "nothing records since when `t.state` is what it is"),
    ],
)
def test_what_does_not_fit_is_named(
    builder: LedgerBuilder, facts: str, rule: str, lines: str, code: str, told: str
) -> None:
    with pytest.raises(PolicyError) as refused:
        Asked(said(builder, "sent", "05:00"), facts, rules(rule), lines).at("06:00")
    assert code in {issue.code for issue in refused.value.issues}
    assert told in str(refused.value)


def test_explain_says_since_when_and_for_how_long(builder: LedgerBuilder, interlock: Any) -> None:
    asked = Asked(said(builder, "blocked", "05:00"), PROOF, rules(held(BAD)), STEADY)
    over: dict[str, Any] = {"ledger": asked.ledger, "task": "demo", "at": "2026-06-11T12:12:00Z"}
    found = api.explain(asked.path, **over, rule="bad")
    (case,) = found.rules[0].cases
    assert (case.fired, case.hold) == (False, HoldExplained("10m", "2026-06-11T12:05:00Z"))
    assert [line.hold for line in found.lines] == [HoldExplained("10m", "2026-06-11T12:05:00Z"), None]
    ran = interlock("explain", str(asked.path), "--ledger", str(asked.ledger), "--task", "demo", "--at", over["at"])
    assert "must hold for 10m: has held since 2026-06-11T12:05:00Z" in ran.out


def test_unblock_says_what_to_record_and_until_when_to_wait(builder: LedgerBuilder) -> None:
    asked = Asked(said(said(builder, "accepted", "01:00"), "blocked", "05:00"), PROOF, rules(BAD), STEADY)
    (plan, *_) = api.unblock(asked.path, ledger=asked.ledger, task="demo", at="2026-06-11T12:12:00Z").plans
    assert (plan.state, plan.at, plan.until) == ("steady", "2026-06-11T12:12:00Z", "2026-06-11T12:22:00Z")
    assert [(step.kind, step.fields["role"]) for step in plan.steps] == [("app_smoke_receipt_recorded", "worker")]


def test_unblock_waits_for_what_holds_already(builder: LedgerBuilder) -> None:
    asked = Asked(said(builder, "accepted", "05:00"), PROOF, rules(BAD), STEADY)
    (plan,) = api.unblock(asked.path, ledger=asked.ledger, task="demo", at="2026-06-11T12:12:00Z").plans
    assert (plan.at, plan.steps, plan.until) == ("2026-06-11T12:15:00Z", (), None)


def test_what_is_not_taken_yet_is_nothing_that_lasts(builder: LedgerBuilder) -> None:
    """A state that denies and waits denies nothing for ever."""
    lines = "decide: [{state: never, when: blocked, hold: 10m, allow: false}, {state: fine, allow: true}]\n"
    many = PROOF.replace(", take: latest, per: role", "")
    rule = "{id: bad, when: 'proof.exists(p, p.status == \"blocked\")', block: bad}"
    asked = Asked(said(builder, "blocked", "05:00"), many, rules(rule), lines)
    found = api.unblock(asked.path, ledger=asked.ledger, task="demo", at="2026-06-11T12:16:00Z")
    assert found.allow is False
    assert [each.message for each in found.permanent] == []


def test_the_page_and_the_graph_say_for_how_long(builder: LedgerBuilder) -> None:
    asked = Asked(said(builder, "blocked", "05:00"), PROOF, rules(held(BAD)), STEADY)
    loaded = Library().load(asked.path)
    boxes = {box.id: box.lines for box in drawn(loaded.policy).boxes}
    assert boxes["rule0"] == ("bad", "blocks, held for 10m")
    assert boxes["state0"] == ("steady", "allowed, held for 10m")
    page = policy_page(loaded, parse_valid(loaded.source))
    assert "once that has been so for `10m`" in page


def test_a_line_that_waits_leaves_something_to_those_after_it(builder: LedgerBuilder) -> None:
    lines = "decide: [{state: long, when: blocked, hold: 1m, allow: false}, {state: bad, when: blocked, allow: false}"
    asked = Asked(said(builder, "sent", "05:00"), PROOF, rules(BAD), f"{lines}, {{state: good, allow: true}}]\n")
    issues, _ = check_paths([str(asked.path)], Library())
    assert {issue.code for issue in issues}.isdisjoint({"W104", "W105", "W106", "W107"})


def test_a_test_file_moves_the_clock(builder: LedgerBuilder) -> None:
    asked = Asked(said(builder, "sent", "05:00"), PROOF, rules(BAD), STEADY)
    file = asked.path.with_name("mine_test.yaml")
    file.write_text(
        "policy: mine\ncases:\n  - case: it waits\n"
        "    facts: [{app_smoke_receipt_recorded: {id: a, at: -1m, role: worker, status: accepted}}]\n"
        "    expect: {state: early}\n    then:\n      - {after: 9m, expect: {state: steady}}\n",
        "utf-8",
    )
    (trial,), _ = run_tests([str(file)], Library())
    assert [case.passed for case in trial.cases] == [True]
