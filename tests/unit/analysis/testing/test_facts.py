"""Facts in short form: what is filled in makes a valid fact of every kind, and the same one each time."""

from __future__ import annotations

from typing import Any

import pytest

from interlock import schemas
from interlock.analysis.testing.facts import CaseFacts, relative_times
from interlock.diagnostics import Source
from interlock.instant import parse_instant
from interlock.policy.check.issues import Report
from interlock.policy.parse import parse_yaml

NOW = parse_instant("2026-06-22T09:10:00Z")


def held(*facts: dict[str, Any], task: str = "demo") -> tuple[dict[str, Any], ...]:
    document, _ = parse_yaml(Source("here_test.yaml", "cases: []"))
    assert document is not None
    report = Report(document)
    found = CaseFacts(report, task, schemas.SHIPPED)
    found.add(list(facts), ("facts",), NOW)
    assert report.issues == []
    return found.all()


@pytest.mark.parametrize("kind", schemas.SHIPPED.kinds)
def test_a_fact_of_which_nothing_is_said_is_valid(kind: str) -> None:
    [fact] = held({kind: {}})
    assert schemas.fact_errors(schemas.SHIPPED, kind, fact) == ()
    assert (fact["kind"], fact["seq"], fact["task"], fact["at"]) == (kind, 1, "demo", "2026-06-22T09:10:00Z")
    assert fact["id"] == ("seat-manager" if kind == "seat" else f"{kind}-1")
    assert ("actor" in fact) is (kind not in schemas.ENTITIES)
    assert held({kind: {}}) == (fact,)


def test_what_is_filled_in() -> None:
    [seat, note, receipt, task] = held(
        {"seat": {"role": "worker"}},
        {"notification": {"at": "-1m", "role": "worker"}},
        {"app_smoke_receipt_recorded": {"at": "-2m", "payload": {"summary": "-90s"}}},
        {"task": {}},
    )
    assert (seat["id"], seat["binding_id"]) == ("seat-worker", "binding-1")
    assert "heartbeat_at" not in seat
    assert note["created_at"] == note["at"] == "2026-06-22T09:09:00Z"
    assert (note["correlation_id"], note["signal_type"]) == ("correlation-1", "signal_type")
    assert (receipt["at"], receipt["payload"]) == ("2026-06-22T09:08:00Z", {"summary": "-90s"})
    assert (receipt["smoke_id"], receipt["nonce"], receipt["status"]) == ("smoke-1", "nonce", "sent")
    assert (task["name"], task["seq"]) == ("demo", 4)


def test_ids_are_counted_by_kind_and_avoid_those_that_are_taken() -> None:
    found = held(
        {"binding": {"id": "binding-2", "state": "active"}},
        {"binding": {"state": "ended"}},
        {"binding": {"state": "ended"}},
        {"seat": {"role": "worker"}},
        {"seat": {"role": "worker", "task": "other"}},
    )
    assert [fact["id"] for fact in found] == ["binding-2", "binding-1", "binding-3", "seat-worker", "seat-worker-2"]


def test_a_raw_fact_is_taken_as_it_is() -> None:
    [fact] = held({"raw": {"kind": "seat", "role": "nobody", "heartbeat_at": "-90s", "at": "-1m"}})
    assert fact == {
        "kind": "seat",
        "id": "seat-nobody",
        "seq": 1,
        "task": "demo",
        "at": "-1m",
        "role": "nobody",
        "heartbeat_at": "-90s",
    }
    assert schemas.fact_errors(schemas.SHIPPED, "seat", fact) != ()


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("-90s", "2026-06-22T09:08:30Z"),
        ("0s", "2026-06-22T09:10:00Z"),
        ("1m", "2026-06-22T09:11:00Z"),
        ("+1us", "2026-06-22T09:10:00.000001Z"),
        ("-1h30m", "2026-06-22T07:40:00Z"),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("--1s", "--1s"),
        ("", ""),
        ("-", "-"),
    ],
)
def test_a_span_is_an_instant(text: str, instant: str) -> None:
    assert relative_times(NOW)(text) == instant
