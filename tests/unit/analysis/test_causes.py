"""What made a decision another: the receipts without which it would not be, time alone, or something else."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from interlock.analysis.causes import MOST, moved, turning
from interlock.ledger.recorded import received
from interlock.model.decision import Decision
from interlock.request import Request, Session
from tests.helpers.ledgers import LedgerBuilder

POLICY = """\
policy: awake
version: 1
question: Have both beaten of late?
facts:
  manager: {from: app_heartbeat, where: manager.actor == "manager", take: latest}
  worker: {from: app_heartbeat, where: worker.actor == "worker", take: latest}
rules:
  - id: manager
    when: manager == null || now - manager.at > duration("5m")
    block: no manager
  - id: worker
    when: worker == null || now - worker.at > duration("5m")
    block: no worker
decide:
  - {state: asleep, when: blocked, allow: false}
  - {state: awake, allow: true}
"""


def session(folder: Path, builder: LedgerBuilder, at: str) -> Session:
    (folder / "awake.yaml").write_text(POLICY, "utf-8")
    return Session(Request(policies=(folder / "awake.yaml",), tasks=("demo",), ledger=builder.write(), at=at))


def beating(folder: Path, *beats: tuple[str, str], at: str = "2026-06-11T12:01:00Z") -> Session:
    (folder / "ledger.db").unlink(missing_ok=True)
    builder = LedgerBuilder(folder / "ledger.db").task("demo")
    for role, when in beats:
        builder = builder.heartbeat(role, at=f"2026-06-11T{when}Z")
    return session(folder, builder, at)


def before(asked: Session, seq: int) -> Decision:
    """The decision when the ledger held no more than up to a `seq`."""
    (policy,), (params,) = asked.policies, asked.arguments
    return asked.over(lambda snapshot: asked.judge(snapshot).decide(policy, "demo", params), head=seq)


@pytest.mark.parametrize(
    ("beats", "since", "blamed"),
    [
        ([("manager", "12:00:00"), ("worker", "12:00:30")], 1, [1]),
        ([("manager", "12:00:00"), ("worker", "12:00:30")], 0, [0, 1]),
        ([("manager", "12:00:00"), ("manager", "12:00:20"), ("worker", "12:00:30")], 1, [2]),
        ([("manager", "12:00:00"), ("worker", "12:00:30"), ("worker", "12:00:40")], 1, [1]),
    ],
)
def test_a_receipt_is_blamed_without_which_nothing_would_have_changed(
    beats: list[tuple[str, str]], since: int, blamed: list[int], tmp_path: Path
) -> None:
    with beating(tmp_path, *beats) as asked:
        (after,) = asked.decisions()
        found = moved(asked, before(asked, since), after)
        assert found is not None
        assert found.by == "receipts"
        ids = [identity for _, identity, _, _ in asked.over(lambda each: received(each, 0, 99, 99))]
        assert [ids.index(each.id) for each in found.receipts] == blamed


def test_time_alone(tmp_path: Path) -> None:
    beats = [("manager", "12:00:00"), ("worker", "12:00:30"), ("worker", "12:00:40")]
    with beating(tmp_path, *beats) as asked:
        (early,) = asked.decisions()
    with beating(tmp_path, *beats, at="2026-06-11T12:05:01Z") as asked:
        (late,) = asked.decisions()
        assert (early.allow, late.allow) == (True, False)
        assert str(moved(asked, early, late)) == "Moved(by='time', receipts=())"
        assert moved(asked, structs.replace(early, valid_until=None), late).by == "other"  # type: ignore[union-attr]
        assert moved(asked, structs.replace(early, policy_digest="sha256:1"), late).by == "policy"  # type: ignore[union-attr]


def test_too_many_receipts_are_not_tried(tmp_path: Path) -> None:
    with beating(tmp_path, *[("worker", f"12:00:{number % 60:02}") for number in range(MOST + 1)]) as asked:
        (after,) = asked.decisions()
        assert moved(asked, before(asked, 0), after) is None


def test_what_changes_nothing_turns_nothing() -> None:
    keys = {1: "a", 2: "b", 3: "b", 4: "a"}
    assert turning([(seq, f"r{seq}") for seq in keys], keys.__getitem__, "a") == ("r2", "r4")
