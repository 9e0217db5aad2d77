"""Comparing over one ledger of a fleet, here and not in a process of its own."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from interlock.analysis.diff import answer
from interlock.analysis.fleet import Member
from interlock.analysis.fleet.work import Job, Refused, perform
from interlock.analysis.fleet_diff import ComparedFleet
from interlock.model.fleet import Fault
from interlock.model.fleet_diff import Compared
from interlock.request import Request, Session

ENDS = ("2026-06-22T09:16:00Z", "2026-06-22T09:20:00Z")
GATE = """\
policy: gate
version: 1
question: Is it so?
decide:
  - {state: %s, allow: %s}
"""


@pytest.fixture
def request_(tmp_path: Path) -> Request:
    """Two versions of a gate, of which only the new one allows."""
    for name, decided in (("old", ("shut", "false")), ("new", ("open", "true"))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "gate.yaml").write_text(GATE % decided, "utf-8")
    return Request(policies=tuple(str(tmp_path / name / "gate.yaml") for name in ("old", "new")), beside_first=True)


def fleet_of(request: Request, *paths: Path) -> tuple[ComparedFleet, list[Job[Compared]]]:
    members = [Member(str(path), 1) for path in paths]
    with Session(request) as session:
        fleet = ComparedFleet(session, members, *ENDS)
    return fleet, fleet.jobs(members)


def test_a_ledger_is_compared_whole(request_: Request, story_path: Path) -> None:
    fleet, (job,) = fleet_of(request_, story_path)
    outcome = perform(job)
    assert isinstance(outcome, Compared)
    with Session(job.request) as session:
        assert outcome.comparison == answer(session, *ENDS)
    (softer,) = outcome.comparison.differences
    lines = fleet.lines()
    assert len(list(lines.add(outcome))) == 1
    found = lines.summary()
    assert found.softer == ((str(story_path), softer),)
    assert [each.policy.digest for each in session.policies] == [found.old.digest, found.new.digest]
    assert (found.end.since, found.end.until) == ENDS
    assert [each.differences for each in found.end.changes] == [1, 0, 0]


def test_what_cannot_be_compared_is_a_fault(
    request_: Request, story_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet, (gone, here) = fleet_of(request_, tmp_path / "gone.db", story_path)
    fault = perform(gone)
    assert isinstance(fault, Fault)
    assert "gone.db" in fault.why
    monkeypatch.setattr("interlock.analysis.fleet_diff.answer", lambda *_: 1 / 0)
    bug = perform(here)
    assert isinstance(bug, Fault)
    assert bug.why.startswith("a bug in interlock: ZeroDivisionError")
    assert bug.why.endswith("`interlock diff --all-tasks` of this ledger shows more")
    lines = fleet.lines()
    assert [msgspec.json.decode(line)["comparison"] for each in (bug, fault) for line in lines.add(each)] == [None] * 2
    found = lines.summary()
    assert found.faults == tuple(sorted((bug, fault), key=lambda each: each.path))
    assert (found.end.ledgers, found.end.faults, found.end.tasks) == (2, 2, 0)


def test_the_versions_are_compared_in_their_order(request_: Request, story_path: Path) -> None:
    _, (job,) = fleet_of(request_, story_path)
    turned = msgspec.structs.replace(job.request, policies=job.request.policies[::-1])
    assert isinstance(perform(Job(turned, job.path, job.terms, job.work)), Refused)


def test_what_they_need_is_the_same_wherever_it_is_read(request_: Request, story_path: Path, tmp_path: Path) -> None:
    above = GATE.replace("gate", "above") % ("open", "true") + "needs: {below: {policy: gate}}\n"
    for name in ("old", "new"):
        (tmp_path / name / "above.yaml").write_text(above, "utf-8")
    asked = request_.about([str(tmp_path / name / "above.yaml") for name in ("old", "new")], None, cached=False)
    _, (job,) = fleet_of(asked, story_path)
    old, new = (tmp_path / name / "gate.yaml" for name in ("old", "new"))
    texts = {str(old): new.read_text("utf-8"), str(new): old.read_text("utf-8")}
    turned = msgspec.structs.replace(job.request, texts=texts)
    assert isinstance(perform(Job(turned, job.path, job.terms, job.work)), Refused), "each needs what the other needed"
    assert isinstance(perform(job), Compared)
