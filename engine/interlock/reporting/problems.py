"""What stands against decisions, one by one, as tools show it that know errors, warnings and notes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from interlock.model.decision import Decision, Finding
from interlock.reporting.text import verdict

Level = Literal["error", "warning", "note"]


class Problem(msgspec.Struct, frozen=True):
    """A finding of a decision; or, without one, that the decision itself does not allow."""

    decision: Decision
    level: Level
    message: str
    finding: Finding | None = None

    @property
    def rule(self) -> str | None:
        """The rule that found it."""
        return self.finding.rule if self.finding else None

    @property
    def told(self) -> str:
        """What is wrong with which task, and on lines of their own who waived it, and how to mend it."""
        told = f"task {self.decision.task}: {self.message}"
        if self.finding and self.finding.waived:
            told += f"\n{self.finding.waived.told}"
        return f"{told}\nfix: {self.finding.fix}" if self.finding and self.finding.fix else told


def problems(decision: Decision) -> Iterator[Problem]:
    """The problems of a decision. Unless it allows, at least one of them is an error."""
    found = [Problem(decision, _level(decision, each), each.message, each) for each in decision.findings]
    if decision.allow is not True and not any(each.level == "error" for each in found):
        yield Problem(decision, "error", why(decision))
    yield from found


def why(decision: Decision) -> str:
    """The verdict, and what it rests on: the reason of an undecided decision, the state of any other."""
    told = decision.reason if decision.allow is None else decision.state
    return f"{verdict(decision)}: {told}" if told else verdict(decision)


def _level(decision: Decision, finding: Finding) -> Level:
    """What blocks is an error, unless the decision allows all the same; what is waived is worth a note."""
    if finding.waived:
        return "note"
    if finding.severity == "block":
        return "warning" if decision.allow is True else "error"
    return "warning" if finding.severity == "warn" else "note"
