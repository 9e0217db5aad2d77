"""Decisions about many tasks at a glance: a row a task, a column a policy."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from interlock.escape import harmless
from interlock.model.decision import Decision, verdict_word
from interlock.reporting.params import params_lines
from interlock.reporting.style import RenderContext, counted, display_width, distinct, lasting, padded
from interlock.reporting.text import VERDICT_COLOURS, failing_line, judged_alone, verdict_counts, verdict_with_waivers

_GAP = "  "


def render(decisions: Sequence[Decision], look: RenderContext) -> str:
    """The instant, the table, and the sum; without the table where there is no decision.

    The decisions come task by task, and each task has those of the same policies in the same order. Where a row is
    wider than the reader's terminal, each decision has a line of its own below its task.
    """
    if not decisions:
        return ""
    lines = [*table(decisions, look), "", verdict_counts(decisions, ("allowed", "denied", "undecided"))]
    if message := failing_line(decisions, look):
        lines.append(message)
    if not all(each.passes(look.fail_on) for each in decisions):
        lines.append("`--details` shows why")
    return "".join(f"{line}\n" for line in lines)


def table(decisions: Sequence[Decision], look: RenderContext) -> list[str]:
    """A line for the instant and the number of tasks, one a policy whose parameters were set, and the rows."""
    tasks = [(task, list(each)) for task, each in groupby(decisions, key=lambda each: each.task)]
    first = decisions[0]
    head = f"{counted(len(tasks), 'task')} at {first.now}{judged_alone(first)}"
    heads = [head, *(f"params {line}" for line in params_lines(decisions))]
    policies = distinct((each.policy, "") for each in tasks[0][1])
    names = [harmless(task) for task, _ in tasks]
    cells = [[_cell(each) for each in found] for _, found in tasks]
    columns = [["task", *names], *map(list, zip(policies, *cells, strict=True))]
    widths = [max(map(display_width, column)) for column in columns]
    if look.width and sum(widths) + len(_GAP) * (len(widths) - 1) > look.width:
        return [*heads, "", *_stacked(tasks, policies, look)]
    painted = [[*policies], *([_painted(each, look) for each in found] for _, found in tasks)]
    rows = [["task", *policies], *([name, *row] for name, row in zip(names, cells, strict=True))]
    lines = []
    for row, shown in zip(rows, painted, strict=True):
        cut = [padded(cell, width)[len(cell) :] for cell, width in zip(row, widths, strict=True)]
        lines.append(_GAP.join(text + blank for text, blank in zip([row[0], *shown], cut, strict=True)).rstrip())
    return [*heads, "", *lines]


def _stacked(tasks: Sequence[tuple[str, list[Decision]]], policies: Sequence[str], look: RenderContext) -> list[str]:
    wide = max(map(len, policies))
    lines = []
    for task, found in tasks:
        lines.append(harmless(task))
        lines += [
            f"{_GAP}{name:{wide}}{_GAP}{_painted(each, look)}" for name, each in zip(policies, found, strict=True)
        ]
    return lines


def _cell(decision: Decision) -> str:
    """The verdict, how many findings were waived or warn where it allows, and how long it lasts."""
    warned = sum(each.severity == "warn" and not each.waived for each in decision.findings)
    warns = f" ({counted(warned, 'warning')})" if decision.allow and warned else ""
    return " ".join(filter(None, [f"{verdict_with_waivers(decision)}{warns}", lasting(decision)]))


def _painted(decision: Decision, look: RenderContext) -> str:
    word = verdict_word(decision.allow)
    return look.paint(word, VERDICT_COLOURS[word]) + _cell(decision)[len(word) :]
