"""Judging one ledger, here and not in a process of its own; the table of the result."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import msgspec
import pytest

from interlock.analysis.fleet import Member
from interlock.analysis.fleet.judging import Decisions, JudgedFleet
from interlock.analysis.fleet.work import Job, Refused, perform, unlike
from interlock.model.fleet import Fault, Judged
from interlock.request import Request, Session

AT = "2026-06-22T09:30:00Z"


def job(path: Path) -> tuple[Job[Judged], Decisions]:
    members = (Member(str(path), 1),)
    with Session(Request(policies=("smoke", "readiness"), at=AT, validity=False)) as session:
        fleet = JudgedFleet(session, members)
    (found,) = fleet.jobs(members)
    return found, fleet.lines()


def test_a_ledger_is_judged_whole(story_path: Path) -> None:
    asked, _ = job(story_path)
    outcome = perform(asked)
    assert isinstance(outcome, Judged)
    with Session(asked.request) as session:
        decisions = session.decisions()
    assert [each.decisions for each in outcome.counts] == [len(decisions) // 2] * 2
    assert outcome.lines.count(b"\n") == len(decisions)
    assert outcome.judged_at == AT


def test_what_cannot_be_judged_is_a_fault(tmp_path: Path) -> None:
    asked, _ = job(tmp_path / "gone.db")
    outcome = perform(asked)
    assert isinstance(outcome, Fault)
    assert "gone.db" in outcome.why


def test_a_bug_is_a_fault_too(story_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, _ = job(story_path)
    monkeypatch.setattr(Session, "decisions", lambda _: 1 / 0)
    outcome = perform(asked)
    assert isinstance(outcome, Fault)
    assert outcome.why.startswith("a bug in interlock: ZeroDivisionError")


def test_other_terms_are_refused(story_path: Path) -> None:
    asked, _ = job(story_path)
    other = msgspec.structs.replace(asked.terms, engine="reference")
    assert isinstance(perform(Job(asked.request, asked.path, other, asked.work)), Refused)
    assert unlike(asked.request, asked.terms) is None
    assert unlike(asked.request, other) is not None
    assert unlike(asked.request.about(("no-such-policy",), None), asked.terms) is not None


def test_a_table_of_it(story_path: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    from interlock.reporting.parquet import END, Parquet

    asked, lines = job(story_path)
    outcome = perform(asked)
    assert isinstance(outcome, Judged)
    file = BytesIO()
    table = Parquet(file)
    for each in (outcome, Fault("gone.db", "it is gone")):
        list(lines.add(each))
        table.add(each)
    table.end(lines.summary().end)
    found = parquet.read_table(BytesIO(file.getvalue())).to_pylist()
    assert [(row["policy"], row["fault"]) for row in found] == [
        ("smoke", None),
        ("readiness", None),
        (None, "it is gone"),
    ]
    metadata = parquet.read_metadata(BytesIO(file.getvalue())).metadata
    assert msgspec.json.decode(metadata[END])["faults"] == 1
