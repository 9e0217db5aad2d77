"""A ledger and what is exported of it are judged alike."""

from __future__ import annotations

from functools import partial
from random import Random

from click.testing import CliRunner

import interlock
from interlock.cli import main
from tests.adversarial import files
from tests.adversarial.asking import Question, ask, clock, questions
from tests.adversarial.drawing import NEARLY, Drawn, draw
from tests.adversarial.model import stamps
from tests.adversarial.trial import Trial

EACH = 6
"""How many questions are put to one ledger and to a feed of it."""


def feeds(random: Random, trial: Trial) -> None:
    """Each question is put to the ledger, and to a feed that was exported for the instant of the question."""
    drawn, path = draw(random), trial.path()
    files.write(path, drawn.tables)
    ledger = interlock.open_ledger(path)
    nearly = any(row["event_type"] in NEARLY for row in drawn.tables["telemetry_events"])
    for asked, _ in zip(questions(random, drawn), range(EACH), strict=False):
        if asked.policy == "worker-set" or not _there(drawn, asked):
            continue  # a feed knows tasks by their names alone, and none that was made later
        feed = _exported(trial, ledger, asked)
        one = trial.decided(partial(ask, asked), ledger, asked)
        if feed is None or one is None:
            continue
        other = trial.decided(partial(ask, asked), feed, asked, "in its feed")
        late = asked.when.live and other is not None and other.allow is None  # more may have been recorded since
        doubted = nearly and other is not None and other.allow is None  # the type of an event may mean that kind
        if other is None or (_told(one) != _told(other) and not (late or doubted)):
            trial.failed(f"{asked.policy}: a feed decides otherwise", asked, one, other)
        feed.close()
    ledger.close()


def _exported(trial: Trial, ledger: interlock.Ledger, asked: Question) -> interlock.Ledger | None:
    """The feed; None where the name means two tasks, and a failure for any other refusal."""
    at = [] if asked.when.live else ["--at", stamps.write(asked.when.instant, 6)]
    with clock(asked.when.instant):
        result = CliRunner().invoke(main, ["export", "--ledger", ledger.path, "--task", asked.task[1], *at])
    if result.exit_code == 0:
        path = trial.path(".ndjson")
        path.write_text(result.stdout, encoding="utf-8")
        return trial.opened(path, asked)
    if "task" not in result.stderr:
        trial.failed("a sound ledger is not exported", asked, result.stderr, result.exception)
    return None


def _there(drawn: Drawn, asked: Question) -> bool:
    """Whether the task was there already."""
    made = next(row["created_at"] for row in drawn.tables["tasks"] if row["id"] == asked.task[0])
    return asked.when.sees(stamps.read(made)) is True


def _told(decision: interlock.Decision) -> tuple[object, ...]:
    """What must be the same. How long it holds need not be: a ledger has what came later, a feed has not."""
    return decision.allow, decision.state, decision.reason, decision.findings, decision.outputs
