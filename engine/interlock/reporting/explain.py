"""Why a policy decided as it did: for a person at a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from interlock.escape import harmless
from interlock.model.decision import Severity, verdict_word
from interlock.model.explanation import (
    Cited,
    Combination,
    Explanation,
    HoldExplained,
    LineExplained,
    MissingFacts,
    NeedExplained,
    Part,
    RuleExplained,
)
from interlock.model.facts import Value
from interlock.reporting.params import params_text
from interlock.reporting.style import RenderContext, wrapped
from interlock.reporting.text import VERDICT_COLOURS

_MARGIN = 11
_NARROW = 40
_MORE = {"true": "green", "false": "red", "derive": "cyan", "decide": "cyan"}


_WEIGHT: dict[Severity | None, int] = {"block": 0, "warn": 1, "note": 2, None: 3}


def as_text(found: Explanation, look: RenderContext) -> str:
    """The verdict, why it is undecided, every rule with its cases, blockers first, and the lines of `decide`."""
    return "".join(f"{line}\n" for line in Page(look).whole(found))


def reasons(rules: Iterable[RuleExplained], decided: Iterable[LineExplained], look: RenderContext) -> Iterator[str]:
    """Some rules with their cases, and some lines of `decide`, as `as_text` reports them: lines of text."""
    page = Page(look)
    for rule in rules:
        yield from page.rule(rule)
    for number, line in enumerate(decided):
        yield from page.decided(line, "decide" if number == 0 else "")


class Page:
    """Lines of text, wrapped to the width of the look and coloured by it."""

    def __init__(self, look: RenderContext) -> None:
        self.look = look

    def whole(self, found: Explanation) -> Iterator[str]:
        """All of it."""
        yield from self.head(found)
        for rule in ordered(found.rules):
            yield from ("", *self.rule(rule))
        if found.lines:
            yield ""
            for number, line in enumerate(found.lines):
                yield from self.decided(line, "decide" if number == 0 else "")

    def head(self, found: Explanation) -> Iterator[str]:
        """The verdict, what was set, why it is undecided, what was needed and what was not found."""
        name = verdict_word(found.allow)
        state = "" if found.allow is None else f": {found.state}"
        yield from self.line(name, 0, f"{found.policy}  task {found.task} at {found.now}{state}", at=0)
        if params := params_text(found.params):
            yield from self.line("params", 0, params)
        for reason in (found.reason or "").splitlines():
            yield from self.line("why", 0, reason)
        for need in found.needs:
            yield from self.need(need)
        for sought in found.sought:
            yield from self.line("", 0, _not_found(sought))

    def need(self, need: NeedExplained) -> Iterator[str]:
        """A needed decision."""
        message = f"{need.name}: {need.policy} is {verdict_word(need.allow)} for task {need.task} ({need.state})"
        yield from self.line("", 0, f"{message}; for details run `interlock explain {need.policy}` for that task")

    def rule(self, rule: RuleExplained) -> Iterator[str]:
        """A rule with its condition as written, and its cases."""
        yield from self.fired(rule)
        for clause in rule.clauses:
            yield from self.line("", 0, f"{clause.word}: {clause.text}" + (" (of every rule)" * clause.everywhere))
        for case in rule.cases:
            yield from self.case(case)
        yield from self.more(rule, len(rule.cases))

    def fired(self, rule: RuleExplained) -> Iterator[str]:
        """How often a rule fired."""
        facts = "facts" if len(rule.ranges) == 1 else "combinations"
        over = f"for {rule.fired:,} of {rule.combinations:,} {facts} of {' and '.join(rule.ranges)}"
        fired = f"fired {over}" if rule.ranges else "fired" if rule.fired else "did not fire"
        derives = "" if rule.derives is None else f", deriving {rule.derives}"
        yield from self.line(rule.severity or "derive", 0, f"{rule.rule}: {fired}{derives}")

    def more(self, rule: RuleExplained, shown: int) -> Iterator[str]:
        """How many cases there are beyond those that are shown."""
        total = rule.fired if all(case.fired for case in rule.cases) else rule.combinations
        if total > shown:
            yield from self.line("", 1, f"and {total - shown:,} more")

    def case(self, case: Combination) -> Iterator[str]:
        """A rule at one combination of facts: whether it fired, its message, and each part of its condition."""
        over = ", ".join(map(_cited, case.facts))
        message = "fired" if case.fired else "did not fire"
        if over:
            yield from self.line("", 1, f"{message} for {over}")
        elif not case.fired:
            yield from self.line("", 1, message)
        if case.message is not None:
            yield from self.line("", 1, f'"{case.message}"')
        yield from self.hold(case.hold, 2)
        yield from self.parts(case.part, 2)

    def decided(self, line: LineExplained, label: str) -> Iterator[str]:
        """A line of `decide`: whether it was taken, and why."""
        message = "taken" if line.taken else "passed over" if line.reached else "not reached"
        allows = "allows" if line.allow else "denies"
        yield from self.line(label, 0, f"{line.state} ({allows}): {message}")
        yield from self.hold(line.hold, 1)
        if line.part is not None:
            yield from self.part(line.part, 1)

    def hold(self, hold: HoldExplained | None, depth: int) -> Iterator[str]:
        """For how long it must hold, and since when it has."""
        if hold is not None:
            since = f"has held since {hold.since}" if hold.since is not None else "does not hold"
            yield from self.line("", depth, f"must hold for {hold.least}: {since}")

    def parts(self, part: Part, depth: int) -> Iterator[str]:
        """The conditions that must all hold, each by itself; their results are reported elsewhere."""
        conjoined = part.parts if part.op == "&&" else (part,)
        for each in conjoined:
            yield from self.part(each, depth)

    def part(self, part: Part, depth: int) -> Iterator[str]:
        """A part of a condition, and the parts that it is made of below it."""
        yield from self.line("", depth, part.text, truth=part.holds)
        inner = part
        while inner.op == "!":  # what it is the opposite of says the same
            inner = inner.parts[0]
        yield from self.met(inner, depth + 1)
        for each in inner.parts:
            yield from self.part(each, depth + 1)

    def met(self, part: Part, depth: int) -> Iterator[str]:
        """What a part met: values, receipts, and what it looked for."""
        yield from self.values(part, depth)
        receipts = [receipt for receipt in part.receipts if receipt.id is not None]
        if receipts and part.looked_at is None:
            yield from self.line("", depth, f"by {', '.join(map(_cited, receipts))}")
        for sought in part.sought:
            yield from self.line("", depth, _not_found(sought))
        for looked in part.among:
            message = "nearest" if part.sought else "found" if looked.part.holds else "but not for"
            yield from self.line("", depth, f"{message} {_cited(looked.fact)}")
            for each in () if looked.part.holds else _failing(looked.part):
                yield from self.part(each, depth + 1)
        if part.found is not None and part.found > len(part.among):
            yield from self.line("", depth, f"and {part.found - len(part.among):,} more")

    def values(self, part: Part, depth: int) -> Iterator[str]:
        """The values that a part met."""
        if part.reads:
            yield from self.line("", depth, ", ".join(f"{read.name} = {_value(read.value)}" for read in part.reads))

    def line(self, label: str, depth: int, text: str, *, truth: bool | None = None, at: int = 2) -> Iterator[str]:
        """A text after its label or truth, wrapped with what follows indented below it."""
        word = "" if truth is None else "true" if truth else "false"
        lead = " " * (_MARGIN + 2 * depth)
        hang = lead + " " * (7 if word else 0)
        width = max(self.look.width, len(hang) + _NARROW) if self.look.width else 1 << 30
        first, *rest = wrapped(harmless(text), width, hang, hang if label else f"{hang}  ")
        if word:
            first = f"{lead}{self.look.paint(word, _MORE[word])}{' ' * (7 - len(word))}{first[len(hang) :]}"
        if label:
            colour = {**VERDICT_COLOURS, **_MORE}[label]
            first = f"{' ' * at}{self.look.paint(label, colour)}{' ' * (_MARGIN - at - len(label))}{first[_MARGIN:]}"
        yield first
        yield from rest


def ordered(rules: Iterable[RuleExplained]) -> list[RuleExplained]:
    """The rules, blockers first; of each severity those that fired first."""
    return sorted(rules, key=lambda each: (_WEIGHT[each.severity], each.fired == 0))


def _failing(part: Part) -> tuple[Part, ...]:
    """What a condition fails for: all of it, unless it is a conjunction."""
    return tuple(each for each in part.parts if not each.holds) if part.op == "&&" else (part,)


def _cited(receipt: Cited) -> str:
    if receipt.absent is not None:
        return f"{receipt.kind} of {receipt.absent}, of which there is none"
    if receipt.id is None:
        return receipt.kind
    return f"{receipt.kind} {receipt.id}" + (f" ({receipt.at})" if receipt.at else "")


def _not_found(sought: MissingFacts) -> str:
    asked = " && ".join(text for text in (sought.where, sought.condition) if text)
    where = f" where {asked}" if asked else ""
    return f"not found: {sought.of}{where}; {sought.selection} has {sought.facts:,} facts".replace(
        " 1 facts", " 1 fact"
    )


def _value(value: Value) -> str:
    if value is None:
        return "null"
    if isinstance(value, tuple):
        return ", ".join(map(_value, value)) or "[]"
    return str(value).lower() if isinstance(value, bool) else str(value)
