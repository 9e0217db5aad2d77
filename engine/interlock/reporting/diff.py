"""Where two versions of a policy decide differently: for a person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from interlock.escape import harmless
from interlock.model.decision import verdict_word
from interlock.model.diff import Comparison, Difference, Direction, OneSided, Side, Version
from interlock.reporting.params import params_text
from interlock.reporting.style import Paint, RenderContext, counted, wrapped

HEADS: dict[Direction, tuple[str, str]] = {
    "softer": ("newly allowed", "red"),
    "stricter": ("no longer allowed", "yellow"),
    "other": ("same verdict, different state or findings", "cyan"),
}
"""The heading and colour of each sort of difference, the worst first."""


def as_text(found: Comparison, look: RenderContext) -> str:
    """The two versions; the differences, what became allowed first; at the end the sum."""
    lines = [*versions(found.old, found.new, found.one_sided), ""]
    wide = widest(found.differences)
    for change, (head, colour) in HEADS.items():
        those = found.of(change)
        if those:
            lines += [look.paint(f"{head}: {_times(those)}", colour)]
            lines += [line for each in those for line in difference(each, wide, look)]
            lines.append("")
    return "".join(f"{line}\n" for line in (*lines, _sum(found, look.paint)))


def versions(old: Version, new: Version, one_sided: Iterable[OneSided]) -> Iterator[str]:
    """The two versions, a line each, with what was set of their parameters."""
    for name, version in (("old", old), ("new", new)):
        yield f"{name}  {version.policy}  {harmless(version.path)}  {version.digest[:15]}"
        if params := params_text(version.params):
            yield f"     params: {params}"
    for each in one_sided:
        yield f"     only the {each.of} one has the parameter {harmless(each.param)}"


def widest(differences: Iterable[Difference]) -> int:
    """How wide the longest name of their tasks is."""
    return max((len(harmless(each.task)) for each in differences), default=0)


def difference(each: Difference, wide: int, look: RenderContext, indent: str = "  ") -> Iterator[str]:
    """The lines of a difference, whose task's name is made as `wide` as the others."""
    margin = " " * (len(indent) + wide + 2)
    first = f"{indent}{harmless(each.task):{wide}}  "
    for text in _difference(each):
        yield from wrapped(text, look.width, first, f"{margin}  ")
        first = margin


def _times(those: tuple[Difference, ...]) -> str:
    return f"{counted(len(those), 'interval')} in {counted(len({each.task for each in those}), 'task')}"


def _difference(each: Difference) -> Iterator[str]:
    until = f"to {each.until}" if each.until else "on"
    yield f"from {each.since} {until}: {_side(each.old)} -> {_side(each.new)}"
    for message, rules in (("no longer", each.vanished), ("new", each.appeared)):
        if rules:
            yield f"{message}: {', '.join(rules)}"
    for why, side, other in (("was undecided", each.old, each.new), ("undecided", each.new, each.old)):
        if side.reason is not None and side.reason != other.reason:
            yield f"{why}: {harmless(side.reason)}"


def _side(side: Side) -> str:
    word = verdict_word(side.allow)
    return word if side.allow is None else f"{word} ({harmless(side.state)})"


def _sum(found: Comparison, paint: Paint) -> str:
    over = f"over the history of {counted(len(found.tasks), 'task')}"
    skipped = f"; nothing was recorded of {len(found.skipped):,} more" if found.skipped else ""
    if not found.differences:
        return f"{paint('no difference', 'green')} {over}{skipped}"
    counts = ", ".join(f"{len(found.of(change))} {change}" for change in HEADS)
    return f"{counted(len(found.differences), 'difference')} {over}: {counts}{skipped}"
