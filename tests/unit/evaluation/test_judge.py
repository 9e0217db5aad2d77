"""What makes a decision, and above all what leaves it undecided: undecided is never allowed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

import interlock
from interlock.evaluation import judge, program, rete, select
from interlock.model.decision import Verdict
from tests.helpers.engine import BOTH, ENGINE, RETE, needs_engine
from tests.helpers.ledgers import LedgerBuilder

NOW = "2026-06-11T12:10:00Z"
SESSION = {"smoke_id": "s", "nonce": "n", "mode": "required", "scope": "pair", "worker_count": 1}
BEAT = {"role": "worker", "session_id": "session-binding-1-worker", "task": "demo"}


@pytest.fixture
def builder(tmp_path: Path) -> LedgerBuilder:
    return LedgerBuilder(tmp_path / "ledger.db").task("demo").bind()


def decide(builder: LedgerBuilder, text: str, task: str = "demo", **more: Any) -> interlock.Decision:
    """Judge by a policy written in a test; its head is added."""
    folder = builder.path.parent
    name = more.pop("name", "mine")
    path = folder / f"{name}.yaml"
    path.write_text(f"policy: {name}\nversion: 1\nquestion: Is it there?\n{text}")
    if not builder.path.exists():
        builder.write()
    return interlock.evaluate(path, ledger=builder.path, task=task, at=NOW, **more)


BEATS = """\
facts:
  beat: {from: app_heartbeat}
decide:
  - {state: done, allow: true}
outputs: {beats: beat.size()}
"""
COUNTED = """\
facts:
  beats: {from: app_heartbeat, take: count, per: {actor: [manager, worker]}}
rules:
  - {id: silent, for: beats, when: beats.count == 0, block: "{beats.actor} was never seen"}
decide:
  - {state: silent, when: blocked, allow: false}
  - {state: seen, allow: true}
outputs:
  worker: beats["worker"].count
"""


def test_a_policy_that_reads_nothing_decides(builder: LedgerBuilder) -> None:
    decision = decide(builder, "decide:\n  - {state: done, allow: true}\n")
    assert (decision.allow, decision.state, decision.reason, decision.engine) == (True, "done", None, ENGINE)
    assert (decision.now, decision.task, decision.ledger.seq) == (NOW, "demo", 0)


def test_named_groups_are_counted_when_nothing_is_there(builder: LedgerBuilder) -> None:
    builder.receipt("app_heartbeat", at=NOW, actor="worker", attributes=BEAT)
    decision = decide(builder, COUNTED)
    assert [finding.message for finding in decision.findings] == ["manager was never seen"]
    assert decision.outputs == {"worker": 1}
    assert decision.evidence == ("receipt-1",)


def test_a_required_selection_that_is_empty_is_undecided(builder: LedgerBuilder) -> None:
    facts = 'facts:\n  smoke: {from: app_smoke_started, take: latest, required: "no session for {task} at {now}"}\n'
    decision = decide(builder, facts + "decide:\n  - {state: done, allow: true}\n")
    assert (decision.allow, decision.state, decision.findings) == (None, "undecided", ())
    assert decision.reason == f"no session for demo at {NOW}"


@pytest.mark.parametrize("take", ["latest", "count"])
def test_a_required_group_that_is_missing_is_undecided(builder: LedgerBuilder, take: str) -> None:
    builder.receipt("app_heartbeat", at=NOW, actor="worker", attributes=BEAT)
    text = (
        f"facts:\n  beat: {{from: app_heartbeat, per: {{actor: [manager, worker]}}, take: {take}, required: silent}}\n"
    )
    decision = decide(builder, text + "decide:\n  - {state: done, allow: true}\n")
    assert (decision.allow, decision.reason) == (None, "silent")


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        ({**BEAT, "role": 5}, "`role` is the number `5`, not text"),
        ({**BEAT, "role": "boss"}, "`role` is `boss`, not one of"),
        ({"role": "worker", "session_id": 5}, "`session_id` is the number `5`, not text or null"),
    ],
)
def test_an_invalid_fact_that_is_read_is_undecided_and_named(
    builder: LedgerBuilder, attributes: dict[str, Any], told: str
) -> None:
    builder.receipt("app_heartbeat", at=NOW, actor="worker", attributes=BEAT)
    builder.receipt("app_heartbeat", at=NOW, actor="worker", attributes=attributes)
    decision = decide(builder, BEATS)
    assert decision.allow is None
    assert decision.reason is not None
    assert decision.reason.startswith("app_heartbeat `receipt-2` is invalid: ")
    assert told in decision.reason


@pytest.mark.parametrize("take", ["all", "latest", "count", "earliest"])
@pytest.mark.parametrize("value", [7, None, True, [], {}])
def test_an_invalid_field_of_the_condition_does_not_hide_the_fact(
    builder: LedgerBuilder, take: str, value: object
) -> None:
    """A receipt whose smoke id is not text matches no session: were it ignored, nobody would know of it."""
    builder.receipt("app_smoke_started", at=NOW, attributes={**SESSION, "smoke_id": value})
    text = f'facts:\n  s: {{from: app_smoke_started, take: {take}, where: s.smoke_id == "x"}}\n'
    decision = decide(
        builder, text + "decide:\n  - {state: done, allow: true}\n" + "outputs: {there: " + _asks(take) + "}\n"
    )
    assert decision.allow is None
    assert "app_smoke_started `receipt-1` is invalid: `smoke_id`" in str(decision.reason)


def _asks(take: str) -> str:
    return {"all": "s.size()", "count": "s.count"}.get(take, "s != null")


@pytest.mark.parametrize(
    "at", ["yesterday", "", "2026-02-31T12:00:00Z", "2026-06-11 12:00:00", "2026-06-11T12:00:00+02:00"]
)
@pytest.mark.parametrize("take", ["all", "latest", "count"])
def test_a_time_that_is_none_is_undecided(builder: LedgerBuilder, at: str, take: str) -> None:
    builder.receipt("app_heartbeat", at=at, actor="worker", attributes=BEAT)
    text = f"facts:\n  s: {{from: app_heartbeat, take: {take}}}\ndecide:\n  - {{state: done, allow: true}}\n"
    decision = decide(builder, text + "outputs: {there: " + _asks(take) + "}\n")
    assert decision.allow is None
    assert "app_heartbeat `receipt-1` is invalid: `at`" in str(decision.reason)


@pytest.mark.parametrize("attributes", ["[]", "5", "null", '"text"'])
def test_attributes_that_are_no_object_are_undecided(builder: LedgerBuilder, attributes: str) -> None:
    builder.receipt("app_heartbeat", at=NOW, actor="worker", attributes_json=attributes)
    decision = decide(builder, BEATS)
    assert decision.allow is None
    assert "its attributes are not a JSON object" in str(decision.reason)


def test_too_many_facts_are_refused_by_name(builder: LedgerBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(select, "MAX_SELECTED", 3)
    for _ in range(3):
        builder.receipt("app_heartbeat", at=NOW, actor="worker", attributes=BEAT)
    builder.write()
    assert decide(builder, BEATS).outputs == {"beats": 3}
    builder.path.unlink()
    builder.receipt("app_heartbeat", at=NOW, actor="worker", attributes=BEAT)
    decision = decide(builder, BEATS)
    assert decision.allow is None
    assert "`beat` selects more than 3 facts" in str(decision.reason)
    assert "aggregate it" in str(decision.reason)


@needs_engine
def test_evaluators_that_disagree_leave_it_undecided(builder: LedgerBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    def other(*_: object) -> Verdict:
        return Verdict((), {}, 0)

    monkeypatch.setattr(program.Program, "judge", other)
    decision = decide(builder, COUNTED)
    assert decision.allow is None
    assert decision.reason == "the two evaluators disagree: this is a bug in interlock, please report it"


def test_an_engine_that_cannot_be_had_is_told(builder: LedgerBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rete, "AVAILABLE", False)
    assert decide(builder, COUNTED).engine == "reference"
    assert decide(builder, COUNTED, engine="reference").engine == "reference"


@pytest.mark.parametrize("engine", [RETE, "reference", BOTH])
def test_each_engine_decides_alone_too(builder: LedgerBuilder, engine: judge.Engine) -> None:
    decision = decide(builder, COUNTED, engine=engine)
    assert (decision.allow, decision.engine) == (False, engine)


@pytest.mark.parametrize(
    ("thread", "fix"),
    [
        ("thread-7f3a", "wake thread-7f3a"),
        ("a b", "wake 'a b'"),
        ("x; rm -rf ~", "wake 'x; rm -rf ~'"),
        ("$(id)'`id`", """wake '$(id)'"'"'`id`'"""),
        ("a=-b", "wake a=-b"),
        ("=ls", "wake '=ls'"),
        ("", "wake ''"),
        ("naïve", "wake 'naïve'"),
        ("it's", """wake 'it'"'"'s'"""),
    ],
)
def test_what_a_fact_says_is_one_word_of_a_fix(tmp_path: Path, thread: str, fix: str) -> None:
    worker = {"codex_app_thread_id": thread}
    builder = LedgerBuilder(tmp_path / "ledger.db").task("demo").bind(worker=worker)
    text = """\
facts:
  seat: {from: seat, per: role, take: latest}
rules:
  - {id: noted, for: seat, when: seat.role == "worker", note: "{seat.thread_id}", fix: "wake {seat.thread_id}"}
decide:
  - {state: done, allow: true}
"""
    (finding,) = decide(builder, text).findings
    assert finding.fix == fix
    assert (finding.message, finding.hint) == (thread, None)


@pytest.mark.parametrize(
    ("thread", "why"),
    [
        (None, "is null"),
        ("x\ny", "has characters that cannot be typed: x\\ny"),
        ("a\u202eb", "has characters that cannot be typed: a\\u202eb"),
        ("-rf", "would be read as an option: -rf"),
        ("--help", "would be read as an option: --help"),
    ],
)
def test_a_command_is_not_shown_with_a_value_that_does_not_stay_one(
    tmp_path: Path, thread: str | None, why: str
) -> None:
    worker = {"codex_app_thread_id": thread}
    builder = LedgerBuilder(tmp_path / "ledger.db").task("demo").bind(worker=worker)
    text = """\
facts:
  seat: {from: seat, per: role, take: latest}
rules:
  - {id: bare, for: seat, when: seat.role == "worker", note: bare, fix: "run; wake {seat.thread_id}", hint: Do it.}
  - {id: option, for: seat, when: seat.role == "worker", note: option, fix: "wake --thread={seat.thread_id}"}
decide:
  - {state: done, allow: true}
"""
    bare, option = decide(builder, text).findings
    assert (bare.fix, bare.hint) == (None, f"Do it.\nno command is shown: `seat.thread_id` {why}")
    assert (option.fix, option.hint) == (
        (f"wake --thread={thread}", None) if "option" in why else (None, f"no command is shown: `seat.thread_id` {why}")
    )


NEEDS = """\
needs:
  base: {policy: base}
decide:
  - {state: "yes", when: base.allow, allow: true}
  - {state: "no", allow: false}
outputs: {since: base.since, state: base.state}
"""
BASE = """\
facts:
  beat: {from: app_heartbeat, take: latest, required: nobody was seen}
decide:
  - {state: seen, allow: true}
outputs: {since: beat.at, nested: {age: now - beat.at}}
"""


def test_a_need_gives_its_verdict_and_outputs(builder: LedgerBuilder) -> None:
    builder.receipt("app_heartbeat", at="2026-06-11T12:09:00Z", actor="worker", attributes=BEAT)
    decide(builder, BASE, name="base")
    decision = decide(builder, NEEDS)
    assert (decision.allow, decision.state) == (True, "yes")
    assert decision.outputs == {"since": "2026-06-11T12:09:00Z", "state": "seen"}


def test_a_need_that_is_undecided_leaves_it_undecided(builder: LedgerBuilder) -> None:
    decide(builder, BASE, name="base")
    decision = decide(builder, NEEDS)
    assert decision.allow is None
    assert decision.reason == "`base` is undecided for demo: nobody was seen"


def test_a_policy_may_answer_for_an_undecided_need_itself(builder: LedgerBuilder) -> None:
    decide(builder, BASE, name="base")
    decision = decide(builder, NEEDS.replace("when: base.allow", "when: base.undecided"))
    assert (decision.allow, decision.state) == (True, "yes")
    assert decision.outputs == {"since": None, "state": "undecided"}


SET = """\
params:
  tasks: {type: list}
  stale_after: {type: duration, default: 60s}
needs:
  each: {policy: aged, tasks: params.tasks, with: {limit: params.stale_after}}
rules:
  - {id: none, unless: "each.exists(e, true)", block: no task is named}
  - {id: not-allowed, for: each, unless: each.allow, block: "{each.task} is {each.state}"}
decide:
  - {state: unproved, when: blocked, allow: false}
  - {state: proved, allow: true}
outputs: {first: 'each["demo"].age', other: 'each["nowhere"].age'}
"""
AGED = """\
params:
  limit: {type: duration}
facts:
  beat: {from: app_heartbeat, take: latest}
rules:
  - {id: old, unless: now - beat.at <= params.limit, block: "too old: {now - beat.at}"}
decide:
  - {state: old, when: blocked, allow: false}
  - {state: young, allow: true}
outputs: {age: now - beat.at}
"""


def test_one_need_for_each_of_several_tasks(builder: LedgerBuilder) -> None:
    builder.receipt("app_heartbeat", at="2026-06-11T12:09:30Z", actor="worker", attributes=BEAT)
    builder.task("other").bind().receipt("app_heartbeat", at="2026-06-11T12:05:00Z", actor="worker", attributes=BEAT)
    decide(builder, AGED, name="aged", params={"limit": "1s"})
    both = decide(builder, SET, params={"tasks": ["demo", "other", "demo"]})
    assert [finding.message for finding in both.findings] == ["other is old"]
    assert both.outputs == {"first": "30s", "other": None}
    assert decide(builder, SET, params={"tasks": "demo"}).allow is True
    assert decide(builder, SET, params={"tasks": []}).allow is False
    assert decide(builder, SET, params={"tasks": "demo,other", "stale_after": "10m"}).allow is True
    with pytest.raises(interlock.UsageError, match="unknown task `elsewhere`"):
        decide(builder, SET, params={"tasks": "demo,elsewhere"})


DERIVED = """\
facts:
  note: {from: acknowledgement}
rules:
  - {id: base, for: note, when: note.status == "received", derive: {reached: {role: note.role}}}
  - {id: onward, for: reached, when: reached.role == "worker", derive: {reached: {role: '"manager"'}}}
  - {id: gone, unless: 'reached.exists(r, r.role == "manager")', derive: {lost: {role: '"manager"'}}}
  - {id: is-lost, for: lost, block: "{lost.role} is lost"}
  - {id: is-reached, for: reached, note: "{reached.role} is reached"}
decide:
  - {state: lost, when: blocked, allow: false}
  - {state: found, allow: true}
outputs: {reached: reached.size()}
"""


def test_derived_facts_lead_to_further_ones(builder: LedgerBuilder) -> None:
    builder.notification("worker", at=NOW).acknowledgement("worker", "received", of=1, at=NOW)
    decision = decide(builder, DERIVED)
    assert [finding.message for finding in decision.findings] == ["manager is reached", "worker is reached"]
    assert (decision.allow, decision.outputs) == (True, {"reached": 2})


def test_what_is_not_derived_is_absent(builder: LedgerBuilder) -> None:
    decision = decide(builder, DERIVED)
    assert [finding.message for finding in decision.findings] == ["manager is lost"]


ENDLESS = """\
facts:
  task_: {from: task}
rules:
  - {id: base, derive: {count: {n: "0"}}}
  - {id: next, for: count, derive: {count: {n: count.n + 1}}}
decide:
  - {state: done, allow: true}
"""


@pytest.mark.parametrize("engine", [RETE, "reference"])
def test_a_derivation_without_end_is_undecided(builder: LedgerBuilder, engine: judge.Engine) -> None:
    decision = decide(builder, ENDLESS, engine=engine)
    assert decision.allow is None
    assert "`count` derives" in str(decision.reason)


@pytest.mark.parametrize("engine", [RETE, "reference"])
def test_a_derivation_of_too_many_facts_is_undecided(
    builder: LedgerBuilder, engine: judge.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "MAX_DERIVED", 20)
    monkeypatch.setattr("interlock.evaluation.reference.MAX_DERIVED", 20)
    decision = decide(builder, ENDLESS, engine=engine)
    assert decision.allow is None
    assert "`count` derives" in str(decision.reason)


@pytest.mark.parametrize("engine", [RETE, "reference", BOTH])
def test_a_long_derivation_that_ends_is_decided(builder: LedgerBuilder, engine: judge.Engine) -> None:
    text = ENDLESS.replace("for: count,", "for: count, when: count.n < 90,") + "outputs: {steps: count.size()}\n"
    decision = decide(builder, text, engine=engine)
    assert (decision.allow, decision.outputs) == (True, {"steps": 91})


PARAMETERS = """\
params:
  text: {type: string, optional: true}
  choice: {type: string, enum: [a, b], default: a}
  number: {type: int, default: 3}
  flag: {type: bool, default: false}
  when: {type: timestamp, optional: true}
  limit: {type: duration, default: 3m}
  names: {type: list, default: []}
decide:
  - {state: done, allow: true}
outputs: {text: params.text, choice: params.choice, number: params.number, flag: params.flag,
          when: params.when, limit: params.limit, names: params.names}
"""


def test_parameters_are_read_as_their_types(builder: LedgerBuilder) -> None:
    assert decide(builder, PARAMETERS).outputs == {
        "text": None,
        "choice": "a",
        "number": 3,
        "flag": False,
        "when": None,
        "limit": "3m",
        "names": (),
    }
    given = {"text": "", "choice": "b", "number": "-7", "flag": "true", "when": NOW, "limit": "90s", "names": "x,y"}
    assert decide(builder, PARAMETERS, params=given).outputs == {
        "text": "",
        "choice": "b",
        "number": -7,
        "flag": True,
        "when": NOW,
        "limit": "1m30s",
        "names": ("x", "y"),
    }


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"txt": "x"}, "unknown parameter `txt`; did you mean `text`"),
        ({"text": 3}, "`text` takes a text, not `3`"),
        ({"text": "\udcff"}, "it contains bytes that are not UTF-8"),
        ({"choice": "c"}, "`choice` is `c`, not one of a, b"),
        ({"choice": None}, "`choice` needs a value"),
        ({"number": "three"}, "`number` takes a whole number, not `three`"),
        ({"number": True}, "`number` takes a whole number"),
        ({"number": 2**60}, "`number` is too large"),
        ({"flag": "maybe"}, "`flag` takes true or false"),
        ({"when": "now"}, "`now` is not an RFC 3339 instant"),
        ({"limit": 180}, "`limit` takes a duration such as `180s`"),
        ({"limit": "180"}, "`180` is not a duration"),
        ({"names": 3}, "`names` takes a list of texts"),
        ({"names": [3]}, "`names` takes a list of texts"),
    ],
)
def test_a_wrong_parameter_is_told(builder: LedgerBuilder, given: dict[str, Any], message: str) -> None:
    with pytest.raises(interlock.UsageError, match=message):
        decide(builder, PARAMETERS, params=given)


def test_a_parameter_that_must_be_given(builder: LedgerBuilder) -> None:
    with pytest.raises(interlock.UsageError, match="policy `aged`: `limit` must be given"):
        decide(builder, AGED, name="aged")


def test_the_instant_may_be_a_datetime(builder: LedgerBuilder) -> None:
    builder.write()
    zone = timezone(timedelta(hours=2))
    moment = datetime(2026, 6, 11, 14, 10, tzinfo=zone)
    decision = interlock.evaluate("loop", ledger=builder.path, task="demo", at=moment)
    assert decision.now == NOW
    before = datetime.now(UTC)
    assert datetime.fromisoformat(interlock.evaluate("loop", ledger=builder.path, task="demo").now) >= before
    with pytest.raises(interlock.UsageError, match="has no time zone"):
        interlock.evaluate("loop", ledger=builder.path, task="demo", at=moment.replace(tzinfo=None))
    with pytest.raises(interlock.UsageError, match="`soon` is not an instant"):
        interlock.evaluate("loop", ledger=builder.path, task="demo", at="soon")


def test_several_policies_and_tasks_share_one_now(builder: LedgerBuilder) -> None:
    builder.task("other").bind().write()
    decisions = interlock.judge(["loop", "smoke"], ledger=builder.path, tasks=None)
    assert [(d.task, d.policy) for d in decisions] == [
        ("demo", "loop"),
        ("demo", "smoke"),
        ("other", "loop"),
        ("other", "smoke"),
    ]
    assert len({d.now for d in decisions}) == 1
