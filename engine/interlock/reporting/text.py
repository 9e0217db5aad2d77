"""Decisions for a person at a terminal: the verdict, what blocks, and how to fix each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from interlock.escape import harmless
from interlock.model.decision import Decision, Finding, VerdictName, verdict_word
from interlock.reporting.params import params_lines, params_text
from interlock.reporting.style import Paint, RenderContext, validity, wrapped

VERDICT_COLOURS = {
    "allowed": "green",
    "denied": "red",
    "undecided": "yellow",
    "block": "red",
    "warn": "yellow",
    "note": "cyan",
    "waived": "magenta",
    "why": "yellow",
    "params": "magenta",
}
"""What colour a verdict, or the label of a line, has."""
_MARGIN = 11
"""The columns of the left margin, for the verdicts and the labels of findings."""


def render(decisions: Sequence[Decision], look: RenderContext) -> str:
    """A headline a decision, beneath it every finding and its fix, or why it is undecided; at the end the sum.

    Over several tasks the questions are left out, and a decision without findings is one line. Where warnings fail who
    asked, the last line says of how many decisions they do.
    """
    wide = max((len(decision.policy) for decision in decisions), default=0)
    compact = len({decision.task for decision in decisions}) > 1
    blocks = ["".join(f"{line}\n" for line in _lines(decision, look, wide, compact)) for decision in decisions]
    if len(decisions) > 1:
        total = verdict_counts(decisions, ("allowed", "denied", "undecided"))
        blocks.append(f"\n{total}\n" if compact else f"{total}\n")
    if compact:
        blocks += [f"params {line}\n" for line in params_lines(decisions)]
    if message := failing_line(decisions, look):
        blocks.append(f"{message}\n")
    return ("" if compact else "\n").join(blocks)


def failure(message: str) -> str:
    """That nothing was judged, and why."""
    return f"error: {harmless(message, keep=chr(10))}\n"


def verdict_counts(decisions: Sequence[Decision], order: Iterable[VerdictName]) -> str:
    """How many decisions have which verdict, and how many of those that allow do so with waivers."""
    counts = Counter(verdict_word(decision.allow) for decision in decisions)
    waived = sum(decision.allow is True and decision.waived > 0 for decision in decisions)
    suffixes = {"allowed": f" ({waived:,} with waivers)"} if waived else {}
    return ", ".join(f"{counts[name]:,} {name}{suffixes.get(name, '')}" for name in order if counts[name])


def verdict_with_waivers(decision: Decision) -> str:
    """The verdict, and of one that findings were waived for, how many."""
    return verdict_word(decision.allow) + (f" (waived: {decision.waived})" if decision.waived else "")


def judged_alone(decision: Decision) -> str:
    """What is to be said where one evaluator alone has judged."""
    return "" if decision.engine == "both" else f" (judged by {decision.engine} alone)"


def failing_line(decisions: Sequence[Decision], look: RenderContext) -> str:
    """What is to be said of decisions that allow and fail all the same, for their warnings; empty if there are none."""
    count = sum(decision.allow is True and not decision.passes(look.fail_on) for decision in decisions)
    return f"failed by --fail-on warn: {count} allowed with warnings" if count else ""


def _lines(decision: Decision, look: RenderContext, wide: int, compact: bool) -> Iterator[str]:
    name = verdict_word(decision.allow)
    state = "" if decision.allow is None else f": {harmless(decision.state)}"
    waived = f" (waived: {decision.waived})" if decision.waived else ""
    subject = f"{decision.policy:{wide}}  task {harmless(decision.task)} at {decision.now}"
    yield from _wrapped(name, f"{subject}{state}{waived}{judged_alone(decision)}", look)
    question = look.questions.get(decision.policy_digest)
    if question and not compact:
        yield from _wrapped("", " ".join(question.split()), look)
    if (params := params_text(decision.params)) and not compact:
        yield from _wrapped("  params", params, look)
    if (lasts := validity(decision)) and not compact:
        yield from _wrapped("", lasts, look)
    for reason in (decision.reason or "").splitlines():
        yield from _wrapped("  why", reason, look)
    yield from advised(decision, look)
    for finding in decision.findings:
        yield from _finding(finding, look)


def _finding(finding: Finding, look: RenderContext) -> Iterator[str]:
    yield from _wrapped("  waived" if finding.waived else f"  {finding.severity}", finding.message, look)
    if finding.waived:
        yield from _wrapped("", f"{finding.severity} {finding.waived.text}", look)
    yield from advised(finding, look)


def advised(of: Decision | Finding, look: RenderContext) -> Iterator[str]:
    """What to do. A command is never wrapped, and alone on its line: that is copied and run."""
    commands = (of.fix or "").splitlines()
    yield from [f"{'':{_MARGIN}}fix:"] if commands else []
    yield from (f"{'':{_MARGIN}}{harmless(command)}" for command in commands)
    for hint in (of.hint or "").splitlines():
        yield from _wrapped("", f"hint: {hint}", look)


def _wrapped(label: str, prose: str, look: RenderContext) -> Iterator[str]:
    """A text beside its label, wrapped to the reader's width between words."""
    width = max(20 + _MARGIN, look.width) if look.width else None
    lines = wrapped(harmless(prose.strip()), width, " " * _MARGIN, " " * _MARGIN)
    yield _left(label, look) + next(lines)[_MARGIN:]
    yield from lines


def _left(label: str, look: RenderContext) -> str:
    name = label.strip()
    shown = label.replace(name, look.paint(name, VERDICT_COLOURS[name])) if name else ""
    return shown + " " * (_MARGIN - len(label))


def line(before: Decision | None, after: Decision, paint: Paint, wide: int) -> str:
    """The line, without its end. `wide` is the length of the longest policy's id; the time is cut to the second."""
    message = verdict_word(after.allow)
    moved = before is not None and before.state != after.state
    state = f"{before.state} -> {after.state}" if before is not None and moved else after.state
    reasons, found = (after.reason or "").splitlines(), [finding.message for finding in after.findings]
    messages = reasons or found if after.allow is None else found or reasons
    first = harmless(messages[0]) if messages else ""
    verdicts = paint(f"{message:9}", VERDICT_COLOURS[message])
    return f"{after.now[11:19]}Z  {after.policy:{wide}}  {verdicts}  {harmless(state):34}  {first}".rstrip()
