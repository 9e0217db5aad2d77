"""A `required` selection that is empty ends the reading of facts: every command copes with the selections after it."""

from __future__ import annotations

from pathlib import Path

import pytest

import interlock
from interlock import api
from interlock.instant import SECOND, format_instant, parse_instant
from tests.helpers.ledgers import LedgerBuilder

NOW = "2026-06-11T12:10:00Z"
REQUIRED = "beat: {from: app_heartbeat, take: latest, required: no heartbeat}"
SELECTIONS = (
    "stop: {from: app_autopilot_stopped, take: latest}",
    "recent: {from: command_created, where: now - recent.at <= stop.at - recent.at, take: latest}",
    "late: {from: recent, where: 'now - late.at > duration(\"1h\") && late.at > stop.at', take: latest}",
)
RULES = """
rules:
  - {id: after, when: recent != null && late == null && stop == null, block: not yet}
decide:
  - {state: bad, when: blocked, allow: false}
  - {state: good, allow: true}
"""


@pytest.mark.parametrize("place", range(4))
def test_every_question_can_be_asked_wherever_the_empty_selection_stands(tmp_path: Path, place: int) -> None:
    written = [*SELECTIONS[:place], REQUIRED, *SELECTIONS[place:]]
    policy = tmp_path / "mine.yaml"
    facts = "".join(f"  {line}\n" for line in written)
    policy.write_text(f"policy: mine\nversion: 1\nquestion: Is it so?\nfacts:\n{facts}{RULES}")
    builder = LedgerBuilder(tmp_path / "ledger.db").task("demo").bind().receipt("command_created", at=NOW)
    ledger = interlock.open_ledger(builder.write())
    decision = interlock.evaluate(policy, ledger=ledger, task="demo", at=NOW)
    assert (decision.allow, decision.reason) == (None, "no heartbeat")
    assert api.facts(policy, ledger=ledger, task="demo", at=NOW)[1] == ("no heartbeat",)
    assert interlock.explain(policy, ledger=ledger, task="demo", at=NOW, every=True).reason == "no heartbeat"
    assert interlock.unblock(policy, ledger=ledger, task="demo", at=NOW).reason == "no heartbeat"
    since = format_instant(parse_instant(NOW) - SECOND)
    history = interlock.replay([policy], ledger=ledger, task="demo", since=since, until=NOW)
    assert history.lanes[0].intervals[0].reason == "no heartbeat"
