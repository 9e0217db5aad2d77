"""The selections of policies for many tasks: each query is run once for all of them, not once a task.

For each task `Selecting` goes on as ever, step by step with the others: what it would ask of the ledger is there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from interlock.diagnostics import InterlockError
from interlock.evaluation.answers import Question, StoredRows, question
from interlock.evaluation.computing import computed
from interlock.evaluation.from_rows import NUMBERS
from interlock.evaluation.judge import Judge, Loaded
from interlock.evaluation.judged import closure, passed
from interlock.evaluation.select import Selecting
from interlock.language.evaluate import Environment
from interlock.ledger.rows import Row
from interlock.model.compiled import Query
from interlock.model.facts import Value
from interlock.schemas import ENTITIES


def prepare(judge: Judge, asked: Sequence[tuple[Loaded, Mapping[str, Value]]], tasks: Sequence[str]) -> None:
    """Run the selections of policies for tasks (by label), so that a judge has them when it decides.

    A task for which they cannot be run is left as it is: the judge then runs into what is wrong. Raises LedgerError.
    """
    judge.prepared.clear()
    judge.answers.forget()
    kinds = {kind for each in closure(loaded for loaded, _ in asked) for kind in each.reads}
    judge.snapshot.bulk.copy(kinds.difference(ENTITIES))
    for loaded, params in asked:
        _prepare(judge, loaded, dict.fromkeys(tasks, params))


def _prepare(judge: Judge, loaded: Loaded, given: Mapping[str, Mapping[str, Value]]) -> None:
    for need in loaded.policy.needs:
        if need.tasks is None:
            needed = loaded.needs[need.policy]
            known = ((task, Environment(judge.now, task, params, {})) for task, params in given.items())
            _prepare(judge, needed, {task: passed(need, needed.policy, each) for task, each in known})
    found = (judge.unselected(loaded, task, params) for task, params in given.items())
    waiting = {key: (run, run.steps(loaded.compiled)) for key, run in filter(None, found)}
    while waiting:
        wanted: dict[int, tuple[Query | None, list[Selecting]]] = {}
        for key, (run, steps) in list(waiting.items()):
            try:
                query = next(steps)
            except StopIteration as end:
                judge.prepared[key] = end.value
                del waiting[key]
            except InterlockError:
                del waiting[key]
            else:
                wanted.setdefault(id(query), (query, []))[1].append(run)
        for query, runs in wanted.values():
            if query is None:
                _undated(judge, str(loaded.compiled.undated), runs)
            else:
                _run(judge, loaded, query, runs)


def _undated(judge: Judge, sql: str, runs: Sequence[Selecting]) -> None:
    """Look for receipts without a time once, for every task of the ledger: hardly ever is there one."""
    if judge.snapshot.bulk.nothing(sql, runs[0].undated):
        for run in runs:
            judge.answers.give(question(sql, run.undated, None), [])


def _run(judge: Judge, loaded: Loaded, query: Query, runs: Sequence[Selecting]) -> None:
    """Run the SQL of a query for all that have no answer to it yet."""
    selection, every = loaded.policy.selection(query.selection), [run.binds(query) for run in runs]
    if selection is None:
        return
    groups = len(selection.per) if selection.take in NUMBERS else None
    found = _unanswered(judge, query.sql, query, every, groups=groups)
    rows = [row for each in found.values() for row in each if row.suspect >= 0]
    stored = groups is not None or not judge.snapshot.contradicted(rows)
    for key, each in found.items():
        judge.answers.give(key, StoredRows(each) if stored else each)
    if query.ahead and judge.live:
        for key, each in _unanswered(judge, query.ahead, query, every, suspects=False).items():
            judge.answers.give(key, each)


def _unanswered(
    judge: Judge,
    sql: str,
    query: Query,
    every: Sequence[Mapping[str, Any]],
    *,
    groups: int | None = None,
    suspects: bool = True,
) -> dict[Question, list[Row]]:
    """The rows for those values for which there is no answer yet, where one run for several of them gives them.

    SQL that reads nothing of the task has one answer for all of them.
    """
    if ":task" not in sql:
        return {}
    wanted = {key: each for each in every if not judge.answers.have(key := question(sql, each, query))}
    if len(wanted) < 2:
        return {}
    found = judge.snapshot.selected_of_each(
        sql, [*wanted.values()], groups=groups, suspects=suspects, computed=computed(query)
    )
    return {} if found is None else dict(zip(wanted, found, strict=True))
