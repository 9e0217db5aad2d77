"""`interlock unblock`: what it proposes is really appended to a ledger's copy, and makes the policy allow; without any
one of the receipts it does not. What it calls permanent stays, whatever is appended."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import jsonschema
import pytest

import interlock as public
from interlock.instant import SECOND, format_instant, parse_instant
from interlock.model.unblock import Plan, ReceiptStep, Unblock
from tests.acceptance.conftest import Interlock
from tests.helpers.engine import needs_engine
from tests.helpers.ledgers import LedgerBuilder

SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "schemas" / "unblock.schema.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
TASK = "checkout-refactor"
TIMES = ("09:00:30", "09:00:52", "09:01:30", "09:02:11", "09:04:04", "09:16:18", "09:42:31", "09:55:01", "09:58:01")


LATER = """
DELETE FROM telemetry_events WHERE substr(timestamp, 1, 19) > substr(:asked, 1, 19);
UPDATE sessions SET last_heartbeat_at = coalesce(
    (SELECT max(timestamp) FROM telemetry_events WHERE event_type = 'app_heartbeat'
     AND json_extract(attributes_json, '$.session_id') = sessions.id), registered_at)
WHERE substr(last_heartbeat_at, 1, 19) > substr(:asked, 1, 19)
"""


def appended(ledger: Path, to: Path, asked: str, first: str, steps: Sequence[ReceiptStep]) -> Path:
    """A copy of the ledger at the instant of the request, in which the steps were then recorded, the first at
    that instant and the others as much later as they are, as Conveyor records them."""
    shutil.copy(ledger, to)
    connection = sqlite3.connect(to)
    for statement in LATER.split(";"):
        connection.execute(statement, {"asked": asked})
    begun = parse_instant(steps[0].at) if steps else 0
    for number, step in enumerate(steps):
        fields = dict(step.fields)
        at = format_instant(parse_instant(first) + parse_instant(step.at) - begun)
        correlation = fields.pop("correlation", {})
        row = {"id": f"appended-{number}", "task": step.task, "at": at, "kind": step.kind}
        row |= {"actor": {"dispatcher": "dispatch"}.get(step.who, step.who)}
        row |= {"correlation": json.dumps(correlation), "attributes": json.dumps(fields)}
        connection.execute(
            "INSERT INTO telemetry_events VALUES (:id, NULL, (SELECT id FROM tasks WHERE name = :task), :at, :actor,"
            " :kind, 'info', '', :correlation, :attributes)",
            row,
        )
        if step.kind == "app_heartbeat":
            sql = "UPDATE sessions SET last_heartbeat_at = ? WHERE id = ? AND coalesce(last_heartbeat_at <= ?, true)"
            connection.execute(sql, (at, fields["session_id"], at))
    connection.commit()
    connection.close()
    return to


def assert_proved(found: Unblock, plan: Plan, ledger: Path, folder: Path, params: dict[str, Any]) -> None:
    """The plan makes the policy allow, and no part of it does; nor does it all, later than it says."""

    def decided(at: str, steps: Sequence[ReceiptStep]) -> public.Decision:
        copy = appended(ledger, folder / "copy.db", found.now, at, steps)
        if plan.steps:
            at = format_instant(parse_instant(at) + parse_instant(plan.steps[-1].at) - parse_instant(plan.at))
        return public.evaluate(found.policy, ledger=copy, task=found.task, at=at, params=params)

    whole = decided(plan.at, plan.steps)
    assert (whole.allow, whole.state) == (True, plan.state), plan
    for left_out in range(len(plan.steps)):
        part = plan.steps[:left_out] + plan.steps[left_out + 1 :]
        assert decided(part[0].at if part else plan.at, part).allow is not True, (plan, left_out)
    if plan.by is not None:
        assert decided(plan.by, plan.steps).allow is True
        after = format_instant(parse_instant(plan.by) + SECOND)
        assert decided(after, plan.steps).allow is not True


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["loop", "smoke", "readiness", "quiescence", "autonomy"])
def test_every_plan_is_really_one(story_path: Path, tmp_path: Path, policy: str) -> None:
    plans = 0
    for at in (f"2026-06-22T{time}Z" for time in TIMES):
        found = public.unblock(policy, ledger=story_path, task=TASK, at=at)
        decision = public.evaluate(policy, ledger=story_path, task=TASK, at=at)
        assert (found.allow, found.state, found.reason) == (decision.allow, decision.state, decision.reason)
        known = [each.message for each in decision.findings if each.fix or each.hint]
        assert [fix.message for fix in found.fixes if fix.rule] == known
        assert not (found.allow and found.plans)
        for plan in found.plans:
            assert_proved(found, plan, story_path, tmp_path, {})
        plans += len(found.plans)
    assert plans >= 3


@pytest.mark.slow
def test_plans_of_a_real_ledger_of_many_tasks(ledger_path: Path, tmp_path: Path) -> None:
    random = Random(5)
    with sqlite3.connect(ledger_path) as connection:
        sql = "SELECT name, timestamp FROM telemetry_events JOIN tasks ON tasks.id = task_id ORDER BY timestamp"
        moments = random.sample(connection.execute(sql).fetchall(), 12)
    connection.close()
    plans = 0
    for task, at in moments:
        for policy in ("smoke", "readiness", "quiescence"):
            found = public.unblock(policy, ledger=ledger_path, task=task, at=at)
            for plan in found.plans[-1:]:
                assert_proved(found, plan, ledger_path, tmp_path, {})
                plans += 1
    assert plans > 12


def test_the_missing_pulse(interlock: Interlock, story_path: Path, tmp_path: Path) -> None:
    at = "2026-06-22T09:42:31Z"
    ran = interlock("unblock", "loop", "--ledger", str(story_path), "--task", TASK, "--at", at, "--format", "json")
    found = json.loads(ran.out)
    VALIDATOR.validate(found)
    assert (ran.code, ran.err) == (3, "")
    (plan,) = found["plans"]
    assert (plan["state"], plan["at"], plan["by"]) == ("healthy", at, "2026-06-22T09:44:00Z")
    fields = {"correlation": {"dispatcher_id": "dispatch-local"}}
    step = {"kind": "dispatch_watch_heartbeat", "fields": fields, "who": "dispatcher", "task": None, "at": at}
    assert plan["steps"] == [step]
    assert [fix["fix"] for fix in found["fixes"]] == ["conveyor dispatch --watch --dispatcher-id=dispatch-local"]
    assert (found["permanent"], found["bounded"]) == ([], False)
    for plan in public.unblock("loop", ledger=story_path, task=TASK, at=at).plans:
        assert_proved(public.unblock("loop", ledger=story_path, task=TASK, at=at), plan, story_path, tmp_path, {})


def test_what_allows_needs_nothing(interlock: Interlock, story_path: Path) -> None:
    ran = interlock("unblock", "loop", "--ledger", str(story_path), "--task", TASK, "--at", "2026-06-22T09:34:00Z")
    assert (ran.code, ran.out) == (0, f"allowed    loop  task {TASK} at 2026-06-22T09:34:00Z: healthy\n")


def test_the_whole_of_a_smoke_session(story_path: Path) -> None:
    found = public.unblock("smoke", ledger=story_path, task=TASK, at="2026-06-22T09:01:00Z")
    proved = next(plan for plan in found.plans if plan.state == "proved")
    told = [(step.who, step.kind, step.fields.get("status")) for step in proved.steps]
    assert sorted(told, key=str) == sorted(
        [
            ("manager", "app_smoke_receipt_recorded", "sent"),
            ("manager", "app_heartbeat", None),
            ("worker", "app_heartbeat", None),
            ("worker", "app_smoke_receipt_recorded", "received"),
            ("manager", "app_smoke_receipt_recorded", "accepted"),
            ("worker", "app_smoke_receipt_recorded", "accepted"),
        ],
        key=str,
    )
    smoke = {(step.fields["smoke_id"], step.fields["nonce"]) for step in proved.steps if "nonce" in step.fields}
    assert smoke == {("smoke-1", "nonce-c41f")}


AT = "2026-06-11T12:02:00Z"
NOW = "2026-06-11T12:02:30Z"


def of_many(folder: Path) -> Path:
    """A pair whose smoke session is about one of three workers."""
    session = {"smoke_id": "smoke-1", "nonce": "n", "mode": "required", "scope": "worker-set", "worker_count": 3}
    builder = LedgerBuilder(folder / "ledger.db").task("demo").bind()
    return builder.receipt("app_smoke_started", at=AT, actor="operator", attributes=session).write()


def test_one_of_many_is_permanent_until_another_session(tmp_path: Path) -> None:
    ledger = of_many(tmp_path)
    found = public.unblock("smoke", ledger=ledger, task="demo", at=NOW)
    (never,) = found.permanent
    assert never.rule == "one-of-many"
    ((held),) = never.holds
    assert (held.kind, held.id, held.who) == ("app_smoke_started", "receipt-1", "operator")
    assert held.replaced_by == ("app_smoke_started", "app_smoke_skipped")
    assert found.plans
    for plan in found.plans:
        assert any(step.kind in held.replaced_by for step in plan.steps)
        assert_proved(found, plan, ledger, tmp_path, {})


def test_what_is_permanent_stays_whatever_is_appended(tmp_path: Path) -> None:
    """Random receipts of every other kind, hundreds of them, never make the policy allow."""
    ledger = of_many(tmp_path)
    random = Random(7)
    for _ in range(20):
        steps = []
        for _ in range(random.randint(1, 12)):
            role = random.choice(("manager", "worker"))
            status = random.choice(("sent", "received", "accepted", "blocked"))
            proof = {"smoke_id": "smoke-1", "nonce": "n", "role": role, "status": status}
            beat = {"role": role, "session_id": f"session-binding-1-{role}"}
            kind, fields = random.choice((("app_smoke_receipt_recorded", proof), ("app_heartbeat", beat)))
            steps.append(ReceiptStep(kind, fields, role, "demo", NOW))
        copy = appended(ledger, tmp_path / "copy.db", NOW, NOW, steps)
        decision = public.evaluate("smoke", ledger=copy, task="demo", at=NOW)
        assert decision.allow is False
        assert "one-of-many" in [each.rule for each in decision.findings]


def test_a_contradiction_is_permanent(tmp_path: Path) -> None:
    builder = LedgerBuilder(tmp_path / "ledger.db").task("demo").bind()
    proof = {"smoke_id": "smoke-1", "nonce": "n", "role": "worker", "status": "sent", "thread_id": "thread-of-another"}
    ledger = builder.receipt("app_smoke_receipt_recorded", at=AT, actor="worker", attributes=proof).write()
    found = public.unblock("integrity", ledger=ledger, task="demo", at=NOW)
    assert [(never.rule, [(held.kind, held.replaced_by) for held in never.holds]) for never in found.permanent] == [
        ("proof-of-another-thread", [])  # a later seat changes nothing about the receipt's own time
    ]
    assert found.plans == ()


def test_a_binding_is_made_by_no_receipt(interlock: Interlock, tmp_path: Path) -> None:
    ledger = LedgerBuilder(tmp_path / "ledger.db").task("demo").write()
    ran = interlock("unblock", "loop", "--ledger", str(ledger), "--task", "demo", "--at", NOW)
    assert (ran.code, ran.err) == (4, "")
    assert "lasting  No active binding for task: demo" in ran.out
    assert "no receipt lifts this, as long as there is no such seat: not a receipt: the operator makes it" in ran.out
    assert ran.out.endswith("no receipts were found that prove what it asks for: 2 sets judged\n")


BEAT = {"role": "worker", "session_id": "session-binding-1-worker"}
QUIET = """policy: quiet
version: 1
question: Has it been quiet?
facts:
  beat: {from: app_heartbeat, take: latest}
rules:
  - {id: noisy, when: now - beat.at < duration("5m"), block: "something stirred at {beat.at}"}
decide:
  - {state: noisy, when: blocked, allow: false}
  - {state: quiet, when: beat != null, allow: true}
  - {state: unknown, allow: false}
"""


def test_time_alone_may_do(tmp_path: Path) -> None:
    (tmp_path / "quiet.yaml").write_text(QUIET)
    ledger = (
        LedgerBuilder(tmp_path / "ledger.db")
        .task("demo")
        .bind()
        .receipt("app_heartbeat", at=AT, attributes=BEAT)
        .write()
    )
    found = public.unblock(tmp_path / "quiet.yaml", ledger=ledger, task="demo", at=NOW)
    (plan,) = found.plans
    assert (plan.state, plan.at, plan.by, plan.steps) == ("quiet", "2026-06-11T12:07:00Z", None, ())
    assert found.permanent == ()


@needs_engine
def test_both_evaluators_prove_a_plan(story_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the rules engine does not agree, there is no plan."""
    from interlock.analysis.unblock.search import Hypothesis, HypothesisBench

    whole = HypothesisBench.decide

    def contrary(self: HypothesisBench, supposition: Hypothesis, engine: Any = "reference") -> Any:
        return None if engine == "both" else whole(self, supposition, engine)

    monkeypatch.setattr(HypothesisBench, "decide", contrary)
    found = public.unblock("loop", ledger=story_path, task=TASK, at="2026-06-22T09:42:31Z")
    assert found.plans == ()


def test_a_feed_does_as_well(interlock: Interlock, story_path: Path, tmp_path: Path) -> None:
    at = "2026-06-22T09:42:31Z"
    feed = interlock("export", "--ledger", str(story_path), "--task", TASK, "loop", "--at", at).out
    (tmp_path / "facts.ndjson").write_text(feed)
    found = public.unblock("loop", ledger=tmp_path / "facts.ndjson", task=TASK, at=at)
    assert found.plans == public.unblock("loop", ledger=story_path, task=TASK, at=at).plans


def test_a_feed_that_leaves_facts_out_proves_no_plan(interlock: Interlock, story_path: Path, tmp_path: Path) -> None:
    at = "2026-06-22T09:42:31Z"
    feed = interlock("export", "--ledger", str(story_path), "--task", TASK, "loop", "--at", at).out
    (tmp_path / "facts.ndjson").write_text(feed)
    for policy in ("smoke", "autonomy"):
        found = public.unblock(policy, ledger=tmp_path / "facts.ndjson", task=TASK, at=at)
        assert (found.allow, found.plans, found.permanent) == (None, (), ())
        assert "the feed was not exported for this policy" in str(found.reason)


def test_what_a_needed_policy_lacks_is_in_the_plan(story_path: Path, tmp_path: Path) -> None:
    found = public.unblock("autonomy", ledger=story_path, task=TASK, at="2026-06-22T09:42:31Z")
    (plan,) = found.plans
    assert [(step.who, step.kind) for step in plan.steps] == [("dispatcher", "dispatch_watch_heartbeat")]
    assert_proved(found, plan, story_path, tmp_path, {})


# -- proof before its ways around


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A ledger of a task whose pair is bound, and of which nothing more was recorded."""
    manager, worker = ({"codex_app_thread_id": f"thread-{role}"} for role in ("manager", "worker"))
    return LedgerBuilder(tmp_path / "fresh.db").task("demo").bind(manager=manager, worker=worker).write()


FRESH = "2026-06-22T09:00:00Z"


@pytest.mark.parametrize(
    ("policy", "state", "receipts"),
    [("smoke", "proved", 8), ("readiness", "autonomous_ready", 6), ("autonomy", "autonomous", 12)],
)
def test_a_fresh_task_gets_a_plan_that_proves(
    policy: str, state: str, receipts: int, fresh: Path, tmp_path: Path
) -> None:
    found = public.unblock(policy, ledger=fresh, task="demo", at=FRESH)
    assert [(plan.state, len(plan.steps)) for plan in found.plans] == [(state, receipts)]
    for plan in found.plans:
        copy = appended(fresh, tmp_path / "copy.db", found.now, plan.at, plan.steps)
        decision = public.evaluate(policy, ledger=copy, task="demo", at=plan.steps[-1].at)
        assert (decision.allow, decision.state) == (True, state)
        for place in range(receipts):
            part = plan.steps[:place] + plan.steps[place + 1 :]
            copy = appended(fresh, tmp_path / "copy.db", found.now, part[0].at, part)
            assert public.evaluate(policy, ledger=copy, task="demo", at=plan.steps[-1].at).allow is not True


def test_what_must_happen_one_after_another_has_instants_of_its_own(fresh: Path, tmp_path: Path) -> None:
    found = public.unblock("quiescence", ledger=fresh, task="demo", at=FRESH)
    (plan,) = found.plans
    instants = [step.at for step in plan.steps]
    assert instants == sorted(set(instants))
    copy = appended(fresh, tmp_path / "copy.db", found.now, plan.at, plan.steps)
    assert public.evaluate("quiescence", ledger=copy, task="demo", at=instants[-1]).allow is True


@pytest.mark.parametrize("policy", ["smoke", "autonomy"])
def test_what_skips_or_softens_comes_last_and_under_its_own_heading(
    policy: str, fresh: Path, interlock: Interlock
) -> None:
    found = public.unblock(policy, ledger=fresh, task="demo", at=FRESH)
    proving = [step.fields.get("mode") for plan in found.plans for step in plan.steps]
    assert set(proving) <= {None, "required"}
    assert found.without_proof
    for plan in found.without_proof:
        assert any(step.fields.get("mode") in ("skip", "advisory") for step in plan.steps)
    out = interlock("unblock", policy, "--ledger", str(fresh), "--task", "demo", "--at", FRESH).out
    before, after = out.split("\nwithout proof, by what skips or softens it:\n")
    assert "app_smoke_skipped" not in before
    assert "app_smoke_skipped" in after
    alone = public.unblock(policy, ledger=fresh, task="demo", at=FRESH, without_proof=False)
    assert (alone.without_proof, alone.plans) == ((), found.plans)


def test_a_plan_has_only_what_conveyor_writes(fresh: Path, folder: Path) -> None:
    """A skipped session is recorded as skipped, and a started one never in the mode `skip`: no plan says otherwise."""
    text = "policy: any\nversion: 1\nquestion: Is it?\nfacts:\n  s: {from: KIND, take: latest, required: none}\n"
    text += "decide:\n  - {state: so, when: s.mode == 'MODE', allow: true}\n  - {state: other, allow: false}\n"
    for kind, modes in (("app_smoke_started", ("required", "advisory")), ("app_smoke_skipped", ("skip",))):
        for mode in ("required", "advisory", "skip"):
            (folder / "any.yaml").write_text(text.replace("KIND", kind).replace("MODE", mode))
            found = public.unblock(folder / "any.yaml", ledger=fresh, task="demo", at=FRESH)
            every = [step.fields["mode"] for plan in (*found.plans, *found.without_proof) for step in plan.steps]
            assert every == ([mode] if mode in modes else []), (kind, mode)
            assert bool(found.plans) == (mode == "required" and mode in modes)
