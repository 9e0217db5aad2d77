"""How a report looks where it is read, and what it may know of the policies that it is about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from interlock.escape import harmless
from interlock.instant import SECOND, parse_instant
from interlock.model.decision import Decision, FailOn, NextState, Severity, verdict_word

Paint = Callable[[str, str], str]
"""Colours a text: `paint(text, colour)`."""


def uncoloured(text: str, _: str) -> str:
    """The text without a colour."""
    return text


class RuleView(msgspec.Struct, frozen=True):
    """A rule that makes findings: its id, its line (counted from 1), its message and all it says, as written."""

    id: str
    line: int
    severity: Severity
    message: str
    help: str


class PolicyView(msgspec.Struct, frozen=True):
    """A policy that was judged by: its file's path as a reader knows it, its own line, and its rules in order."""

    path: str
    line: int
    rules: tuple[RuleView, ...] = ()


class RenderContext(msgspec.Struct, frozen=True):
    """What a report may know of its reader, and of the policies that it is about.

    `paint(text, colour)` colours a text. `width` is the number of columns that prose is wrapped to; without it nothing
    is. `questions` has the question that a policy asks, by the policy's digest; `asked` has the policies themselves,
    likewise. `room` is the most bytes that a report may have where its reader takes no more. `fail_on` is what fails
    the caller: where warnings do, a report that knows failures has them for warnings too. As an `overview`, text has
    no findings.
    """

    paint: Paint = uncoloured
    width: int | None = None
    questions: dict[str, str] = {}
    asked: dict[str, PolicyView] = {}
    room: int = (1 << 20) - 1
    fail_on: FailOn = "block"
    overview: bool = False

    def rules(self, digest: str) -> tuple[RuleView, ...]:
        """The rules of a policy; none where the policy is not known."""
        return self.asked[digest].rules if digest in self.asked else ()

    def path(self, digest: str) -> str:
        """The file of a policy; empty where the policy is not known."""
        return self.asked[digest].path if digest in self.asked else ""

    def place(self, digest: str, rule: str | None) -> tuple[str, int] | None:
        """The file and line of a rule, or else of its policy; None where the policy is not known."""
        if digest not in self.asked:
            return None
        asked = self.asked[digest]
        return asked.path, next((each.line for each in asked.rules if each.id == rule), asked.line)


def json_text(value: Any) -> str:
    """A value as JSON that a terminal may show."""
    return harmless(msgspec.json.encode(value).decode())


def json_lines(values: Iterable[Any]) -> str:
    """Values for programs: one JSON object a line, as the schema of its kind in `schemas/` states it."""
    return "".join(f"{json_text(value)}\n" for value in values)


def shown(value: Any) -> str:
    """A value for people, who need no quotes around a text. It may be hostile."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def counted(number: int, one: str, several: str = "") -> str:
    """A number of things: `1 change`, `1,000 changes`."""
    return f"{number:,} {one if number == 1 else several or one + 's'}"


def distinct(names: Iterable[tuple[str, str]]) -> list[str]:
    """Names, each with its path: where two are equal the path is added, and where those are equal a number."""
    listed = list(names)
    often = Counter(name for name, _ in listed)
    seen: Counter[str] = Counter()
    found = []
    for name, path in listed:
        shown = f"{name} ({path})" if often[name] > 1 and path else name
        seen[shown] += 1
        found.append(shown if seen[shown] == 1 else f"{shown} ({seen[shown]})")
    return found


_NARROW = 20
"""A column that is narrower is not worth wrapping to."""


def display_width(text: str) -> int:
    """How many columns a terminal shows the text in: two for a wide character, none for one that combines."""
    if text.isascii():
        return len(text)
    from wcwidth import wcswidth, wcwidth

    width = wcswidth(text)  # below 0 where a control character is
    return width if width >= 0 else sum(max(0, wcwidth(char)) for char in text)


def wrapped(text: str, width: int | None, first: str, rest: str) -> Iterator[str]:
    """A text in lines of at most so many columns, after `first` and then `rest`: never cut inside a word or a command.

    What stands between backticks is one word. A word that is wider has a line of its own. Without a width it is a
    line. What the text is indented by, all lines are.
    """
    start = text.lstrip(" ")
    indent = " " * (len(text) - len(start))
    lead, rest, line = first + indent, rest + indent, ""
    for word in _words(start):
        if line and width and display_width(f"{lead}{line} {word}") > width:
            yield lead + line
            lead, line = rest, word
        else:
            line = f"{line} {word}" if line else word
    yield lead + line


def _words(text: str) -> list[str]:
    found: list[str] = []
    held: list[str] = []
    for part in text.split(" "):
        if not held and part.count("`") % 2 == 0:
            found.append(part)
            continue
        held.append(part)
        if len(held) > 1 and part.count("`") % 2:
            found.append(" ".join(held))
            held = []
    return found + held


def padded(text: str, width: int) -> str:
    """The text, padded with blanks to so many columns."""
    return text + " " * (width - display_width(text))


def aligned(rows: Iterable[Sequence[str]], gap: str = "  ", width: int | None = None) -> list[str]:
    """A line a row, each column as wide as its widest cell; the last is not padded, and wrapped to the `width`.

    Where the others leave it no room, what does not fit is on lines of its own below them.
    """
    listed = [tuple(row) for row in rows]
    widths = [max(map(display_width, column)) for column in zip(*listed, strict=True)]
    lead = sum(widths[:-1]) + len(gap) * len(widths[:-1])
    if width is None:
        return [gap.join(map(padded, row, widths)).rstrip() for row in listed]
    lines: list[str] = []
    for *firsts, last in listed:
        first = "".join(f"{padded(cell, wide)}{gap}" for cell, wide in zip(firsts, widths, strict=False))
        if lead + min(_NARROW, display_width(last)) > width:
            lines += [first.rstrip(), *wrapped(last, width, "    ", "    ")]
        else:
            lines += [line.rstrip() for line in wrapped(last, width, first, " " * lead)]
    return lines


def table(rows: Iterable[Sequence[str]], width: int | None = None) -> str:
    """Rows of cells, which may be hostile, as lines; see `aligned`."""
    return "".join(f"{line}\n" for line in aligned([[*map(harmless, row)] for row in rows], width=width))


_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def lasting(decision: Decision) -> str:
    """How long a decision lasts: such as `until 09:36:17Z (1 min 47 s)`; empty where a receipt alone ends it."""
    if decision.valid_until is None:
        return ""
    least = "at least " if decision.validity == "partial" else ""
    return f"{least}until {moment_text(decision.valid_until, decision.now)}"


def moment_text(at: str, now: str) -> str:
    """An instant to come and how far away it is: such as `09:36:17Z (1 min 47 s)`, with the date where that is another.

    Both are rounded down: never is more promised than is true.
    """
    shown = f"{at[:19]}Z"
    away = duration_text(max(0, parse_instant(at) - parse_instant(now)))
    return f"{shown.removeprefix(now[:11])} ({away})"


def since_text(at: str, now: str) -> str:
    """An instant and how long ago it was: such as `2026-06-22T09:36:17Z (1 min 47 s ago)`."""
    passed = parse_instant(now) - parse_instant(at)
    away = f"{duration_text(passed)} ago" if passed >= 0 else f"{duration_text(-passed)} ahead"
    return f"{at} ({away})"


def validity(decision: Decision) -> str:
    """Such as `allowed until 09:36:17Z (1 min 47 s); then denied: worker heartbeat is not fresh`.

    Empty where the decision lasts until a receipt arrives.
    """
    before, until = verdict_word(decision.allow), decision.valid_until
    if until is None:
        return ""
    if decision.validity == "partial" and parse_instant(until) - parse_instant(decision.now) < SECOND:
        return f"{before} now; for how long would take too much work to find out"
    return f"{before} {lasting(decision)}; {then(decision)}"


def then(decision: Decision) -> str:
    """What comes when a decision no longer lasts: such as `then denied: worker heartbeat is not fresh`."""
    change = decision.next_change
    if change is None:
        return "to look further would take too much work"
    before, after = verdict_word(decision.allow), verdict_word(change.allow)
    return f"then {'still ' if after == before else ''}{after}{_why(decision, change)}"


def duration_text(duration: int) -> str:
    """A duration, in microseconds, for people: its two greatest units, rounded down."""
    left, shown = duration // SECOND, []
    for name, seconds in _UNITS:
        count, left = divmod(left, seconds)
        shown.append(f"{count} {name}" if count else "")
    first = next((place for place, text in enumerate(shown) if text), None)
    return "less than 1 s" if first is None else " ".join(filter(None, shown[first : first + 2]))


def _why(decision: Decision, change: NextState) -> str:
    """What comes with the change, or goes."""
    if change.allow is None:
        return f": {(change.reason or '').partition(chr(10))[0]}"
    if change.appeared:
        more = len(change.appeared) - 1
        return f": {change.appeared[0].message}" + (f" (and {more} more)" if more else "")
    if change.state != decision.state:
        return f": {change.state}"
    return f", no longer: {change.vanished[0].message}" if change.vanished else ""
