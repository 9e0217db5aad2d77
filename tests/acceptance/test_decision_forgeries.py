"""A decision log that was tampered with: whatever was changed in a record, it does not come out the same."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import Interlock
from tests.acceptance.test_decision_log import AT, TASK, change, lines, story, verified
from tests.unit.policy.test_cache import forged, plant

__all__ = ["story"]
ABOVE = """
policy: above
version: 1
question: Is somebody there?
params:
  extra: {type: duration, default: 1m}
needs: {awake: {policy: awake}}
facts:
  beat: {from: app_heartbeat, take: latest}
rules:
  - {id: asleep, unless: awake.allow, block: asleep, fix: wake up, data: {extra: params.extra}}
outputs: {extra: params.extra}
decide:
  - {state: asleep, when: blocked, allow: false}
  - {state: fine, allow: true}
"""
ALWAYS = """
policy: {id}
version: 1
question: May anything happen?
decide:
  - {{state: proved, allow: true}}
"""
Json = dict[str, Any] | list[Any] | str | int | bool | None


def mutations(value: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    """Everything that differs from a JSON value in one place, at any depth, each with the path of that place."""
    match value:
        case dict():
            yield f"{path} + a key", {**value, "unheard-of": None}
            for name, member in value.items():
                yield f"{path} - {name}", {other: each for other, each in value.items() if other != name}
                yield from ((where, {**value, name: each}) for where, each in mutations(member, f"{path}.{name}"))
        case list():
            yield f"{path} + an item", [*value, "/unheard-of"]
            if value:
                yield f"{path} emptied", []
            if len(value) > 1:
                yield f"{path} reversed", value[::-1]
                yield f"{path} - the first", value[1:]
            for index, item in enumerate(value):
                for where, each in mutations(item, f"{path}.{index}"):
                    yield where, [*value[:index], each, *value[index + 1 :]]
        case bool():
            yield f"{path} negated", not value
            yield f"{path} as a number", int(value)
        case int():
            yield f"{path} + 1", value + 1
            yield f"{path} - 1", value - 1
        case str():
            yield f"{path} + x", value + "x"
            yield f"{path} nulled", None
            yield from ((f"{path} as {other}", other) for other in other_digits(value))
        case None:
            yield f"{path} set", "2099-01-01T00:00:00Z"


def other_digits(text: str) -> Iterator[str]:
    """The text with its first digit changed, and with its last."""
    places = [index for index, char in enumerate(text) if char.isdigit()]
    for index in places[:1] + places[-1:]:
        yield text[:index] + str((int(text[index]) + 1) % 10) + text[index + 1 :]


def duplicates(text: str, value: Json) -> Iterator[tuple[str, str]]:
    """The text of a JSON value with each of its keys twice in turn, the true one last."""
    names: set[str] = set()

    def collect(found: Json) -> None:
        if isinstance(found, dict):
            names.update(found)
        for each in found.values() if isinstance(found, dict) else found if isinstance(found, list) else ():
            collect(each)

    collect(value)
    for name in sorted(names):
        key = f"{json.dumps(name)}:"
        assert key in text
        yield f"{name} twice", text.replace(key, f"{key}null,{key}", 1)


def readable(record: Json, ledger: str) -> bool:
    """Whether a record names no other ledger, which would end the run (exit 6) before the next line."""
    assert isinstance(record, dict)
    asked = record.get("asked")
    return not isinstance(asked, dict) or asked.get("ledger") in (ledger, None)


@pytest.mark.parametrize("when", [("--at", AT), (), ("--at", "-10m")], ids=["named", "live", "ago"])
@pytest.mark.parametrize("policy", ["smoke", "above"])
def test_no_field_of_a_record_can_be_changed_unseen(
    policy: str, when: tuple[str, ...], process: Interlock, interlock: Interlock, folder: Path, story: Path
) -> None:
    gates = folder / "gates"
    gates.mkdir()
    source = Path(__file__).resolve().parents[2] / "policies" / "smoke.yaml"
    (gates / "awake.yaml").write_text(source.read_text("utf-8").replace("policy: smoke", "policy: awake"), "utf-8")
    (folder / "above.yaml").write_text(ABOVE, "utf-8")
    asked = ("--task", TASK, "--ledger", "story.db", *when, "--decision-log", "log.ndjson")
    mine = ("./above.yaml", "--policy-dir", "gates", "--param", "extra=2m") if policy == "above" else ("smoke",)
    assert process("eval", *mine, *asked).code in (0, 3, 4)
    (true,) = lines()
    text = Path("log.ndjson").read_text("utf-8").strip()
    changed = [(where, json.dumps(each)) for where, each in mutations(true) if readable(each, true["asked"]["ledger"])]
    forgeries = [*changed, *duplicates(text, true)]
    # The decision is the same with a little more skew: that is a true record of another question.
    forgeries = [each for each in forgeries if each[0] != ".asked.max_skew as 6s"]
    assert len(forgeries) > 100
    reordered = json.dumps(dict(reversed(true.items())), indent=None)
    Path("log.ndjson").write_text("\n".join([reordered, *(line for _, line in forgeries), ""]), "utf-8")
    _, found = verified(interlock)
    assert len(found) == 1 + len(forgeries)
    assert found[0]["outcome"] == "same", "neither the order of keys nor white space is a change"
    unseen = [where for (where, _), each in zip(forgeries, found[1:], strict=True) if each["outcome"] == "same"]
    assert unseen == []


@pytest.mark.parametrize("place", ["story.dbx", "/unheard-of.db", "", "empty.db"])
def test_a_record_of_another_ledger_is_not_the_same(
    place: str, process: Interlock, interlock: Interlock, folder: Path, story: Path
) -> None:
    process("eval", "smoke", "--task", TASK, "--ledger", "story.db", "--at", AT, "--decision-log", "log.ndjson")
    (true,) = lines()
    true["asked"]["ledger"] = str(folder / place) if place[:1] != "/" else place
    Path("empty.db").touch()
    Path("log.ndjson").write_text(json.dumps(true) + "\n", "utf-8")
    assert interlock("verify-decision", "log.ndjson").code in (3, 4, 6)
    assert interlock("verify-decision", "log.ndjson", "--ledger", "story.db").code == 3, "two places are named"


def test_a_record_that_is_repeated_is_not_judged_twice(process: Interlock, interlock: Interlock, story: Path) -> None:
    process("eval", "smoke", "--task", TASK, "--ledger", "story.db", "--at", AT, "--decision-log", "log.ndjson")
    (true,) = lines()
    Path("log.ndjson").write_text(json.dumps(true) + "\n\n" + json.dumps(true, indent=None, sort_keys=True) + "\n")
    code, found = verified(interlock)
    assert (code, [each["outcome"] for each in found]) == (4, ["same", "unjudged"])
    assert found[1]["why"] == "it repeats line 1: one decision is recorded twice"


# -- an old head


def truncated(story: Path, last: int) -> None:
    """Take away what the ledger had after a receipt: a whole ledger, but as it was."""
    change(story, ("DELETE FROM telemetry_events WHERE rowid > ?", (last,)))


def test_a_head_that_is_older_than_the_ledger_was_hides_no_receipt(
    process: Interlock, interlock: Interlock, folder: Path, story: Path
) -> None:
    whole = shutil.copy(story, folder / "whole.db")
    at = "2026-06-22T09:34:00Z"
    stop = "INSERT INTO telemetry_events SELECT 'stop', NULL, task_id, '2026-06-22T09:32:00Z', actor,"
    stop += " 'app_autopilot_stopped', severity, summary, correlation_json, '{}' FROM telemetry_events"
    change(Path(whole), (f"{stop} WHERE event_type = 'app_autopilot_started'", ()))
    asked = ("readiness", "loop", "--task", TASK, "--ledger", "story.db", "--at", at, "--decision-log", "log.ndjson")
    process("eval", *asked)  # the ledger before the stop, under the path of the ledger that has it
    shutil.copy(whole, story)
    code, found = verified(interlock)
    assert code == 3
    for each, record in zip(found, lines(), strict=True):
        assert each["outcome"] == "different"
        assert each["changes"] == [{"field": "head", "before": record["head"], "after": "stop"}]
        assert "the ledger had 1 receipt (app_autopilot_stopped `stop`) by then" in each["notes"][0]


@pytest.mark.parametrize(
    ("stamp", "kind", "code"),
    [
        ("2026-06-22T09:33:54Z", "command_created", 3),  # long before: it was there
        ("2026-06-22T09:33:58Z", "command_created", 0),  # just before: it may have been written a moment later
        ("2026-06-22T09:33:58Z", "app_autopilot_stopped", 4),  # as that, but it matters
        ("2026-06-22T09:34:00Z", "app_autopilot_stopped", 4),
        ("2026-06-22T09:34:01Z", "app_autopilot_stopped", 0),
        ("yesterday", "app_autopilot_stopped", 4),  # it may have been there, and matters
        ("yesterday", "unheard_of", 0),
    ],
)
def test_a_receipt_that_may_have_been_there_matters_where_it_decides_otherwise(
    stamp: str, kind: str, code: int, process: Interlock, interlock: Interlock, story: Path
) -> None:
    at = "2026-06-22T09:34:00Z"
    process("eval", "readiness", "--task", TASK, "--ledger", "story.db", "--at", at, "--decision-log", "log.ndjson")
    late = "INSERT INTO telemetry_events SELECT 'late', NULL, task_id, ?, actor, ?, severity, summary,"
    late += " correlation_json, '{}' FROM telemetry_events WHERE event_type = 'app_autopilot_started'"
    change(story, (late, (stamp, kind)))
    got, (found,) = verified(interlock)
    assert got == code, found
    assert bool(found["notes"]) is not stamp.endswith("01Z")
    assert {**found["decision"], "ledger": None} == {**lines()[0]["decision"], "ledger": None}


# -- which policy judges


def test_an_allow_all_policy_under_the_id_of_a_shipped_one_judges_nothing(
    process: Interlock, interlock: Interlock, folder: Path, story: Path
) -> None:
    (folder / "evil").mkdir()
    evil = folder / "evil" / "smoke.yaml"
    evil.write_text(ALWAYS.format(id="smoke"), "utf-8")
    asked = ("--task", TASK, "--ledger", "story.db", "--at", AT, "--decision-log", "log.ndjson")
    assert process("eval", str(evil), *asked).code == 0
    code, (found,) = verified(interlock)
    assert (code, found["outcome"]) == (4, "unjudged")
    assert f"`{evil}` is not the policy `smoke` that ships with interlock" in found["why"]
    assert verified(interlock, "--policy-dir", "evil")[0] == 0, "who verifies says that it may"
    process("lock", "smoke")
    code, (found,) = verified(interlock, "--lock", "interlock.lock")
    assert (code, "`smoke` does not match the lock" in found["why"]) == (4, True)


def test_the_report_says_which_file_judged_and_whether_a_lock_held_it(
    process: Interlock, interlock: Interlock, folder: Path, story: Path
) -> None:
    mine = folder / "mine.yaml"
    mine.write_text(ALWAYS.format(id="mine"), "utf-8")
    asked = ("--task", TASK, "--ledger", "story.db", "--at", AT, "--decision-log", "log.ndjson")
    process("eval", "./mine.yaml", *asked)
    ran = interlock("verify-decision", "log.ndjson")
    assert (ran.code, ran.out.splitlines()[-1]) == (0, f"judged by mine: {mine}, not held by a lock")
    process("lock", "smoke")
    code, (found,) = verified(interlock, "--locked")
    assert (code, found["outcome"], "`mine` is not locked" in found["why"]) == (4, "unjudged", True)
    process("lock", "./mine.yaml")
    ran = interlock("verify-decision", "log.ndjson", "--locked")
    assert (ran.code, ran.out.splitlines()[-1]) == (0, f"judged by mine: {mine}, held by interlock.lock")


def test_a_needed_policy_of_the_log_is_held_to_the_lock_too(
    process: Interlock, interlock: Interlock, folder: Path, story: Path
) -> None:
    for name in ("gates", "evil"):
        (folder / name).mkdir()
        (folder / name / "awake.yaml").write_text(ALWAYS.format(id="awake") + f"# {name}\n", "utf-8")
    (folder / "above.yaml").write_text(ABOVE, "utf-8")
    asked = ("--task", TASK, "--ledger", "story.db", "--at", AT, "--decision-log", "log.ndjson")
    process("lock", "./above.yaml", "--policy-dir", "gates")
    process("eval", "./above.yaml", "--policy-dir", "evil", *asked)
    code, (found,) = verified(interlock)
    assert (code, found["policies"]["awake"]) == (0, str(folder / "evil" / "awake.yaml"))
    code, (found,) = verified(interlock, "--locked")
    assert (code, "`awake` does not match the lock" in found["why"]) == (4, True)


@pytest.mark.usefixtures("own_cache")
def test_a_cache_that_was_tampered_with_proves_no_record(process: Interlock, interlock: Interlock, story: Path) -> None:
    plant("smoke", forged("smoke"))
    asked = ("smoke", "--task", TASK, "--ledger", "story.db", "--at", AT, "--decision-log", "log.ndjson")
    assert process("eval", *asked).code == 0, "the forgery tests nothing"
    assert verified(interlock)[0] == 3
