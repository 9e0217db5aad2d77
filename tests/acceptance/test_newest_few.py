"""`limit`: the newest or oldest few of a selection, in every answer about a gate."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from interlock import api
from interlock.policy.docs import drawn
from interlock.policy.library import Library
from tests.acceptance.test_named_groups import Asked, beat
from tests.helpers.ledgers import LedgerBuilder

SMOKE = {"smoke_id": "s", "nonce": "n", "thread_id": "t"}
FEW = "few: {from: app_smoke_receipt_recorded, take: latest, limit: 3}"
ALL_WELL = "{id: failed, when: '!few.all(f, f.status == \"accepted\")', block: one of the last three failed}"


@pytest.fixture
def builder(tmp_path: Path) -> LedgerBuilder:
    return LedgerBuilder(tmp_path / "ledger.db").task("demo").bind()


def proofs(builder: LedgerBuilder, *statuses: str) -> LedgerBuilder:
    for minute, status in enumerate(statuses, 1):
        attributes = {**SMOKE, "role": "worker", "status": status}
        builder.receipt("app_smoke_receipt_recorded", at=f"2026-06-11T12:0{minute}:00Z", attributes=attributes)
    return builder


def test_only_the_last_three_count_and_they_come_in_order_of_time(builder: LedgerBuilder) -> None:
    asked = Asked(proofs(builder, "blocked", "sent", "accepted", "accepted"), [FEW], [ALL_WELL])
    assert [fact["status"] for fact in asked.facts()["few"]] == ["sent", "accepted", "accepted"]
    assert not asked.decision().allow


def test_what_was_found_among_them_is_the_evidence(builder: LedgerBuilder) -> None:
    asked = Asked(proofs(builder, "blocked", "sent", "accepted", "accepted"), [FEW], [ALL_WELL])
    (found,) = asked.decision().findings
    assert found.evidence == ("receipt-2",)
    assert asked.decision().evidence == ("receipt-2", "receipt-3", "receipt-4")


def test_explain_says_of_how_many_and_unblock_how_many_more(builder: LedgerBuilder) -> None:
    asked = Asked(proofs(builder, "accepted", "accepted", "blocked", "accepted"), [FEW], [ALL_WELL])
    (rule,) = api.explain(asked.path, **asked.over).rules
    assert rule.cases[0].part.parts[0].found == 1
    (plan, *_) = api.unblock(asked.path, **asked.over).plans
    assert [step.fields["status"] for step in plan.steps] == ["accepted", "accepted"]


def test_the_clock_moves_them_out_of_sight(builder: LedgerBuilder) -> None:
    few = FEW.replace("take", "where: now - few.at <= duration('10m'), take")
    first = "first: {from: app_smoke_receipt_recorded, take: earliest}"
    gone = "{id: gone, when: '!few.exists(f, f.at <= first.at)', block: gone}"
    asked = Asked(proofs(builder, "accepted", "accepted", "accepted"), [few, first], [gone])
    decision = asked.decision()
    assert decision.allow
    assert decision.valid_until == "2026-06-11T12:11:00.000001Z"


@pytest.mark.parametrize("take", ["latest", "earliest"])
def test_a_group_is_taken_of_by_itself(builder: LedgerBuilder, take: str) -> None:
    for role, minute in itertools.product(("manager", "worker"), range(4)):
        beat(builder, role, f"2026-06-11T12:0{minute}:00Z")
    few = f"few: {{from: app_heartbeat, per: role, take: {take}, limit: 2}}"
    asked = Asked(builder, [few], ["{id: each, for: few, note: '{few.role} {few.at}'}"])
    minutes = ("02", "03") if take == "latest" else ("00", "01")
    every = [f"{role} 2026-06-11T12:{minute}:00Z" for minute in minutes for role in ("manager", "worker")]
    assert sorted(asked.messages()) == sorted(every)


def test_required_is_met_by_one(builder: LedgerBuilder) -> None:
    few = FEW.replace("limit", "required: nothing yet, limit")
    assert Asked(builder, [few], []).decision().reason == "nothing yet"


def test_the_page_and_the_graph_say_how_many(builder: LedgerBuilder) -> None:
    asked = Asked(proofs(builder, "accepted"), [FEW], [ALL_WELL])
    boxes = {box.id: box.lines for box in drawn(Library().load(asked.path).policy).boxes}
    assert boxes["fact0"] == ("few", "the 3 latest of app_smoke_receipt_recorded")
