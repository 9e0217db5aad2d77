"""The rules and lines in question of a failed step, each part of their conditions with its values, in lines of text."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from interlock.explanation import Case, Cited, Part, RuleExplained
from interlock.trial import StepResult


def why(step: StepResult) -> Iterator[str]:
    """Each rule that is in question, then the lines of `decide`, with what their conditions met."""
    for rule in step.rules:
        yield from _rule(rule)
    for line in step.lines:
        if line.reached:
            yield f"decide {line.state}: {'taken' if line.taken else 'passed over'}"
            yield from () if line.part is None else _part(line.part, 1)


def _rule(rule: RuleExplained) -> Iterator[str]:
    if not rule.cases:
        yield f"rule {rule.rule}: no fact of {' and '.join(rule.ranges)} to range over"
    for case in rule.cases:
        over = ", ".join(map(_cited, case.facts))
        yield f"rule {rule.rule}{f' for {over}' if over else ''}: {'fired' if case.fired else 'did not fire'}"
        yield from _condition(case)


def _condition(case: Case) -> Iterator[str]:
    """What must all hold, each by itself."""
    conjoined = " && ".join(part.text for part in case.part.parts) == case.part.text
    for part in case.part.parts if conjoined else (case.part,):
        yield from _part(part, 1)


def _part(part: Part, depth: int) -> Iterator[str]:
    read = ", ".join(f"{each.name} = {_value(each.value)}" for each in part.reads)
    looked = "" if part.looked_at is None else f"{part.found} of {part.looked_at} facts"
    told = f"  ({read or looked})" if read or looked else ""
    yield f"{'  ' * depth}{'true ' if part.holds else 'false'}  {part.text}{told}"
    for inner in part.parts:
        yield from _part(inner, depth + 1)


def _cited(fact: Cited) -> str:
    return fact.kind if fact.id is None else f"{fact.kind} {fact.id}"


def _value(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
