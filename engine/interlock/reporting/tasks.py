"""The tasks of a ledger for a person: a line each, and when something was recorded of it last."""

from __future__ import annotations

from collections.abc import Sequence

from interlock.model.tasks import TaskActivity
from interlock.reporting.style import RenderContext, since_text, table


def as_text(tasks: Sequence[TaskActivity], look: RenderContext) -> str:
    """A line for each task: its label, and when it was active last, and by what."""
    return table(map(_row, tasks), look.width)


def _row(task: TaskActivity) -> tuple[str, str, str]:
    if task.last is None:
        return task.task, "nothing was recorded", ""
    return task.task, since_text(task.last.at, task.now), task.last.kind
