"""`previous`: each fact knows the one before it in its group, and every answer about a gate cites both."""

from __future__ import annotations

from pathlib import Path

import pytest

from interlock import api
from interlock.diagnostics import PolicyError
from tests.acceptance.test_named_groups import Asked, beat
from tests.helpers.ledgers import LedgerBuilder

BEATS = "beat: {from: app_heartbeat, previous: actor}"
GAP = (
    "{id: gap, for: beat, unless: 'beat.previous == null || beat.at - beat.previous.at <= duration(\"2m\")',"
    " block: '{beat.actor} was away from {beat.previous.at} to {beat.at}'}"
)


@pytest.fixture
def builder(tmp_path: Path) -> LedgerBuilder:
    return LedgerBuilder(tmp_path / "ledger.db").task("demo").bind()


def beats(builder: LedgerBuilder, role: str, *minutes: int) -> LedgerBuilder:
    for minute in minutes:
        beat(builder, role, f"2026-06-11T12:{minute:02}:00Z")
    return builder


def test_a_gap_is_found_in_the_group_that_has_it(builder: LedgerBuilder) -> None:
    asked = Asked(beats(beats(builder, "worker", 1, 3, 4, 8), "manager", 2, 4, 6, 7), [BEATS], [GAP])
    assert asked.messages() == ["worker was away from 2026-06-11T12:04:00Z to 2026-06-11T12:08:00Z"]


def test_without_groups_all_are_one_row(builder: LedgerBuilder) -> None:
    asked = Asked(beats(beats(builder, "worker", 1, 4), "manager", 2, 9), [BEATS.replace("actor", "true")], [GAP])
    assert asked.messages() == ["manager was away from 2026-06-11T12:04:00Z to 2026-06-11T12:09:00Z"]


def test_order_is_by_time_then_by_place_in_the_ledger(builder: LedgerBuilder) -> None:
    rule = "{id: each, for: beat, note: '{beat.seq} after {beat.previous.seq}'}"
    asked = Asked(beats(builder, "worker", 5, 3, 5, 4), [BEATS], [rule])
    assert asked.messages() == ["2 after none", "4 after 2", "1 after 4", "3 after 1"]


def test_both_facts_are_the_evidence_and_are_cited(builder: LedgerBuilder) -> None:
    asked = Asked(beats(builder, "worker", 1, 3, 9), [BEATS], [GAP])
    (found,) = asked.decision().findings
    assert found.evidence == ("receipt-3", "receipt-2")
    (rule,) = api.explain(asked.path, **asked.over).rules
    cited = {each.id for part in rule.cases[0].part.parts[0].parts for each in part.receipts}
    assert cited == {"receipt-2", "receipt-3"}


def test_the_first_of_what_is_selected_has_none_before_it(builder: LedgerBuilder) -> None:
    few = BEATS.replace("previous", "take: latest, limit: 2, previous")
    asked = Asked(beats(builder, "worker", 1, 5, 6), [few], [GAP])
    assert asked.decision().allow
    first, second = asked.facts()["beat"]
    assert "previous" not in first
    assert str(second["previous"]) == str({"kind": "app_heartbeat", "id": "receipt-2"})


def test_an_exists_reads_it_and_the_clock_moves_it_out_of_sight(builder: LedgerBuilder) -> None:
    window = BEATS.replace("previous", 'where: now - beat.at <= duration("5m"), previous')
    gap = "{id: gap, when: 'beat.exists(b, b.at - b.previous.at > duration(\"2m\"))', block: a gap}"
    decision = Asked(beats(builder, "worker", 6, 9), [window], [gap]).decision()
    assert not decision.allow
    assert decision.findings[0].evidence == ("receipt-2", "receipt-1")
    assert decision.valid_until == "2026-06-11T12:11:00.000001Z"
    assert decision.next_change is not None
    assert decision.next_change.allow


def test_what_is_derived_of_it_is_a_fact_like_any_other(builder: LedgerBuilder) -> None:
    derive = "{id: gaps, for: beat, when: beat.previous != null, derive: {gap: {long: beat.at - beat.previous.at}}}"
    rule = "{id: long, for: gap, when: 'gap.long > duration(\"2m\")', block: '{gap.long}'}"
    assert Asked(beats(builder, "worker", 1, 2, 9), [BEATS], [derive, rule]).messages() == ["7m"]


@pytest.mark.parametrize(
    ("facts", "code", "said"),
    [
        (
            "beat: {from: app_heartbeat, take: latest, previous: actor}",
            "E116",
            "`previous` is for a selection of several",
        ),
        ("beat: {from: app_heartbeat, previous: actr}", "E105", "unknown field `actr`"),
        ("beat: {from: app_heartbeat, previous: correlation}", "E106", "cannot group by `correlation`"),
        ("beat: {from: app_heartbeat, previous: false}", "E100", "`facts.beat.previous` is `false`, not `true`"),
        (
            "beat: {from: app_heartbeat, previous: actor, where: beat.previous.seq > 1}",
            "E207",
            "unknown field `previous.seq` of `beat`",
        ),
        ("beat: {from: app_heartbeat}", "E207", "unknown field `previous.at` of `beat`"),
    ],
)
def test_what_does_not_fit_is_named(builder: LedgerBuilder, facts: str, code: str, said: str) -> None:
    with pytest.raises(PolicyError) as refused:
        Asked(beats(builder, "worker", 1), [facts], [GAP] if "previous" not in facts else []).decision()
    assert code in {issue.code for issue in refused.value.issues}
    assert said in str(refused.value)
