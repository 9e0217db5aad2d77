"""The files that reports are written to, and what reports take from a policy's text."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import pytest

from interlock.cli import reports
from interlock.diagnostics import UsageError
from interlock.policy.library import Library
from interlock.reporting import PolicyView, RuleView

POLICY = """\
# which is not a first line
policy: awake
version: 1
question: Is somebody there?
facts:
  seat: {from: seat, per: role, take: latest, required: Nobody is there.}
rules:
  - id: silent
    for: [seat]
    when: false
    unless: seat.role == "worker"
    note: >-
      {seat.role} is
      silent
  - {id: seen, for: seat, derive: {there: {role: seat.role}}}
  - {id: alone, when: 'true', warn: Alone., fix: wait}
decide:
  - {state: fine, allow: true}
"""
SILENT = 'note: {seat.role} is silent\nfor: seat\nwhen: false\nunless: seat.role == "worker"'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "awake.yaml"
    found.write_text(POLICY, "utf-8")
    return found


def told(path: Path) -> PolicyView:
    """The only policy that is reported."""
    look = reports.informed([str(path)], Library())
    ((digest, found),) = look.asked.items()
    assert look.questions == {digest: "Is somebody there?"}
    return found


def test_rules_that_find_something_are_told_as_they_are_written(path: Path) -> None:
    assert told(path) == PolicyView(
        str(path),
        2,
        (
            RuleView("silent", 8, "note", "{seat.role} is silent", SILENT),
            RuleView("alone", 16, "warn", "Alone.", "warn: Alone.\nfix: wait\nwhen: true"),
        ),
    )


def test_a_path_is_told_from_where_the_reader_stands(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    assert told(path).path == "awake.yaml"
    monkeypatch.chdir(path.parent.parent)
    assert told(path).path == os.path.join(path.parent.name, "awake.yaml")
    (path.parent / "below").mkdir()
    monkeypatch.chdir(path.parent / "below")
    assert told(path).path == str(path)
    gone = path.parent / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert told(path).path == str(path)


@pytest.mark.parametrize(
    ("raised", "why"),
    [
        (UsageError("no such thing"), "no such thing"),
        (KeyboardInterrupt(), "it ended early: KeyboardInterrupt"),
        (RuntimeError("a bug"), "it ended early: RuntimeError"),
    ],
)
def test_a_run_that_ends_early_leaves_a_report_that_fails(raised: BaseException, why: str, tmp_path: Path) -> None:
    old, new, summary = (tmp_path / name for name in ("old", "new", "summary"))
    old.write_text("allowed\n", "utf-8")
    summary.write_text("an earlier step\n", "utf-8")
    found = [
        reports.Target("text", str(old)),
        reports.Target("text", str(new)),
        reports.Target("text", str(summary), append=True),
    ]

    def end() -> NoReturn:
        assert old.read_text("utf-8") == "error: the run did not end\n"  # where the process is killed, this stays
        assert not new.exists()
        raise raised

    with pytest.raises(type(raised)), reports.failing(found):
        end()
    assert old.read_text("utf-8") == new.read_text("utf-8") == f"error: {why}\n"
    assert summary.read_text("utf-8") == f"an earlier step\n\nerror: {why}\n"
