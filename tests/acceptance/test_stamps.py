"""Stamps of two precisions: one without a fraction of a second means some moment of its second."""

from __future__ import annotations

import itertools
import json
import operator
from collections.abc import Callable
from pathlib import Path

import pytest

import interlock
from interlock import schemas
from interlock.instant import latest_instant, parse_instant
from interlock.ledger import open_ledger
from interlock.ledger.export import Export
from tests.helpers.extents import extent_of
from tests.helpers.ledgers import LedgerBuilder

NOW = "2026-06-11T12:01:00Z"
SECOND = "2026-06-11T12:00:05"
STAMPS = ("04.999999Z", "05Z", "05.000Z", "05.142Z", "05.999999Z", "06Z", "06.000Z")


@pytest.mark.parametrize(
    ("text", "latest"),
    [
        ("05Z", "05.999999Z"),
        ("05+00:00", "05.999999Z"),
        ("05.000Z", "05.000Z"),
        ("05.142Z", "05.142Z"),
        ("05.142000001Z", "05.142Z"),
    ],
)
def test_the_last_instant_that_a_stamp_may_mean(text: str, latest: str) -> None:
    day = SECOND[:-2]
    assert latest_instant(day + text) == parse_instant(day + latest)


def session(path: Path, *, bound: str, opened: str, beat: str | None = None) -> LedgerBuilder:
    """A pair for which all but a heartbeat was recorded: what a script leaves behind that binds, and starts at once."""
    row = {"registered_at": bound, "last_heartbeat_at": beat or bound}
    builder = LedgerBuilder(path / "ledger.db").task("demo").bind(at=bound, manager=row, worker=row)
    smoke = {"smoke_id": "s", "nonce": "n"}
    started = {**smoke, "mode": "required", "scope": "pair", "worker_count": 1}
    builder.receipt("app_smoke_started", at=opened, attributes=started)
    for role, status in itertools.product(("manager", "worker"), ("sent", "received", "accepted")):
        receipt = {**smoke, "role": role, "status": status}
        builder.receipt("app_smoke_receipt_recorded", at="2026-06-11T12:00:20Z", actor=role, attributes=receipt)
    return builder


@pytest.mark.parametrize(("heartbeat", "opened"), [*itertools.product(STAMPS, STAMPS)])
def test_smoke_is_proved_only_where_the_heartbeat_is_not_before_the_session(
    tmp_path: Path, heartbeat: str, opened: str
) -> None:
    """Whatever moments the two stamps mean: equal whole seconds count, a fraction of the same second does not."""
    day = SECOND[:-2]
    first, last = (read(day + heartbeat) >= read(day + opened) for read in (parse_instant, latest_instant))
    builder = session(tmp_path, bound=f"{day}04Z", opened=day + opened, beat=day + heartbeat)
    path = builder.write()
    decision = interlock.evaluate("smoke", ledger=path, task="demo", at=NOW)
    assert decision.allow is (first and last), (heartbeat, opened)
    assert decision.outputs["worker"]["heartbeat_fresh"] is (first and last)
    moment = parse_instant(NOW)
    with open_ledger(path).snapshot(moment) as snapshot:
        feed = tmp_path / "feed.ndjson"
        feed.write_bytes(b"\n".join(Export(snapshot, moment, extent_of(["demo"], ["smoke"])).lines()))
    assert interlock.evaluate("smoke", ledger=feed, task="demo", at=NOW).allow is decision.allow


POLICY = """\
policy: probe
version: 1
question: Is it so?
facts:
  mark: {from: app_smoke_started, take: latest}
  seen: {from: command_created, where: CONDITION}
  all: {from: command_created}
rules:
  - {id: same, for: all, when: SAME, note: "{all.seq}"}
decide:
  - {state: done, allow: true}
outputs: {seen: seen.size()}
"""


OPERATORS = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


@pytest.mark.parametrize("op", OPERATORS)
def test_the_ledger_and_the_rules_compute_alike(tmp_path: Path, op: str) -> None:
    """A condition selects in SQL what it selects among facts: which of the stamps may lie after the mark, and must."""
    day = SECOND[:-2]
    builder = LedgerBuilder(tmp_path / "ledger.db").task("demo")
    started = {"smoke_id": "s", "nonce": "n", "mode": "required", "scope": "pair", "worker_count": 1}
    builder.receipt("app_smoke_started", at=f"{SECOND}Z", attributes=started)
    for stamp in STAMPS:
        builder.receipt("command_created", at=day + stamp)
    ledger = builder.write()
    mark = {"at": parse_instant(f"{SECOND}Z"), "at_latest": latest_instant(f"{SECOND}Z")}
    for own, other in itertools.product(mark, mark):
        policy = tmp_path / "probe.yaml"
        condition = f"seen.{own} {op} mark.{other}"
        policy.write_text(
            POLICY.replace("CONDITION", f"'{condition}'").replace("SAME", f"'{condition.replace('seen', 'all')}'")
        )
        decision = interlock.evaluate(policy, ledger=ledger, task="demo", at=NOW)
        assert decision.allow is True, decision.reason
        values: dict[str, Callable[[str], int]] = {"at": parse_instant, "at_latest": latest_instant}
        expected = [stamp for stamp in STAMPS if OPERATORS[op](values[own](day + stamp), mark[other])]
        assert decision.outputs["seen"] == len(decision.findings) == len(expected), condition


def test_a_computed_field_is_no_part_of_a_fact(tmp_path: Path) -> None:
    """It is not exported, not asked of a feed, and not taken from one: an attribute of that name changes nothing."""
    path = session(tmp_path, bound=f"{SECOND}.500Z", opened=f"{SECOND}Z").write()
    moment = parse_instant(NOW)
    with open_ledger(path).snapshot(moment) as snapshot:
        lines = list(Export(snapshot, moment, extent_of(["demo"], ["smoke"])).lines())
    computed = {
        name for kind in schemas.SHIPPED.kinds for name, spec in schemas.SHIPPED.fields(kind).items() if spec.latest_of
    }
    assert {"at_latest", "heartbeat_latest"} <= computed
    assert not any(f'"{name}"'.encode() in line for line in lines for name in computed)
    forged = [json.loads(line) for line in lines]
    for fact in forged:
        if fact["kind"] == "seat":
            fact["heartbeat_latest"] = "2026-06-11T12:00:59Z"
        if fact["kind"] == "app_smoke_started":
            fact["at_latest"] = "1999-01-01T00:00:00Z"
    feed = tmp_path / "feed.ndjson"
    feed.write_text("\n".join(json.dumps(fact) for fact in forged))
    decision = interlock.evaluate("smoke", ledger=feed, task="demo", at=NOW)
    assert [finding.rule for finding in decision.findings] == ["heartbeat-not-fresh", "heartbeat-not-fresh"]
