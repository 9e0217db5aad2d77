"""A question about now: all that is recorded counts, and nothing is allowed on a stamp far ahead of the clock."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import interlock as api
from interlock.instant import SECOND, format_instant, parse_instant
from tests.acceptance.conftest import Interlock
from tests.helpers.ledgers import LedgerBuilder

NOW = parse_instant("2026-06-22T09:34:00Z")
SMOKE = {"smoke_id": "s", "nonce": "n", "mode": "required", "scope": "pair", "worker_count": 1}
STOP: dict[str, Any] = {
    "actor": "operator",
    "attributes": {"dispatcher_id": "dispatch-local"},
    "correlation": {"dispatcher_id": "dispatch-local"},
}
VETO = """\
policy: veto
version: 1
question: Has nobody objected?
facts:
  stop: {from: app_autopilot_stopped, take: latest}
rules:
  - {id: vetoed, when: stop != null, block: "{stop.id} objects"}
decide:
  - {state: vetoed, when: blocked, allow: false}
  - {state: clear, allow: true}
"""
COUNTED = """\
policy: counted
version: 1
question: Were there two beats?
facts:
  beats: {from: app_heartbeat, take: TAKE}
rules:
  - {id: few, when: beats.FIELD < 1, block: too few}
decide:
  - {state: few, when: blocked, allow: false}
  - {state: enough, allow: true}
"""
NEEDS = """\
policy: above
version: 1
question: Is it as the other says?
needs: {below: {policy: below}}
rules:
  - {id: other, unless: "below.allow == EXPECTED", block: otherwise}
decide:
  - {state: other, when: blocked, allow: false}
  - {state: same, allow: true}
"""


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: NOW * 1_000)


def at(seconds: float) -> str:
    return format_instant(NOW + int(seconds * SECOND))


def pair(folder: Path, *, beat: float = -5, name: str = "ledger.db") -> LedgerBuilder:
    """A pair whose seats and dispatcher are alive; `beat` is when the worker was seen, in seconds from now."""
    seats: dict[str, Any] = {
        role: {"last_heartbeat_at": at(-5 if role == "manager" else beat)} for role in ("manager", "worker")
    }
    builder = LedgerBuilder(folder / name).task("demo", at=at(-600)).bind(at=at(-600), **seats)
    return pulse(builder, -5)


def pulse(builder: LedgerBuilder, seconds: float) -> LedgerBuilder:
    told: dict[str, Any] = {"actor": "dispatch", "correlation": {"dispatcher_id": "dispatch-local"}, "of_task": False}
    return builder.receipt("dispatch_watch_heartbeat", at=at(seconds), **told)


def policy(folder: Path, text: str, name: str = "mine") -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(text.replace(text.partition("\n")[0], f"policy: {name}"), "utf-8")
    return path


def beat(builder: LedgerBuilder, seconds: float) -> LedgerBuilder:
    attributes = {"role": "worker", "session_id": "session-binding-1-worker", "task": "demo"}
    return builder.receipt("app_heartbeat", at=at(seconds), actor="worker", attributes=attributes)


def decide(policy: Path | str, ledger: Path, **more: Any) -> api.Decision:
    return api.evaluate(policy, ledger=ledger, task="demo", **more)


@pytest.mark.parametrize("asked", [None, "now"])
def test_a_receipt_ahead_of_the_clock_denies(folder: Path, asked: str | None) -> None:
    gate = policy(folder, VETO)
    ledger = pair(folder).receipt("app_autopilot_stopped", at=at(30), **STOP).write()
    found = decide(gate, ledger, at=asked)
    assert (found.allow, [each.message for each in found.findings]) == (False, ["receipt-2 objects"])
    assert decide(gate, ledger, at=at(0)).allow is True, "the past is as it was"
    assert decide(gate, ledger, at="-1s").allow is True
    assert decide(gate, ledger, at=at(30)).allow is False


def test_a_veto_stamped_ahead_of_the_clock_blocks_smoke(folder: Path) -> None:
    builder = pair(folder).receipt("app_smoke_started", at=at(-60), attributes=SMOKE)
    said = [(status, role, -30) for status in ("sent", "received", "accepted") for role in ("manager", "worker")]
    for status, role, seconds in (*said, ("blocked", "worker", 30)):
        told = {"smoke_id": "s", "nonce": "n", "role": role, "status": status, "thread_id": f"thread-binding-1-{role}"}
        builder.receipt("app_smoke_receipt_recorded", at=at(seconds), actor=role, attributes=told)
    ledger = builder.write()
    assert decide("smoke", ledger).allow is False
    assert decide("smoke", ledger, at=at(0)).allow is True


def test_a_session_opened_by_a_clock_that_was_set_back_since_is_the_newest(folder: Path) -> None:
    builder = pair(folder).receipt("app_smoke_started", at=at(-60), attributes={**SMOKE, "mode": "skip"})
    ledger = builder.receipt("app_smoke_started", at=at(180), attributes={**SMOKE, "smoke_id": "newer"}).write()
    found = decide("smoke", ledger)
    assert (found.allow, found.outputs["smoke_id"]) == (False, "newer")


@pytest.mark.parametrize(("ahead", "allow"), [(4.9, True), (5, True), (5.001, None), (30, None), (9_000_000, None)])
def test_what_is_allowed_on_a_stamp_too_far_ahead_is_undecided(folder: Path, ahead: float, allow: bool | None) -> None:
    found = decide("loop", pulse(pair(folder), ahead).write())
    assert found.allow is allow
    if allow is None:
        assert found.reason is not None
        assert "dispatch_watch_heartbeat `receipt-2`" in found.reason
        assert api.evaluate("loop", ledger=folder / "ledger.db", task="demo", max_skew="3000h").allow is True
        assert found.state == "undecided"


def test_the_reason_names_the_receipt_and_the_gap(folder: Path) -> None:
    reason = decide("loop", pulse(pair(folder), 30).write()).reason
    assert reason is not None
    wanted = "`at` of dispatch_watch_heartbeat `receipt-2` is 30s ahead of the clock (2026-06-22T09:34:30Z)"
    assert reason.startswith(wanted)


def test_what_is_denied_stays_denied(folder: Path) -> None:
    found = decide("loop", pulse(pair(folder, beat=-500), 30).write())
    assert (found.allow, [each.message for each in found.findings]) == (False, ["Worker heartbeat is stale."])


def test_every_time_that_an_entity_carries_is_looked_at(folder: Path) -> None:
    reason = decide("loop", pair(folder, beat=12).write()).reason
    assert reason is not None
    assert reason.startswith("`heartbeat_at` of seat `session-binding-1-worker` is 12s ahead")


@pytest.mark.parametrize(("take", "field"), [("count", "count"), ("max, of: seq", "value"), ("sum, of: seq", "value")])
@pytest.mark.parametrize("other", [-20, 3])
def test_the_newest_counted_fact_is_looked_at(folder: Path, take: str, field: str, other: float) -> None:
    gate = policy(folder, COUNTED.replace("TAKE", take).replace("FIELD", field))
    ledger = beat(beat(beat(pair(folder), -40), 20), other).write()
    found = decide(gate, ledger)
    assert (found.allow, "app_heartbeat `receipt-3` is 20s ahead" in (found.reason or "")) == (None, True)
    assert decide(gate, ledger, max_skew="20s").allow is True


def test_counted_entities_are_looked_at(folder: Path) -> None:
    text = COUNTED.replace("from: app_heartbeat, take: TAKE", "from: seat, take: count").replace("FIELD", "count")
    reason = decide(policy(folder, text), pair(folder, beat=12).write()).reason
    assert "`heartbeat_at` of seat `session-binding-1-worker` is 12s ahead" in (reason or "")


@pytest.mark.parametrize("expected", ["true", "false"])
def test_what_a_needed_decision_read_is_looked_at(folder: Path, expected: str) -> None:
    """Also where the needed decision is denied, and therefore not undecided itself."""
    policy(folder, VETO.replace("allow: true", f"allow: {expected}").replace("stop != null", "stop == null"), "below")
    gate = policy(folder, NEEDS.replace("EXPECTED", expected), "above")
    ledger = pair(folder).receipt("app_autopilot_stopped", at=at(30), **STOP).write()
    found = decide(gate, ledger)
    assert (found.allow, "app_autopilot_stopped `receipt-2` is 30s ahead" in (found.reason or "")) == (None, True)
    assert decide(gate, ledger, max_skew="30s").allow is True


def test_facts_without_a_readable_time_are_never_passed_over(folder: Path) -> None:
    for text in ("2300-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-06-22T09:99:00Z", "tomorrow"):
        ledger = folder / f"{len(text)}-{text[:4]}.db"
        builder = pair(folder, name=ledger.name).receipt("app_autopilot_stopped", at=text, **STOP)
        found = decide(policy(folder, VETO), builder.write())
        assert (found.allow, "`receipt-2` is invalid" in (found.reason or "")) == (None, True)


def test_it_becomes_allowed_when_the_stamp_is_near_enough(folder: Path) -> None:
    found = decide("loop", pulse(pair(folder), 30).write())
    assert (found.valid_until, found.next_change and found.next_change.allow) == (at(25), True)
    ahead = decide("loop", folder / "ledger.db", max_skew="10s")
    assert (ahead.allow, ahead.valid_until) == (None, at(20))


def test_unblock_says_how_long_to_wait(folder: Path, interlock: Interlock) -> None:
    ledger = pulse(pair(folder), 30).write()
    ran = interlock("unblock", "loop", "--task", "demo", "--ledger", str(ledger))
    assert (ran.code, f"wait until {at(25)}" in ran.out) == (4, True)
    assert interlock("unblock", "loop", "--task", "demo", "--ledger", str(ledger), "--max-skew", "30s").code == 0


def test_explain_facts_and_export_see_what_is_ahead(folder: Path, interlock: Interlock) -> None:
    gate = policy(folder, VETO)
    ledger = pair(folder).receipt("app_autopilot_stopped", at=at(30), **STOP).write()
    asked = ("--task", "demo", "--ledger", str(ledger))
    assert "receipt-2 objects" in interlock("explain", str(gate), *asked).out
    assert "receipt-2" in interlock("facts", str(gate), *asked).out
    assert '"id":"receipt-2"' in interlock("export", *asked).out
    assert '"id":"receipt-2"' not in interlock("export", *asked, "--at", at(0)).out
    captured = interlock("capture", str(gate), *asked)
    assert (captured.code, "app_autopilot_stopped" in captured.out) == (0, True)


def test_a_feed_asked_about_when_it_was_taken_counts_all_that_it_holds(folder: Path, interlock: Interlock) -> None:
    gate = policy(folder, VETO)
    ledger = pair(folder).receipt("app_autopilot_stopped", at=at(30), **STOP).write()
    feed = folder / "facts.ndjson"
    feed.write_text(interlock("export", "--task", "demo", "--ledger", str(ledger)).out, "utf-8")
    assert decide(gate, feed, at=at(0)).allow is False
    assert decide(gate, feed, at=at(-1)).allow is True
    assert decide(gate, feed).now == decide(gate, feed, at=at(0)).now
    assert decide(gate, feed).allow is False
    assert decide(gate, feed, at="now").reason == decide(gate, feed, at=at(60)).reason, "nobody knows what came since"
    bare = folder / "bare.ndjson"
    bare.write_text("\n".join(feed.read_text("utf-8").splitlines()[1:-1]), "utf-8")
    assert decide(gate, bare).allow is False


@pytest.mark.parametrize(
    ("flags", "env", "code"),
    [
        ((), None, 4),
        (("--max-skew", "30s"), None, 0),
        ((), "30s", 0),
        (("--max-skew", "29s"), "30s", 4),
        (("--max-skew", "30s"), "", 0),
        ((), "", 2),
        ((), "soon", 2),
        (("--max-skew", ""), None, 2),
        (("--max-skew", "-5s"), None, 2),
        (("--max-skew", "5"), None, 2),
    ],
)
def test_how_the_skew_is_set(
    folder: Path,
    interlock: Interlock,
    monkeypatch: pytest.MonkeyPatch,
    flags: tuple[str, ...],
    env: str | None,
    code: int,
) -> None:
    if env is not None:
        monkeypatch.setenv("INTERLOCK_MAX_SKEW", env)
    ledger = pulse(pair(folder), 30).write()
    for command in ("eval", "explain", "unblock"):
        assert interlock(command, "loop", "--task", "demo", "--ledger", str(ledger), *flags).code == code
    watched = interlock(
        "watch", "loop", "--task", "demo", "--ledger", str(ledger), "--until", "allow", "--timeout", "0s", *flags
    )
    assert watched.code == code


@pytest.mark.parametrize(("text", "code"), [('"30s"', 0), ('"4s"', 4), ('""', 2), ('"soon"', 2), ("30", 2)])
def test_a_configuration_file_sets_the_skew(folder: Path, interlock: Interlock, text: str, code: int) -> None:
    (folder / "interlock.toml").write_text(f"max-skew = {text}\n", "utf-8")
    ledger = pulse(pair(folder), 30).write()
    assert interlock("eval", "loop", "--task", "demo", "--ledger", str(ledger)).code == code


@pytest.mark.parametrize("skew", ["", "soon", "5", 5, -1.0, timedelta(seconds=-1)])
def test_the_api_refuses_what_is_no_duration(folder: Path, skew: Any) -> None:
    with pytest.raises(api.UsageError, match="max_skew"):
        decide("loop", pair(folder).write(), max_skew=skew)


def test_the_api_takes_a_timedelta_and_now_as_a_text(folder: Path) -> None:
    ledger = pulse(pair(folder), 30).write()
    assert decide("loop", ledger, at="now", max_skew=timedelta(seconds=30)).allow is True
    assert decide("loop", ledger, at=datetime.fromtimestamp(NOW / SECOND, UTC)).allow is True, "the past"


def test_a_log_holds_the_skew_and_the_same_comes_of_it_later(
    folder: Path, interlock: Interlock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = pulse(pair(folder, beat=-5), 30).write()
    asked = ("--task", "demo", "--ledger", str(ledger), "--decision-log", str(folder.parent / "log.ndjson"))
    assert interlock("eval", "loop", *asked).code == 4
    assert interlock("eval", "loop", *asked, "--max-skew", "1m").code == 0
    assert interlock("eval", "loop", *asked, "--at", "now", "--max-skew", "1m").code == 0
    log = folder.parent / "log.ndjson"
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    assert [(each["asked"]["at"], each["asked"]["max_skew"]) for each in lines] == [
        (None, "5s"),
        (None, "1m"),
        ("now", "1m"),
    ]
    assert {each["ahead"] for each in lines} == {at(30)}
    monkeypatch.setattr(time, "time_ns", lambda: (NOW + 3_600 * SECOND) * 1_000)
    ran = interlock("verify-decision", str(log))
    assert (ran.code, "\n3 same\n" in ran.out) == (0, True), ran.out
    log.write_text(
        "\n".join(json.dumps({**each, "asked": {**each["asked"], "max_skew": "9m"}}) for each in lines) + "\n"
    )
    assert interlock("verify-decision", str(log)).code == 3


def test_verify_ledger_lists_what_is_ahead_of_the_clock(folder: Path, interlock: Interlock) -> None:
    ledger = pulse(pair(folder, beat=12), 30).write()
    ran = interlock("verify-ledger", "--ledger", str(ledger))
    assert ran.code == 0
    assert "2 facts carry times later than the clock" in ran.out
    assert "`at` of dispatch_watch_heartbeat `receipt-2` is 30s ahead of the clock" in ran.out
    assert "`heartbeat_at` of seat `session-binding-1-worker` is 12s ahead" in ran.out
    told = json.loads(interlock("verify-ledger", "--ledger", str(ledger), "--format", "json").out)
    assert (told["valid"], told["ahead"]["count"], told["ahead"]["first"][0]["seq"]) == (True, 2, 2)
    past = json.loads(interlock("verify-ledger", "--ledger", str(ledger), "--at", at(0), "--format", "json").out)
    assert past["ahead"] is None


def test_a_case_of_a_test_counts_every_fact_that_it_gives(folder: Path, interlock: Interlock) -> None:
    policy(folder, VETO)
    (folder / "mine_test.yaml").write_text(
        "policy: mine\ncases:\n  - case: ahead\n    facts: [{app_autopilot_stopped: {at: +30s}}]\n"
        "    expect: {state: vetoed, allow: false, findings: [vetoed]}\n"
        "  - case: skewed\n    facts: []\n    expect: {state: clear, allow: true, findings: []}\n",
        "utf-8",
    )
    ran = interlock("test", str(folder / "mine_test.yaml"))
    assert ran.code == 0, ran.out
