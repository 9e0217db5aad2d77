"""How far a decision looks ahead: over facts stamped later, over broken ones, and never much longer than judging."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import interlock
from interlock.evaluation import validity
from interlock.evaluation.ahead import LEAST, SHARE, Budget, ExhaustedError, judging
from interlock.evaluation.judge import Judge
from interlock.instant import SECOND, format_instant, parse_instant
from interlock.ledger import open_ledger
from interlock.request import library
from tests.helpers.ledgers import LedgerBuilder

NOW = parse_instant("2026-06-22T09:34:00Z")
BEAT = {"role": "worker", "session_id": "session-binding-1-worker", "task": "demo"}
HEAD = "policy: mine\nversion: 1\nquestion: Is it so?\n"
LINES = "decide: [{state: blocked, when: blocked, allow: false}, {state: fine, allow: true}]\n"
WINDOW = "now - beat.at <= duration('10m')"
POLICIES = {
    "window": f"""facts: {{beat: {{from: app_heartbeat, where: "{WINDOW}"}}}}
rules: [{{id: none, unless: "beat.exists(b, now - b.at <= duration('10m'))", block: none}}]
""",
    "each": """facts: {beat: {from: app_heartbeat}}
rules: [{id: old, for: beat, when: "now - beat.at > duration('20m')", block: "{beat.id} is old"}]
""",
    "count": f"""facts: {{beat: {{from: app_heartbeat, where: "{WINDOW}", take: count}}}}
rules: [{{id: few, when: beat.count < 5, block: few}}]
""",
    "derived": """facts: {beat: {from: app_heartbeat}}
rules:
  - {id: age, for: beat, derive: {aged: {id: beat.id, old: "now - beat.at > duration('20m')"}}}
  - {id: old, for: aged, when: aged.old, block: old}
""",
}


def at(seconds: float) -> str:
    return format_instant(NOW + int(seconds * SECOND))


def builder(folder: Path) -> LedgerBuilder:
    return LedgerBuilder(folder / "ledger.db").task("demo", at=at(-9_000)).bind(at=at(-9_000))


def beats(made: LedgerBuilder, stamps: Iterator[float] | list[float]) -> LedgerBuilder:
    for seconds in stamps:
        made.receipt("app_heartbeat", at=at(seconds), actor="worker", attributes=BEAT)
    return made


def policy(folder: Path, text: str) -> str:
    path = folder / "mine.yaml"
    path.write_text(f"{HEAD}{text}{LINES}", "utf-8")
    return str(path)


def decide(folder: Path, text: str, ledger: Path, **more: Any) -> interlock.Decision:
    return interlock.evaluate(policy(folder, text), ledger=ledger, task="demo", at=more.pop("at", at(0)), **more)


@pytest.fixture
def spent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """What each look ahead might spend at most, and what it spent."""
    found: list[tuple[int, int]] = []
    original = validity.valid

    def valid(judge: Judge, judged: Any) -> interlock.Decision:
        decision = original(judge, judged)
        assert judge.budget is not None
        found.append((LEAST + SHARE * judging(judged), LEAST + SHARE * judging(judged) - judge.budget.left))
        return decision

    monkeypatch.setattr(validity, "valid", valid)
    return found


def test_a_receipt_that_is_there_and_stamped_later_is_an_instant_of_change(tmp_path: Path) -> None:
    made = builder(tmp_path)
    told = {"dispatcher_id": "d"}
    stop: dict[str, Any] = {"actor": "operator", "attributes": told, "correlation": told}
    ledger = made.receipt("app_autopilot_stopped", at=at(40), **stop).write()
    text = "facts: {stop: {from: app_autopilot_stopped, take: latest}}\n"
    text += 'rules: [{id: stopped, when: stop != null, block: "{stop.id}"}]\n'
    found = decide(tmp_path, text, ledger)
    assert (found.allow, found.valid_until, found.validity) == (True, at(40), "exact")
    assert found.next_change is not None
    assert [(each.rule, each.message) for each in found.next_change.appeared] == [("stopped", "receipt-1")]
    assert decide(tmp_path, text, ledger, at=at(40)).valid_until is None
    other = interlock.evaluate(
        policy(tmp_path, text.replace("take: latest", "take: latest, scope: ledger")),
        ledger=ledger,
        task="demo",
        at=at(0),
    )
    assert other.valid_until == at(40)


def test_a_later_beat_holds_off_what_would_come(tmp_path: Path) -> None:
    text = "facts: {beat: {from: app_heartbeat, take: latest}}\n"
    text += "rules: [{id: stale, unless: \"now - beat.at <= duration('3m')\", block: stale}]\n"
    ledger = beats(builder(tmp_path), [-10, 100, 250]).write()
    assert decide(tmp_path, text, ledger).valid_until == format_instant(NOW + 430 * SECOND + 1)


def test_an_entity_that_changes_later_is_an_instant_of_change(tmp_path: Path) -> None:
    ledger = builder(tmp_path).notification("worker", at=at(-5), state="delivered", delivered_at=at(20)).write()
    text = "facts: {note: {from: notification}}\n"
    text += "rules: [{id: sent, when: \"note.exists(n, n.state == 'delivered')\", block: sent}]\n"
    found = decide(tmp_path, text, ledger)
    assert (found.allow, found.valid_until) == (True, at(20))


def test_a_time_that_cannot_be_read_ends_no_look_ahead(tmp_path: Path) -> None:
    made = beats(builder(tmp_path), [-10])
    made.notification("worker", at=at(-5), delivered_at="2026-06-22T99:99:99Z")
    text = """facts:
  note:
    from: notification
    where: "now - note.delivered_at > duration('1m') || now - note.created_at > duration('1m')"
rules: [{id: one, for: note, block: one}]
"""
    assert decide(tmp_path, text, made.write()).allow is None


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("live", [True, False])
def test_looking_ahead_over_two_thousand_facts_is_bounded(
    tmp_path: Path, name: str, live: bool, spent: list[tuple[int, int]]
) -> None:
    """In work, which comes out the same on every machine."""
    made = beats(builder(tmp_path), [-0.3 * n for n in range(1_900)])
    ledger = open_ledger((made if live else beats(made, [0.3 * n + 1 for n in range(1_900)])).write())
    loaded = library().load(policy(tmp_path, POLICIES[name]))
    with ledger.snapshot(NOW, live=live) as snapshot:
        decision = Judge(snapshot, "", NOW, "both").decide(loaded, "demo", {})
    ((most, took),) = spent
    assert took <= most + LEAST + 40 * 2_000, "one step more than it may"
    assert decision.allow is True
    if decision.validity == "partial":
        assert (decision.next_change, decision.valid_until is not None) == (None, True)
        assert parse_instant(str(decision.valid_until)) >= NOW


def test_a_partial_validity_is_never_later_than_the_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = beats(builder(tmp_path), [-0.5 * n for n in range(12)]).write()
    exact = decide(tmp_path, POLICIES["count"], ledger)
    assert (exact.validity, exact.valid_until) == ("exact", format_instant(NOW + (600 - 2) * SECOND + 1))
    before = NOW
    for least in (0, 400, 1_000, 2_000):
        monkeypatch.setattr("interlock.evaluation.ahead.LEAST", least)
        monkeypatch.setattr("interlock.evaluation.ahead.SHARE", 0)
        found = decide(tmp_path, POLICIES["count"], ledger)
        assert (found.validity, found.next_change) == ("partial", None)
        until = parse_instant(str(found.valid_until))
        assert before <= until <= parse_instant(str(exact.valid_until))
        before = until


def test_what_takes_too_much_is_not_begun() -> None:
    budget = Budget.__new__(Budget)
    budget.left = 10
    budget.spend(10)
    with pytest.raises(ExhaustedError):
        budget.spend(1)
