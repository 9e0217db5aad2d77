"""What an editor can write by itself does away with the issue that it is for."""

from __future__ import annotations

from pathlib import Path

import pytest

from interlock.analysis.editor.rename import applied
from interlock.analysis.editor.workshop import Workshop
from interlock.resources import data_folder

SMOKE = Path(data_folder("policies"), "smoke.yaml").read_text("utf-8")


MISSPELT = [
    ("seat.thread_id == null", "seat.thred_id == null", "E207"),
    ("seat\n    when: seat.thread_id", "seats\n    when: seat.thread_id", "E502"),
    ("from: app_smoke_receipt_recorded", "from: app_smoke_recept_recorded", "E101"),
    ("<= params.stale_after\n    block", "<= params.stale_aftr\n    block", "E206"),
    ("take: latest\n    required:\n      message: No", "tak: latest\n    required:\n      message: No", "E100"),
    ('p.status == "sent")\n    block', 'p.status == "sentt")\n    block', "E411"),
    ('smoke.mode == "skip"\n\nrules', 'smok.mode == "skip"\n\nrules', "E204"),
    ("payload.summary == null", "payload.sumary == null", "E207"),
    ("    when: seat.thread_id == null", "    when: thread_id == null", "E204"),
    ("params.stale_after\n    block", "stale_after\n    block", "E204"),
    ('exists(p, p.role == seat.role && p.status == "sent', 'exsts(p, p.role == seat.role && p.status == "sent', "E302"),
]
"""Parts of a shipped policy, each with a wrong text for it, and the code of that."""


@pytest.mark.parametrize(("right", "wrong", "code"), MISSPELT)
@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_a_fix_writes_what_was_meant(right: str, wrong: str, code: str, ends: str, tmp_path: Path) -> None:
    assert SMOKE.count(right) == 1, right
    path, text = str(tmp_path / "smoke.yaml"), SMOKE.replace(right, wrong).replace("\n", ends)
    workshop = Workshop()
    workshop.put(path, text)
    assert code in {issue.code for issue in workshop.issues(path)}
    found = [each for each in workshop.actions(path, 0, len(text)) if each.issue.code == code]
    assert len(found) == 1
    assert applied(text, [found[0].edit]) == SMOKE.replace("\n", ends)


def test_a_value_is_put_into_quotes(tmp_path: Path) -> None:
    path = str(tmp_path / "smoke.yaml")
    text = SMOKE.replace("question: May real work start?", "question: is it on: may it's work start?")
    workshop = Workshop()
    workshop.put(path, text)
    (found,) = workshop.actions(path, 0, len(text))
    assert found.title == "Quote the whole value"
    fixed = applied(text, [found.edit])
    assert "question: 'is it on: may it''s work start?'\n" in fixed
    workshop.put(path, fixed)
    assert workshop.issues(path) == ()


def test_nothing_is_offered_where_there_is_no_issue(tmp_path: Path) -> None:
    path, text = str(tmp_path / "smoke.yaml"), SMOKE.replace("seat.thread_id == null", "seat.thred_id == null")
    workshop = Workshop()
    workshop.put(path, text)
    assert workshop.actions(path, 0, 5) == []
    assert len(workshop.actions(path, text.index("thred"), text.index("thred"))) == 1
