"""NULL in a column that is declared NOT NULL, as damage or an older table may leave it there."""

from __future__ import annotations

from pathlib import Path

import pytest

import interlock
from tests.adversarial import files

AT = "2026-06-11T12:00:00Z"
TASK = {"id": "t", "name": "demo", "goal": "", "state": "managed", "created_at": AT, "updated_at": AT}
STOP = {
    "task_id": "t",
    "actor": "operator",
    "severity": "info",
    "summary": "",
    "event_type": "app_autopilot_stopped",
    "correlation_json": '{"dispatcher_id": "dispatch-local"}',
    "attributes_json": '{"dispatcher_id": "dispatch-local"}',
}
POLICY = """
policy: stops
version: 1
question: Was nothing stopped?
facts:
  stop: {from: app_autopilot_stopped, take: TAKE}
rules:
  - {id: stopped, when: stop.actor == "manager", block: It was.}
decide:
  - {state: stopped, when: blocked, allow: false}
  - {state: running, allow: true}
"""


@pytest.mark.parametrize("take", ["latest", "earliest"])
@pytest.mark.parametrize("other", [None, "yesterday"])
def test_a_receipt_without_a_time_is_invalid_and_hides_no_other(tmp_path: Path, take: str, other: str | None) -> None:
    times = {"none": None, "other": other or AT, "sound": AT}
    rows = [{**STOP, "id": name, "timestamp": at} for name, at in times.items()]
    files.write(tmp_path / "ledger.db", {"tasks": [TASK], "telemetry_events": rows})
    (tmp_path / "stops.yaml").write_text(POLICY.replace("TAKE", take))
    decision = interlock.evaluate(tmp_path / "stops.yaml", ledger=tmp_path / "ledger.db", task="demo", at=AT)
    assert decision.allow is None
    named = [name for name in ("none", "other", "sound") if f"`{name}` is invalid" in (decision.reason or "")]
    assert named == (["none", "other"] if other else ["none"])
