"""Decisions as Markdown, as GitHub shows it in a step's summary or a comment: a table, and what blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate

from interlock.escape import harmless
from interlock.model.decision import Decision, Finding
from interlock.reporting.outcomes import FAILED
from interlock.reporting.params import params_lines
from interlock.reporting.style import RenderContext
from interlock.reporting.text import failing_line, verdict_counts, verdict_with_waivers

_MARKS = re.compile(r"([\\`*_\[\]<>|~&#$!])")
_REFERENCES = re.compile(r"(?i)(?<=[@#!$~&%])(?=[\w/])|(?<=\bgh)(?=-\d)|(?<=:)(?=//)|(?<=\bwww)(?=\.)")
"""Where GitHub and GitLab would make a mention, a reference to an issue or a link of plain text, escaped or not."""


def render(decisions: Sequence[Decision], look: RenderContext) -> str:
    """A headline with the sum, a row a decision, and a section for each that is not simply allowed.

    What has more than `look.room` bytes is cut between two lines, and says so: GitHub shows none that is too large.
    """
    if not decisions:
        return ""
    total = verdict_counts(decisions, ("denied", "undecided", "allowed"))
    total += f"; {message}" if (message := failing_line(decisions, look)) else ""
    lines = [f"### interlock: {total}", "", "| verdict | policy | task | state |", "| --- | --- | --- | --- |"]
    lines += map(_row, decisions)
    if params := params_lines(decisions):
        lines += ["", *(f"- **params** {prose(line)}" for line in params)]
    for decision in decisions:
        lines += _section(decision, look)
    return _cut(lines, look.room)


def failure(message: str) -> str:
    """A headline, and why nothing was judged."""
    lines = "".join(f"- {prose(line)}\n" for line in message.splitlines() if line.strip())
    return f"### interlock: {FAILED}\n\n{lines}"


def _row(decision: Decision) -> str:
    state = "" if decision.allow is None else prose(decision.state)
    return f"| **{verdict_with_waivers(decision)}** | {prose(decision.policy)} | {prose(decision.task)} | {state} |"


def _section(decision: Decision, look: RenderContext) -> Iterator[str]:
    if decision.allow is True and not decision.findings:
        return
    state = "" if decision.allow is None else f": {prose(decision.state)}"
    yield from (
        "",
        f"#### {verdict_with_waivers(decision)}: {prose(decision.policy)}, task {prose(decision.task)}{state}",
        "",
    )
    if question := look.questions.get(decision.policy_digest):
        yield from (prose(" ".join(question.split())), "")
    yield from (f"- **why** {prose(reason)}" for reason in (decision.reason or "").splitlines())
    yield from _advised(decision, "")
    for finding in decision.findings:
        yield from _finding(finding)


def _finding(finding: Finding) -> Iterator[str]:
    label = "waived" if finding.waived else finding.severity
    yield f"- **{label}** {prose(finding.message)} ({_code(finding.rule)})"
    if finding.waived:
        yield f"  - {finding.severity} {prose(finding.waived.text)}"
    yield from _advised(finding, "  ")
    if finding.evidence:
        yield f"  - evidence: {', '.join(map(_code, finding.evidence))}"


def _advised(of: Decision | Finding, lead: str) -> Iterator[str]:
    """What to do, a bullet for each command and each hint."""
    yield from (f"{lead}- fix: {_code(command)}" for command in (of.fix or "").splitlines())
    yield from (f"{lead}- hint: {prose(hint)}" for hint in (of.hint or "").splitlines())


def prose(text: str) -> str:
    """A text escaped for Markdown, on one line, that mentions nobody and links to nothing."""
    return _REFERENCES.sub("<!-- -->", _MARKS.sub(r"\\\1", harmless(text.strip())))


def _code(text: str) -> str:
    """A text as code, between more backticks than it has in a row."""
    shown = harmless(text.strip()) or " "
    fence = "`" * (max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    return f"{fence} {shown} {fence}" if "`" in shown else f"{fence}{shown}{fence}"


def _cut(lines: Sequence[str], room: int) -> str:
    sizes = list(accumulate(len(line.encode()) + 1 for line in lines))
    if sizes[-1] <= room:
        return "".join(f"{line}\n" for line in lines)
    kept = sum(size <= room for size in sizes)
    while kept and sizes[kept - 1] + len(_left_out(len(lines), kept, room).encode()) > room:
        kept -= 1
    return "".join(f"{line}\n" for line in lines[:kept]) + _left_out(len(lines), kept, room)


def _left_out(count: int, kept: int, room: int) -> str:
    return f"\n**{count - kept:,} of {count:,} lines left out: there is room for {room:,} bytes**\n"
