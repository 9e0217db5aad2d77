"""Decisions as workflow commands of GitHub Actions, which shows them at the policy's lines.

https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from interlock.escape import harmless
from interlock.model.decision import Decision
from interlock.reporting.outcomes import FAILED, Problem, problems
from interlock.reporting.params import params_lines
from interlock.reporting.style import RenderContext

MAX_ANNOTATIONS = 10
"""How many annotations of one level GitHub shows of a step; it drops what comes after, without a word."""

_LEVELS = {"error": "error", "warning": "warning", "note": "notice"}
_MESSAGE = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY = _MESSAGE | {":": "%3A", ",": "%2C"}


def render(decisions: Sequence[Decision], look: RenderContext) -> str:
    """One command a line for each problem; of a level that has too many, the last says how many more there are."""
    found = [problem for decision in decisions for problem in problems(decision)]
    params = params_lines(decisions)
    lines = [workflow_command("notice", {"title": "interlock: parameters"}, "\n".join(params))] if params else []
    for level in _LEVELS:
        room = MAX_ANNOTATIONS - (level == "note" and bool(params))
        lines += _of_level([problem for problem in found if problem.level == level], look, room)
    return "".join(f"{line}\n" for line in lines)


def failure(message: str) -> str:
    """A command that says why nothing was judged."""
    return f"{workflow_command('error', {'title': f'interlock: {FAILED}'}, message)}\n"


def workflow_command(level: str, where: Mapping[str, object], message: str) -> str:
    """A workflow command: an annotation of a level, such as `error`, at a place, with a message of any text."""
    properties = ",".join(f"{name}={_escaped(str(value), _PROPERTY)}" for name, value in where.items())
    return f"::{level} {properties}::{_escaped(message, _MESSAGE)}"


def _of_level(found: Sequence[Problem], look: RenderContext, room: int) -> Iterator[str]:
    shown = found if len(found) <= room else found[: room - 1]
    yield from (_annotation(problem, look) for problem in shown)
    if more := len(found) - len(shown):
        yield workflow_command(_LEVELS[found[0].level], {"title": "interlock"}, f"and {more:,} more")


def _annotation(problem: Problem, look: RenderContext) -> str:
    decision = problem.decision
    place = look.place(decision.policy_digest, problem.rule)
    where: dict[str, object] = {"file": place[0], "line": place[1]} if place else {}
    waived = " (waived)" if problem.finding and problem.finding.waived else ""
    where["title"] = f"{decision.policy}: {problem.rule}{waived}" if problem.rule else decision.policy
    return workflow_command(_LEVELS[problem.level], where, problem.text)


def _escaped(text: str, special: Mapping[str, str]) -> str:
    return harmless(text.translate({ord(char): label for char, label in special.items()}))
