"""Why a policy decided as it did, on one screen: the blockers first, and what of their conditions holds."""

from __future__ import annotations

from collections.abc import Iterator

from interlock.model.explanation import Combination, Explanation, LineExplained, RuleExplained
from interlock.reporting.explain import Page, ordered
from interlock.reporting.style import RenderContext, counted

LINES = 24
"""The lines of a screen."""
_HEAD = 8
"""So many of them are for why it is undecided, and what was needed."""


def as_text(found: Explanation, look: RenderContext) -> str:
    """All that is known where it fits a screen; else each rule's first message, and why, as long as there is room."""
    page = _Summary(look)
    whole = list(page.whole(found))
    return "".join(f"{line}\n" for line in (whole if len(whole) <= LINES else page.lines(found)))


class _Summary(Page):
    """A page of at most so many lines."""

    def lines(self, found: Explanation) -> list[str]:
        """The head, the rules that there is room for, and the line of `decide` that was taken."""
        head = _cut(list(self.head(found)), _HEAD)
        end = ["", *self.taken(found.lines), "`--details` shows every part of each condition"]
        rules = ordered(found.rules)
        return [*head, *self.rules(rules, LINES - len(head) - len(end)), *end]

    def rules(self, rules: list[RuleExplained], room: int) -> list[str]:
        """As many rules as there is room for, and then as many reasons."""
        briefs: list[list[str]] = []
        left = room - 2  # an empty line before them, and what says how many more there are
        for rule in rules:
            brief = [*self.fired(rule), *self.said(rule)]
            if left < len(brief):
                break
            briefs.append(brief)
            left -= len(brief)
        for brief, rule in zip(briefs, rules, strict=False):
            proof = [line for case in rule.cases[:1] for line in self.proof(case)]
            if len(proof) <= left:
                brief += proof
                left -= len(proof)
        more = len(rules) - len(briefs)
        end = list(self.line("", 0, f"and {counted(more, 'more rule')}")) if more else []
        return ["", *(line for brief in briefs for line in brief), *end] if rules else []

    def said(self, rule: RuleExplained) -> Iterator[str]:
        """The message of the first case, and how many more there are."""
        for case in rule.cases[:1]:
            if case.message is not None:
                yield from self.line("", 1, f'"{case.message}"')
        yield from self.more(rule, 1)

    def proof(self, case: Combination) -> Iterator[str]:
        """Each part of the condition with the values that it met."""
        for part in case.part.parts if case.part.op == "&&" else (case.part,):
            yield from self.line("", 2, part.text, truth=part.holds)
            inner = part
            while inner.op == "!":
                inner = inner.parts[0]
            yield from self.values(inner, 3)

    def taken(self, lines: tuple[LineExplained, ...]) -> Iterator[str]:
        """The line of `decide` that holds."""
        for line in lines:
            if line.taken:
                yield from self.line("decide", 0, f"{line.state} ({'allows' if line.allow else 'denies'})")


def _cut(lines: list[str], most: int) -> list[str]:
    return lines if len(lines) <= most else [*lines[: most - 1], f"and {len(lines) - most + 1} more lines"]
