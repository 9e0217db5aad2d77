"""Counts, shares and macros inside macros: both evaluators, what is cited, what would unblock, and what is too much."""

from __future__ import annotations

from pathlib import Path

import pytest

from interlock import api
from interlock.diagnostics import PolicyError
from interlock.evaluation import ahead
from tests.acceptance.test_named_groups import Asked, beat
from tests.helpers.ledgers import LedgerBuilder

SMOKE = {"smoke_id": "s", "nonce": "n", "thread_id": "t"}
PROOF = "proof: {from: app_smoke_receipt_recorded}"
SEAT = "seat: {from: seat, per: role, take: latest}"
SHARE = 'proof.filter(p, p.status == "accepted").size() * 100 >= proof.size() * 60'


@pytest.fixture
def builder(tmp_path: Path) -> LedgerBuilder:
    return LedgerBuilder(tmp_path / "ledger.db").task("demo").bind()


def proofs(builder: LedgerBuilder, *said: str) -> LedgerBuilder:
    """Receipts such as `worker accepted`, a minute apart."""
    for minute, each in enumerate(said, 1):
        role, status = each.split()
        attributes = {**SMOKE, "role": role, "status": status}
        builder.receipt("app_smoke_receipt_recorded", at=f"2026-06-11T12:0{minute}:00Z", attributes=attributes)
    return builder


def held(builder: LedgerBuilder, when: str, *said: str, ranging: bool = False) -> list[str]:
    """The messages of a rule with this condition, over these receipts."""
    loop = "for: seat, " if ranging else ""
    note = "{seat.role}" if ranging else "yes"
    rule = f"{{id: it, {loop}when: '{when}', note: '{note}'}}"
    return Asked(proofs(builder, *said), [PROOF, SEAT], [rule]).messages()


GIVEN = ("worker accepted", "manager blocked", "worker accepted", "worker sent")


@pytest.mark.parametrize(
    ("when", "value"),
    [
        ("proof.size() == 4", True),
        ("size(proof) > 4", False),
        ('proof.filter(p, p.role == "worker").size() == 3', True),
        ('proof.filter(p, p.role == "worker").filter(p, p.status == "sent").size() == 1', True),
        ("proof.filter(p, p.seq > 9).size() == 0 && proof.filter(p, p.seq > 9).all(q, false)", True),
        ('proof.filter(p, p.role == "worker").exists(q, q.status == "blocked")', False),
        ('proof.filter(p, p.role == "worker").all(q, q.status != "blocked")', True),
        ('proof.exists_one(p, p.role == "manager")', True),
        ('proof.exists_one(p, p.role == "worker")', False),
        ('proof.filter(p, p.role == "worker").existsOne(q, q.status == "sent")', True),
        (SHARE, False),
        (SHARE.replace("60", "50"), True),
        ("proof.exists(p, proof.all(q, q.at <= p.at))", True),
        ("proof.all(p, proof.exists(q, q.role == p.role && q.seq != p.seq))", False),
        ("proof.exists(p, proof.filter(q, q.role == p.role).size() == 3 && p.status == \"sent\")", True),
        ("proof.size() % 3 == 1 && -proof.size() < 0", True),
        ('(proof.size() > 3 ? "many" : "few") == "many"', True),
        ("proof.exists(p, proof.exists(q, q.at > p.at && proof.exists(r, r.at > q.at && r.role != p.role)))", True),
    ],
)  # fmt: skip
def test_a_count_is_a_number_and_macros_nest(builder: LedgerBuilder, when: str, value: bool) -> None:
    assert held(builder, when, *GIVEN) == (["yes"] if value else [])


@pytest.mark.parametrize(
    ("when", "roles"),
    [
        ("proof.filter(p, p.role == seat.role).size() >= 2", ["worker"]),
        ("proof.exists_one(p, p.role == seat.role)", ["manager"]),
        (SHARE.replace("proof.size()", "proof.filter(p, p.role == seat.role).size()"), ["manager", "worker"]),
        ("proof.exists(p, p.role == seat.role && proof.all(q, q.at <= p.at))", ["worker"]),
        ("proof.size() > 3 && seat.role == \"manager\"", ["manager"]),
    ],
)  # fmt: skip
def test_each_fact_of_the_loop_has_its_own(builder: LedgerBuilder, when: str, roles: list[str]) -> None:
    assert sorted(held(builder, when, *GIVEN, ranging=True)) == roles


def test_what_was_derived_is_counted_once_it_is_complete(builder: LedgerBuilder) -> None:
    derive = (
        "{id: ok, for: proof, when: 'proof.status == \"accepted\"', derive: {good: {of: proof.role, n: proof.seq}}}"
    )
    rule = "{id: few, when: 'good.size() == 2 && good.all(g, proof.exists(p, p.seq == g.n))', note: two}"
    assert Asked(proofs(builder, *GIVEN), [PROOF], [derive, rule]).messages() == ["two"]


def test_a_fact_cannot_rest_on_how_many_of_it_there_are(builder: LedgerBuilder) -> None:
    first = "{id: one, for: proof, derive: {good: {n: proof.seq}}}"
    again = "{id: more, for: proof, when: good.size() < 9, derive: {good: {n: proof.seq}}}"
    with pytest.raises(PolicyError, match="a cycle through negation"):
        Asked(proofs(builder, *GIVEN), [PROOF], [first, again]).decision()


def test_the_evidence_is_what_was_counted_and_what_was_found_inside(builder: LedgerBuilder) -> None:
    rule = (
        '{id: it, when: \'proof.exists(p, p.role == "manager" && proof.exists(q, q.status == "sent" && q.at > p.at))\''
    )
    asked = Asked(proofs(builder, *GIVEN), [PROOF], [rule + ", note: found}"])
    assert asked.decision().findings[0].evidence == ("receipt-2", "receipt-4")
    rule = "{id: it, when: 'proof.filter(p, p.status == \"accepted\").size() == 2', note: two}"
    found = Asked(builder, [PROOF], [rule]).decision().findings[0]
    assert found.evidence == ("receipt-1", "receipt-3")


def test_explain_shows_the_numbers(builder: LedgerBuilder) -> None:
    asked = Asked(proofs(builder, *GIVEN), [PROOF], [f"{{id: share, unless: '{SHARE}', block: too few}}"])
    (rule,) = api.explain(asked.path, **asked.over).rules
    reads = {read.name: read.value for read in rule.cases[0].part.parts[0].reads}
    assert reads['proof.filter(p, p.status == "accepted").size()'] == 2
    assert reads["proof.size()"] == 4


def test_unblock_finds_how_many_more_are_needed(builder: LedgerBuilder) -> None:
    asked = Asked(proofs(builder, *GIVEN), [PROOF], [f"{{id: share, unless: '{SHARE}', block: too few}}"])
    plan = api.unblock(asked.path, **asked.over).plans[0]
    assert [step.fields["status"] for step in plan.steps] == ["accepted"]


def test_a_number_lasts_as_long_as_nothing_is_recorded_and_is_nothing_that_lasts(builder: LedgerBuilder) -> None:
    rule = "{id: few, when: 'proof.size() < 9', block: fewer than nine}"
    asked = Asked(proofs(builder, *GIVEN), [PROOF], [rule])
    assert asked.decision().valid_until is None
    assert api.unblock(asked.path, **asked.over).permanent == ()


def test_the_clock_turns_what_is_counted(builder: LedgerBuilder) -> None:
    beat(beat(builder, "worker", "2026-06-11T12:08:00Z"), "worker", "2026-06-11T12:09:00Z")
    rule = "{id: few, when: 'beat.filter(b, now - b.at <= duration(\"4m\")).size() < 2', block: fewer than two}"
    decision = Asked(builder, ["beat: {from: app_heartbeat}"], [rule]).decision()
    assert decision.allow
    assert decision.valid_until == "2026-06-11T12:12:00.000001Z"


def test_what_would_take_too_long_is_undecided(builder: LedgerBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "MAX_EVALUATED", 50)
    rule = "{id: it, when: 'proof.exists(p, proof.exists(q, q.at > p.at))', note: yes it is}"
    decision = Asked(proofs(builder, *GIVEN), [PROOF], [rule]).decision()
    assert decision.allow is None
    assert "more than the 50 that are taken" in str(decision.reason)
