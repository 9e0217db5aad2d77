"""How a report looks where it is read, and what it may know of the policies that it tells of."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from interlock.model.decision import FailOn, Severity


def plain(text: str, _: str) -> str:
    """The text without a colour."""
    return text


class AskedRule(msgspec.Struct, frozen=True):
    """A rule that makes findings: its id, its line (counted from 1), its message and all it says, as written."""

    id: str
    line: int
    severity: Severity
    message: str
    help: str


class Asked(msgspec.Struct, frozen=True):
    """A policy that was judged by: its file's path as a reader knows it, its own line, and its rules in order."""

    path: str
    line: int
    rules: tuple[AskedRule, ...] = ()


class Look(msgspec.Struct, frozen=True):
    """What a report may know of its reader, and of the policies that it tells of.

    `paint(text, colour)` colours a text. `width` is the number of columns that prose is wrapped to; without it nothing
    is. `questions` has the question that a policy asks, by the policy's digest; `asked` has the policies themselves,
    likewise. `room` is the most bytes that a report may have where its reader takes no more. `fail_on` is what fails
    who asked: where warnings do, a report that knows failures has them for warnings too.
    """

    paint: Callable[[str, str], str] = plain
    width: int | None = None
    questions: dict[str, str] = {}
    asked: dict[str, Asked] = {}
    room: int = (1 << 20) - 1
    fail_on: FailOn = "block"

    def rules(self, digest: str) -> tuple[AskedRule, ...]:
        """The rules of a policy; none where the policy is not known."""
        return self.asked[digest].rules if digest in self.asked else ()

    def place(self, digest: str, rule: str | None) -> tuple[str, int] | None:
        """The file and line of a rule, or else of its policy; None where the policy is not known."""
        if digest not in self.asked:
            return None
        asked = self.asked[digest]
        return asked.path, next((each.line for each in asked.rules if each.id == rule), asked.line)
