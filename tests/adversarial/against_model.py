"""Sound and corrupted ledgers, compared with the model."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random

import interlock
from tests.adversarial import files, model
from tests.adversarial.asking import POLICIES, Question, ask, differences, expected, question, questions, shown
from tests.adversarial.corrupting import Corruption, corrupt
from tests.adversarial.drawing import Drawn, draw
from tests.adversarial.model import When
from tests.adversarial.model.composed import identities
from tests.adversarial.trial import Trial

EACH = 12
"""How many questions are put to one ledger."""


def sound(random: Random, trial: Trial) -> None:
    """A sound ledger is decided exactly as the model decides it."""
    drawn, path = draw(random), trial.path()
    files.write(path, drawn.tables)
    book, ledger = model.load(path), interlock.open_ledger(path)
    for asked, _ in zip(questions(random, drawn), range(EACH), strict=False):
        decision = trial.decided(partial(ask, asked), ledger, "the ledger is sound", asked)
        texts = (asked.task[1], *asked.params.get("tasks", ()))
        ambiguous = any(len(identities(book, text)) > 1 for text in texts)
        if (decision is None) is not ambiguous:
            trial.failed("a name that may mean two tasks" if ambiguous else "a sound ledger is refused", asked)
        if decision is None or ambiguous:
            continue
        answer = model.decide(asked.policy, book, asked.task, asked.when, asked.params)
        for line in differences(decision, answer):
            trial.failed(f"{asked.policy}: {line.split(' ')[0]}", asked, line, decision.reason or "")
        if asked.when.live and decision.valid_until is not None:
            _lasts(trial, book, asked, decision)
    ledger.close()


def _lasts(trial: Trial, book: model.Book, asked: Question, decision: interlock.Decision) -> None:
    """A live decision holds for as long as it says, by the model's own word."""
    until = book.time(decision.valid_until)
    change = decision.next_change
    edges = [] if until is None else [(until - 1, decision.allow)]
    edges += [(until, change.allow)] if until is not None and change is not None else []
    for instant, allow in edges:
        later = Question(asked.policy, asked.task, When(instant, live=True), asked.params)
        answer = model.decide(later.policy, book, later.task, later.when, later.params)
        if allow not in answer.allow:
            told = f"valid until {decision.valid_until}: {shown(allow)} at {later.when.instant}"
            trial.failed(f"{asked.policy}: valid_until", asked, f"{told}, the model {set(answer.allow)}", answer.why)


def changed(random: Random, trial: Trial) -> None:
    """A ledger with one row corrupted allows only what some reading of its rows proves."""
    _corrupted(random, trial, add=False)


def added(random: Random, trial: Trial) -> None:
    """A corrupted row beside sound ones allows nothing that they do not prove."""
    _corrupted(random, trial, add=True)


def _corrupted(random: Random, trial: Trial, *, add: bool) -> None:
    drawn = draw(random)
    found = corrupt(random, drawn, add=add)
    path = trial.path()
    if found is None or not written(path, found):
        return
    ledger = trial.opened(path, found)
    alone = beside(trial, found) if add and found.invalid else None
    for asked in _near(random, drawn, found):
        decision = trial.decided(partial(ask, asked), ledger, found, asked)
        if decision is None or not decision.allow:
            continue
        answer = expected(asked, path)
        if True not in answer.allow:
            trial.failed(f"{asked.policy}: allowed", found, asked, answer.why, f"blocked by {answer.findings}")
        elif alone is not None and not ask(asked, alone).allow:
            trial.failed(f"{asked.policy}: allowed with it alone", found, asked)
    for each in (ledger, alone):
        if each is not None:
            each.close()


def _near(random: Random, drawn: Drawn, found: Corruption) -> Iterator[Question]:
    """Questions about the task of the row for the most part."""
    for _ in range(EACH):
        asked = question(random, drawn, random.choice(POLICIES))
        mine = [task for task in drawn.tasks if task[0] == found.row.get("task_id")]
        task = mine[0] if mine and random.random() < 0.9 else asked.task
        if not {text for _, text in drawn.tasks} & {identity for identity, _ in drawn.tasks}:
            yield Question(asked.policy, task, asked.when, asked.params)


def written(path: Path, found: Corruption) -> bool:
    """Whether the rows could be written: SQLite refuses a duplicate id."""
    try:
        files.write(path, found.tables)
    except files.Undo:
        return False
    return True


def beside(trial: Trial, found: Corruption) -> interlock.Ledger:
    """The ledger without the corrupted row."""
    path = trial.path()
    files.write(path, found.without())
    return interlock.open_ledger(path)
