"""Groups that a policy names are always there: of an absent one there is a fact of its key and nulls, which no command
takes for a receipt."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import interlock
from interlock import api
from interlock.analysis.testing import run_tests
from interlock.evaluation.judge import Engine
from interlock.evaluation.rete import AVAILABLE
from interlock.language.evaluate import as_printed
from interlock.model.facts import Value
from interlock.request import library
from tests.helpers.ledgers import LedgerBuilder

NOW = "2026-06-11T12:10:00Z"
LAST = "last: {from: app_heartbeat, per: {role: [worker, manager]}, take: latest}"
FRESH = 'now - last.at <= duration("3m")'
STALE = f"{{id: stale, for: last, unless: '{FRESH}', block: '{{last.role}} is stale', fix: beat}}"


def beat(builder: LedgerBuilder, role: str, at: str = "2026-06-11T12:09:00Z", **more: Any) -> LedgerBuilder:
    attributes = {"role": role, "session_id": f"session-binding-1-{role}", "task": "demo"}
    return builder.receipt("app_heartbeat", at=at, actor=role, attributes=attributes | more)


@pytest.fixture
def builder(tmp_path: Path) -> LedgerBuilder:
    return LedgerBuilder(tmp_path / "ledger.db").task("demo").bind()


class Asked:
    """A policy of these selections, rules and outputs, over a ledger."""

    def __init__(
        self, builder: LedgerBuilder, facts: list[str], rules: list[str], outputs: Mapping[str, str] = {}
    ) -> None:
        self.path = builder.path.parent / "mine.yaml"
        lines = ["policy: mine", "version: 1", "question: Is it so?", "facts:", *(f"  {each}" for each in facts)]
        lines += ["rules:", *(f"  - {each}" for each in rules)] if rules else []
        lines += ["decide:", "  - {state: bad, when: blocked, allow: false}", "  - {state: good, allow: true}"]
        lines += ["outputs:", *(f"  {name}: '{text}'" for name, text in outputs.items())] if outputs else []
        self.path.write_text("\n".join(lines) + "\n", "utf-8")
        self.ledger = interlock.open_ledger(builder.path if builder.path.exists() else builder.write())
        self.over: dict[str, Any] = {"ledger": self.ledger, "task": "demo", "at": NOW}

    def decision(self) -> interlock.Decision:
        """What every evaluator that there is decides."""
        engines: tuple[Engine, ...] = ("reference", "rete", "both") if AVAILABLE else ("reference",)
        found = [interlock.evaluate(self.path, **self.over, engine=engine) for engine in engines]
        told = {(each.allow, each.state, each.reason, each.findings, str(each.outputs)) for each in found}
        assert len(told) == 1
        return found[0]

    def messages(self) -> list[str]:
        return [finding.message for finding in self.decision().findings]

    def facts(self) -> dict[str, list[dict[str, Value]]]:
        seen, _ = api.facts(self.path, **self.over)
        return {each.name: [fact.fields for fact in each.facts] for each in seen}


def test_unless_speaks_for_a_group_of_which_there_is_nothing(builder: LedgerBuilder) -> None:
    decision = Asked(builder, [LAST], [STALE]).decision()
    assert (decision.allow, decision.evidence) == (False, ())
    assert [(each.message, each.evidence) for each in decision.findings] == [
        ("worker is stale", ()),
        ("manager is stale", ()),
    ]


def test_those_that_are_there_come_first_then_the_absent_as_they_are_named(builder: LedgerBuilder) -> None:
    asked = Asked(beat(builder, "manager"), [LAST], ["{id: each, for: last, note: '{last.role} {last.at}'}"])
    assert asked.messages() == ["manager 2026-06-11T12:09:00Z", "worker none"]


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        ((), {"lookup": True, "loop": 2, "exists": True, "every": False, "field": True, "size": 2}),
        (("worker",), {"lookup": True, "loop": 1, "exists": True, "every": False, "field": True, "size": 2}),
        (
            ("worker", "manager"),
            {"lookup": False, "loop": 0, "exists": False, "every": True, "field": False, "size": 2},
        ),
    ],
)
def test_a_comparison_with_null_asks_for_absence(
    builder: LedgerBuilder, there: tuple[str, ...], expected: dict[str, Any]
) -> None:
    for role in there:
        beat(builder, role)
    outputs = {
        "lookup": 'last["manager"] == null',
        "exists": "last.exists(x, x == null)",
        "every": "last.all(x, x != null)",
        "field": 'last["manager"].session_id == null && !has(last["manager"].at)',
    }
    rules = ["{id: gone, for: last, when: last == null, note: gone}"]
    rules += [f"{{id: {name}, when: '{text}', note: {name}}}" for name, text in outputs.items()]
    decision = Asked(builder, [LAST], rules, outputs | {"size": "last.size()"}).decision()
    assert decision.outputs == {**{name: v for name, v in expected.items() if name != "loop"}, "size": 2}
    found = [finding.rule for finding in decision.findings]
    assert found.count("gone") == expected["loop"]
    assert {name for name in found if name != "gone"} == {n for n, v in expected.items() if v is True}


NARROWED = [
    LAST,
    f"late: {{from: last, where: '!({FRESH.replace('last', 'late')})'}}",
    "number: {from: late, take: count}",
    "each: {from: late, take: count, per: {role: [manager, worker]}}",
    "newest: {from: last, take: latest}",
    "again: {from: last, take: latest, per: role}",
    "there: {from: last, where: there != null}",
]


def test_selections_that_narrow_named_groups_see_the_absent_ones(builder: LedgerBuilder) -> None:
    outputs = {"number": "number.count", "manager": 'each["manager"].count', "worker": 'each["worker"].count'}
    outputs |= {"late": "late.size()", "again": "again.size()", "newest": "newest == null", "there": "there.size()"}
    nothing = Asked(builder, NARROWED, [], outputs).decision().outputs
    assert nothing == {
        "number": 2,
        "manager": 1,
        "worker": 1,
        "late": 2,
        "again": 2,
        "newest": True,
        "there": 0,
    }
    builder.path.unlink()
    one = Asked(beat(builder, "worker"), NARROWED, [], outputs).decision().outputs
    assert one == {"number": 1, "manager": 1, "worker": 0, "late": 1, "again": 2, "newest": False, "there": 1}


@pytest.mark.parametrize("take", ["all", "latest", "latest, per: role", "count", "max, of: at"])
def test_facts_of_absent_groups_do_not_meet_required(builder: LedgerBuilder, take: str) -> None:
    narrowed = f"narrowed: {{from: last, take: {take}, required: there is none}}"
    assert Asked(builder, [LAST, narrowed], []).decision().reason == "there is none"
    builder.path.unlink()
    assert Asked(beat(builder, "worker"), [LAST, narrowed], []).decision().allow


@pytest.mark.parametrize(
    ("kind", "path", "groups"),
    [
        ("app_heartbeat", "actor", ["manager", "worker"]),
        ("app_heartbeat", "kind", ["app_heartbeat"]),
        ("app_heartbeat", "severity", ["info", "error"]),
        ("app_heartbeat", "summary", ["a", "b"]),
        ("app_heartbeat", "id", ["receipt-9"]),
        ("app_heartbeat", "session_id", ["it's", 'q"uote', "é👩", "", "back\\slash", "{}"]),
        ("dispatch_command_claimed", "correlation.dispatcher_id", ["a", "b"]),
        ("app_smoke_receipt_recorded", "payload.summary", ["a", "b"]),
        ("seat", "role", ["manager", "worker"]),
    ],
)
def test_whatever_field_the_groups_are_of(builder: LedgerBuilder, kind: str, path: str, groups: list[str]) -> None:
    if kind == "seat":
        builder.task("other")
    listed = ", ".join("'" + group.replace("'", "''") + "'" for group in groups)
    last = f"last: {{from: {kind}, per: {{{path}: [{listed}]}}, take: latest}}"
    later = f"later: {{from: last, where: 'later == null && has(later.{path})'}}"
    rules = [f"{{id: each, for: last, when: last == null, note: '{{last.{path}}}'}}"]
    rules += [f"{{id: narrow, for: later, when: later.at == null, note: '{{later.{path}}}'}}"]
    asked = Asked(builder, [last, later], rules)
    asked.over["task"] = "other" if kind == "seat" else "demo"
    assert asked.messages() == [*groups, *groups]


def test_one_that_is_invalid_is_not_taken_for_absent(builder: LedgerBuilder) -> None:
    decision = Asked(beat(builder, "manager", session_id=7), [LAST], [STALE]).decision()
    assert decision.allow is None
    assert "receipt-1" in str(decision.reason)


def test_the_clock_may_let_an_absent_group_in(builder: LedgerBuilder) -> None:
    """Nothing of the group is there that could turn: what turns is the age of something else."""
    start = "start: {from: app_heartbeat, where: 'start.role == \"worker\"', take: latest}"
    due = "due: {from: last, where: 'now - start.at > duration(\"1h\") && due == null'}"
    beat(builder, "worker", at="2026-06-11T12:00:00Z")
    rule = "{id: due, for: due, block: '{due.role} is due'}"
    decision = Asked(builder, [start, LAST, due], [rule]).decision()
    assert (decision.allow, decision.valid_until) == (True, "2026-06-11T13:00:00.000001Z")


def test_facts_are_shown_without_an_id(builder: LedgerBuilder) -> None:
    asked = Asked(beat(builder, "worker"), [LAST], [STALE])
    seen, _ = api.facts(asked.path, **asked.over)
    shown = [(fact.kind, fact.id, fact.seq, fact.fields["role"], fact.fields["at"]) for fact in seen[0].facts]
    assert shown == [
        ("app_heartbeat", "receipt-1", 1, "worker", "2026-06-11T12:09:00Z"),
        ("last", None, None, "manager", as_printed(None, "timestamp")),
    ]


def test_an_explanation_says_what_was_looked_for(builder: LedgerBuilder) -> None:
    explanation = interlock.explain(
        Asked(beat(builder, "worker"), [LAST], [STALE]).path, ledger=builder.path, task="demo", at=NOW
    )
    (case,) = explanation.rules[0].cases
    assert (case.facts[0].kind, case.facts[0].id, case.facts[0].absent) == ("last", None, "manager")
    sought = [each for part in case.part.parts for each in part.sought]
    assert [(each.selection, each.condition, each.facts) for each in sought] == [("last", 'role == "manager"', 1)]


def test_unblock_finds_the_receipts_that_are_missing(builder: LedgerBuilder) -> None:
    answer = interlock.unblock(Asked(builder, [LAST], [STALE]).path, ledger=builder.path, task="demo", at=NOW)
    assert not answer.permanent
    assert {step.fields["role"] for step in answer.plans[0].steps} == {"manager", "worker"}


def test_an_absent_earliest_is_not_permanent(builder: LedgerBuilder) -> None:
    first = "first: {from: app_heartbeat, per: {role: [worker, manager]}, take: earliest}"
    rule = "{id: none, for: first, when: first == null, block: '{first.role} never beat'}"
    answer = interlock.unblock(Asked(builder, [first], [rule]).path, ledger=builder.path, task="demo", at=NOW)
    assert answer.permanent == ()


def test_a_replay_begins_with_the_absence(builder: LedgerBuilder) -> None:
    asked = Asked(beat(beat(builder, "worker"), "manager"), [LAST], [STALE])
    history = interlock.replay([asked.path], ledger=asked.ledger, task="demo", since="2026-06-11T12:08:00Z", until=NOW)
    intervals = history.lanes[0].intervals
    assert [each.allow for each in intervals] == [False, True]
    assert [finding.message for finding in intervals[0].findings] == ["worker is stale", "manager is stale"]


def test_a_policys_test_sees_the_absence_too(builder: LedgerBuilder) -> None:
    asked = Asked(builder, [LAST], [STALE])
    suite = asked.path.with_name("mine_test.yaml")
    found = ", ".join(f"{{rule: stale, message: {role} is stale}}" for role in ("worker", "manager"))
    suite.write_text(
        f"policy: mine\ncases:\n  - case: nothing\n    facts: []\n    expect: {{allow: false, findings: [{found}]}}\n"
    )
    (trial,), _ = run_tests([str(suite)], library())
    assert [case.passed for case in trial.cases] == [True]
